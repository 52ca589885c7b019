"""The wheels of a lock, fetched once and kept: by their SHA-256, which is proven whenever one is used.

The cache is a folder. A wheel comes into it by a rename and never changes, so that several processes need no lock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.utils import canonicalize_name, parse_wheel_filename

from ebcd.errors import Refused
from ebcd.model import Python, WheelCache
from ebcd.requirements import pip
from ebcd.requirements.choose import applies, best, no_wheel, unfit
from ebcd.requirements.pins import NO_WHEEL, LockedFile, Pin

UNUSED = 90 * 86_400.0
"""Seconds after which a wheel that nothing used is deleted."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on this machine."""

    name: str
    sha256: str
    path: Path
    requirement: str
    """Whose it is: flask 3.1.3."""


def fetch(pins: Sequence[Pin], pythons: Sequence[Python], kept: WheelCache) -> list[Wheel]:
    """A wheel of each requirement for each Python that it applies to, by name. Raises Refused, UsageError."""
    if problems := unfit(pins, pythons):
        raise problems[0].refused(len(problems) - 1)
    wheels: dict[str, Wheel] = {}
    with _opened(kept) as cache:
        cache.expect(pins, pythons)
        for python in pythons:
            for wheel in _for_python([pin for pin in pins if applies(pin, python)], python, cache):
                if wheels.setdefault(wheel.name, wheel).sha256 != wheel.sha256:
                    raise Refused(
                        f"The lock has two files with the name {wheel.name}.",
                        why="Only one of them can be in the bundle.",
                        hint="Lock again, from one index.",
                        code=NO_WHEEL,
                    )
    return [wheels[name] for name in sorted(wheels)]


def _for_python(pins: Sequence[Pin], python: Python, cache: _Cache) -> Iterator[Wheel]:
    missing = [pin for pin in pins if cache.find(pin, python) is None]
    for batch in _rounds(missing):
        cache.fetch(batch, python)
    for pin in pins:
        wheel = cache.find(pin, python)
        if wheel is None:
            raise no_wheel(pin, python).refused()
        yield wheel


def _rounds(pins: Iterable[Pin]) -> list[list[Pin]]:
    """Pins in groups in which each name is there once, as pip wants it."""
    rounds: defaultdict[int, list[Pin]] = defaultdict(list)
    seen: defaultdict[str, int] = defaultdict(int)
    for pin in pins:
        rounds[seen[pin.name]].append(pin)
        seen[pin.name] += 1
    return list(rounds.values())


class _Cache:
    """The folder: `{sha256}.whl`, and `{key}.json` for what pip chose where the lock tells hashes only."""

    def __init__(self, kept: WheelCache) -> None:
        self._folder = kept.folder
        self._transferred = kept.transferred
        self._proven: set[str] = set()
        self._done = self._total = 0
        """Bytes that have come, and that will have come in the end; 0: the lock does not tell."""

    def expect(self, pins: Sequence[Pin], pythons: Sequence[Python]) -> None:
        """Reckon how many bytes are to be fetched."""
        chosen = {
            (pin, best(pin, python))
            for python in pythons
            for pin in pins
            if applies(pin, python) and self.find(pin, python) is None
        }
        sizes = {file.sha256 if file else pin.name: file.size if file else 0 for pin, file in chosen}
        self._total = sum(sizes.values()) if all(sizes.values()) else 0

    def find(self, pin: Pin, python: Python) -> Wheel | None:
        """The wheel of a requirement, if it is here and whole."""
        chosen = self._chosen(pin, python) if pin.wheels is None else best(pin, python)
        if chosen is None:
            return None
        path = self._folder / f"{chosen.sha256}.whl"
        if chosen.sha256 not in self._proven and not _is_whole(path, chosen.sha256):
            return None
        self._proven.add(chosen.sha256)
        return Wheel(chosen.name, chosen.sha256, path, f"{pin.name} {pin.version}")

    def fetch(self, pins: Sequence[Pin], python: Python) -> None:
        """Have pip fetch the wheels of some requirements, and keep them. Raises Refused, UsageError."""
        with TemporaryDirectory(prefix="part-", dir=self._folder) as name:
            asked = "".join(_line(pin, python) for pin in pins)
            before = self._done
            pip.download(asked, python, Path(name), lambda size: self._tell(before + size))
            self._tell(before + sum(path.stat().st_size for path in Path(name).glob("*.whl")))
            for path in Path(name).glob("*.whl"):
                own = canonicalize_name(parse_wheel_filename(path.name)[0])
                digest = _sha256(path)
                for pin in pins:
                    if pin.name == own:
                        self._note(pin, python, LockedFile(path.name, digest))
                path.replace(self._folder / f"{digest}.whl")

    def _tell(self, done: int) -> None:
        """Tell how many bytes have come, where these are more than before: pip removes its files before it ends."""
        if done > self._done:
            self._done = done
            self._transferred(done, self._total)

    def _chosen(self, pin: Pin, python: Python) -> LockedFile | None:
        note = self._note_of(pin, python)
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            os.utime(note)
            chosen = LockedFile(str(told["name"]), str(told["sha256"]))
            fits = parse_wheel_filename(chosen.name)[0] == pin.name
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return chosen if fits and "/" not in chosen.name and f"sha256:{chosen.sha256}" in pin.hashes else None

    def _note(self, pin: Pin, python: Python, chosen: LockedFile) -> None:
        path = self._note_of(pin, python)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"name": chosen.name, "sha256": chosen.sha256}), encoding="utf-8")
        draft.replace(path)

    def _note_of(self, pin: Pin, python: Python) -> Path:
        parts = (pin.name, pin.version, *pin.hashes, python.version, python.machine, str(python.glibc))
        return self._folder / f"{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}.json"


@contextlib.contextmanager
def _opened(kept: WheelCache) -> Iterator[_Cache]:
    """The cache, and afterwards without what nothing has used for long."""
    folder = kept.folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield _Cache(kept)
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > UNUSED:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(
            f"The wheels cannot be kept in {folder}.",
            why=str(error),
            code="wheels",
            hint="XDG_CACHE_HOME names another folder for what is kept.",
        ) from error


def _line(pin: Pin, python: Python) -> str:
    """What pip is asked for: where the lock names files, the one that is best and no other."""
    chosen = best(pin, python)
    hashes = pin.hashes if chosen is None else (f"sha256:{chosen.sha256}",)
    what = f"{pin.name} @ {chosen.url}" if chosen and chosen.url else f"{pin.name}=={pin.version}"
    return " ".join((what, *(f"--hash={item}" for item in hashes))) + "\n"


def _is_whole(path: Path, sha256: str) -> bool:
    """Whether a file has that digest; one that has another is deleted."""
    try:
        if _sha256(path) == sha256:
            os.utime(path)
            return True
        path.unlink()
    except OSError:
        pass
    return False


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
