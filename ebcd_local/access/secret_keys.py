"""The secret that belongs to a key: the server's own, a user's of moto's IAM, or a session's of moto's STS."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ebcd_local.access.sessions import Sessions
from ebcd_local.keys import Key
from ebcd_local.partitions import partition
from ebcd_local.state import ACCOUNT


def of(own: Key, sessions: Sessions) -> Callable[[str, str, str], str]:
    """What finds a secret by key id, session token and region. It raises LookupError for an unknown key, ValueError for
    a wrong token, TimeoutError for a token that has expired.
    """

    def secret(key_id: str, token: str, region: str) -> str:
        if key_id == own.id:
            return _without_token(own.secret, token)
        if session := sessions.find(key_id):
            return _with_token(session.secret, (session.token, token), expired=session.expiration < datetime.now(UTC))
        found = _of_user(key_id, region)
        return _without_token(found, token) if found else _of_session(key_id, token, region)

    return secret


def _without_token(secret: str, token: str) -> str:
    if token:
        raise ValueError("a lasting key has no session token")
    return secret


def _with_token(secret: str, tokens: tuple[str, str], *, expired: bool) -> str:
    """The secret, where the token that was given is the session's."""
    if not hmac.compare_digest(*map(str.encode, tokens)):
        raise ValueError("the session has another token")
    if expired:
        raise TimeoutError("the session has expired")
    return secret


def _of_user(key_id: str, region: str) -> str:
    """Empty where no user has the key, or it was made inactive."""
    from moto.iam.models import iam_backends  # takes time to import

    users: Any = iam_backends[ACCOUNT][partition(region)].users
    keys = [key for user in list(users.values()) for key in user.access_keys if key.access_key_id == key_id]
    return str(keys[0].secret_access_key) if keys and keys[0].status == "Active" else ""


def _of_session(key_id: str, token: str, region: str) -> str:
    """Of a role that was assumed, in any account: moto makes accounts as they are named."""
    from moto.core.utils import utcnow
    from moto.sts.models import sts_backends

    backends: list[Any] = [account[partition(region)] for account in list(sts_backends.values())]
    found: Any = next((role for item in backends for role in item.assumed_roles if role.access_key_id == key_id), None)
    if found is None:
        raise LookupError(key_id)
    tokens = found.session_token, token
    return _with_token(str(found.secret_access_key), tokens, expired=found.expiration < utcnow())
