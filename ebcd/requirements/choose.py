"""Which wheel of a requirement a Python gets: the same on any machine, whatever Python ebcd itself runs on. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

from packaging.markers import Marker, UndefinedComparison
from packaging.tags import Tag, compatible_tags, cpython_tags, create_compatible_tags_selector
from packaging.utils import parse_wheel_filename

from ebcd.model import Python
from ebcd.requirements.pins import NO_WHEEL, LockedFile, Pin, Problem

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Names that some of the platforms had before. Source: PEP 600."""
HINT = (
    "Take a version that has one; or build it (pip wheel), put it on your index and lock again; "
    'or requirements = "lock".'
)
"""What helps where there is no wheel."""
_PATCHES = 40
"""More than any minor version of Python has had."""


def applies(pin: Pin, python: Python) -> bool:
    """Whether a Python may need it. A platform tells no patch version, so what any of them needs is needed."""
    if not pin.marker or any(name in pin.marker for name in ("platform_release", "platform_version")):
        return True  # of the kernel, which no platform tells either
    marker = Marker(pin.marker)
    patches = range(_PATCHES) if "full_version" in pin.marker or "implementation_version" in pin.marker else (0,)
    try:
        return any(marker.evaluate(_environment(python, patch)) for patch in patches)
    except UndefinedComparison:
        return True


def best(pin: Pin, python: Python) -> LockedFile | None:
    """The wheel that pip would take of those that the lock names; None where none fits."""
    wheels = sorted(pin.wheels or (), key=lambda item: item.name)
    wheels.sort(key=lambda item: parse_wheel_filename(item.name)[2], reverse=True)  # the highest build first
    select = create_compatible_tags_selector(tags(python))
    return next(select((item, parse_wheel_filename(item.name)[3]) for item in wheels), None)


@functools.cache
def tags(python: Python) -> tuple[Tag, ...]:
    """The tags of wheels that fit, the best ones first. Source: PEP 425."""
    version, own = _version(python), tuple(platforms(python))
    interpreter = abi(python)
    return (*cpython_tags(version, [interpreter], own), *compatible_tags(version, interpreter, own))


def abi(python: Python) -> str:
    """Its name in tags: cp311."""
    return f"cp{python.version.replace('.', '')}"


def platforms(python: Python) -> Iterator[str]:
    """The platforms of wheels that its C library can load, the newest ones first."""
    for minor in range(python.glibc, 4, -1):
        yield f"manylinux_2_{minor}_{python.machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{python.machine}"
    yield f"linux_{python.machine}"


def unfit(pins: Iterable[Pin], pythons: Iterable[Python]) -> list[Problem]:
    """The requirements of which a lock names files, and none of them fits."""

    def lacks(pin: Pin, python: Python) -> bool:
        known = pin.wheels is not None
        return applies(pin, python) and (bool(pin.url) or (known and best(pin, python) is None))

    return [no_wheel(pin, python) for python in pythons for pin in pins if lacks(pin, python)]


def no_wheel(pin: Pin, python: Python) -> Problem:
    """A requirement that has no wheel for a Python."""
    path, _, line = pin.place.partition(":")
    where = f"Python {python.version} on {python.machine} with glibc 2.{python.glibc}"
    message = f"{pin.name} {pin.version} has no wheel for {where} that is in the lock."
    if pin.url:
        message = f"{pin.name} comes from a URL and not as a wheel of an index."
    return Problem(path, int(line) if line else None, message, HINT, NO_WHEEL)


def _version(python: Python) -> tuple[int, int]:
    major, minor = python.version.split(".")
    return int(major), int(minor)


def _environment(python: Python, patch: int) -> Mapping[str, str]:
    """What markers ask for. Source: PEP 508."""
    full = f"{python.version}.{patch}"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": python.machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": python.version,
        "sys_platform": "linux",
    }
