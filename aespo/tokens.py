"""Passwords, one-time and lasting tokens, ids."""

from __future__ import annotations

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's second choice for argon2id: 19 MiB, so that eight requests at the same time do not fill an instance.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$LKY3a9SWR5v0xP84dlVWVA$N2/hQ8dXNvSUT9ElN1BW3xLtnUb3bpPwFgbLkGCHQnM"


def hash_password(password: str) -> str:
    """What is kept of a password. About 20 ms: do it outside of a transaction."""
    return _HASHER.hash(password)


def password_is(password: str, kept: str | None) -> bool:
    """Whether it is the password; as slow where there is no such member, so that nobody learns who is one."""
    try:
        return _HASHER.verify(kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def new_id() -> str:
    """An id of 60 random bits, short enough for an address: it tells nothing of how many there are."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def new_token(prefix: str = "") -> str:
    """A secret that opens something."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of a token: it is random, so that a plain digest is enough."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
