"""`python -m reference FOLDER`: write the site's pages, its configuration and the manual pages below a folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from reference import site

target = Path(sys.argv[1])
shutil.rmtree(target / "pages", ignore_errors=True)
site.write(target)
site.write_manual(target / "man")
