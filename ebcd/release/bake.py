"""The bake: live watched after a swap, by the smoke test, the tenants, its health, and what its users got.

A probe that fails, or a look at health that does, is no breach yet: it must fail again and again. What was seen before
the swap stands beside what is seen now.
"""

from __future__ import annotations

from ebcd.errors import AwsRefused, Transient
from ebcd.model import BakeLimits, Metrics, Stage
from ebcd.release.clock import polls
from ebcd.release.front import Front
from ebcd.release.gates import PROBE_INTERVAL, TOLERATED, Breach, live_failure
from ebcd.release.run import Services
from ebcd.release.steps import Bake
from ebcd.release.tenants import tenants_failure
from ebcd.release.waits import BASIC_HEALTH, Tick

ENOUGH = 20
"""Requests of ten seconds below which shares and percentiles say nothing."""
TOLERATED_LOOKS = 1
"""Looks at health in a row that may find fault: the next one confirms it or not."""


def measure(services: Services, environment: str) -> Metrics | None:
    """What an environment's users got in the last ten seconds; None where only basic health is reported."""
    try:
        return services.beanstalk.metrics(environment)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return None


def bake(services: Services, tick: Tick, stage: Stage, step: Bake, before: Metrics | None) -> str:
    """Watch live for the bake time; what was seen. before: live's measure before the swap. Raises Breach."""
    watch = _Watch(services, tick, stage, step, before)
    probes = 0
    asked = -services.pace.seconds
    for spent in polls(services.clock, timeout=step.seconds, interval=PROBE_INTERVAL):
        tick()
        probes += 1
        watch.probe()
        if spent - asked >= services.pace.seconds:
            asked = spent
            watch.look()
    seen = f"; {told(watch.seen)}" if watch.seen else ""
    earlier = f"; before the swap {told(before)}" if before and watch.seen else ""
    return f"{probes} probes{seen}{earlier}"


class _Watch:
    """What failed in a row so far, and the last measure."""

    def __init__(self, services: Services, tick: Tick, stage: Stage, step: Bake, before: Metrics | None) -> None:
        self._services = services
        self._tick = tick
        self._stage = stage
        self._step = step
        self._front = services.front(stage, step.cname) if step.cname else None  # a worker has none
        self._before = before
        self._probes = 0
        self._looks = 0
        self.seen: Metrics | None = None

    def probe(self) -> None:
        """Ask live as users do. Raises Breach when it failed too often in a row."""
        failure = _unanswered(self._services, self._tick, self._stage, self._front) if self._front else ""
        self._probes = self._count(self._probes, failure, TOLERATED, "probes")

    def look(self) -> None:
        """Look at health and at what users got. Raises Breach when there was fault too often in a row."""
        try:
            failure = self._fault()
        except Transient:  # it says nothing: what was counted stands
            return
        self._looks = self._count(self._looks, failure, TOLERATED_LOOKS, "looks at its health")

    def _count(self, before: int, failure: str, tolerated: int, what: str) -> int:
        if not failure:
            return 0
        self._services.progress.note(failure)
        if before + 1 > tolerated:
            raise Breach(f"{failure} ({before + 1} {what} in a row).")
        return before + 1

    def _fault(self) -> str:
        environment = self._services.beanstalk.environment(self._stage.application, self._step.environment)
        if environment is None:
            return f"{self._step.environment} is gone"
        if environment.health not in self._stage.accept:
            return f"health is {environment.health} {environment.health_status}".rstrip()
        seen = measure(self._services, self._step.environment)
        self.seen = seen or self.seen
        return limit_failure(self._stage.bake_limits, seen, self._before) if seen else ""


def limit_failure(limits: BakeLimits, seen: Metrics, before: Metrics | None) -> str:
    """Which limit is broken; empty: none, or too few requests to tell. Pure."""
    if seen.requests < ENOUGH:
        return ""
    if limits.max_5xx is not None and seen.share_5xx > limits.max_5xx:
        return f"{seen.share_5xx:.1%} of the requests were answered 5xx, more than {limits.max_5xx:.1%}"
    if seen.p99 is None:
        return ""
    if limits.p99_seconds is not None and seen.p99 > limits.p99_seconds:
        return f"p99 is {seen.p99:.2f} s, more than {limits.p99_seconds:g} s"
    measured = before is not None and before.requests >= ENOUGH and before.p99
    if limits.p99_ratio is not None and measured and seen.p99 > limits.p99_ratio * measured:
        return f"p99 is {seen.p99:.2f} s, more than {limits.p99_ratio:g} times the {measured:.2f} s before the swap"
    return ""


def told(seen: Metrics) -> str:
    """A measure in words."""
    if not seen.requests:
        return "no requests in 10 s"
    p99 = f", p99 {seen.p99:.3f} s" if seen.p99 is not None else ""
    return f"{seen.requests} requests in 10 s, {seen.share_5xx:.1%} 5xx{p99}"


def _unanswered(services: Services, tick: Tick, stage: Stage, front: Front) -> str:
    """Why live does not pass its smoke test or its tenants now; empty when it does."""
    failure = live_failure(services, stage, front)
    if failure or stage.tenants is None:
        return failure
    return tenants_failure(services, tick, stage.tenants, front)
