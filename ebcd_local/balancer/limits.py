"""How much of a request is taken, and how long each side is waited for: what AWS documents, in one place.

Of the load balancer:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
Of the proxy on each instance, which is nginx as the platform configures it:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.proxy.html
https://nginx.org/en/docs/http/ngx_http_core_module.html https://nginx.org/en/docs/http/ngx_http_proxy_module.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LARGEST_BODY = 1024 * 1024
"""Bytes of a request's body: nginx's client_max_body_size where the application's own configuration sets none."""
_LONGEST_FILE = 1_000_000
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_DIRECTIVE = re.compile(r"^[^#\n]*?\bclient_max_body_size\s+([0-9]{1,12})([kmg]?)\s*;", re.IGNORECASE | re.MULTILINE)
_CONFIGURATIONS = ("nginx.conf", "conf.d/*.conf", "conf.d/elasticbeanstalk/*.conf")
"""Below .platform/nginx, as they are included: what comes later is nearer to the location, and holds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    idle: float = 60.0
    """Without a byte from a client or an instance."""
    connect: float = 10.0
    """Until an instance takes a connection."""
    field: int = 8190
    """The request line, and each header, as nginx takes them; the load balancer takes 16 K."""
    head: int = 64 * 1024
    """All headers of a request together."""
    forwarders: int = 30
    """Addresses in X-Forwarded-For."""
    memory: int = 64 * 1024
    """Of a body, from where on it waits in a file."""
    unread: int = 1024**3
    """Of an answer that its client has not read yet; beyond it the instance is held back."""


def largest_body(application: Path) -> int:
    """The client_max_body_size that an application's .platform/nginx sets; 0: any size."""
    largest = LARGEST_BODY
    for pattern in _CONFIGURATIONS:
        for path in sorted((application / ".platform" / "nginx").glob(pattern)):
            for number, unit in _DIRECTIVE.findall(_text(path)):
                largest = int(number) * _UNITS[unit.lower()]
    return largest


def _text(path: Path) -> str:
    """A file's beginning; nothing of what is none, for the application may put anything there."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_LONGEST_FILE)
