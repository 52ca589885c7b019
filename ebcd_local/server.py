"""The endpoint: one loopback port for every AWS service, and the control calls of `ebcd local`."""

from __future__ import annotations

import hmac
import io
import json
import logging
import re
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from ebcd_local import operations, protocol
from ebcd_local.errors import ServiceError
from ebcd_local.fleet import Fleet
from ebcd_local.monitor import Monitor
from ebcd_local.object_store import ObjectStore, check_digests
from ebcd_local.operations import Call
from ebcd_local.state import State

log = logging.getLogger(__name__)

Wsgi = dict[str, Any]
StartResponse = Callable[..., Any]

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_S3_CHANGES = frozenset({"PUT", "POST", "DELETE"})
REQUEST_LIMIT = 10_000_000
"""Bytes of a request to Elastic Beanstalk."""


class Handler(WSGIRequestHandler):
    """HTTP/1.1 with keep-alive, and no line a request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Nothing: the log is for what happens, not for each poll."""


@dataclass(frozen=True, slots=True)
class Control:
    """What `ebcd local` may ask and tell the server."""

    token: str
    status: Callable[[], dict[str, Any]]
    shutdown: Callable[[], None]


class Endpoint:
    """The WSGI application."""

    def __init__(self, state: State, fleet: Fleet, monitor: Monitor, objects: ObjectStore, control: Control) -> None:
        self._state = state
        self._fleet = fleet
        self._monitor = monitor
        self._objects = objects
        self._control = control
        self.url = ""

    def __call__(self, environ: Wsgi, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request_id = str(uuid.uuid4())

        def start(status: str, headers: list[tuple[str, str]], *rest: object) -> Any:
            names = {name.lower() for name, _ in headers}
            added = [("x-amzn-RequestId", request_id)]
            if "date" not in names:
                added.append(("Date", formatdate(usegmt=True)))
            return start_response(status, [*headers, *added], *rest)

        if environ.get("HTTP_HOST", "").rpartition(":")[0] not in _LOOPBACK:
            return _plain(start, "403 Forbidden", "Only a loopback Host is served.\n")
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/_ebcd/"):
            return self._answer_control(environ, start, path)
        scope = _scope(environ)
        if scope is None:
            error = ServiceError("MissingAuthenticationToken", "The request has no AWS signature.", 403)
            return _xml(start, error.status, protocol.serialize_error(error, request_id))
        region, service = scope
        if service == "elasticbeanstalk":
            return self._answer_beanstalk(environ, start, region, request_id)
        return self._answer_moto(environ, start, service)

    def _answer_beanstalk(self, environ: Wsgi, start: StartResponse, region: str, request_id: str) -> list[bytes]:
        try:
            parameters = _parameters(environ)
            action = protocol.operation(parameters.pop("Action", ""))
            parameters.pop("Version", None)
            call = Call(region, request_id, self._state, self._fleet, self._monitor, self._objects, self.url)
            output = operations.find(action.name)(call, protocol.parse(action, parameters))
            return _xml(start, 200, protocol.serialize(action, output, request_id))
        except ServiceError as error:
            return _xml(start, error.status, protocol.serialize_error(error, request_id))
        except Exception:
            log.exception("request %s", request_id)
            failure = ServiceError("InternalFailure", "The local Beanstalk failed; its log says why.", 500)
            return _xml(start, 500, protocol.serialize_error(failure, request_id))

    def _answer_moto(self, environ: Wsgi, start: StartResponse, service: str) -> Iterable[bytes]:
        if service != "s3":
            return self._objects.application(environ, start)  # type: ignore[no-any-return]
        bucket, _, key = unquote(environ["PATH_INFO"].lstrip("/")).partition("/")
        if refusal := self._refuse_s3(environ, bucket):
            code, status = refusal
            body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            return _xml(start, status, body)
        statuses: list[str] = []

        def noting(status: str, headers: list[tuple[str, str]], *rest: object) -> Any:
            statuses.append(status)
            return start(status, headers, *rest)

        answer = list(self._objects.application(environ, noting))
        if environ["REQUEST_METHOD"] in _S3_CHANGES and statuses and statuses[0].startswith("2") and bucket:
            self._objects.keep(bucket, key)
        return answer

    def _refuse_s3(self, environ: Wsgi, bucket: str) -> tuple[str, int] | None:
        """What S3 refuses and moto does not: another owner than expected, a body unlike its digest."""
        expected, owner = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"), self._objects.owner(bucket)
        if expected and owner and expected != owner:
            return "AccessDenied", 403
        headers = {"x-amz-checksum-sha256": environ.get("HTTP_X_AMZ_CHECKSUM_SHA256", ""),
                   "content-md5": environ.get("HTTP_CONTENT_MD5", "")}  # fmt: skip
        if not any(headers.values()):
            return None
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        code = check_digests(headers, body)
        return (code, 400) if code else None

    def _answer_control(self, environ: Wsgi, start: StartResponse, path: str) -> list[bytes]:
        if not hmac.compare_digest(environ.get("HTTP_X_EBCD_TOKEN", ""), self._control.token):
            return _plain(start, "403 Forbidden", "The token is in EBCD_HOME.\n")
        match environ["REQUEST_METHOD"], path:
            case "GET", "/_ebcd/status":
                return _json(start, self._control.status())
            case "POST", "/_ebcd/shutdown":
                threading.Thread(target=self._control.shutdown, daemon=True).start()
                return _json(start, {"ok": True})
        return _plain(start, "404 Not Found", "There is no such control call.\n")


def listen(endpoint: Endpoint, port: int) -> BaseWSGIServer:
    """A server on 127.0.0.1. Raises OSError when the port is taken."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", port, endpoint, threaded=True, request_handler=Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    endpoint.url = f"http://127.0.0.1:{server.port}"
    return server


def _scope(environ: Wsgi) -> tuple[str, str] | None:
    """Region and service of a request's signature; None where there is none."""
    signed = environ.get("HTTP_AUTHORIZATION", "")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    if "X-Amz-Credential" in query:
        signed = f"Credential={query['X-Amz-Credential'][0]}"
    found = _SCOPE.search(signed)
    return (found[1], found[2]) if found else None


def _parameters(environ: Wsgi) -> dict[str, str]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > REQUEST_LIMIT:
        raise ServiceError("RequestEntityTooLarge", f"A request has at most {REQUEST_LIMIT:,} bytes.", 413)
    body = environ["wsgi.input"].read(length).decode(errors="replace") if length else environ.get("QUERY_STRING", "")
    return dict(parse_qsl(body, keep_blank_values=True))


def _xml(start: StartResponse, status: int, body: bytes) -> list[bytes]:
    start(_status(status), [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _json(start: StartResponse, content: dict[str, Any]) -> list[bytes]:
    body = json.dumps(content).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _plain(start: StartResponse, status: str, text: str) -> list[bytes]:
    start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode()]


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
