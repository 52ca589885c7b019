"""The suite runs as in a person's shell, in a CI job too: tests that need CI's variables set them.

ebcd prints other hints where `CI` is set, and guards its output where `GITHUB_ACTIONS` is.
"""

from __future__ import annotations

import os

for name in [name for name in os.environ if name == "CI" or name.startswith("GITHUB_")]:
    del os.environ[name]
