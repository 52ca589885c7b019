"""HTTP requests that prove a release: to an environment's own address, or to the live URL as users reach it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from ebcd import __version__
from ebcd.model import SmokeTest

BODY_LIMIT = 1_000_000
"""Bytes of an answer that are read."""


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

    def get(self, address: str, host: str, path: str, timeout: float = 5.0, token: str = "") -> ProbeResult:
        """address: where to connect, `host` or `host:port`. host: the Host header. timeout: seconds. token: a bearer's
        token, if any.
        """
        ...

    def download(self, url: str) -> str:
        """The text behind a presigned URL; what went wrong instead, in a sentence."""
        ...


class HttpProber:
    """Probes over HTTP, a fresh connection each, following no redirect."""

    def get(self, address: str, host: str, path: str, timeout: float = 5.0, token: str = "") -> ProbeResult:
        """Send one request; never raises for what the network or the server does."""
        import urllib3

        name, _, port = address.partition(":")
        headers = {"Host": host, "User-Agent": f"ebcd/{__version__}", "Connection": "close"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        start = time.monotonic()
        pool = urllib3.HTTPConnectionPool(name, int(port or 80), timeout=timeout, retries=False, maxsize=1)
        try:
            answer = pool.request("GET", path, headers=headers, redirect=False, preload_content=False)
            body = answer.read(BODY_LIMIT)
            return ProbeResult(answer.status, body, time.monotonic() - start)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return ProbeResult(None, b"", time.monotonic() - start, str(error))
        finally:
            pool.close()

    def download(self, url: str) -> str:
        """The text behind a presigned URL; what went wrong instead, in a sentence."""
        import urllib3

        try:
            answer = urllib3.request("GET", url, timeout=10.0, retries=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return f"(not delivered: {error})"
        return answer.data.decode(errors="replace") if answer.status == 200 else f"(not delivered: {answer.status})"


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
