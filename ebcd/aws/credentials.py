"""Credentials are looked at before the first request is signed: a stray character would end in a header, and the error
that the HTTP library raises of it has the header's value.
"""

from __future__ import annotations

from typing import Any

from ebcd.errors import UsageError

_PARTS = {
    "access_key": ("access key id", "AWS_ACCESS_KEY_ID"),
    "secret_key": ("secret access key", "AWS_SECRET_ACCESS_KEY"),
    "token": ("session token", "AWS_SESSION_TOKEN"),
}
_NAMES = {"\n": "a line end", "\r": "a carriage return", "\t": "a tab", " ": "a space", "\ufeff": "a byte-order mark"}


def refuse_stray_characters(credentials: Any) -> None:
    """Raise UsageError (code `bad-credentials`) where no header can hold the credentials. None: there are none."""
    frozen = credentials.get_frozen_credentials() if credentials is not None else None
    for part, (name, variable) in _PARTS.items():
        stray = _stray(getattr(frozen, part, None) or "")
        if stray:
            where = variable if credentials.method == "env" else f"where they come from ({credentials.method})"
            raise UsageError(
                f"The {name} of these AWS credentials cannot be sent.",
                why=f"It holds {stray}, which is no part of one: stores of secrets often add a line end.",
                hint=f"Set {where} anew, without it.",
                code="bad-credentials",
            )


def _stray(value: str) -> str:
    """The first character that is none of a credential, in words; empty: there is none."""
    for letter in value:
        if not "!" <= letter <= "~":
            return _NAMES.get(letter, f"the character U+{ord(letter):04X}")
    return ""
