"""`platform`: publish a platform version, as AWS does about once a month, so that a change to it can be rehearsed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ebcd_local import daemon
from ebcd_local.daemon import DaemonError
from ebcd_local.fault_places import nearest


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    branch = "the branch's Python: 3.11; without it the versions that there are are shown"
    command.add_argument("python", nargs="?", default="", metavar="PYTHON", help=branch)
    version = "the new version: 4.8.0; default: the newest one's next patch"
    command.add_argument("version", nargs="?", default="", metavar="VERSION", help=version)
    command.add_argument("--not-recommended", action="store_true", help="its branch's mark stays where it is")
    command.add_argument("--withdraw", action="store_true", help="forget all that were published")


def run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Do what was asked; what the server answered. Raises DaemonError."""
    if given.withdraw:
        return daemon.control(folder, "DELETE", "platforms")
    if not given.python:
        return daemon.control(folder, "GET", "platforms")
    _refuse_unknown(folder, given.python)
    asked = {"python": given.python, "version": given.version, "recommended": not given.not_recommended}
    return daemon.control(folder, "POST", "platforms", asked)


def _refuse_unknown(folder: Path, python: str) -> None:
    """Raises DaemonError for a Python of which there is no branch."""
    known = {str(item["branch"]).split()[1] for item in daemon.control(folder, "GET", "platforms")["platforms"]}
    if python not in known:
        near = nearest(python, known)
        meant = f" Did you mean {near}?" if near else ""
        raise DaemonError(
            "unknown-platform",
            f"There is no platform branch of Python {python}.",
            f"There are {', '.join(sorted(known))}.{meant}",
            "ebcd local platform",
        )


def text(told: dict[str, Any]) -> str:
    """The answer for people."""
    if "withdrawn" in told:
        return f"{told['withdrawn']} platform versions were withdrawn."
    if "published" in told:
        mark = "and is the recommended one" if told["recommended"] else "and is not the recommended one"
        return f"Platform version {told['published']} of Python {told['python']} is out, {mark}."
    return "\n".join(
        f"{item['branch']}  {item['version']}{'  recommended' if item['recommended'] else ''}"
        for item in told["platforms"]
    )
