"""The bake: live watched after a swap, by the smoke test, the tenants, its health, and what its users got.

A probe that fails, or a sample of health that finds fault, is no breach yet: it must happen again and again. What was
seen before the swap stands beside what is seen now.
"""

from __future__ import annotations

from ebcd.errors import Transient
from ebcd.model import BakeLimits, Metrics, Stage
from ebcd.release.clock import polls
from ebcd.release.front import Front
from ebcd.release.gates import PROBE_INTERVAL, TOLERATED, Breach, live_failure
from ebcd.release.health import P99_REQUESTS, HealthSampler, Sample
from ebcd.release.run import Services
from ebcd.release.steps import Bake
from ebcd.release.tenants import tenants_failure
from ebcd.release.waits import Tick

ENOUGH = 20
"""Requests of ten seconds below which a share of them says nothing."""
FEW = 1
"""Requests answered 5xx in ten seconds that are no share: where few come, one of them is above every limit."""
TOLERATED_SAMPLES = 2
"""Samples of health in a row that may find fault: the next one confirms it or not."""
DOUBT = 4
"""How many times the time between two samples a bake may take longer, to see whether a fault is confirmed."""


def bake(services: Services, tick: Tick, stage: Stage, step: Bake, before: Metrics | None) -> str:
    """Watch live for the bake time; what was seen. before: live's measure before the swap. Raises Breach.

    Where its last probes or samples found fault, it goes on until the next ones confirm that or not.
    """
    watch = _Watch(services, tick, stage, step, before)
    for _ in polls(services.clock, timeout=step.seconds, interval=PROBE_INTERVAL):
        watch.look()
    for _ in polls(services.clock, timeout=DOUBT * services.timing.sample, interval=PROBE_INTERVAL, at_once=False):
        if not watch.in_doubt:
            break
        watch.look()
    return watch.told()


class _Watch:
    """What failed in a row so far, and what was seen."""

    def __init__(self, services: Services, tick: Tick, stage: Stage, step: Bake, before: Metrics | None) -> None:
        self._services = services
        self._tick = tick
        self._stage = stage
        self._step = step
        self._front = services.front(stage, step.cname) if step.cname else None  # a worker has none
        self._before = before
        self._sampler = HealthSampler(services, stage.application, step.environment)
        self._failed_probes = self._bad_samples = 0
        """In a row."""
        self._probes = self._samples = 0
        self._spared: list[Sample] = []
        """Those whose health was bad for requests answered 4xx alone."""
        self._seen: Metrics | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether the last probe or the last sample found fault."""
        return bool(self._failed_probes or self._bad_samples)

    def look(self) -> None:
        """Ask live as users do, and its health where a sample is due. Raises Breach on fault too often in a row."""
        self._tick()
        self._probes += 1
        failure = _unanswered(self._services, self._tick, self._stage, self._front) if self._front else ""
        self._failed_probes = self._count(self._failed_probes, failure, TOLERATED, "probes")
        if self._sampler.due <= 0:
            self._sample()

    def told(self) -> str:
        """What was seen, in words."""
        parts = [f"{self._probes} probes, {self._samples} samples of health"]
        if self._seen:
            parts.append(told(self._seen))
        if self._seen and self._before:
            parts.append(f"before the swap {told(self._before)}")
        if self._spared:
            last = self._spared[-1]
            seen = f"{last.explained}.{last.advice(self._stage)}"
            parts.append(f"{len(self._spared)} of the samples were not counted as bad: {seen}")
        return "; ".join(parts)

    def _sample(self) -> None:
        """Judge a new sample; an answer that was read before is none, and no answer says nothing."""
        try:
            sample = self._sampler.read()
        except Transient:
            self._services.pace.refused()
            return
        self._services.pace.answered()
        if sample is not None:
            self._samples += 1
            self._bad_samples = self._count(self._bad_samples, self._fault(sample), TOLERATED_SAMPLES,
                                            "samples of its health", sample.advice(self._stage))  # fmt: skip

    def _count(self, before: int, failure: str, tolerated: int, what: str, advice: str = "") -> int:
        if not failure:
            return 0
        self._services.progress.note(failure)
        if before + 1 > tolerated:
            raise Breach(f"{failure} ({before + 1} {what} in a row).{advice}")
        return before + 1

    def _fault(self, sample: Sample) -> str:
        """What speaks against the release in a sample.

        Yellow for 4xx alone does not: whoever causes them follows the CNAME, and would after a swap back.
        """
        self._seen = sample.metrics or self._seen
        if sample.gone:
            return f"{self._step.environment} is gone"
        bad = sample.color not in self._stage.accept
        if bad and sample.color == "Yellow" and sample.only_4xx:
            self._spared.append(sample)
        elif bad:
            return f"health is {sample.explained}"
        return limit_failure(self._stage.bake_limits, sample.metrics, self._before) if sample.metrics else ""


def limit_failure(limits: BakeLimits, seen: Metrics, before: Metrics | None) -> str:
    """Which limit is broken; empty: none, or too few requests to tell. Pure."""
    share = seen.share_5xx if seen.requests >= ENOUGH and seen.failed > FEW else 0.0
    if limits.max_5xx is not None and share > limits.max_5xx:
        return f"{share:.1%} of the requests were answered 5xx, more than {limits.max_5xx:.1%}"
    if seen.p99 is None or seen.requests < P99_REQUESTS:
        return ""
    if limits.p99_seconds is not None and seen.p99 > limits.p99_seconds:
        return f"p99 is {seen.p99:.2f} s, more than {limits.p99_seconds:g} s"
    measured = before is not None and before.requests >= P99_REQUESTS and before.p99
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
