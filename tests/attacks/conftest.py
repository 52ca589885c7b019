"""The application's fixtures, and those of the other targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sites import acme, fresh, globex, make_site, postgres, site, urls
from test_gunicorn import bundle, free_port, start, wait_until_listening

from aespo.development import Urls
from ebcd_local.balancer import LoadBalancer

__all__ = ["acme", "bundle", "fresh", "globex", "make_site", "postgres", "site", "urls"]


@dataclass(frozen=True)
class Served:
    """The application behind a load balancer."""

    port: int
    """The load balancer's, which takes any Host."""
    gunicorn: int


@pytest.fixture(scope="module")
def served(bundle: object, urls: Urls) -> Iterator[Served]:
    """The application as Beanstalk serves it: one gunicorn, a load balancer in front."""
    number, balancer = free_port(), LoadBalancer()
    limits = {"AESPO_SIGNUPS_PER_HOUR": "100000", "AESPO_METRICS": ""}
    process = start(bundle, number, DATABASE_URL=urls.app, **limits)  # type: ignore[arg-type]  # a fixture's value
    balancer.start()
    try:
        wait_until_listening(process, number)
        port = balancer.open("e-1")
        balancer.set_upstreams("e-1", {"i-1": number})
        balancer.set_largest_body("e-1", 12 * 1024**2)
        yield Served(port, number)
    finally:
        balancer.stop()
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def gunicorn_port(served: Served) -> int:
    """The application's own server."""
    return served.gunicorn
