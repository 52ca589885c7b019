"""Which address a request came from, by what the proxies in front of this process added to X-Forwarded-For. Pure.

Each proxy appends the address that asked it. So the header is read from its end: the peer of the connection is the
nearest proxy, the last entry is who asked that one, and so on, as many entries as there are proxies. What stands
before them was written by the client and is not read. A proxy of ours has no public address: an entry that does is the
client's, also where it came past a proxy.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
https://nginx.org/en/docs/http/ngx_http_proxy_module.html#var_proxy_add_x_forwarded_for
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_WITH_PORT = re.compile(r"(?:([0-9.]{7,15})|\[([0-9A-Fa-f:.]{2,45})\]):[0-9]{1,5}")
"""An address with its port, as a load balancer adds it where it is told to (routing.http.xff_client_port.enabled)."""


def client(peer: str, forwarded: str, proxies: int) -> str:
    """The client's address. peer: of the connection; forwarded: the header; proxies: how many appended to it.

    What is no address ends the reading: no proxy has written it.
    """
    told, found = forwarded.split(","), parse(peer)
    for _ in range(proxies):
        before = parse(told.pop()) if told else None
        if before is None or (found is not None and found.is_global):
            break
        found = before
    return str(found) if found is not None else peer


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address, without its port; None where it is none. One of IPv4 that is written as one of IPv6 is of IPv4."""
    text = text.strip()
    match = _WITH_PORT.fullmatch(text)
    try:
        found = ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        return found.ipv4_mapped or IPv6Address(int(found))  # without its zone
    return found
