"""Where this ebcd came from, as a workflow names an action: OWNER/ebcd@SHA."""

from __future__ import annotations

import json
import re
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

_GITHUB = re.compile(r"github\.com[:/]+([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def action() -> str:
    """The repository on GitHub and the commit; empty where nothing tells them.

    Source: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        told = json.loads(distribution("ebcd").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return ""
    url, commit = str(told.get("url", "")), told.get("vcs_info", {}).get("commit_id", "")
    if url.startswith("file:"):
        folder = Path(unquote(urlsplit(url).path))
        url, commit = _git(folder, "config", "--get", "remote.origin.url"), _git(folder, "rev-parse", "HEAD")
    found = _GITHUB.search(url)
    return f"{found[1]}@{commit}" if found and commit else ""


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
