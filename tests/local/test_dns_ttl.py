"""Clients that remember where a name led, as resolvers do."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator

import pytest
from balancing import HOST, Server, ask

from ebcd_local.balancer import LoadBalancer
from ebcd_local.balancer.names import ANSWERS, Answers, find, host_name

TTL = 0.6


@pytest.fixture
def balancer() -> Iterator[LoadBalancer]:
    servers, made = (Server(b"one"), Server(b"two")), LoadBalancer(dns_ttl=TTL)
    made.start()
    for name, server in zip(("e-1", "e-2"), servers, strict=True):
        made.open(name)
        made.set_upstreams(name, {"i": server.server_port})
    made.set_routes({HOST: "e-1", "two.example.localhost": "e-2"})
    yield made
    made.stop()
    for server in servers:
        server.close()


def swap(balancer: LoadBalancer) -> None:
    balancer.set_routes({HOST: "e-2", "two.example.localhost": "e-1"})


def test_an_answer_holds_until_it_expires(balancer: LoadBalancer) -> None:
    assert ask(balancer.port)[2] == b"one"
    asked = time.monotonic()
    swap(balancer)
    assert ask(balancer.port)[2] == b"one"
    time.sleep(max(0.0, asked + TTL + 0.05 - time.monotonic()))
    assert ask(balancer.port)[2] == b"two"


def test_clients_and_names_remember_for_themselves(balancer: LoadBalancer) -> None:
    ask(balancer.port)
    swap(balancer)
    assert ask(balancer.port, source="127.0.0.2")[2] == b"two"
    assert ask(balancer.port, **{"X-Ebcd-Client": "another"})[2] == b"two"
    assert ask(balancer.port, host=f"acme.{HOST}")[2] == b"two"
    assert ask(balancer.port)[2] == b"one"


def test_a_connection_stays_where_it_was_made_to(balancer: LoadBalancer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
    found = []
    for _ in range(2):
        connection.request("GET", "/", headers={"Host": HOST})
        found.append(connection.getresponse().read())
        swap(balancer)
        time.sleep(TTL + 0.05)
    connection.close()
    assert found == [b"one", b"one"]
    assert ask(balancer.port)[2] == b"two"


def test_a_load_balancer_that_is_gone_answers_nothing(balancer: LoadBalancer) -> None:
    ask(balancer.port)
    swap(balancer)
    balancer.close("e-1")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        ask(balancer.port)
    time.sleep(TTL + 0.05)
    assert ask(balancer.port)[2] == b"two"


def test_a_name_that_did_not_exist_is_found_at_once_when_it_does(balancer: LoadBalancer) -> None:
    assert ask(balancer.port, host="new.example.localhost")[0] == 404
    balancer.set_routes({"new.example.localhost": "e-1"})
    assert ask(balancer.port, host="new.example.localhost")[2] == b"one"


def test_without_a_ttl_nothing_is_remembered() -> None:
    answers = Answers()
    assert [answers.ask("c", "n", current, 0.0) for current in ("e-1", "e-2", None)] == ["e-1", "e-2", None]


def test_the_memory_is_bounded() -> None:
    answers = Answers(ttl=10)
    for number in range(3 * ANSWERS):
        answers.ask("c", f"name-{number}", "e-1", 0.0)
    assert len(answers._known) <= ANSWERS
    assert answers.ask("c", f"name-{3 * ANSWERS - 1}", "e-2", 9.9) == "e-1"
    assert answers.ask("c", f"name-{3 * ANSWERS - 1}", "e-2", 10.0) == "e-2"


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.b:80", "a.b"), ("a.b.", "a.b"), ("[::1]:80", "::1"), ("\u212aelvin.b", ""), ("", ""), (":80", "")],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name
    assert find({"a.b": "e", "": "never"}, name) == ("e" if name == "a.b" else None)
