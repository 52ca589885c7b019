"""Health checks: what is healthy, and how many in a row change what is known."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ebcd_local import options
from ebcd_local.health_check import HealthCheck, Nodes

ALB = {("aws:elasticbeanstalk:environment", "LoadBalancerType"): "application"}
PROCESS, CLASSIC = "aws:elasticbeanstalk:environment:process:default", "aws:elb:healthcheck"


class Scripted(HTTPServer):
    """Answers health checks with statuses in turn, the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = [200]
        self.asked = 0


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def do_GET(self) -> None:
        self.server.asked += 1
        left = self.server.statuses
        self.send_response(left.pop(0) if len(left) > 1 else left[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("known", "statuses", "healthy", "asked"),
    [
        (True, [200], True, 1),
        (True, [500, 500, 500, 500, 200], True, 5),
        (True, [500], False, 5),
        (False, [200, 200, 500], False, 3),
        (False, [200], True, 3),
        (None, [500], False, 1),
        (None, [200], True, 1),
    ],
)
def test_what_is_known_changes_when_enough_checks_in_a_row_say_so(
    scripted: Scripted, known: bool | None, statuses: list[int], healthy: bool, asked: int
) -> None:
    scripted.statuses = statuses
    seen = HealthCheck().decide(scripted.server_port, known, interval=5)
    assert (seen.healthy, scripted.asked) == (healthy, asked)


def test_a_check_that_hangs_counts_for_those_that_it_kept_from_being_made(scripted: Scripted) -> None:
    with_silence = HealthCheck(timeout=0.5)
    scripted.get_request = lambda: (_ for _ in ()).throw(OSError)  # type: ignore[method-assign]  # nobody answers
    seen = with_silence.decide(scripted.server_port, True, interval=0.1)
    assert not seen.healthy
    assert seen.seconds < 1


@pytest.mark.parametrize(
    ("codes", "status", "accepted"),
    [("200", 200, True), ("200", 204, False), ("200,301", 301, True), ("200-299", 204, True), ("200-299", 301, False)],
)
def test_which_statuses_are_healthy(codes: str, status: int, accepted: bool) -> None:
    assert HealthCheck(codes=codes).accepts(status) is accepted


def test_the_rules_come_from_the_load_balancer_s_own_options() -> None:
    assert HealthCheck.of(options.effective({}, {})) == HealthCheck(path=None, interval=10), "classic: TCP"
    single = {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}
    assert HealthCheck.of(options.effective({}, ALB | single)).path is None, "no load balancer asks"
    assert HealthCheck.of(options.effective({}, ALB), "Worker").path is None
    url = {("aws:elasticbeanstalk:application", "Application Healthcheck URL"): "up"}
    assert HealthCheck.of(options.effective({}, url)) == HealthCheck("/up", interval=10)
    assert HealthCheck.of(options.effective({}, ALB)) == HealthCheck("/", interval=15)
    own = {
        (CLASSIC, "HealthyThreshold"): "2",
        (CLASSIC, "UnhealthyThreshold"): "4",
        (CLASSIC, "Timeout"): "9",
        (CLASSIC, "Interval"): "30",
    }
    assert HealthCheck.of(options.effective({}, own)) == HealthCheck(None, 9, "200", 2, 4, 30)
    own = ALB | {
        (PROCESS, "HealthyThresholdCount"): "2",
        (PROCESS, "MatcherHTTPCode"): "200-399",
        (PROCESS, "HealthCheckPath"): "/up",
        (CLASSIC, "HealthyThreshold"): "7",
        (PROCESS, "HealthCheckInterval"): "5",
    }
    assert HealthCheck.of(options.effective({}, own)) == HealthCheck("/up", 5, "200-399", 2, 5, 5)


def test_without_a_path_whatever_listens_is_healthy(scripted: Scripted) -> None:
    scripted.statuses = [500]
    assert not HealthCheck().ask(scripted.server_port).healthy
    assert HealthCheck(path=None).ask(scripted.server_port).healthy
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert not HealthCheck(path=None).ask(nobody.getsockname()[1]).healthy


def test_each_node_checks_each_instance_at_its_own_interval() -> None:
    nodes = Nodes()
    due = [nodes.due("i-1", 6, 5.0, 0.5 * look) for look in range(41)]
    assert sum(due[:20]) == 12, "six zones, two checks each in ten seconds"
    assert sum(due[20:40]) == 12
    assert max(due) == 1, "not all at the same moment"
    assert nodes.due("i-2", 6, 5.0, 20.0) == 1, "another instance is checked by itself"
    assert nodes.due("i-1", 6, 5.0, 100.0) == 18, "of what was missed ten seconds are made up for"
    assert nodes.due("i-1", 6, 5.0, 100.1) == 0
    assert nodes.due("i-1", 0, 5.0, 200.0) == 0, "no load balancer"


@pytest.mark.parametrize(
    ("found", "count"),
    [
        ({}, 3),
        ({(options.ASG, "Availability Zones"): "Any"}, 3),
        ({(options.ASG, "Availability Zones"): "Any 2"}, 2),
        ({(options.ASG, "Custom Availability Zones"): "us-east-1a, us-east-1b"}, 2),
        ({(options.VPC, "Subnets"): "subnet-1"}, 1),
        (
            {(options.VPC, "ELBSubnets"): "subnet-1,subnet-2, subnet-3,subnet-4", (options.VPC, "Subnets"): "subnet-9"},
            4,
        ),
    ],
)
def test_a_load_balancer_has_a_node_in_each_zone(found: options.Options, count: int) -> None:
    assert options.zones(found) == count
