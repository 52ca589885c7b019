"""What pyproject.toml cannot say: a build of a checkout notes the commit that it was made from."""

from __future__ import annotations

import runpy
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
KNOWN = runpy.run_path(str(HERE / "ebcd" / "commit.py"))


class BuildWithCommit(build_py):
    """Copies the packages, and writes `ebcd/commit.txt` beside them."""

    def run(self) -> None:
        """Build; an editable installation has its checkout beside it and needs no note."""
        super().run()
        sha = KNOWN["checked_out"](str(HERE))
        folder = Path(self.build_lib) / "ebcd"
        if sha and folder.is_dir() and not self.editable_mode:
            (folder / KNOWN["BUILT"]).write_text(sha + "\n")


setup(cmdclass={"build_py": BuildWithCommit})
