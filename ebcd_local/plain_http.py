"""aiohttp without the machine's certificates.

At its import aiohttp reads all of them, for TLS that nothing here speaks by it: the load balancer and its clients are
on loopback. That is a good part of a start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_PLACE = "SSL_CERT_FILE"
"""The variable that names the certificates which OpenSSL reads at once."""


def import_aiohttp() -> None:
    """Import it, before anything else does, and before there are other threads: a variable changes for that time."""
    with _no_certificates():
        import aiohttp  # noqa: F401 - whoever imports it from now on has this one


@contextmanager
def _no_certificates() -> Iterator[None]:
    kept = os.environ.get(_PLACE)
    os.environ[_PLACE] = os.devnull
    try:
        yield
    finally:
        del os.environ[_PLACE]
        if kept is not None:
            os.environ[_PLACE] = kept
