"""Whether a request was signed with a key that is known here: botocore's own signer computes its signature once more.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html (an upload in signed chunks)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, quote, unquote_plus, urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ebcd_local import signature_errors, wire
from ebcd_local.signature_errors import Reason

SKEW = timedelta(minutes=15)
"""How far a request's time may be from the server's.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (RequestTimeTooSkewed),
https://github.com/aws/aws-cli/issues/6676 (STS)
"""
_TIME = "%Y%m%dT%H%M%SZ"
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]+)/(\d{8})/[^,\s]+,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})\s*"
)
_CREDENTIAL = re.compile(r"([^/,\s]+)/(\d{8})/.+")
_ALGORITHM = "AWS4-HMAC-SHA256"
_DIGEST = re.compile("[0-9a-f]{64}")
_CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
"""Beginning of what stands for a body's digest where each of its chunks is signed."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What a request says of its signature."""

    key_id: str
    date: str
    headers: tuple[str, ...]
    """Names of those that are signed."""
    signature: str
    time: str
    token: str
    payload: str
    """What stands for the body in what is signed: its digest, or words of S3's; empty where nothing is said."""
    lifetime: timedelta | None = None
    """Of a presigned URL."""


class Signatures:
    """Judges signatures. secret: what belongs to a key id, with a session's token, in a region; it raises LookupError
    for a key that is unknown, ValueError for a wrong token, and TimeoutError for a token that has expired.
    """

    def __init__(
        self, secret: Callable[[str, str, str], str], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._secret = secret
        self._now = now

    def check(self, environ: dict[str, Any], request: wire.Request) -> None:
        """Raises ServiceError, in the service's words, for a request that no known key has signed."""
        if reason := self._wrong(environ, request):
            raise signature_errors.refusal(reason, request.service, json=bool(environ.get("HTTP_X_AMZ_TARGET")))

    def _wrong(self, environ: dict[str, Any], request: wire.Request) -> Reason | None:
        given = _presigned(environ) if not environ.get("HTTP_AUTHORIZATION") else _signed(environ)
        if given is None:
            return Reason.INCOMPLETE
        try:
            secret = self._secret(given.key_id, given.token, request.region)
        except LookupError:
            return Reason.UNKNOWN_KEY
        except TimeoutError:
            return Reason.EXPIRED_TOKEN
        except ValueError:
            return Reason.WRONG_TOKEN
        computed = _computed(environ, request, given, secret)
        if not hmac.compare_digest(computed, given.signature):
            return Reason.MISMATCH
        if given.lifetime is not None and not _to_sign(environ).issubset(given.headers):
            return Reason.NOT_SIGNED
        return self._too_late(given) or _other_content(environ, request, given, secret)

    def _too_late(self, given: _Given) -> Reason | None:
        """Whether its time is another one than the server's, or a presigned URL has expired."""
        try:
            at = datetime.strptime(given.time, _TIME).replace(tzinfo=UTC)
        except ValueError:
            return Reason.INCOMPLETE
        age = self._now() - at
        if given.lifetime is not None:
            return Reason.EXPIRED_URL if age > given.lifetime or age < -SKEW else None
        return Reason.SKEWED if abs(age) > SKEW else None


def _signed(environ: Mapping[str, Any]) -> _Given | None:
    """From the headers."""
    found = _HEADER.fullmatch(environ["HTTP_AUTHORIZATION"])
    time = environ.get("HTTP_X_AMZ_DATE") or _of_date(environ.get("HTTP_DATE", ""))
    if found is None:
        return None
    key_id, date, headers, signature = found.groups()
    token, payload = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""), environ.get("HTTP_X_AMZ_CONTENT_SHA256", "")
    given = _Given(key_id, date, tuple(headers.split(";")), signature, time, token, payload)
    return given if date == time[:8] and "host" in given.headers else None


def _presigned(environ: Mapping[str, Any]) -> _Given | None:
    """From the URL."""
    query = {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    found, seconds = _CREDENTIAL.fullmatch(query.get("X-Amz-Credential", "")), query.get("X-Amz-Expires", "")
    signature, time = query.get("X-Amz-Signature", ""), query.get("X-Amz-Date", "")
    if found is None or not _DIGEST.fullmatch(signature) or not re.fullmatch("[0-9]{1,6}", seconds):
        return None
    if query.get("X-Amz-Algorithm") != _ALGORITHM or found[2] != time[:8]:
        return None
    return _Given(
        key_id=found[1],
        date=found[2],
        headers=tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
        signature=signature,
        time=time,
        token=query.get("X-Amz-Security-Token", ""),
        payload=query.get("X-Amz-Content-Sha256") or environ.get("HTTP_X_AMZ_CONTENT_SHA256") or "UNSIGNED-PAYLOAD",
        lifetime=timedelta(seconds=int(seconds)),
    )


def _to_sign(environ: Mapping[str, Any]) -> set[str]:
    """The headers that a presigned URL must name: by one that it does not, whoever has the URL could ask for more than
    its maker meant, such as a copy of any object.

    Source: https://github.com/soto-project/soto/issues/374 (S3's refusal of x-amz-acl)
    """
    names = {name.removeprefix("HTTP_").lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_AMZ_")}
    return {"host", *names}


def _of_date(text: str) -> str:
    """The time in a Date header, which counts where there is no X-Amz-Date."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC).strftime(_TIME)
    except (ValueError, TypeError):
        return ""


def _computed(environ: dict[str, Any], request: wire.Request, given: _Given, secret: str) -> str:
    """The signature that the request should have."""
    kind = S3SigV4Auth if request.service == "s3" else SigV4Auth
    auth = kind(Credentials(given.key_id, secret), request.service, request.region)
    digest = given.payload or hashlib.sha256(wire.short_body(environ)).hexdigest()
    auth.payload = lambda _: digest
    auth.headers_to_sign = lambda asked: asked.headers  # those that it names, also what botocore itself never signs
    asked = AWSRequest(method=environ["REQUEST_METHOD"], url=_url(environ), headers=_headers(environ, given.headers))
    asked.context["timestamp"] = given.time
    text: str = auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)
    return text


def _url(environ: Mapping[str, Any]) -> str:
    """What was asked for: its path as it was sent, its query as it is signed, without the signature itself."""
    sent = urlsplit(environ["REQUEST_URI"])
    pairs = [item.partition("=") for item in sent.query.split("&") if item]
    query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, _, value in pairs if name != "X-Amz-Signature")
    return f"http://signed{sent.path or '/'}" + (f"?{query}" if query else "")


def _encoded(text: str) -> str:
    """However a client has escaped it."""
    return quote(unquote_plus(text), safe="-_.~")


def _headers(environ: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        variable = name.upper().replace("-", "_")
        plain = variable in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        value = str(environ.get(variable if plain else f"HTTP_{variable}", ""))
        found[name] = value.encode("latin-1").decode(errors="replace")
    return found


def _other_content(environ: dict[str, Any], request: wire.Request, given: _Given, secret: str) -> Reason | None:
    """Whether the body is another one than was signed."""
    if given.payload.startswith(_CHUNKED):
        return None if _chunks_fit(wire.body(environ), request, given, secret) else Reason.MISMATCH
    if not _DIGEST.fullmatch(given.payload):
        return None  # unsigned, as S3 allows it
    found = hashlib.sha256(wire.body(environ)).hexdigest()
    return None if hmac.compare_digest(found, given.payload) else Reason.OTHER_CONTENT


def _chunks_fit(body: bytes, request: wire.Request, given: _Given, secret: str) -> bool:
    """Whether each chunk is signed, with the signature before it. What follows the last one is a checksum, which moto
    checks.
    """
    auth, before = SigV4Auth(Credentials(given.key_id, secret), request.service, request.region), given.signature
    asked = AWSRequest()
    asked.context["timestamp"] = given.time
    empty = hashlib.sha256(b"").hexdigest()
    scope = auth.credential_scope(asked)
    try:
        for signature, content in _chunks(body):
            digest = hashlib.sha256(content).hexdigest()
            words = ["AWS4-HMAC-SHA256-PAYLOAD", given.time, scope, before, empty, digest]
            if not hmac.compare_digest(auth.signature("\n".join(words), asked), signature):
                return False
            before = signature
    except ValueError:
        return False
    return True


def _chunks(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Each chunk's signature and content, the last one of them empty. Raises ValueError."""
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size, _, signature = body[at:end].partition(b";chunk-signature=")
        start, length = end + 2, int(size, 16)
        if length < 0 or not _DIGEST.fullmatch(signature.decode("ascii", "replace")):
            raise ValueError("no signed chunk")
        yield signature.decode(), body[start : start + length]
        if not length:
            return
        at = start + length + 2
