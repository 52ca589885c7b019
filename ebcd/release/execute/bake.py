"""The bake: live watched after a swap, by the smoke test, the tenants, its health, and what its users got.

A probe that fails, or a sample of health that finds fault, is no breach yet: it must happen again and again. What was
seen before the swap stands beside what is seen now.
"""

from __future__ import annotations

from ebcd import words
from ebcd.clock import polls
from ebcd.errors import Transient
from ebcd.model import BakeLimits, Metrics, Stage
from ebcd.release.execute.context import Services
from ebcd.release.execute.gates import PROBE_INTERVAL, TOLERATED, LiveCheckFailed, live_failure
from ebcd.release.execute.health import P99_REQUESTS, HealthSampler, Sample
from ebcd.release.execute.polling import Heartbeat
from ebcd.release.execute.tenants import tenants_failure
from ebcd.release.plan.steps import Bake
from ebcd.release.state.address import PublicAddress

ENOUGH = 20
"""Requests of ten seconds below which a share of them says nothing."""
FEW = 1
"""Requests answered 5xx in ten seconds that are no share: where few come, one of them is above every limit."""
TOLERATED_SAMPLES = 2
"""Samples of health in a row that may find the same fault: the next one confirms it or not."""
FEW_SERVED = 0.2
"""Share of the requests served before the swap below which it is not a scanner alone that causes 4xx."""
DOUBT = 4
"""How many samples, or probes, longer a bake may take to see whether a fault is confirmed."""


def bake(services: Services, heartbeat: Heartbeat, stage: Stage, step: Bake, before: Metrics | None) -> str:
    """Watch live for the bake time; what was seen. before: live's measure before the swap. Raises LiveCheckFailed.

    Where its last probe or sample found fault, it goes on until the next ones confirm that or not.
    """
    watch = _Watch(services, heartbeat, stage, step, before)
    for _ in polls(services.clock, timeout=step.seconds, interval=PROBE_INTERVAL):
        watch.check()
    longer = DOUBT * max(services.timing.sample, PROBE_INTERVAL)
    pauses = polls(services.clock, timeout=longer, interval=PROBE_INTERVAL, at_once=False)
    while watch.in_doubt and next(pauses, None) is not None:
        watch.check()
    return watch.summary()


class _Watch:
    """What was seen, and which faults were found in a row so far."""

    def __init__(
        self, services: Services, heartbeat: Heartbeat, stage: Stage, step: Bake, before: Metrics | None
    ) -> None:
        self._services = services
        self._heartbeat = heartbeat
        self._stage = stage
        self._step = step
        self._front = services.front(stage, step.cname) if step.cname else None  # a worker has none
        self._before = before
        self._sampler = HealthSampler(services, stage.application, step.environment)
        self._began = services.clock.monotonic()
        self._probes = self._samples = 0
        self._failed_probes = 0
        """In a row."""
        self._faulty: dict[str, int] = {}
        """Kind of fault → samples in a row that found it: two that differ do not confirm each other."""
        self._spared: list[Sample] = []
        """Those whose health was bad for requests answered 4xx alone."""
        self._seen: Metrics | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the last probe or the last sample found fault."""
        return bool(self._failed_probes or self._faulty)

    def check(self) -> None:
        """Ask live as users do, and for its health where a sample is due. Raises LiveCheckFailed."""
        self._heartbeat()
        self._probe()
        if self._sampler.due <= 0:
            self._sample()

    def summary(self) -> str:
        """What was seen, in words."""
        parts = [f"{words.count(self._probes, 'probe')}, {words.count(self._samples, 'sample')} of health"]
        if self._seen:
            parts.append(told(self._seen))
        if self._seen and self._before:
            parts.append(f"before the swap {told(self._before)}")
        if self._spared:
            last = self._spared[-1]
            seen = f"{last.explained}.{last.advice(self._stage)}"
            parts.append(f"{len(self._spared)} of the samples were not counted as bad: {seen}")
        return "; ".join(parts)

    def _probe(self) -> None:
        self._probes += 1
        failure = _unanswered(self._services, self._heartbeat, self._stage, self._front) if self._front else ""
        self._failed_probes = self._failed_probes + 1 if failure else 0
        if failure:
            self._services.progress.note(failure)
        if self._failed_probes > TOLERATED:
            raise LiveCheckFailed(f"{failure} ({self._failed_probes} probes in a row).")

    def _sample(self) -> None:
        """Judge a new sample; an answer that was read before is none, and no answer says nothing.

        Raises LiveCheckFailed.
        """
        try:
            sample = self._sampler.read()
        except Transient:
            self._services.pace.refused()
            return
        self._services.pace.answered()
        if sample is None:
            return
        self._samples += 1
        found = self._faults(sample)
        self._faulty = {kind: self._faulty.get(kind, 0) + 1 for kind in found}
        for kind, fault in found.items():
            self._services.progress.note(fault)
            if self._faulty[kind] > TOLERATED_SAMPLES:
                times = f"{self._faulty[kind]} samples of its health in a row"
                raise LiveCheckFailed(f"{fault} ({times}).{sample.advice(self._stage)}")

    def _faults(self, sample: Sample) -> dict[str, str]:
        """What speaks against the release in a sample, by its kind."""
        if sample.gone:
            return {"gone": f"{self._step.environment} is gone"}
        self._seen = sample.metrics or self._seen
        found = limit_failures(self._stage.bake_limits, sample.metrics, self._before) if sample.metrics else {}
        if sample.color in self._stage.accept:
            return found
        if sample.only_4xx and not self._refuses_users(sample):
            self._spared.append(sample)
            return found
        return found | {"health": f"health is {sample.explained}"}

    def _refuses_users(self, sample: Sample) -> bool:
        """Whether 4xx are the release's own: health is Red, and hardly anybody is served any more.

        A scanner follows the CNAME, is refused by every release, and keeps no user away. Until resolvers have forgotten
        the earlier environment, users are few.
        """
        arrived = self._services.clock.monotonic() - self._began >= self._services.timing.dns_ttl
        if sample.color != "Red" or self._before is None or sample.metrics is None or self._before.served < ENOUGH:
            return False
        return arrived and sample.metrics.served < FEW_SERVED * self._before.served


def limit_failures(limits: BakeLimits, seen: Metrics, before: Metrics | None) -> dict[str, str]:
    """Which limits are broken, by their kind; none where there are too few requests to tell. Pure."""
    found = {"5xx": _share_failure(limits, seen)}
    if seen.p99 is not None and seen.requests >= P99_REQUESTS:
        found["p99"] = _p99_failure(limits, seen.p99, before)
    return {kind: failure for kind, failure in found.items() if failure}


def _share_failure(limits: BakeLimits, seen: Metrics) -> str:
    telling = seen.requests >= ENOUGH and seen.failed > FEW
    if limits.max_5xx is None or not telling or seen.share_5xx <= limits.max_5xx:
        return ""
    return f"{seen.share_5xx:.1%} of the requests were answered 5xx, more than {limits.max_5xx:.1%}"


def _p99_failure(limits: BakeLimits, p99: float, before: Metrics | None) -> str:
    if limits.p99_seconds is not None and p99 > limits.p99_seconds:
        return f"p99 is {p99:.2f} s, more than {limits.p99_seconds:g} s"
    measured = before is not None and before.requests >= P99_REQUESTS and before.p99
    if limits.p99_ratio is not None and measured and p99 > limits.p99_ratio * measured:
        return f"p99 is {p99:.2f} s, more than {limits.p99_ratio:g} times the {measured:.2f} s before the swap"
    return ""


def told(seen: Metrics) -> str:
    """A measure in words."""
    if not seen.requests:
        return "no requests in 10 s"
    p99 = f", p99 {seen.p99:.3f} s" if seen.p99 is not None else ""
    return f"{words.count(seen.requests, 'request')} in 10 s, {seen.share_5xx:.1%} 5xx{p99}"


def _unanswered(services: Services, heartbeat: Heartbeat, stage: Stage, front: PublicAddress) -> str:
    """Why live does not pass its smoke test or its tenants now; empty when it does."""
    failure = live_failure(services, stage, front)
    if failure or stage.tenants is None:
        return failure
    return tenants_failure(services, heartbeat, stage.tenants, front)
