"""No client chooses the address that it is counted by: of X-Forwarded-For only what proxies appended is believed."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from test_gunicorn import ROOT, free_port, start, wait_until_listening
from workspaces import PASSWORD, Browser

from aespo import forwarded
from aespo.development import Urls
from aespo.web import Aespo
from ebcd_local.balancer import LoadBalancer

CLIENT, LOAD_BALANCER, NGINX = "8.8.8.8", "10.0.0.7", "127.0.0.1"
FORGED = ("1.1.1.1", "10.9.9.9, 1.1.1.1", "127.0.0.1, 127.0.0.1", "", ",,,", "unknown", "1.1.1.1:80", "[::1]:1", "\x00")


def sign_up_form(slug: str) -> dict[str, str]:
    return {"workspace": slug, "name": "Ana", "email": "ana@example.com", "password": PASSWORD, "slug": slug}


@pytest.mark.parametrize("forged", FORGED)
def test_what_a_client_writes_is_before_what_proxies_append(forged: str) -> None:
    told = f"{forged}, {CLIENT}, {LOAD_BALANCER}"
    assert forwarded.client(NGINX, told, 2) == CLIENT
    assert forwarded.client(NGINX, f"{forged}, {CLIENT}", 1) == CLIENT  # a single instance
    assert forwarded.client(NGINX, f"{forged}, {CLIENT}", 2) == CLIENT  # past the load balancer, at the instance itself
    assert forwarded.client(CLIENT, f"{forged}, {LOAD_BALANCER}", 2) == CLIENT  # past both
    assert forwarded.client(NGINX, f"{forged}, 10.1.1.1", 0) == NGINX  # no proxy is known of


@given(st.text(max_size=80))
def test_no_text_of_a_client_moves_its_address(forged: str) -> None:
    assert forwarded.client(NGINX, f"{forged}, {CLIENT}, {LOAD_BALANCER}", 2) == CLIENT
    assert forwarded.client(NGINX, f"{forged}, 10.1.1.1, {LOAD_BALANCER}", 2) == "10.1.1.1"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("8.8.8.8:51234", "8.8.8.8"),
        ("[2a00:1450:4001::1]:51234", "2a00:1450:4001::1"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2A00:1450:4001:0::1", "2a00:1450:4001::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_one_client_has_one_address_however_it_is_written(written: str, read: str) -> None:
    assert forwarded.client(NGINX, f"{written}, {LOAD_BALANCER}", 2) == read


def test_what_is_shipped_counts_the_load_balancer_and_the_proxy() -> None:
    shipped = yaml.safe_load(ROOT.joinpath(".ebextensions/01-serve.config").read_text())["option_settings"]
    assert shipped["aws:elasticbeanstalk:application:environment"] == {"AESPO_PROXIES": "2"}
    assert shipped["aws:elasticbeanstalk:environment"] == {"LoadBalancerType": "application"}


def test_without_a_word_about_proxies_the_header_is_not_read(make_site: Callable[..., Aespo], fresh: Urls) -> None:
    site = make_site(AESPO_SIGNUPS_PER_HOUR="2", DATABASE_URL=fresh.app)  # nobody signed up from this address before
    codes = [
        Browser(site).post("/signup", {"X-Forwarded-For": f"9.9.9.{number}"}, **sign_up_form(f"bare-{number}"))
        for number in range(3)
    ]
    assert [answer.status_code for answer in codes] == [303, 303, 429]


@pytest.mark.parametrize("proxies", [1, 2])
def test_through_the_local_beanstalk_s_proxies_a_forged_address_counts_as_one_client(
    bundle: Path, fresh: Urls, proxies: int
) -> None:
    number, balancer = free_port(), LoadBalancer()
    properties = {"AESPO_PROXIES": str(proxies), "AESPO_SIGNUPS_PER_HOUR": "2", "AESPO_METRICS": ""}
    with ExitStack() as stack:
        process = start(bundle, number, DATABASE_URL=fresh.app, **properties)
        stack.callback(process.communicate, timeout=60)
        stack.callback(process.terminate)
        balancer.start()
        stack.callback(balancer.stop)
        wait_until_listening(process, number)
        port = balancer.open("e-1")
        balancer.set_proxies("e-1", proxies)
        balancer.set_upstreams("e-1", {"i-1": number})
        codes = [sign_up(port, f"forged-{index}", f"9.9.9.{index}") for index in range(3)]
    assert codes == [303, 303, 429]


def sign_up(port: int, slug: str, address: str) -> int:
    """Sign up at the site with a forged address in every header that names one; the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": "localhost", "Origin": "http://localhost", "Content-Type": "application/x-www-form-urlencoded"}
    for name in ("X-Forwarded-For", "X-Real-IP", "X_Forwarded_For", "Forwarded", "Client-IP", "True-Client-IP"):
        headers[name] = f"for={address}" if name == "Forwarded" else f"{address}, {address}"
    connection.request("POST", "/signup", urlencode(sign_up_form(slug)), headers)
    status = connection.getresponse().status
    connection.close()
    return status
