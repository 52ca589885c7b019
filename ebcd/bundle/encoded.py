"""What git keeps in the place of a file that a filter encodes: an instance would get that, and not the file. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_POINTER = b"version https://git-lfs.github.com/spec/"
_GIT_CRYPT = b"\0GITCRYPT\0"
_OPENSSL = re.compile(rb"U2FsdGVkX1[A-Za-z0-9+/=\r\n]+")
"""The base64 of "Salted__", with which openssl begins what it encrypts with a password, and nothing else."""
_ANNEX = re.compile(r"(?:^|/)\.git/annex/objects/")
_ANNEX_POINTER = b"/annex/objects/"
HEAD = 4096
"""Bytes of a content that are enough to know it."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One kind of content that is none."""

    code: str
    what: str
    """What a file is, as the rest of a sentence."""
    why: str
    hint: str
    sure: bool = True
    """Whether no program could mean it as it is."""


LFS_POINTER = Encoded(
    "lfs-pointer",
    "a Git LFS pointer",
    "The commit holds the pointer only, not the file.",
    "Exclude it in .ebignore and fetch it at deployment, or take it out of LFS: git lfs migrate export.",
)
GIT_CRYPT = Encoded(
    "git-crypt",
    "encrypted by git-crypt",
    "The commit holds the ciphertext only, and the instances have no key.",
    "Exclude it in .ebignore, and give the application its secrets by their ARNs: [stages.NAME.env].",
)
ANNEX = Encoded(
    "git-annex",
    "a file of git-annex",
    "The commit holds where git-annex keeps it, not the file.",
    "Exclude it in .ebignore and fetch it at deployment, or take it out of git-annex: git annex unannex.",
)
PASSWORD = Encoded(
    "encrypted",
    "encrypted with a password (openssl, transcrypt)",
    "The commit holds the ciphertext: the instances get it as it is.",
    "Exclude it in .ebignore, unless the deployment decrypts it.",
    sure=False,
)


def encoded(head: bytes) -> Encoded | None:
    """What kind of encoded content begins so; None: it is the file's own."""
    if head.startswith(_POINTER):
        return LFS_POINTER
    if head.startswith(_GIT_CRYPT):
        return GIT_CRYPT
    if head.startswith(_ANNEX_POINTER) and len(head) < HEAD and head.count(b"\n") <= 1:  # an unlocked file
        return ANNEX
    return PASSWORD if _OPENSSL.fullmatch(head) else None


def leads_into_annex(target: str) -> bool:
    """Whether a symbolic link leads to where git-annex keeps contents, which no bundle has."""
    return _ANNEX.search(target) is not None
