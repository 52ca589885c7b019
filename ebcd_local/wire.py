"""What a request is, before it is answered: which service and operation it calls, and how that service words errors."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from ebcd_local import protocol
from ebcd_local.errors import ServiceError

_SCOPE = r"[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request"
_SIGNED = re.compile(rf"AWS4-[A-Z0-9-]+ +(?:[^ ]+ +)*Credential={_SCOPE}")
_KEY = re.compile(r"Credential=([^/,\s]+)/")
_PRESIGNED = re.compile(_SCOPE)
_RPC = re.compile(r"/service/[A-Za-z0-9_.]+/operation/([A-Za-z0-9]+)")
"""A path of Smithy's RPC v2, which newer clients of CloudWatch speak.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""
_BUCKET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
BEANSTALK = "elasticbeanstalk"
_OPERATIONS = frozenset({"Action", "Operation"})
"""Parameters that name an operation."""
OF_THE_PROTOCOL = frozenset({"Action", "Operation", "Version", "ContentType"})
"""Parameters that are no operation's own."""
_JSON = "application/json"
UNSIGNED = "ebcd.unsigned"
"""Key of a WSGI environment: whether nobody signed the request, as nobody signs AssumeRoleWithWebIdentity."""
REQUEST_LIMIT = 10_000_000
"""Bytes of a request, but for S3's."""
_S3_OBJECT = {
    "GET": "GetObject",
    "HEAD": "HeadObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "POST": "PostObject",
}
_S3_BUCKET = {
    "GET": "ListObjects",
    "HEAD": "HeadBucket",
    "PUT": "CreateBucket",
    "DELETE": "DeleteBucket",
    "POST": "DeleteObjects",
}
_S3_UPLOAD = {
    "GET": "ListParts",
    "PUT": "UploadPart",
    "DELETE": "AbortMultipartUpload",
    "POST": "CompleteMultipartUpload",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A signed request."""

    region: str
    service: str
    operation: str
    parameters: Mapping[str, str]
    """Of services that speak the query protocol; else empty."""
    bucket: str = ""
    key: str = ""


def read(environ: dict[str, Any], *, verified: bool = False) -> Request:
    """What a request calls. The body of all but S3's requests is read, and put back. Raises ServiceError.

    verified: whether signatures will be: a presigned URL may then be for more than reading.
    """
    _sign_web_identity(environ)
    region, service = _scope(environ, verified=verified)
    if service == "s3":
        # Each byte of the path is one character of PATH_INFO, and its escapes are undone already.
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        bucket, _, key = f"{bucket_of_host(environ)}{path}".lstrip("/").partition("/")
        if bucket and not _BUCKET.fullmatch(bucket):
            raise ServiceError("InvalidBucketName", "The specified bucket is not valid.")
        return Request(region, service, s3_operation(environ, bucket, key), {}, bucket, key)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    _refuse_unreadable(environ, service)
    if target:
        _refuse_second_operation(environ)
        return Request(region, service, target.rpartition(".")[2], {})
    if rpc := _RPC.fullmatch(environ["PATH_INFO"]):
        _refuse_second_operation(environ)
        return Request(region, service, rpc[1], {})
    parameters = _parameters(environ)
    if parameters.get("ContentType", "").upper() == "JSON":
        environ["HTTP_ACCEPT"] = _JSON
    return Request(region, service, parameters.get("Action") or parameters.get("Operation", ""), parameters)


def bucket_of_host(environ: Mapping[str, Any]) -> str:
    """The bucket that a Host names, as `shop.localhost:8155`; empty where it names none.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    host = str(environ.get("HTTP_HOST", "")).partition(":")[0]
    return host.removesuffix(".localhost") if host.endswith(".localhost") else ""


def name_bucket_in_path(environ: dict[str, Any], bucket: str) -> None:
    """Write a request whose Host names the bucket as one whose path does."""
    for name in ("PATH_INFO", "REQUEST_URI", "RAW_URI"):
        environ[name] = f"/{bucket}{environ[name]}"
    environ["HTTP_HOST"] = f"127.0.0.1:{environ['SERVER_PORT']}"


def wants_json(environ: Mapping[str, Any]) -> bool:
    """Whether the client of a query asks for JSON: by its Accept, or by the parameter ContentType."""
    return _JSON in environ.get("HTTP_ACCEPT", "")


def _sign_web_identity(environ: dict[str, Any]) -> None:
    """Give AssumeRoleWithWebIdentity, which nobody signs, the scope that its role's partition has: moto looks there."""
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    if environ.get("HTTP_AUTHORIZATION") or environ["REQUEST_METHOD"] != "POST" or not form:
        return
    parameters = _parameters(environ)
    if parameters.get("Action") == "AssumeRoleWithWebIdentity":
        partition = parameters.get("RoleArn", "").partition(":")[2].partition(":")[0]
        region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(partition, "us-east-1")
        scope = f"Credential=web-identity/20260101/{region}/sts/aws4_request"
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"
        environ[UNSIGNED] = True


def s3_operation(environ: Mapping[str, Any], bucket: str, key: str) -> str:
    """The name of S3's operation, from method, path and query."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if not bucket:
        return "ListBuckets"
    if not key:
        if method == "POST" and "delete" not in query:
            return "PostObject"  # a form's upload, whose key is in the form
        if method == "GET" and "list-type" in query:
            return "ListObjectsV2"
        if method == "GET" and "uploads" in query:
            return "ListMultipartUploads"
        return "GetBucketLocation" if "location" in query else _S3_BUCKET.get(method, method)
    copied = "HTTP_X_AMZ_COPY_SOURCE" in environ
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return "UploadPartCopy" if copied else _S3_UPLOAD.get(method, method)
    return "CopyObject" if copied else _S3_OBJECT.get(method, method)


def key_id(environ: Mapping[str, Any]) -> str:
    """The id of the key that a request is signed with, as it says."""
    if found := _KEY.search(environ.get("HTTP_AUTHORIZATION", "")):
        return str(found[1])
    query = parse_qs(environ.get("QUERY_STRING", ""))
    return str(query.get("X-Amz-Credential", ["/"])[0]).partition("/")[0]


def service(environ: Mapping[str, Any]) -> str:
    """The service that a request is meant for, as far as it says."""
    try:
        return _scope(environ, verified=True)[1]
    except ServiceError:
        return ""


def _scope(environ: Mapping[str, Any], *, verified: bool) -> tuple[str, str]:
    """Region and service of a request's signature. Raises ServiceError where there is none.

    A URL is presigned for S3 alone, and for reading alone where any key pair is good: any page can make a browser
    follow a URL, and no signature tells then whose it is. No page can set the header.
    """
    found = _SIGNED.match(environ.get("HTTP_AUTHORIZATION", "")) or _presigned(environ, verified=verified)
    if found is None:
        raise ServiceError("MissingAuthenticationToken", "The request has no AWS signature.", 403)
    return found[1], found[2]


def _presigned(environ: Mapping[str, Any], *, verified: bool) -> re.Match[str] | None:
    query = parse_qs(environ.get("QUERY_STRING", ""))
    found = _PRESIGNED.fullmatch(query.get("X-Amz-Credential", [""])[0])
    good = (verified or environ["REQUEST_METHOD"] in {"GET", "HEAD"}) and not environ.get("HTTP_AUTHORIZATION")
    return found if found and good and found[2] == "s3" else None


def body_length(environ: Mapping[str, Any]) -> int:
    """Bytes of a request's body, as it says. Raises ServiceError for what is no number."""
    told = environ.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch("[0-9]{1,15}", told):
        raise ServiceError("MalformedHttpRequest", "The Content-Length is no number.")
    return int(told)


def body(environ: dict[str, Any]) -> bytes:
    """A request's body, which can be read again. Raises ServiceError."""
    length = body_length(environ)
    content: bytes = environ["wsgi.input"].read(length) if length else b""
    environ["wsgi.input"] = io.BytesIO(content)
    return content


def short_body(environ: dict[str, Any]) -> bytes:
    """A request's body, which is refused where it is too long to be held by whoever has not looked who sends it."""
    if body_length(environ) > REQUEST_LIMIT:
        raise ServiceError("RequestEntityTooLarge", f"A request has at most {REQUEST_LIMIT:,} bytes.", 413)
    return body(environ)


def _parameters(environ: dict[str, Any]) -> dict[str, str]:
    """Of the body, or of the URL where there is none. Raises ServiceError where two readers could find two answers."""
    sent, asked = short_body(environ).decode(errors="replace"), environ.get("QUERY_STRING", "")
    if sent and not _OPERATIONS.isdisjoint(_names(asked)):
        raise ServiceError("MalformedQueryString", "Parameters are in the URL or in the body, and not in both.")
    found = parse_qsl(sent or asked, keep_blank_values=True)
    counted = Counter(name for name, _ in found)
    if twice := next((name for name, count in counted.items() if count > 1), None):
        raise ServiceError("MalformedQueryString", f"The parameter {twice} is there twice.")
    return dict(found)


def _refuse_second_operation(environ: dict[str, Any]) -> None:
    """Whoever serves a request whose header or path names its operation may still do what a parameter says, and it was
    the other one that was judged. Raises ServiceError.
    """
    texts = environ.get("QUERY_STRING", ""), short_body(environ).decode(errors="replace")
    if any(not _OPERATIONS.isdisjoint(_names(text)) for text in texts):
        raise ServiceError("MalformedQueryString", "The request names its operation twice.")


def _refuse_unreadable(environ: Mapping[str, Any], service: str) -> None:
    """Refuse a compressed body, in which nobody sees what is asked for: clients compress metrics alone."""
    if environ.get("HTTP_CONTENT_ENCODING") and service != "monitoring":
        raise ServiceError("UnsupportedEncoding", "A compressed request is not served.", 415)


def _names(text: str) -> set[str]:
    return {name for name, _ in parse_qsl(text, keep_blank_values=True)}


def refuse(environ: Mapping[str, Any], service: str, error: ServiceError, request_id: str) -> Response:
    """An error as the service words it: S3's XML, EC2's, JSON, CBOR, or the query protocol's XML."""
    if service == "s3":
        text = (
            f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return Response(
            "" if environ["REQUEST_METHOD"] == "HEAD" else text, error.status, content_type="application/xml"
        )
    if service == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
            f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return Response(text, error.status, content_type="text/xml")
    if environ.get("HTTP_X_AMZ_TARGET"):
        told = {"__type": error.code, "message": error.message}
        return Response(json.dumps(told), error.status, content_type="application/x-amz-json-1.1")
    if service == BEANSTALK and wants_json(environ):
        return Response(protocol.serialize_error_json(error, request_id), error.status, content_type=_JSON)
    if _RPC.fullmatch(environ.get("PATH_INFO", "")):
        told_in_cbor = b"\xa2" + b"".join(map(_cbor, ("__type", error.code, "message", error.message)))
        return Response(told_in_cbor, error.status, {"smithy-protocol": "rpc-v2-cbor"}, content_type="application/cbor")
    return Response(protocol.serialize_error(error, request_id), error.status, content_type="text/xml")


def _cbor(text: str) -> bytes:
    """A text string of less than 64 KiB in CBOR. https://www.rfc-editor.org/rfc/rfc8949#section-3.1"""
    content = text.encode()[:65_535]
    return b"\x79" + len(content).to_bytes(2) + content
