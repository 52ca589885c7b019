"""What a bake tolerates: limits, and live's figures before the swap."""

from __future__ import annotations

import pytest

from ebcd.model import BakeLimits, Metrics
from ebcd.release.execute.bake import limit_failures, told

BEFORE = Metrics(requests=500, failed=0, p99=0.2)


def seen(requests: int = 500, failed: int = 0, p99: float | None = 0.3) -> Metrics:
    return Metrics(requests, failed, p99)


@pytest.mark.parametrize(
    ("limits", "now", "said"),
    [
        (BakeLimits(max_5xx=0.01), seen(failed=6), "1.2% of the requests were answered 5xx, more than 1.0%"),
        (BakeLimits(p99_seconds=0.25), seen(), "p99 is 0.30 s, more than 0.25 s"),
        (BakeLimits(p99_ratio=1.4), seen(), "p99 is 0.30 s, more than 1.4 times the 0.20 s before the swap"),
    ],
)
def test_a_limit_that_is_broken_is_told(limits: BakeLimits, now: Metrics, said: str) -> None:
    assert list(limit_failures(limits, now, BEFORE).values()) == [said]


@pytest.mark.parametrize(
    ("limits", "now", "before"),
    [
        (BakeLimits(), seen(failed=500), BEFORE),
        (BakeLimits(max_5xx=0.01), seen(failed=5), BEFORE),
        (BakeLimits(max_5xx=0.01), seen(requests=10, failed=10), BEFORE),
        (BakeLimits(p99_seconds=0.25), seen(p99=None), BEFORE),
        (BakeLimits(p99_ratio=1.6), seen(), BEFORE),
        (BakeLimits(p99_ratio=1.1), seen(), None),
        (BakeLimits(p99_ratio=1.1), seen(), Metrics(requests=99, failed=0, p99=0.01)),
        (BakeLimits(p99_seconds=0.1), seen(requests=99), BEFORE),
        (BakeLimits(max_5xx=0.01), seen(requests=50, failed=1), BEFORE),
    ],
)
def test_what_is_within_limits_or_too_little_to_tell_is_no_failure(
    limits: BakeLimits, now: Metrics, before: Metrics | None
) -> None:
    assert limit_failures(limits, now, before) == {}


def test_a_measure_is_told_in_words() -> None:
    assert told(seen(failed=5)) == "500 requests in 10 s, 1.0% 5xx, p99 0.300 s"
    assert told(seen(requests=0, p99=None)) == "no requests in 10 s"
