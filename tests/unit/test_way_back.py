"""The way back from a bad release, while the earlier environment is still being changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from memory import MemoryClock
from stages import LIVE_CNAME, environment

from ebcd.cli.progress import SilentProgress
from ebcd.clock import AdaptiveInterval
from ebcd.errors import ReleaseFailed
from ebcd.model import Environment
from ebcd.release.execute import swap
from ebcd.release.execute.context import Services
from ebcd.release.plan.steps import SwapCnames

BACK = SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, release="r1", replaces="r2")
FORTH = SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, release="r1", replaces="r2", accept=("Green",))


class Two:
    """Live, and an environment that is Updating for a time."""

    def __init__(self, seconds: float) -> None:
        self.clock, self.pace, self.progress = MemoryClock(), AdaptiveInterval(5.0), SilentProgress()
        self.flags, self._seconds = "-a shop -s prod", seconds
        self.beanstalk = self

    def environments(self, *_: object) -> tuple[Environment, ...]:
        status = "Updating" if self.clock.seconds < self._seconds else "Ready"
        return (replace(environment(1), status=status), environment(2, live=True))

    def instances(self, _: str) -> tuple[Any, ...]:
        return ()


def prove(step: SwapCnames, seconds: float) -> swap.Pair:
    return swap.prove(cast(Services, cast(Any, Two(seconds))), lambda: None, "shop", replace(step, label=""))


def test_it_waits_for_an_earlier_side_whose_capacity_is_being_held() -> None:
    assert prove(BACK, 600).ready
    with pytest.raises(ReleaseFailed) as failure:
        prove(FORTH, 600)
    assert failure.value.code == "not-ready", "a release that is not live yet is given up sooner"
