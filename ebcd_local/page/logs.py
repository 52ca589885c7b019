"""The last lines of an environment's logs, without the values of its secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ebcd_local import get_config
from ebcd_local.fleet.site import ENVIRONMENTS
from ebcd_local.platform_tree import FOLDER, TOOLS
from ebcd_local.records import Environment
from ebcd_local.tail import tail

LINES = 200
"""Of each log."""
_SHORTEST = 6
"""Characters of a value that is hidden: a shorter one would be found in every other word."""
_SECRET = re.compile(
    r"KEY|SECRET|TOKEN|PASS|PWD|CREDENTIAL|AUTH|DSN|PRIVATE|SALT|COOKIE|WEBHOOK|UR[IL]$", re.IGNORECASE
)
"""Names of environment properties whose values are secrets."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


def read(folder: Path, environment: Environment) -> list[dict[str, Any]]:
    """Each log of each instance with its last lines. folder: the server's state."""
    root = folder / ENVIRONMENTS / f"{environment.region}-{environment.id}"
    return [found for name in environment.instances for found in _of_instance(root / name, name)]


def _of_instance(root: Path, instance: str) -> Iterator[dict[str, Any]]:
    secrets = _secrets(root)
    for path in sorted((root / "log").glob("*.log"), key=_order):
        if path.is_file() and not path.is_symlink():  # what applications put there: links to what they may not read
            lines = hidden(tail(path, LINES), secrets).split("\n")
            yield {"instance": instance, "name": path.name, "lines": lines if lines != [""] else []}


def _order(path: Path) -> tuple[bool, str]:
    """What the application writes comes first."""
    return not path.name.startswith("web."), path.name


def hidden(text: str, properties: Mapping[str, str]) -> str:
    """A log's text as plain characters, with the name of an environment property in the place of its secret value."""
    marks: dict[str, str] = {}
    for name, value in properties.items():
        passwords = _passwords(value)
        marks |= dict.fromkeys(passwords, name)
        if passwords or _SECRET.search(name):
            marks |= dict.fromkeys(_forms(value), name)
    text = _CONTROL.sub("", text)  # first: colors in the midst of a value would keep it from being found
    found = sorted((value for value in marks if len(value) >= _SHORTEST), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, found)))
    return pattern.sub(lambda match: f"[hidden: {marks[match[0]]}]", text) if found else text


def _forms(value: str) -> set[str]:
    """A value as logs have it: plain, as Python shows it, as JSON has it; of several lines also each by itself."""
    plain = _CONTROL.sub("", value)
    return {plain, repr(value)[1:-1], json.dumps(value)[1:-1], *map(str.strip, plain.split("\n"))}


def _passwords(value: str) -> set[str]:
    """The password in a URL, as it is written there and as it is; none where there is none."""
    try:
        found = urlsplit(value).password or "" if "://" in value else ""
    except ValueError:
        return set()
    return {found, unquote(found)} if found else set()


def _secrets(root: Path) -> dict[str, str]:
    """The environment properties that the instance's processes got, with what their references resolved to."""
    path = root / FOLDER / TOOLS.relative_to("/") / get_config.CONFIGURATION
    try:
        found = json.loads(path.read_text())["environment"]
        return {str(name): str(value) for name, value in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
