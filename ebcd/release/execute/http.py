"""HTTP requests that prove a release: to an environment's own address, or to the live URL as users reach it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ebcd import __version__
from ebcd.model import SmokeTest
from ebcd.model.hidden import HiddenValues
from ebcd.proxies import pool_of

if TYPE_CHECKING:
    import ssl

    import urllib3

BODY_LIMIT = 1_000_000
"""Bytes of an answer that are read."""
LONGEST = 15.0
"""Seconds that an answer may take in all: one that comes drop by drop keeps within every single timeout."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one request brought."""

    status: int | None
    """None: no HTTP answer."""
    body: bytes
    seconds: float
    error: str = ""
    """Why there was no answer."""


class Prober(Protocol):
    """Sends one GET request."""

    def get(
        self, address: str, host: str, path: str, timeout: float = 5.0, *, token: str = "", tls: bool = False
    ) -> ProbeResult:
        """address: where to connect, `host:port`. host: the Host header. timeout: seconds. token: a bearer's token, if
        any. tls: over TLS, with a certificate for the host, whatever the address.
        """
        ...

    def addresses(self, name: str) -> frozenset[str]:
        """The addresses that a name leads to from here; none where it leads nowhere."""
        ...

    def download(self, url: str) -> str:
        """The text behind a presigned URL; what went wrong instead, in a sentence."""
        ...


class HttpProber:
    """Probes over HTTP, a fresh connection each, following no redirect."""

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        longest: float = LONGEST,
        environ: Mapping[str, str] = MappingProxyType({}),
        hidden: HiddenValues | None = None,
    ) -> None:
        """context: which certificates are trusted; None: those that the machine trusts (SSL_CERT_FILE).

        longest: seconds that an answer may take in all. environ: the variables that may name a proxy. hidden: what no
        log that is fetched shows.
        """
        self._hidden = hidden or HiddenValues()
        self._context, self._longest, self._environ = context, longest, environ

    def get(
        self, address: str, host: str, path: str, timeout: float = 5.0, *, token: str = "", tls: bool = False
    ) -> ProbeResult:
        """Send one request; never raises for what the network or the server does."""
        import urllib3

        headers = {"Host": host, "User-Agent": f"ebcd/{__version__}", "Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        start, url = time.monotonic(), f"{'https' if tls else 'http'}://{address}{path}"
        pool = self._pool(url, host.partition(":")[0], timeout)
        try:
            answer = pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
            body = self._body(answer, start + self._longest)
            return ProbeResult(answer.status, body, time.monotonic() - start)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: no server is called so
            return ProbeResult(None, b"", time.monotonic() - start, str(error))
        finally:
            pool.clear()

    def _body(self, answer: urllib3.BaseHTTPResponse, end: float) -> bytes:
        """The first BODY_LIMIT bytes of an answer. Raises TimeoutError when they are not there at the time `end`."""
        body = b""
        while len(body) < BODY_LIMIT and (piece := answer.read1(BODY_LIMIT - len(body))):
            body += piece
            if time.monotonic() > end:
                raise TimeoutError(f"its answer had not ended after {self._longest:g} s")
        return body

    def _pool(self, url: str, name: str, timeout: float) -> urllib3.PoolManager:
        """What connects to a URL's address; over TLS the server must be the one of that name."""
        given: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 1}
        if url.startswith("https:"):
            given |= {"ssl_context": self._context, "server_hostname": name}
        return pool_of(url, self._environ, **given)

    def addresses(self, name: str) -> frozenset[str]:
        """The addresses that a name leads to from here, as a probe would find them; none where it leads nowhere."""
        try:
            return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return frozenset()

    def download(self, url: str) -> str:
        """The text behind a presigned URL; what went wrong instead, in a sentence."""
        import urllib3

        try:
            answer = pool_of(url, self._environ).request("GET", url, timeout=10.0, retries=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return f"(not delivered: {error})"
        if answer.status != 200:
            return f"(not delivered: {answer.status})"
        return self._hidden.hide(answer.data.decode(errors="replace"))


def smoke_failure(smoke: SmokeTest, result: ProbeResult) -> str:
    """Why an answer does not pass the smoke test; empty when it does."""
    if result.status is None:
        return f"{smoke.path} did not answer: {result.error}"
    if result.status != smoke.status:
        return f"{smoke.path} answered {result.status}, not {smoke.status}"
    if smoke.contains and smoke.contains.encode() not in result.body:
        return f"{smoke.path} answered {result.status} without the text {smoke.contains!r}"
    return ""


def proof_failure(path: str, result: ProbeResult, label: str, sha: str) -> str:
    """Why an answer does not prove that the release gave it; empty when it does."""
    if result.status is None:
        return f"{path} did not answer: {result.error}"
    if result.status != 200:
        return f"{path} answered {result.status}"
    named = any(word and word.encode() in result.body for word in (sha, label))
    return "" if named else f"{path} does not name {label}: {result.body[:120].decode(errors='replace')!r}"
