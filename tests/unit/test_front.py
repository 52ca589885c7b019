"""How a stage is reached: what follows from its CNAME, its own URL, or the local Beanstalk's load balancer."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from stages import LIVE_CNAME, STAGE

from ebcd.release.execute.http import HttpProber
from ebcd.release.state.address import PublicAddress, public_address


@pytest.mark.parametrize(
    ("url", "local", "front"),
    [
        ("", "", PublicAddress(f"http://{LIVE_CNAME}", LIVE_CNAME, f"{LIVE_CNAME}:80", False)),
        (
            "https://shop.example.com",
            "",
            PublicAddress("https://shop.example.com", "shop.example.com", "shop.example.com:443", True),
        ),
        (
            "http://shop.example.com:8080",
            "",
            PublicAddress("http://shop.example.com:8080", "shop.example.com:8080", "shop.example.com:8080", False),
        ),
        (
            "",
            "127.0.0.1:8156",
            PublicAddress(f"http://{LIVE_CNAME}:8156", f"{LIVE_CNAME}:8156", "127.0.0.1:8156", False),
        ),
        (
            "https://shop.example.com",
            "127.0.0.1:8156",
            PublicAddress(f"http://{LIVE_CNAME}:8156", f"{LIVE_CNAME}:8156", "127.0.0.1:8156", False),
        ),
    ],
)
def test_what_follows_from_a_url(url: str, local: str, front: PublicAddress) -> None:
    assert public_address(replace(STAGE, url=url), LIVE_CNAME, local) == front


def test_an_environment_is_asked_at_its_own_address_by_live_s_port() -> None:
    front = public_address(replace(STAGE, url="https://shop.example.com"), LIVE_CNAME)
    assert front.at("awseb-1.eu-central-1.elb.amazonaws.com") == "awseb-1.eu-central-1.elb.amazonaws.com:443"
    assert front.at("127.0.0.1:4711") == "127.0.0.1:4711", "the local Beanstalk's addresses have a port"
    assert public_address(STAGE, LIVE_CNAME).at("203.0.113.7") == "203.0.113.7:80"


def test_a_tenant_s_host_is_behind_the_same_port() -> None:
    assert public_address(STAGE, LIVE_CNAME).of("acme.example.com") == "acme.example.com"
    assert public_address(STAGE, LIVE_CNAME, "127.0.0.1:8156").of("acme.example.com") == "acme.example.com:8156"


@dataclass
class Seen:
    """What a server was asked: the server name of the handshake, and the Host header."""

    port: int
    names: list[str | None]
    hosts: list[str]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[Seen]:
    """A server that proves to be shop.example.com, and answers over TLS only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example.com", "*.shop.example.com").configure_cert(context)
    seen = Seen(0, [], [])
    context.sni_callback = lambda _, name, __: seen.names.append(name)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.hosts.append(self.headers["Host"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: object, client_address: object) -> None:
            with context.wrap_socket(request, server_side=True) as wrapped:  # type: ignore[call-overload]
                super().finish_request(wrapped, client_address)

        def handle_error(self, *_: object) -> None:
            """A handshake that the caller gave up."""

    made = Server(("127.0.0.1", 0), Handler)
    seen.port = made.server_port
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield seen
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def prober(authority: trustme.CA) -> HttpProber:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return HttpProber(context)


def test_over_tls_the_server_proves_to_be_the_host_that_is_asked_for_wherever_it_is(
    prober: HttpProber, server: Seen
) -> None:
    found = prober.get(f"127.0.0.1:{server.port}", "shop.example.com", "/", tls=True)
    assert (found.status, found.body) == (200, b"ok")
    assert prober.get(f"127.0.0.1:{server.port}", "acme.shop.example.com:8443", "/", tls=True).status == 200
    assert server.names == ["shop.example.com", "acme.shop.example.com"]
    assert server.hosts == ["shop.example.com", "acme.shop.example.com:8443"]


def test_another_s_certificate_is_no_answer(prober: HttpProber, server: Seen) -> None:
    found = prober.get(f"127.0.0.1:{server.port}", "shop.example.org", "/", tls=True)
    assert (found.status, server.hosts) == (None, [])
    assert "shop.example.org" in found.error
    assert "certificate" in found.error.lower()


def test_a_certificate_that_the_machine_does_not_trust_is_no_answer(server: Seen) -> None:
    found = HttpProber().get(f"127.0.0.1:{server.port}", "shop.example.com", "/", tls=True, token="T0KEN")
    assert (found.status, server.hosts) == (None, [])
    assert "certificate" in found.error.lower()
    assert "T0KEN" not in found.error


def test_without_tls_a_server_that_wants_it_gives_no_answer(prober: HttpProber, server: Seen) -> None:
    found = prober.get(f"127.0.0.1:{server.port}", "shop.example.com", "/", timeout=2.0)
    assert found.status is None
