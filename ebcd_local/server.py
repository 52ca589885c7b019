"""The endpoint: one loopback port for every AWS service, and the control calls of `ebcd local`.

request ─ loopback, and no web page's? ─► control call
  └─► wire.read ─ fault before? ─► Elastic Beanstalk (operations), ec2 or moto ─ fault after? ─► answer
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import parse_qs, urlencode

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from ebcd_local import ec2, operations, partitions, peers, protocol, wire
from ebcd_local.access import sessions, web_identity
from ebcd_local.access.sessions import Sessions
from ebcd_local.browsers import from_a_page
from ebcd_local.call_limits import CallLimits
from ebcd_local.control import Control
from ebcd_local.errors import ServiceError
from ebcd_local.faults import Fault, Kind, refusal
from ebcd_local.fleet import Fleet
from ebcd_local.monitor import Monitor
from ebcd_local.object_store import ObjectStore, check_digests
from ebcd_local.operations import Call
from ebcd_local.signatures import Signatures
from ebcd_local.state import State
from ebcd_local.worker.queues import AGENT

if TYPE_CHECKING:
    from ebcd_local.access.enforcement import Enforcement

log = logging.getLogger(__name__)

Wsgi = dict[str, Any]
StartResponse = Callable[..., Any]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OF_MOTO = ("/moto-api", "/latest/", "/favicon.ico", "/v20180820/")
"""Paths that moto serves itself whatever the signature says, among them one that empties it; `keep` would follow it.
A bucket that the Host names is part of the path that moto is given.
"""
_S3_CHANGES = frozenset({"PUT", "POST", "DELETE"})


class Handler(WSGIRequestHandler):
    """HTTP/1.1 with keep-alive, and no line a request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Nothing: the log is for what happens, not for each poll."""


@dataclass(slots=True)
class Endpoint:
    """The WSGI application."""

    state: State
    fleet: Fleet
    monitor: Monitor
    objects: ObjectStore
    control: Control
    limits: CallLimits = field(default_factory=lambda: CallLimits(0.0, 0))
    """How many calls of Elastic Beanstalk's are answered."""
    url: str = ""
    """Where it listens, known once it does."""
    enforcement: Enforcement | None = None
    """What judges calls by their callers' policies; None: every call is allowed."""
    signatures: Signatures | None = None
    """What judges signatures; None: any key pair is good."""
    sessions: Sessions = field(default_factory=Sessions)
    """Those that GetSessionToken gave."""

    def __call__(self, environ: Wsgi, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. Raises ConnectionAbortedError when a fault cut the connection."""
        request_id = str(uuid.uuid4())
        response = self._answer(environ, request_id)
        response.headers["x-amzn-RequestId"] = request_id
        return response(environ, start_response)

    def _answer(self, environ: Wsgi, request_id: str) -> Response:
        bucket = wire.bucket_of_host(environ)
        if environ.get("HTTP_HOST", "").rpartition(":")[0] not in _LOOPBACK and not bucket:
            return Response("Only a loopback Host is served.\n", 403)
        if from_a_page(environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")):
            return Response("No web page is served.\n", 403)
        if f"{bucket and '/'}{bucket}{environ.get('PATH_INFO', '/')}".startswith(_OF_MOTO):
            return Response("There is no such service here.\n", 404)
        if environ.get("PATH_INFO", "/").startswith("/_ebcd/") and not bucket:
            return self.control.answer(environ)
        try:
            request, received = self._read(environ), wire.body_length(environ)
        except ServiceError as error:
            return wire.refuse(environ, wire.service(environ), error, request_id)
        if environ.get("HTTP_USER_AGENT", "").startswith(AGENT):
            return self._unrecorded(environ, request, request_id)
        calls = self.control.calls
        number = calls.begin(request.service, request.operation, environ.get("HTTP_USER_AGENT", ""), received)
        try:
            response = self._with_faults(environ, request, request_id)
        except ServiceError as error:
            calls.end(number, error.status, error.code)
            return wire.refuse(environ, request.service, error, request_id)
        except ConnectionAbortedError as error:
            calls.end(number, 0, str(error))
            raise
        calls.end(number, response.status_code)
        return response

    def _read(self, environ: Wsgi) -> wire.Request:
        """What a request calls, once it is known that its sender may call. Raises ServiceError."""
        request = wire.read(environ, verified=self.signatures is not None)
        if wire.bucket_of_host(environ) and request.service != "s3":
            raise ServiceError("InvalidHost", "Only S3 has a Host for each bucket.", 403)
        if self.signatures is None:
            return request
        if not environ.get(wire.UNSIGNED):
            self.signatures.check(environ, request)
        elif not peers.is_own(peers.of(environ)):
            raise ServiceError("AccessDenied", "Only the user who runs this server may do so without a signature.", 403)
        return request

    def _unrecorded(self, environ: Wsgi, request: wire.Request, request_id: str) -> Response:
        """The answer to the workers' daemon, which is no client: its calls are not told, and no fault is for them."""
        try:
            return self._serve(environ, request, request_id)
        except ServiceError as error:
            return wire.refuse(environ, request.service, error, request_id)

    def _with_faults(self, environ: Wsgi, request: wire.Request, request_id: str) -> Response:
        fault = self.control.faults.strike(f"{request.service}:{request.operation}")
        if fault is None:
            return self._serve(environ, request, request_id)
        match fault.kind:
            case Kind.THROTTLE | Kind.EXPIRED | Kind.ERROR:
                raise refusal(fault, request.service)
            case Kind.CUT:
                time.sleep(fault.seconds)
                raise _cut(environ, fault)
            case Kind.LOST:
                self._serve(environ, request, request_id)
                time.sleep(fault.seconds)
                raise _cut(environ, fault)
            case Kind.DELAY:
                time.sleep(fault.seconds)
                return self._serve(environ, request, request_id)
            case Kind.STALL:
                response = self._serve(environ, request, request_id)
                time.sleep(fault.seconds)
                return response
            case Kind.LAUNCH | Kind.DISK | Kind.DENIED | Kind.LAG:
                raise AssertionError("these strike within, not calls")
            case _:
                assert_never(fault.kind)

    def _serve(self, environ: Wsgi, request: wire.Request, request_id: str) -> Response:
        match request.service:
            case wire.BEANSTALK:
                return self._serve_beanstalk(environ, request, request_id)
            case "s3":
                return self._serve_s3(environ, request)
        if (request.service, request.operation) == web_identity.OPERATION:
            web_identity.note(web_identity.claims(request.parameters.get("WebIdentityToken", ""), time.time()))
        if self.enforcement:
            self.enforcement.check(environ, request, lambda: wire.body(environ))
        if (request.service, request.operation) == ("ec2", "DescribeInstances"):
            instances = ec2.describe_instances(self.fleet, request.region, request.parameters, request_id)
            return Response(instances, content_type="text/xml")
        if request.service == "cloudformation":
            _name_partition(environ, request)
        response = Response.from_app(self.objects.application, environ)
        if (request.service, request.operation) == sessions.OPERATION:
            response.data = self.sessions.give(response.data, wire.key_id(environ))
        return response

    def _serve_beanstalk(self, environ: Wsgi, request: wire.Request, request_id: str) -> Response:
        if not self.limits.take(request.region, request.operation):
            raise ServiceError("Throttling", "Rate exceeded")
        parameters = {name: value for name, value in request.parameters.items() if name not in wire.OF_THE_PROTOCOL}
        try:
            action = protocol.operation(request.operation)
            call = Call(request.region, request_id, self.state, self.fleet, self.monitor, self.objects, self.url)
            given = protocol.parse(action, parameters)
            if self.enforcement:
                self.enforcement.check_beanstalk(
                    self.enforcement.caller(environ, call.region), call, action.name, given
                )
            output = operations.find(action.name)(call, given)
            if wire.wants_json(environ):
                return Response(protocol.serialize_json(action, output, request_id), content_type="application/json")
            return Response(protocol.serialize(action, output, request_id), content_type="text/xml")
        except ServiceError:
            raise
        except Exception as error:
            log.exception("request %s", request_id)
            raise ServiceError("InternalFailure", "The local Beanstalk failed; its log says why.", 500) from error

    def _serve_s3(self, environ: Wsgi, request: wire.Request) -> Response:
        """S3 by moto, with what moto does not refuse refused, and each change kept on disk. Raises ServiceError."""
        expected, owner = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"), self.objects.owner(request.bucket)
        if expected and owner and expected != owner:
            raise ServiceError("AccessDenied", "Access Denied", 403)
        _check_body(environ)
        if self.enforcement:
            self.enforcement.check(environ, request, lambda: wire.body(environ))
        if request.operation == "CompleteMultipartUpload":
            upload = parse_qs(environ.get("QUERY_STRING", "")).get("uploadId", [""])[0]
            if missing := self.objects.missing_checksum(request.bucket, upload, wire.body(environ)):
                raise ServiceError("InvalidRequest", missing)
        if bucket := wire.bucket_of_host(environ):
            wire.name_bucket_in_path(environ, bucket)
        # moto chooses a service by the header, and without one, as of a presigned URL, by the path.
        environ.setdefault(
            "HTTP_AUTHORIZATION", f"AWS4-HMAC-SHA256 Credential=a/20260101/{request.region}/s3/aws4_request"
        )
        hidden = self.enforcement is not None and self.enforcement.hides_missing(environ, request)
        response = Response.from_app(self.objects.application, environ)
        if hidden and response.status_code == 404:
            raise ServiceError("AccessDenied", "Access Denied", 403)
        if request.operation == "ListMultipartUploads":
            response.data = self.objects.with_times(response.data)
        if environ["REQUEST_METHOD"] in _S3_CHANGES and response.status_code < 300 and request.bucket:
            self.objects.keep(request.bucket, request.key)
        return response


def listen(endpoint: Endpoint, port: int) -> BaseWSGIServer:
    """A server on 127.0.0.1. Raises OSError when the port is taken."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", port, endpoint, threaded=True, request_handler=Handler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    endpoint.url = f"http://127.0.0.1:{server.port}"
    return server


def _check_body(environ: Wsgi) -> None:
    """Refuse a body unlike its digest. Raises ServiceError."""
    headers = {
        "x-amz-checksum-sha256": environ.get("HTTP_X_AMZ_CHECKSUM_SHA256", ""),
        "content-md5": environ.get("HTTP_CONTENT_MD5", ""),
    }
    if not any(headers.values()):
        return
    if code := check_digests(headers, wire.body(environ)):
        raise ServiceError(code, code)


def _name_partition(environ: Wsgi, request: wire.Request) -> None:
    """Resolve a template's AWS::Partition and AWS::URLSuffix, which moto takes for those of most regions everywhere."""
    if template := request.parameters.get("TemplateBody"):
        named = {**request.parameters, "TemplateBody": partitions.named(template, request.region)}
        body = urlencode(named).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def _cut(environ: Wsgi, fault: Fault) -> ConnectionAbortedError:
    """Close the client's connection under it; what to raise so that the server ends it without a word."""
    with contextlib.suppress(OSError):  # the client may be gone already
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return ConnectionAbortedError(fault.kind)
