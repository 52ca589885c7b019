"""Changes of an environment that stands: sent when it is Ready, and never to what is live by now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from memory import MemoryClock
from stages import LIVE_CNAME, STAGE, environment

from ebcd.cli.progress import SilentProgress
from ebcd.clock import AdaptiveInterval
from ebcd.errors import AwsRefused, ReleaseFailed
from ebcd.model import ASG, Environment, Event, InstanceHealth, Metrics, OptionSetting, Place, Timing, by_place
from ebcd.release.execute import updates
from ebcd.release.execute.context import Services, Status
from ebcd.release.execute.environments import match_capacity
from ebcd.release.plan.steps import MatchCapacity, ScaleDown, SetMinimum, UpdateOptions, UpdateVersion

NAME = "shop-prod-r1"
MUST_BE_READY = AwsRefused("AWS refused UpdateEnvironment.", why="Must be Ready.", code="InvalidParameterValue")
ONE_AT_A_TIME = AwsRefused(
    "AWS refused UpdateEnvironment.",
    why="You cannot update the application version and make configuration updates at the same time.",
    code="InvalidParameterCombination",
)
COLOUR = OptionSetting("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")
OLD = OptionSetting("aws:elasticbeanstalk:application:environment", "OLD", "1")
DEPLOY = UpdateVersion(NAME, "v2", "r2", live=False, cname=LIVE_CNAME)


class One:
    """A Beanstalk with one environment. What it was asked to change is in `sent`."""

    def __init__(self, clock: MemoryClock, **changes: object) -> None:
        self.clock, self.found = clock, environment(1, **changes)  # type: ignore[arg-type]
        self.sent: list[str] = []
        self.busy_until = 0.0
        self.requests = 0
        self.managed_update = False
        """Whether another operation begins right before the next change."""
        self.present: dict[Place, OptionSetting] = {}
        self.one_at_a_time = False
        """Whether a version and settings in one update are refused."""

    def environment(self, *_: str) -> Environment:
        busy = self.clock.seconds < self.busy_until
        return replace(self.found, status="Updating" if busy else "Ready")

    def _change(self, what: str) -> None:
        if self.managed_update:
            self.managed_update, self.busy_until = False, self.clock.seconds + 60
        if self.clock.seconds < self.busy_until:
            raise MUST_BE_READY
        self.sent.append(what)
        self.busy_until = self.clock.seconds + 30

    def update_version(self, _: str, label: str) -> None:
        self._change(label)
        self.found = replace(self.found, version_label=label)

    def settings(self, *_: str) -> tuple[OptionSetting, ...]:
        return tuple(self.present.values())

    @property
    def minimum(self) -> int:
        return int(self.present[OptionSetting(ASG, "MinSize", "").place].value)

    @minimum.setter
    def minimum(self, size: int) -> None:
        self.present |= by_place([OptionSetting(ASG, "MinSize", str(size))])

    def instance_count(self, _: str) -> int:
        return self.minimum

    def update_options(
        self,
        _: str,
        options: Sequence[OptionSetting],
        remove: Sequence[Place] = (),
        platform_arn: str = "",
        label: str = "",
    ) -> None:
        if label and self.one_at_a_time:
            raise ONE_AT_A_TIME
        self._change(f"options {label}".strip())
        self.present |= by_place(options)
        for place in remove:
            self.present.pop(place, None)
        self.found = replace(self.found, version_label=label or self.found.version_label)

    def events(self, *_: object, **__: object) -> tuple[Event, ...]:
        return ()

    def instances(self, _: str) -> tuple[InstanceHealth, ...]:
        return (InstanceHealth("i-1", "Ok", "Green", (), self.found.version_label, "Deployed"),)

    def metrics(self, _: str) -> Metrics:
        return Metrics(self.requests, 0, None, 1)


ACTS: dict[type, Any] = {
    ScaleDown: updates.scale_down,
    UpdateVersion: updates.update_version,
    SetMinimum: updates.set_minimum,
    MatchCapacity: lambda services, heartbeat, stage, step: match_capacity(
        services, heartbeat, stage.application, step
    ),
}


def services(one: One) -> Services:
    return cast(Services, _Some(one))


class _Some:
    def __init__(self, one: One) -> None:
        self.beanstalk: Any = one
        self.clock, self.pace, self.progress = one.clock, AdaptiveInterval(5.0), SilentProgress()
        self.flags, self.remedy = "-a shop -s prod", "ship again."
        self.cloudwatch, self.timing = None, Timing()


def act(one: One, step: Any) -> Status:
    change = next(act for kind, act in ACTS.items() if isinstance(step, kind))
    return change(services(one), lambda: None, STAGE, step).status


def test_what_another_operation_was_quicker_than_is_sent_once_that_has_ended() -> None:
    one = One(MemoryClock())
    one.managed_update = True
    assert act(one, DEPLOY) is Status.DONE
    assert one.sent == ["v2"]
    assert one.clock.seconds >= 90, "the other operation's minute, and its own half"


def test_a_refusal_of_what_stands_ready_is_the_end() -> None:
    one = One(MemoryClock())
    one.update_version = lambda *_: (_ for _ in ()).throw(MUST_BE_READY)  # type: ignore[method-assign]
    with pytest.raises(AwsRefused):
        act(one, DEPLOY)


def test_what_somebody_made_live_since_the_plan_is_not_deployed_on() -> None:
    one = One(MemoryClock(), live=True)
    with pytest.raises(ReleaseFailed) as failure:
        act(one, DEPLOY)
    assert failure.value.code == "live-moved"
    assert one.sent == []
    assert act(one, replace(DEPLOY, live=True, cname="")) is Status.DONE, "in place that is the way"


@pytest.mark.parametrize(("live", "requests"), [(True, 0), (False, 50)], ids=["live", "still asked"])
def test_what_is_needed_after_all_is_not_scaled_down(live: bool, requests: int) -> None:
    one = One(MemoryClock(), live=live)
    one.requests = requests
    step = ScaleDown(NAME, "r1 left live", LIVE_CNAME, left=one.clock.now())
    assert act(one, step) is Status.SKIPPED
    assert one.sent == []
    if not live:
        assert act(one, replace(step, left=None)) is Status.DONE, "ebcd retire --force"


BOTH = replace(DEPLOY, settings=UpdateOptions(NAME, (COLOUR,), (OLD.place,), cname=LIVE_CNAME))


def test_a_version_and_settings_go_in_one_update() -> None:
    one = One(MemoryClock())
    one.present = by_place([OLD])
    assert act(one, BOTH) is Status.DONE
    assert one.sent == ["options v2"]
    assert (one.found.version_label, one.settings()) == ("v2", (COLOUR,))
    assert act(one, BOTH) is Status.SKIPPED, "a second run finds nothing to do"


def test_where_aws_refuses_that_they_go_one_after_the_other() -> None:
    one = One(MemoryClock())
    one.one_at_a_time = True
    assert act(one, BOTH) is Status.DONE
    assert one.sent == ["options", "v2"]
    assert (one.found.version_label, one.settings()) == ("v2", (COLOUR,))
    assert one.clock.seconds >= 30, "the version waits until the settings have arrived"


def test_another_refusal_of_both_is_not_tried_one_by_one() -> None:
    one = One(MemoryClock())
    one.update_options = lambda *_: (_ for _ in ()).throw(MUST_BE_READY)  # type: ignore[method-assign]
    with pytest.raises(AwsRefused):
        act(one, BOTH)
    assert one.sent == []


@pytest.mark.parametrize(
    ("label", "present", "sent"),
    [
        ("v2", (COLOUR,), []),
        ("v2", (), ["options"]),
        ("v1", (COLOUR,), ["v2"]),
        ("v2", (COLOUR, OLD), ["options"]),
        ("v1", (OLD,), ["options v2"]),
    ],
)
def test_what_an_update_that_failed_has_left_is_read_and_only_the_rest_is_sent(
    label: str, present: tuple[OptionSetting, ...], sent: list[str]
) -> None:
    """So the way back from an update that failed half way brings what is lacking: AWS may have kept either half."""
    one = One(MemoryClock())
    one.found, one.present = replace(one.found, version_label=label), by_place(present)
    assert act(one, BOTH) is (Status.DONE if sent else Status.SKIPPED)
    assert one.sent == sent
    assert (one.found.version_label, one.settings()) == ("v2", (COLOUR,))


def test_a_platform_that_is_there_is_not_sent_again() -> None:
    one = One(MemoryClock(), platform_arn="arn:new")
    to_new = UpdateOptions(NAME, (), platform_arn="arn:new")
    seen = updates.update_options(services(one), lambda: None, STAGE, to_new)
    assert (seen.status, one.sent) == (Status.SKIPPED, [])
    older = One(MemoryClock(), platform_arn="arn:old")
    with pytest.raises(ReleaseFailed, match="did not take the update"):
        updates.update_options(services(older), lambda: None, STAGE, to_new)
    assert older.sent == ["options"]


def test_a_minimum_is_lowered_once_and_live_s_own_too() -> None:
    one = One(MemoryClock(), live=True)
    one.minimum = 6
    assert act(one, SetMinimum(NAME, 2)) is Status.DONE
    assert (one.sent, one.minimum) == (["options"], 2)
    assert act(one, SetMinimum(NAME, 2)) is Status.SKIPPED
    assert act(one, SetMinimum(NAME, 3)) is Status.SKIPPED, "it is never raised by that"
    assert one.sent == ["options"]


def test_what_holds_the_earlier_side_is_sent_and_not_waited_for() -> None:
    one = One(MemoryClock())
    assert act(one, MatchCapacity(NAME, 6, cname=LIVE_CNAME, awaited=False)) is Status.DONE
    assert (one.minimum, one.environment().status) == (6, "Updating")
    assert act(one, MatchCapacity(NAME, 6, cname=LIVE_CNAME, awaited=False)) is Status.DONE
    assert one.sent == ["options"], "its MinSize is there"


def test_before_a_swap_the_instances_are_waited_for() -> None:
    one = One(MemoryClock())
    assert act(one, MatchCapacity(NAME, 6)) is Status.DONE
    assert one.clock.seconds >= 30, "until it is Ready again"
    held = One(MemoryClock(), live=True)
    assert act(held, MatchCapacity(NAME, 6, cname=LIVE_CNAME)) is Status.SKIPPED, "it is live by now"
    assert held.sent == []
