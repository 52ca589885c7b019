"""The secret that belongs to a key: the server's own, a user's of moto's IAM, or a session's of moto's STS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ebcd_local.keys import Key
from ebcd_local.partitions import partition
from ebcd_local.state import ACCOUNT


def of(own: Key) -> Callable[[str, str, str], str]:
    """What finds a secret by key id, session token and region. It raises LookupError for an unknown key, ValueError for
    a wrong token, TimeoutError for a token that has expired.
    """

    def secret(key_id: str, token: str, region: str) -> str:
        if key_id == own.id:
            return _without_token(own.secret, token)
        found = _of_user(key_id, region)
        return _without_token(found, token) if found else _of_session(key_id, token, region)

    return secret


def _without_token(secret: str, token: str) -> str:
    if token:
        raise ValueError("a lasting key has no session token")
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
    if found.session_token != token:
        raise ValueError("the session has another token")
    if found.expiration < utcnow():
        raise TimeoutError("the session has expired")
    return str(found.secret_access_key)
