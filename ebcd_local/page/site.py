"""The page's files and its JSON, and what a request for an unknown CNAME sees.

Everybody's browser can be made to ask a port on loopback. So the JSON is for the page's own origin: it wants a loopback
Host (a name that was rebound to 127.0.0.1 is none), refuses what a browser says comes from elsewhere, and has no CORS.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from ebcd_local import peers
from ebcd_local.balancer.names import host_name
from ebcd_local.browsers import from_a_page

FOLDER = Path(__file__).parent
FILES = {
    "/": ("index.html", "text/html"),
    "/_page/style.css": ("style.css", "text/css"),
    "/_page/page.js": ("page.js", "text/javascript"),
}
STATE, LOGS = "/_page/state", "/_page/logs"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_UNROUTED = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No such environment · Local Beanstalk</title><link rel="stylesheet" href="/_page/style.css">
<main class="alone"><h1>No environment has this CNAME.</h1>
<p><code>{host}</code> leads nowhere.{found}</p>{links}
<p class="quiet"><a href="{page}">All that runs here</a></p></main></html>
"""


class Page:
    """Answers what comes to the shared port and is no environment's.

    tell: all that the page shows. logs: those of an environment, by its id; None where there is no such environment.
    """

    def __init__(
        self, tell: Callable[[], dict[str, Any]], logs: Callable[[str], list[dict[str, Any]] | None] = lambda _: None
    ) -> None:
        self._tell = tell
        self._logs = logs

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The page, one of its files, its JSON, or a 404 that helps."""
        name, path = host_name(request.headers.get("Host", "")), request.path
        if name not in LOOPBACK:
            return await self._unrouted(request, name)
        if request.method not in {"GET", "HEAD"}:
            return _text(405, "The page is read only.\n")
        if path in (STATE, LOGS):
            return await self._state(request)
        return _file(path) if path in FILES else _text(404, "There is no such page.\n")

    async def _state(self, request: web.BaseRequest) -> web.Response:
        if _of_stranger(request):
            return _text(403, "The page is for the user who runs this server.\n")
        site = request.headers.get("Sec-Fetch-Site")
        if site != "same-origin" and from_a_page(request.headers.get("Origin"), site):
            return _text(403, "Only the page itself may ask.\n")
        if request.path == STATE:
            return web.json_response(await asyncio.to_thread(self._tell), headers=HEADERS)
        found = await asyncio.to_thread(self._logs, request.query.get("environment", ""))
        if found is None:
            return _text(404, "There is no such environment.\n")
        return web.json_response({"logs": found}, headers=HEADERS)

    async def _unrouted(self, request: web.BaseRequest, name: str) -> web.Response:
        """What runs here is told to nobody else, and for no name that could be rebound to loopback: only `.localhost`
        cannot be.
        """
        if not name.endswith(".localhost") or _of_stranger(request):
            return _text(404, "No environment has this CNAME.\n")
        if request.path == "/_page/style.css":
            return _file(request.path)
        told = await asyncio.to_thread(self._tell)
        found = [item for application in told["applications"] for item in application["environments"] if item["cname"]]
        if "text/html" not in request.headers.get("Accept", ""):
            names = "".join(f"  {item['url']}\n" for item in found)
            return _text(404, "No environment has this CNAME. " + (f"These are:\n{names}" if names else "None is.\n"))
        links = "".join(
            f'<li><a href="{html.escape(item["url"])}">{html.escape(item["cname"])}</a></li>' for item in found
        )
        text = _UNROUTED.format(
            host=html.escape(name),
            found=" These lead somewhere:" if links else " No environment runs.",
            links=f'<ul class="names">{links}</ul>' if links else "",
            page=html.escape(told["proxy_url"]),
        )
        return web.Response(status=404, text=text, content_type="text/html", headers=HEADERS)


def _of_stranger(request: web.BaseRequest) -> bool:
    """Whether another user of this machine is known to ask."""
    told = request.transport.get_extra_info if request.transport else lambda _: None
    peer, here = told("peername"), told("sockname")
    found = peers.user(peer[:2], here[:2]) if peer and here else None
    return found is not None and not peers.is_own(found)


def _file(path: str) -> web.Response:
    name, kind = FILES[path]
    return web.Response(text=(FOLDER / name).read_text(encoding="utf-8"), content_type=kind, headers=HEADERS)


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers=HEADERS)
