"""Secrets in a file's content. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ebcd.check.finding import Finding, Severity

RULES = "secrets 1"
"""Another text whenever the rules change: that nothing was found is remembered."""
_SECRETS = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "an AWS secret access key": re.compile(
        rb"aws_secret_access_key[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}\b", re.IGNORECASE
    ),
    "a GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
}
_MAYBE_TOKEN = re.compile(rb"gh[pousr]_[A-Za-z0-9]{36}")
_OVERLAP = 256
"""Bytes that two pieces share: more than any secret has."""


def secrets_in(path: str, content: Iterable[bytes]) -> list[Finding]:
    """The first secret of each kind in a content that comes in pieces."""
    found: dict[str, Finding] = {}
    line, tail = 1, b""
    for piece in content:
        window = tail + piece if tail else piece
        for name, at in _look(window):
            found.setdefault(name, _finding(path, name, line + window.count(b"\n", 0, at)))
        kept = max(len(window) - _OVERLAP, 0)
        if len(piece) == len(window) and kept == 0:
            continue
        line += window.count(b"\n", 0, kept)
        tail = window[kept:]
    return list(found.values())


def _look(content: bytes) -> Iterator[tuple[str, int]]:
    """Each kind of secret, and where it begins. A plain search first: most files hold nothing like a secret."""
    maybe = {
        "a private key": b"PRIVATE KEY-----" in content,
        "an AWS secret access key": b"aws_secret_access_key" in content.lower(),
        "a GitHub token": _MAYBE_TOKEN.search(content) is not None,
    }
    for name, pattern in _SECRETS.items():
        if maybe[name] and (match := pattern.search(content)):
            yield name, match.start()


def _finding(path: str, name: str, line: int) -> Finding:
    return Finding(Severity.ERROR, "secret", path, line, f"This looks like {name}.",
                   "Take it out, revoke it, and give the application a secret by its ARN.")  # fmt: skip
