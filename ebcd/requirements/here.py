"""Whether the wheels of a bundle fit the Python that runs ebcd: the local Beanstalk runs on the same one."""

from __future__ import annotations

import platform
import zipfile
from pathlib import Path

from packaging.markers import Marker
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from ebcd.errors import Refused
from ebcd.model import Python
from ebcd.requirements import lines
from ebcd.requirements.lock import NAME, WHEELS


def refuse_unfit(bundle: Path, pythons: tuple[Python, ...]) -> None:
    """Raise Refused (code `local-python`) for a bundle with a requirement that has no wheel for this Python.

    pythons: those that its wheels were chosen for.
    """
    wanting = _wanting(bundle)
    if not wanting:
        return
    here = f"Python {platform.python_version()} on {platform.machine()}"
    others = ", ".join(f"Python {item.version} on {item.machine}" for item in pythons)
    raise Refused(
        f"The bundle cannot be installed here: its wheels are for {others}.",
        why=f"The local Beanstalk runs on {here}, for which there is no wheel of {', '.join(wanting)}.",
        hint=f"Run ebcd on Python {pythons[0].version}, ebcd local down before that; "
        'or requirements = "lock" in an ebcd.toml for this machine (--config).',
        code="local-python",
    )


def _wanting(bundle: Path) -> list[str]:
    """The names of the requirements that apply here and have no wheel that fits."""
    with zipfile.ZipFile(bundle) as archive:
        wheels = [name.rpartition("/")[2] for name in archive.namelist() if name.startswith(f"{WHEELS}/")]
        if not wheels:
            return []
        pins = lines.read(NAME, lambda path: archive.read(path) if path == NAME else None).pins
    tags = frozenset(sys_tags())
    named = [parse_wheel_filename(name) for name in wheels]
    fitting = {name for name, _, _, own in named if own & tags}
    needed = {pin.name for pin in pins if not pin.marker or Marker(pin.marker).evaluate()}
    return sorted(needed - fitting)
