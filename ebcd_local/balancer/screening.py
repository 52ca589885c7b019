"""Which requests reach an instance, and in what form: nothing that two servers could read in two ways.

A load balancer of AWS sorts requests by how they may be misread (desync mitigation mode "defensive"): it refuses the
severe ones and takes the connection away from the ambiguous ones. Here ambiguous lengths are refused too; aiohttp's
strict parser does that (both lengths, two lengths, folded headers, bare CR or LF, NUL, spaces before a colon). What is
left is judged here. A body is read to its end before an instance is asked and sent with its true length on a connection
of its own, so that chunks, their extensions and trailers never get there.

Sources: https://github.com/aws/http-desync-guardian
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
"""

from __future__ import annotations

import re
from http import HTTPMethod, HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, web

from ebcd_local.balancer import names
from ebcd_local.balancer.limits import Limits

TOO_MANY_FORWARDERS = 463
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_BODILESS = frozenset({HTTPMethod.GET, HTTPMethod.HEAD})
_REFUSED_METHODS = frozenset({HTTPMethod.TRACE, HTTPMethod.CONNECT})
HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_REPLACED = HOP_BY_HOP | {
    "content-length",
    "expect",
    "x-forwarded-for",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
}


def refusal(request: web.BaseRequest, limits: Limits) -> int:
    """The status that a request is refused with before its body is read; 0: it is taken."""
    if request.version < HttpVersion10:
        return HTTPStatus.BAD_REQUEST
    if request.version > HttpVersion11:
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
    if request.method in _REFUSED_METHODS:
        return HTTPStatus.METHOD_NOT_ALLOWED
    if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > limits.head:
        return HTTPStatus.BAD_REQUEST
    if _forwarders(request) > limits.forwarders:
        return TOO_MANY_FORWARDERS
    return _refusal_of_length(request) or _refusal_of_host(request)


def _forwarders(request: web.BaseRequest) -> int:
    """How many addresses a client names in X-Forwarded-For, which may come more than once."""
    return sum(value.count(",") + 1 for value in request.headers.getall("X-Forwarded-For", ()))


def is_ambiguous(request: web.BaseRequest) -> bool:
    """Whether its client's connection is not to be used again: others may not expect that it has a body."""
    return request.method in _BODILESS and request.can_read_body


def _refusal_of_length(request: web.BaseRequest) -> int:
    coding = request.headers.get("Transfer-Encoding")
    if coding is None:
        return 0
    if coding.strip().lower() != "chunked":
        return HTTPStatus.NOT_IMPLEMENTED
    return HTTPStatus.BAD_REQUEST if request.version == HttpVersion10 else 0


def _refusal_of_host(request: web.BaseRequest) -> int:
    host, target = request.headers.get("Host"), request.raw_path
    if host is not None and not _HOST.fullmatch(host):
        return HTTPStatus.BAD_REQUEST
    if target.startswith("/") or target == "*":
        return 0
    authority = re.split(r"[/?#]", target.partition("://")[2], maxsplit=1)[0]
    same = host is not None and names.host_name(authority) == names.host_name(host)
    return 0 if same and _HOST.fullmatch(authority) else HTTPStatus.BAD_REQUEST


def path(request: web.BaseRequest) -> str:
    """The path and query of a request's target, as the client wrote them."""
    target = request.raw_path
    if target.startswith("/"):
        return target
    rest = target.partition("://")[2]  # of the absolute form only the path counts; `*` has none
    return "/" + rest.partition("/")[2]


def is_upgrade(request: web.BaseRequest) -> bool:
    """Whether a client asks for a websocket."""
    asked = {token.strip().lower() for token in request.headers.get("Connection", "").split(",")}
    websocket = "upgrade" in asked and request.headers.get("Upgrade", "").lower() == "websocket"
    return websocket and request.method == HTTPMethod.GET and not request.can_read_body


def upstream_headers(request: web.BaseRequest, length: int | None, proxies: int) -> list[tuple[str, str]]:
    """The request's headers as the load balancer and nginx pass them on: without those whose names nginx drops, with
    one length (None: the request has no body), and with where it came from.

    proxies: how many append the address that asked them to X-Forwarded-For. The first one names the client, the next
    one the load balancer, which has the same address here.
    """
    headers = [
        (name, value)
        for name, value in request.headers.items()
        if name.lower() not in _REPLACED and _NAME.fullmatch(name)
    ]
    client = request.remote or ""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    seen = [*request.headers.getall("X-Forwarded-For", ()), *[client] * proxies]
    headers.append(("X-Forwarded-For", ", ".join(seen)))
    headers.append(("X-Real-IP", client))
    headers.append(("X-Forwarded-Proto", "http"))
    headers.append(("X-Forwarded-Port", str(sockname[1]) if sockname else ""))
    if is_upgrade(request):
        return [*headers, ("Connection", "Upgrade"), ("Upgrade", "websocket")]
    if length is not None:  # on a connection that is not kept
        headers += [("Content-Length", str(length)), ("Connection", "close")]
    return headers
