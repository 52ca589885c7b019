"""A load balancer's health check: what it asks an instance for, and how many answers in a row change its mind."""

from __future__ import annotations

import http.client
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from ebcd_local import options
from ebcd_local.options import Options

_PROCESS, _CLASSIC = "aws:elasticbeanstalk:environment:process:default", "aws:elb:healthcheck"
AGENT = "ELB-HealthChecker/2.0"
INTERVAL, CLASSIC_INTERVAL, TIMEOUT, HEALTHY, UNHEALTHY = 15.0, 10.0, 5.0, 3, 5
"""The service's defaults."""
AT_ONCE = 3
"""Checks of one node that are made up for: as many as ten seconds have at the shortest interval."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a health check saw."""

    healthy: bool
    status: int | None
    seconds: float
    error: str = ""
    refused: bool = False
    """Whether nothing listened."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The rules of an environment's health checks, by default the service's own."""

    path: str | None = "/"
    """None: it only connects, as a classic load balancer does without a URL to ask for, and as it is without one."""
    timeout: float = TIMEOUT
    """Seconds for an answer."""
    codes: str = "200"
    """Statuses that are healthy, as `200`, `200,301` or `200-299`."""
    healthy: int = HEALTHY
    """Checks in a row that bring an instance back."""
    unhealthy: int = UNHEALTHY
    """Checks in a row that take it out."""
    interval: float = INTERVAL
    """Seconds between two checks of one node of the load balancer."""

    @classmethod
    def of(cls, found: Options, tier: str = "WebServer") -> HealthCheck:
        """From effective option settings: of a classic load balancer, of the others, or without one."""
        kind = options.balancer_of(found, tier)
        classic = kind == "classic"
        names = (
            ("Timeout", "HealthyThreshold", "UnhealthyThreshold", "Interval")
            if classic
            else ("HealthCheckTimeout", "HealthyThresholdCount", "UnhealthyThresholdCount", "HealthCheckInterval")
        )
        space = _CLASSIC if classic else _PROCESS
        timeout, healthy, unhealthy, interval = (found.get((space, name), "") for name in names)
        return cls(
            path=options.health_path(found, by_connecting=kind in {"", "classic"}),
            timeout=float(timeout or TIMEOUT),
            codes="200" if classic else found.get((_PROCESS, "MatcherHTTPCode"), "") or "200",
            healthy=int(healthy or HEALTHY),
            unhealthy=int(unhealthy or UNHEALTHY),
            interval=float(interval or (CLASSIC_INTERVAL if classic else INTERVAL)),
        )

    def ask(self, port: int) -> Seen:
        """One check of an instance on loopback: its own address as Host, as a load balancer sends it."""
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self.timeout)
        try:
            if self.path is None:
                connection.connect()
                return Seen(True, None, time.monotonic() - start)
            connection.request("GET", self.path, headers={"User-Agent": AGENT, "Connection": "close"})
            status = connection.getresponse().status
            return Seen(self.accepts(status), status, time.monotonic() - start)
        except (OSError, http.client.HTTPException) as error:
            refused = isinstance(error, ConnectionRefusedError)
            return Seen(False, None, time.monotonic() - start, str(error) or type(error).__name__, refused)
        finally:
            connection.close()

    def decide(self, port: int, known: bool | None, interval: float) -> Seen:
        """Check an instance. What contradicts what is known must be seen as often in a row as the rules say, all within
        about an interval (seconds), so that one slip changes nothing. A check that hangs counts for those that it kept
        from being made.
        """
        seen = self.ask(port)
        if known is None or seen.healthy == known:
            return seen
        needed = self.healthy if seen.healthy else self.unhealthy
        agreed = 1 + int(seen.seconds / interval)
        while agreed < needed:
            time.sleep(interval / (2 * needed))
            again = self.ask(port)
            if again.healthy == known:
                return again
            seen, agreed = again, agreed + 1 + int(again.seconds / interval)
        return seen

    def accepts(self, status: int) -> bool:
        """Whether a status is healthy."""
        low, dash, high = self.codes.partition("-")
        return int(low) <= status <= int(high) if dash else str(status) in self.codes.split(",")


@dataclass(slots=True)
class Nodes:
    """The nodes of an environment's load balancer, one in each zone: each checks each instance by itself, at its own
    interval, beginning at its own moment.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """

    _next: dict[tuple[str, int], float] = field(default_factory=dict)
    """(Instance, node) → monotonic seconds of the next check."""

    def due(self, instance: str, nodes: int, interval: float, now: float) -> int:
        """How many checks an instance gets now: those whose time has come since the last call, but for long ones."""
        count = 0
        for number in range(nodes):
            at = self._next.setdefault((instance, number), now + interval * number / nodes)
            if at <= now:
                passed = 1 + int((now - at) // interval)
                count += min(passed, AT_ONCE)
                self._next[instance, number] = at + interval * passed
        return count

    def keep(self, instances: Collection[str]) -> None:
        """Forget instances that are gone."""
        self._next = {key: at for key, at in self._next.items() if key[0] in instances}
