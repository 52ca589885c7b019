"""What goes into a source bundle, and how it reaches S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ebcd.model.settings import OptionSetting


class Requirements(StrEnum):
    """How the application's requirements go into a source bundle."""

    AS_IS = "as-is"
    """As they are committed."""
    LOCK = "lock"
    """Each is pinned, with the hashes of its files."""
    WHEELS = "wheels"
    """So, and their wheels are in the bundle: an instance installs without a network."""


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """The Python of a platform, as far as the choice of a wheel depends on it."""

    version: str
    """Major and minor: 3.11."""
    machine: str
    """x86_64 or aarch64."""
    glibc: int
    """The 34 of 2.34."""


@dataclass(frozen=True, slots=True)
class WheelCache:
    """Where wheels are kept, and who is told while missing ones are fetched."""

    folder: Path
    transferred: Callable[[int, int], None] = lambda done, total: None  # noqa: ARG005
    """Told how many bytes of how many have come; the second is 0 where the lock does not tell."""


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What goes into a source bundle, from `[bundle]`."""

    exclude: tuple[str, ...] = ()
    """Patterns in gitignore syntax, beside those of .ebignore."""
    max_size: int = 500_000_000
    """Bytes; a larger bundle is refused. Beanstalk's own limit is 500 MB."""
    submodules: str = "refuse"
    """`refuse`, or `include`: the committed tree of each submodule, from its own object store."""
    root: str = "."
    """The folder that is the bundle, as seen from that of ebcd.toml."""
    requirements: Requirements = Requirements.AS_IS
    pythons: tuple[Python, ...] = ()
    """Whose wheels go in, where `requirements` asks for wheels."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the repository that is shipped."""

    sha: str
    """40 hexadecimal digits."""
    tree: str
    """The tree's object id."""
    time: datetime
    """The committer's time, in UTC."""
    subject: str
    """First line of the message."""
    dirty: str = ""
    """Empty, or the digest of uncommitted changes (`--allow-dirty`)."""

    @property
    def version_label(self) -> str:
        """The version label: 12 digits of the SHA, and of the changes where there are any."""
        return self.sha[:12] + (f"-dirty-{self.dirty[:12]}" if self.dirty else "")


@dataclass(frozen=True, slots=True)
class SourceBundle:
    """A source bundle on disk."""

    commit: Commit
    path: Path
    content_digest: str
    """SHA-256, hexadecimal, over each entry's path, mode and content digest, in order: the bundle's identity."""
    sha256: str
    """SHA-256 of the file, hexadecimal: guards transit."""
    size: int
    """Bytes of the file."""
    entries: int
    """How many files it holds."""
    options: tuple[OptionSetting, ...] = ()
    """What its .ebextensions set."""

    @property
    def version_label(self) -> str:
        """The version label of the commit it was made from."""
        return self.commit.version_label


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A part of an upload: a range of a file, sent, or copied inside S3 from another object."""

    offset: int
    """Where it begins in the file."""
    length: int
    """Bytes."""
    source: int | None = None
    """Where the same bytes begin in the object that is copied from; None: they are sent."""
    tail: int = 0
    """How many of a copied part's last bytes that object does not have: they are sent, and joined to the others."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What an upload took."""

    sent: int
    """Bytes that crossed the wire."""
    copied: int
    """Bytes that S3 copied."""
