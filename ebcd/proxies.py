"""Which proxy a request goes through: the one that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name, and none on loopback."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import urllib3


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine itself."""
    return _is_loopback_host(urlsplit(url).hostname or "")


def proxy_of(url: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy that a request to a URL goes through; empty: it goes there directly.

    As curl, botocore and Python read the variables: in small letters they win, and NO_PROXY names hosts and domains.
    """
    place = urlsplit(url)
    found = _variable(environ, f"{place.scheme}_proxy")
    if not found or _is_loopback_host(place.hostname or ""):
        return ""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    if proxy_bypass_environment(place.netloc.rpartition("@")[2], {"no": _variable(environ, "no_proxy")}):
        return ""
    return found if "://" in found else f"http://{found}"


def pool_of(url: str, environ: Mapping[str, str], **given: Any) -> urllib3.PoolManager:
    """What sends requests to a URL, through its proxy where there is one. given: what urllib3 is told."""
    import urllib3

    proxy = proxy_of(url, environ)
    if not proxy:
        return urllib3.PoolManager(**given)
    place = urlsplit(proxy)
    user = f"{unquote(place.username)}:{unquote(place.password or '')}" if place.username else None
    headers = urllib3.make_headers(proxy_basic_auth=user)
    return urllib3.ProxyManager(proxy, proxy_headers=headers, **given)


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _is_loopback_host(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
