"""Which requests go through a proxy: as the variables say, and none to this machine itself."""

from __future__ import annotations

import socket
import threading

import pytest

from ebcd.proxies import is_loopback, proxy_of
from ebcd.release.execute.http import HttpProber

OFFICE = {"HTTP_PROXY": "http://proxy:3128", "HTTPS_PROXY": "proxy:3129", "NO_PROXY": "intern.example.com,.corp"}


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://shop.example.com/", "http://proxy:3128"),
        ("https://shop.example.com/", "http://proxy:3129"),
        ("http://intern.example.com/", ""),
        ("https://a.corp:8443/x", ""),
        ("http://127.0.0.1:8155/", ""),
        ("http://127.9.9.9/", ""),
        ("http://[::1]:80/", ""),
        ("http://localhost/", ""),
        ("http://shop.eu-central-1.elasticbeanstalk.localhost:8156/", ""),
        ("http://localhost.example.com/", "http://proxy:3128"),
    ],
)
def test_variables_and_loopback(url: str, proxy: str) -> None:
    assert proxy_of(url, OFFICE) == proxy


def test_small_letters_win_and_a_star_means_all() -> None:
    assert proxy_of("http://a/", OFFICE | {"http_proxy": "http://other:1"}) == "http://other:1"
    assert proxy_of("http://a/", OFFICE | {"no_proxy": "*"}) == ""
    assert proxy_of("http://a/", {}) == ""


def test_what_is_no_address_is_no_loopback() -> None:
    assert not is_loopback("http://example.com")
    assert not is_loopback("127.0.0.1:8155")  # without a scheme it is no URL


class Proxy:
    """A proxy that answers the first request itself, and keeps what it was sent."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:p%40ss@127.0.0.1:{self._listening.getsockname()[1]}"
        self.sent = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            self.sent = connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    def close(self) -> None:
        self._thread.join(10)
        self._listening.close()


def test_a_probe_goes_through_the_proxy_with_the_host_that_it_needs() -> None:
    proxy = Proxy()
    try:
        answer = HttpProber(environ={"http_proxy": proxy.url}).get(
            "shop.example.com:80", "acme.example.com", "/healthz"
        )
    finally:
        proxy.close()
    assert (answer.status, answer.body) == (200, b"hello")
    lines = proxy.sent.decode().split("\r\n")
    assert lines[0] == "GET http://shop.example.com:80/healthz HTTP/1.1"
    assert "Host: acme.example.com" in lines
    assert "proxy-authorization: Basic dXNlcjpwQHNz" in [line.lower()[:20] + line[20:] for line in lines]


def test_a_presigned_url_is_fetched_through_the_proxy() -> None:
    proxy = Proxy()
    try:
        text = HttpProber(environ={"http_proxy": proxy.url}).download("http://bucket.example.com/log?x=1")
    finally:
        proxy.close()
    assert text == "hello"
