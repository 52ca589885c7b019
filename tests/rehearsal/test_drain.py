"""An environment that left live goes when its window has passed and nobody reaches it any more."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from products import Product


@contextmanager
def stale_client(product: Product, environment: str) -> Iterator[None]:
    """A client that goes on reaching an environment at its own address, as one with an old DNS answer does."""
    with product.by_hand() as client:
        found = client.describe_environments(EnvironmentNames=[environment])["Environments"][0]["EndpointURL"]
    stop = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection(found, timeout=10)
        with contextlib.suppress(OSError, http.client.HTTPException):  # until it is terminated
            while not stop.wait(0.02):
                connection.request("GET", "/version", headers={"Host": product.host})
                connection.getresponse().read()
        connection.close()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(15)


def await_requests(product: Product, environment: str, count: int = 50) -> None:
    """Wait until health tells of so many requests."""
    deadline = time.monotonic() + 30
    with product.by_hand() as client:
        asked = {"EnvironmentName": environment, "AttributeNames": ["ApplicationMetrics"]}
        while client.describe_environment_health(**asked)["ApplicationMetrics"]["RequestCount"] < count:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_what_still_gets_requests_stays_until_it_is_quiet_or_forced(product: Product) -> None:
    product.configure(keep="1h")
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["exit_code"] == 0
    product.configure(keep="0s")
    first = f"{product.name}-local-r1"
    with stale_client(product, first):
        await_requests(product, first)
        kept = product.ebcd("retire")
        assert kept.returncode == 0
        assert "clients remember it" in kept.stdout
        forced = product.json("retire", "--force")
    assert [(step["step"], step["status"]) for step in forced["steps"]] == [("TerminateEnvironment", "done")]
    assert product.json("retire")["steps"] == []


SIX_ZONES = """
[stages.local.options."aws:ec2:vpc"]
ELBSubnets = "subnet-1,subnet-2,subnet-3,subnet-4,subnet-5,subnet-6"
[stages.local.options."aws:elasticbeanstalk:environment:process:default"]
HealthCheckInterval = 5
"""


def test_health_checks_of_six_zones_hold_nothing_back(product: Product) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text() + SIX_ZONES)
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["exit_code"] == 0
    await_requests(product, f"{product.name}-local-r1", 8)
    retired = product.json("retire")
    assert [(step["step"], step["status"]) for step in retired["steps"]] == [("TerminateEnvironment", "done")]
