"""The JSON web token of AssumeRoleWithWebIdentity: what can be checked of it without asking its issuer.

It is a JWT with an algorithm that STS takes, names issuer, audience and subject, and its time has come and has not
passed. Its signature is not checked: the issuer's keys are on the network, which the local Beanstalk does not ask.
Whoever may call it is the server's own user or root (server.py), and each call is in the log with these words.

Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html; RFC 7519, RFC 7515
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import time
from typing import Any

from ebcd_local.errors import ServiceError

log = logging.getLogger("ebcd_local")
OPERATION = ("sts", "AssumeRoleWithWebIdentity")
LONGEST = 20_000
"""Characters that a token may have, as the API documents it."""
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
SKEW = 300.0
"""Seconds that clocks may differ by for a token that is not valid yet."""
_PART = re.compile(r"[A-Za-z0-9_-]+")
_LATEST = 32_503_680_000
"""A time that no token has: in the year 3000."""


def claims(token: str, now: float) -> dict[str, Any]:
    """What a token says. now: seconds since 1970. Raises ServiceError for one that STS refuses by what stands in it."""
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3 or not all(map(_PART.fullmatch, parts)):
        raise _invalid()
    header, found = _object(parts[0]), _object(parts[1])
    if header.get("alg") not in ALGORITHMS:
        raise _invalid()
    if not all(isinstance(found.get(name), str) and found[name] for name in ("iss", "sub")) or not audiences(found):
        raise _invalid()
    if not found["iss"].startswith("https://"):
        raise _invalid()
    expires, begins = _time(found, "exp"), [_time(found, name) for name in ("nbf", "iat") if name in found]
    if expires <= now:
        shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        raise ServiceError("ExpiredTokenException", f"Token expired: it was valid until {shown}.")
    if any(begin > now + SKEW for begin in begins):
        raise _invalid()
    return found


def audiences(told: dict[str, Any]) -> list[str]:
    """Whom a token is for; empty where it does not say."""
    found = told.get("aud")
    listed = found if isinstance(found, list) else [found]
    return [item for item in listed if item] if all(isinstance(item, str) for item in listed) else []


def note(told: dict[str, Any]) -> None:
    """Write down whose token was taken, and that nobody has proven it."""
    log.warning("AssumeRoleWithWebIdentity: %.300r of %.300r; the signature was not checked", told["sub"], told["iss"])


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _invalid()
    return found


def _time(told: dict[str, Any], name: str) -> float:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise _invalid()
    return float(value)


def _invalid() -> ServiceError:
    return ServiceError("InvalidIdentityToken", "The ID Token provided is not a valid JWT.")
