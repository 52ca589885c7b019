"""Secrets in a file's content. Pure.

What has the form of a secret and is none is no finding: the header of a key without its body, the keys of AWS's
documentation, a row of one letter in the place of a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ebcd.check.finding import Finding, Severity

RULES = "secrets 2"
"""Another text whenever the rules change: that nothing was found is remembered."""
_FEW = 10
"""So many different characters a key has at least: one of random ones has fewer once in millions."""
_BODY = re.compile(
    rb"""-----BEGIN\ (?:[A-Z]+\ )?PRIVATE\ KEY-----["']?,?  # the header, which may be a string of its own
    (?:[\s"'+|>\\#*/,]|\\[nr])*                          # line ends, also as they are written in strings
    (?:(?:Proc-Type|DEK-Info):[^\r\n]*+\s++)*+           # nothing of these is tried twice
    ([A-Za-z0-9+/=]{40,})                                # the first line of the body""",
    re.VERBOSE,
)
_AWS = re.compile(rb"aws_secret_access_key[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9/+]{40})\b", re.IGNORECASE)
_GITHUB = re.compile(rb"\bgh[pousr]_([A-Za-z0-9]{36})\b")
_SECRETS: dict[str, tuple[re.Pattern[bytes], Callable[[bytes], bool]]] = {
    "a private key": (_BODY, lambda content: b"PRIVATE KEY-----" in content),
    "an AWS secret access key": (_AWS, lambda content: b"aws_secret_access_key" in content.lower()),
    "a GitHub token": (_GITHUB, lambda content: _GITHUB.search(content) is not None),
}
"""Each kind with its pattern, and a plain search that comes first: most files hold nothing like a secret."""
_OVERLAP = 1024
"""Bytes that two pieces share: more than any of the patterns needs."""


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
    """Each kind of secret, and where it begins."""
    for name, (pattern, maybe) in _SECRETS.items():
        if maybe(content):
            match = next((match for match in pattern.finditer(content) if _is_key(match[1])), None)
            if match:
                yield name, match.start()


def _is_key(body: bytes) -> bool:
    """Whether a text may be a key, and is no example of one."""
    return len(set(body)) >= _FEW and b"EXAMPLE" not in body.upper()


def _finding(path: str, name: str, line: int) -> Finding:
    message = f"This looks like {name}."
    hint = (
        "Take it out, revoke it, and give the application a secret by its ARN. "
        f'If it is none: [[check.allow]] in ebcd.toml with rule = "secret", path = "{path}", and a reason.'
    )
    return Finding(Severity.ERROR, "secret", path, line, message, hint)
