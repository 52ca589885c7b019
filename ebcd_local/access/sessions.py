"""Sessions of lasting keys, as GetSessionToken gives them: moto gives everybody one and the same.

They are kept in memory, as moto keeps those of roles.
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

OPERATION = ("sts", "GetSessionToken")
_PART = "<{0}>[^<]*</{0}>"


@dataclass(frozen=True, slots=True)
class Session:
    """A session."""

    secret: str = field(repr=False)
    token: str = field(repr=False)
    expiration: datetime
    parent: str
    """The id of the key that asked for it, which it acts as."""


class Sessions:
    """Those that were given out. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: dict[str, Session] = {}

    def find(self, key_id: str) -> Session | None:
        """The session of a temporary key."""
        return self._given.get(key_id)

    def give(self, answer: bytes, parent: str) -> bytes:
        """moto's answer with a session of the caller's own in it; a refusal stays as it is."""
        text = answer.decode()
        expires = re.search(r"<Expiration>([^<]*)</Expiration>", text)
        if expires is None:
            return answer
        key_id = f"ASIA{secrets.token_hex(8).upper()}"
        made = Session(secrets.token_urlsafe(30), secrets.token_urlsafe(90), _time(expires[1]), parent)
        with self._lock:
            now = datetime.now(UTC)
            self._given = {name: item for name, item in self._given.items() if item.expiration > now} | {key_id: made}
        parts = {"AccessKeyId": key_id, "SecretAccessKey": made.secret, "SessionToken": made.token}
        for name, value in parts.items():
            text = re.sub(_PART.format(name), f"<{name}>{value}</{name}>", text)
        return text.encode()


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
