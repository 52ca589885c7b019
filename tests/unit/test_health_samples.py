"""Health is sampled: a report of the agents counts once, whoever asks how often, and no good release is taken back."""

from __future__ import annotations

import math
import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from simulated import Durations, World
from stages import LIVE_CNAME, STAGE

from ebcd.cli.session import AWS_INTERVAL
from ebcd.errors import NoAnswer, ReleaseFailed
from ebcd.model import BakeLimits, EnvironmentHealth, Metrics, Proof, Stage
from ebcd.release.execute.bake import bake
from ebcd.release.execute.context import Services
from ebcd.release.execute.gates import LiveCheckFailed
from ebcd.release.execute.health import RULE, HealthSampler, Sample, hold_health, measure_live, typical
from ebcd.release.plan.steps import Bake, HoldHealth, MeasureLive

NAME = "shop-prod-r1"
SCANNED = "42.0 % of the requests are erroring with HTTP 4xx."
Report = Callable[[str, float], EnvironmentHealth]


def told(color: str = "Green", status: str = "Ok", *causes: str, **metrics: float) -> EnvironmentHealth:
    """A report: 200 requests, none of which failed, unless it is told else."""
    numbers = {"requests": 200, "failed": 0, "p99": 0.2, "instances": 2} | metrics
    return EnvironmentHealth(color, status, causes, Metrics(**numbers))  # type: ignore[arg-type]


def standing(report: Report, **durations: float) -> tuple[World, Services]:
    """An environment that has been Ready for long, and what its agents report."""
    world = World(durations=Durations(**durations), pause=AWS_INTERVAL)
    world.beanstalk.create_environment(name=NAME, label="v1", cname_prefix="shop", platform_arn=STAGE.platform)
    world.clock.seconds += 1000.0
    world.beanstalk.report = report
    return world, world.services("v1")


def steadily(found: EnvironmentHealth) -> Report:
    return lambda name, at: found


def at_times(*bad: int, found: EnvironmentHealth) -> Report:
    """Good reports but for those numbered so, from the first that is due after the environment has stood for long."""
    return lambda name, at: found if round(at / 10.0) - 100 in bad else told()


def baked(
    report: Report,
    limits: BakeLimits | None = None,
    before: Metrics | None = None,
    seconds: float = 600.0,
    phase: float = 0.0,
) -> tuple[World, str]:
    """The world after a bake, and what that told. Raises Breach."""
    world, services = standing(report)
    world.beanstalk.phase = phase
    stage = replace(STAGE, bake_limits=limits or BakeLimits(), proof=Proof("/version"))
    return world, bake(services, lambda: None, stage, Bake(NAME, LIVE_CNAME, seconds), before)


def test_an_answer_that_was_read_before_is_no_sample() -> None:
    world, services = standing(steadily(told()))
    sampler = HealthSampler(services, STAGE.application, NAME)
    seen = []
    for _ in range(100):
        seen.append(sampler.read())
        world.clock.sleep(0.92)
    times = [sample.time for sample in seen if sample]
    assert len(times) == len(set(times)) == 10


def test_it_is_asked_for_when_the_next_report_is_due_whatever_the_phase() -> None:
    random.seed(4)
    for number in range(20):
        world, services = standing(steadily(told()))
        world.beanstalk.phase = number / 2
        step = HoldHealth(NAME, ("Green",), 120.0, 600.0)
        began = world.clock.seconds
        assert hold_health(services, lambda: None, STAGE, step) == "Green"
        assert world.clock.seconds - began <= 120.0 + 4.0
        assert world.beanstalk.calls["DescribeEnvironmentHealth"] <= 1.5 * 13
        assert world.beanstalk.calls["DescribeEnvironments"] == 0


def test_health_holds_only_over_reports_and_one_bad_one_begins_anew() -> None:
    random.seed(4)
    world, services = standing(at_times(3, found=told("Yellow", "Warning", "One is slow.")))
    began = world.clock.seconds
    hold_health(services, lambda: None, STAGE, HoldHealth(NAME, ("Green",), 60.0, 600.0))
    assert 100.0 <= world.clock.seconds - began <= 104.0, "the fourth report begins the sixty seconds"


def set_clock(world: World, hours: float, after: float = 0.0) -> None:
    """The clock that AWS tells reports by is set to another time, some seconds from now on."""
    health, at = world.beanstalk.health, world.clock.seconds + after

    def told_by_it(name: str) -> EnvironmentHealth:
        found = health(name)
        assert found.metrics.refreshed_at is not None
        shift = timedelta(hours=hours if world.clock.seconds >= at else 0.0)
        return replace(found, metrics=replace(found.metrics, refreshed_at=found.metrics.refreshed_at + shift))

    world.beanstalk.health = told_by_it  # type: ignore[method-assign]


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_a_bake_sees_a_bad_release_though_the_clock_of_the_reports_is_set(hours: float) -> None:
    world, services = standing(lambda name, at: told() if at < 1100 else told("Red", "Severe", "All fail."))
    set_clock(world, hours, after=50.0)
    with pytest.raises(LiveCheckFailed, match="All fail"):
        bake(services, lambda: None, replace(STAGE, proof=Proof("/version")), Bake(NAME, LIVE_CNAME, 300.0), None)
    assert world.clock.seconds - 1100 <= 35.0


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_health_is_held_for_as_long_as_it_should_though_the_clock_of_the_reports_is_set(hours: float) -> None:
    world, services = standing(steadily(told()))
    set_clock(world, hours, after=30.0)
    began = world.clock.seconds
    assert hold_health(services, lambda: None, STAGE, HoldHealth(NAME, ("Green",), 120.0, 600.0)) == "Green"
    assert 105.0 <= world.clock.seconds - began <= 165.0


def test_a_read_that_shows_an_earlier_report_again_counts_it_once() -> None:
    world, services = standing(steadily(told()))
    sampler, health = HealthSampler(services, STAGE.application, NAME), world.beanstalk.health
    reports = []
    for _ in range(4):
        reports.append(health(NAME))
        world.clock.seconds += 10.0
    shown = iter([reports[1], reports[0], reports[1], reports[2], reports[1], reports[3]])
    world.beanstalk.health = lambda name: next(shown)  # type: ignore[method-assign]
    assert [sampler.read() is not None for _ in range(6)] == [True, True, False, True, False, True]


def test_a_report_without_a_time_counts_when_enough_time_has_passed() -> None:
    world, services = standing(steadily(told()))
    health = world.beanstalk.health
    world.beanstalk.health = lambda name: replace(health(name), metrics=Metrics(0, 0, None))  # type: ignore[method-assign]
    began = world.clock.seconds
    hold_health(services, lambda: None, STAGE, HoldHealth(NAME, ("Green",), 60.0, 600.0))
    assert 58.0 <= world.clock.seconds - began <= 75.0


def test_basic_health_is_read_from_the_environment_and_counted_when_enough_time_has_passed() -> None:
    world, services = standing(steadily(told()))
    world.beanstalk.basic = True
    began = world.clock.seconds
    assert hold_health(services, lambda: None, STAGE, HoldHealth(NAME, ("Green",), 60.0, 600.0)) == "Green"
    assert 58.0 <= world.clock.seconds - began <= 75.0
    assert world.beanstalk.calls["DescribeEnvironmentHealth"] == 1, "it is asked once whether there are reports"
    assert world.beanstalk.calls["DescribeEnvironments"] <= 8
    assert measure_live(services, lambda: None, STAGE, MeasureLive(NAME)) is None
    watched = bake(services, lambda: None, STAGE, Bake(NAME, LIVE_CNAME, 60.0), None)
    assert "6 samples of health" in watched


def test_reads_that_get_no_answer_say_nothing_and_slow_it_down() -> None:
    world, services = standing(steadily(told()))
    world.beanstalk.refusals["DescribeEnvironmentHealth"] = [NoAnswer("No answer came.") for _ in range(3)]
    step = HoldHealth(NAME, ("Green",), 0.0, 600.0)
    began = world.clock.seconds
    assert hold_health(services, lambda: None, STAGE, step) == "Green"
    assert world.clock.seconds - began >= 0.6 * (8.0 + 16.0 + 32.0)


def test_health_that_never_turns_tells_its_causes_and_the_rule_where_4xx_are_all_that_is_wrong() -> None:
    _, services = standing(steadily(told("Yellow", "Warning", SCANNED)))
    step = HoldHealth(NAME, ("Green",), 60.0, 120.0)
    with pytest.raises(ReleaseFailed, match="never turned healthy") as failed:
        hold_health(services, lambda: None, STAGE, step)
    assert failed.value.why.startswith(f"After 120 s its health was Yellow Warning: {SCANNED}")
    assert RULE in failed.value.why
    _, services = standing(steadily(told("Yellow", "Warning", SCANNED, "One instance is gone.")))
    with pytest.raises(ReleaseFailed) as failed:
        hold_health(services, lambda: None, STAGE, step)
    assert "One instance is gone" in failed.value.why
    assert "ConfigDocument" not in failed.value.why, "there is more to it"


@pytest.mark.parametrize(
    ("causes", "only"),
    [
        ((f"{SCANNED} Insufficient request rate (6.0 requests/min) to determine application health.",), True),
        (("20.0 % of the requests to the ELB are erroring with HTTP 4xx.", SCANNED), True),
        ((f"{SCANNED} ELB health is failing for 1 out of 2 instances.",), False),
        (("Insufficient request rate (6.0 requests/min) to determine application health.",), False),
        (("1.5 % of the requests are failing with HTTP 5xx.",), False),
        ((), False),
    ],
)
def test_what_is_wrong_is_told_sentence_by_sentence(causes: tuple[str, ...], only: bool) -> None:
    world, _ = standing(steadily(told()))
    assert Sample(world.clock.now(), "Ready", "Yellow", "Warning", causes).only_4xx is only


def test_the_lines_that_it_advises_are_of_ebcd_toml() -> None:
    world, _ = standing(steadily(told()))
    advice = Sample(world.clock.now(), "Ready", "Yellow", "Warning", (SCANNED,)).advice(STAGE)
    table = advice[advice.index("[stages.") : advice.index('"]') + 2]
    found = tomllib.loads(f"{table}\n{advice[advice.index('ConfigDocument') :]}")
    options = found["stages"][STAGE.name]["options"]["aws:elasticbeanstalk:healthreporting:system"]
    assert options == {"ConfigDocument": RULE}


def test_an_environment_that_is_gone_is_no_sample_of_health() -> None:
    world, services = standing(steadily(told()))
    world.beanstalk.terminate(f"e-{NAME}")
    with pytest.raises(ReleaseFailed, match="was terminated"):
        hold_health(services, lambda: None, STAGE, HoldHealth(NAME, ("Green",), 60.0, 120.0))


# bakes


def test_two_bad_reports_in_a_row_are_no_breach_and_three_are() -> None:
    bad = told("Red", "Severe", "All are down.")
    assert "0 samples of health" in baked(at_times(5, 6, 9, 10, 20, found=bad))[1]
    with pytest.raises(
        LiveCheckFailed, match=r"health is Red Severe: All are down \(3 samples of its health in a row\)"
    ):
        baked(at_times(5, 6, 7, found=bad))


def test_faults_that_differ_confirm_each_other_no_more_than_they_do_themselves() -> None:
    slow, down = told(p99=9.0), told("Red", "Severe", "All are down.")
    limits = BakeLimits(p99_seconds=1.0)

    def report(first: int, *bad: EnvironmentHealth) -> Report:
        numbered = dict(enumerate(bad, first))
        return lambda name, at: numbered.get(round(at / 10.0) - 100, told())

    baked(report(5, slow, down, slow, down), limits)
    both = replace(down, metrics=slow.metrics)
    with pytest.raises(LiveCheckFailed, match=r"p99 is 9\.00 s"):
        baked(report(5, slow, both, slow), limits)


def test_a_bake_that_ends_in_doubt_goes_on_until_the_next_reports_confirm_it_or_not() -> None:
    random.seed(3)
    bad = told("Red", "Severe", "All are down.")
    world, _ = baked(at_times(59, 60, found=bad), seconds=600.0)
    assert 1000.0 + 600.0 <= world.clock.seconds <= 1000.0 + 615.0 + 5.0
    with pytest.raises(LiveCheckFailed, match="3 samples"):
        baked(at_times(59, 60, 61, found=bad), seconds=600.0)


@pytest.mark.parametrize("health", [("Yellow", "Warning"), ("Red", "Severe")], ids="-".join)
def test_4xx_alone_are_told_and_take_nothing_back_while_users_are_served_as_before(health: tuple[str, str]) -> None:
    scanned = told(*health, SCANNED, requests=400, refused=210)
    _, seen = baked(steadily(scanned), before=told().metrics, seconds=120.0)
    assert f"of the samples were not counted as bad: {' '.join(health)}: 42.0 % of the requests" in seen
    assert RULE in seen
    _, seen = baked(steadily(told()), seconds=60.0)
    assert "ConfigDocument" not in seen


def test_a_release_that_answers_its_users_4xx_is_taken_back_once_they_have_come() -> None:
    lost = told("Red", "Severe", SCANNED, requests=200, refused=198)
    world, services = standing(steadily(lost))
    began = world.clock.seconds
    with pytest.raises(LiveCheckFailed, match="health is Red Severe") as breach:
        bake(services, lambda: None, STAGE, Bake(NAME, LIVE_CNAME, 600.0), told().metrics)
    assert RULE in str(breach.value), "whoever is taken back for it learns how 4xx are left out"
    assert 60.0 <= world.clock.seconds - began <= 60.0 + 30.0 + 4.0
    assert "not counted" in baked(steadily(lost))[1], "with nothing to compare nobody can tell a scanner apart"
    few = Metrics(requests=10, failed=0, p99=0.1)
    assert "not counted" in baked(steadily(lost), before=few)[1]


def test_it_asks_for_no_environment_while_it_bakes_and_takes_no_longer_than_it_should() -> None:
    world, _ = baked(steadily(told()), seconds=600.0)
    assert world.clock.seconds == pytest.approx(1000.0 + 600.0, abs=0.5)
    assert world.beanstalk.calls["DescribeEnvironments"] == 0
    assert world.beanstalk.calls["DescribeEnvironmentHealth"] <= 1.5 * 61


@dataclass(frozen=True)
class Traffic:
    """A healthy application as its agents report it: noise, a scanner now and then, a bad report now and then."""

    seed: float

    def __call__(self, name: str, at: float) -> EnvironmentHealth:
        chance, minute = random.Random(f"{self.seed} {at}"), random.Random(f"{self.seed} {at // 60}")
        requests = int(chance.uniform(30, 400))
        failed = sum(chance.random() < 0.001 for _ in range(requests))
        p99 = 0.2 * math.exp(chance.gauss(0.0, 0.3)) * (5.0 if chance.random() < 0.03 else 1.0)  # a few are slow
        found = told(requests=requests, failed=failed, p99=p99)
        if (scanner := minute.random()) < 0.3:  # one is at work for all of it
            health = ("Red", "Severe") if scanner < 0.1 else ("Yellow", "Warning")
            metrics = replace(found.metrics, requests=3 * requests, refused=2 * requests)
            return EnvironmentHealth(*health, (SCANNED,), metrics)
        if chance.random() < 0.03:
            return replace(found, color="Red", status="Degraded", causes=("1 out of 2 instances does not report.",))
        return found


LIMITS = BakeLimits(max_5xx=0.01, p99_ratio=3.0)


def measured(stage: Stage, report: Report) -> Metrics | None:
    _, services = standing(report)
    return measure_live(services, lambda: None, stage, MeasureLive(NAME))


def test_no_good_release_is_taken_back_in_a_hundred_noisy_bakes() -> None:
    chance = random.Random(12)
    random.seed(12)
    spared = 0
    for _ in range(100):
        traffic, phase = Traffic(chance.random()), chance.uniform(0.0, 10.0)
        before = measured(replace(STAGE, bake_limits=LIMITS), traffic)
        spared += "not counted as bad" in baked(traffic, LIMITS, before, phase=phase)[1]
    assert spared > 50, "there was noise"


@pytest.mark.parametrize(
    ("said", "worse"),
    [
        ("answered 5xx", lambda found: replace(found, metrics=replace(found.metrics, requests=300, failed=15))),
        ("times the", lambda found: replace(found, metrics=replace(found.metrics, requests=300, p99=1.0))),
        ("health is Red Severe", lambda found: replace(found, color="Red", status="Severe", causes=("Down.",))),
    ],
    ids=["5xx", "p99", "severe"],
)
def test_a_bad_release_is_taken_back_by_its_third_report(
    said: str, worse: Callable[[EnvironmentHealth], EnvironmentHealth]
) -> None:
    chance = random.Random(13)
    random.seed(13)
    before = Metrics(requests=300, failed=0, p99=0.2)
    for _ in range(30):
        traffic, phase = Traffic(chance.random()), chance.uniform(0.0, 10.0)
        world, services = standing(lambda name, at, traffic=traffic: worse(traffic(name, at)))  # type: ignore[misc]
        world.beanstalk.phase = phase
        stage, began = replace(STAGE, bake_limits=LIMITS), world.clock.seconds
        with pytest.raises(LiveCheckFailed, match=r"3 samples of its health in a row") as breach:
            bake(services, lambda: None, stage, Bake(NAME, LIVE_CNAME, 600.0), before)
        assert said in str(breach.value)
        assert world.clock.seconds - began <= 20.0 + 4.0, "the first one is there when it begins"


# what live's users got before


def test_a_p99_before_the_swap_is_the_middle_one_of_several_reports() -> None:
    slow = {0: 0.2, 1: 1.0, 2: 0.3}

    def report(name: str, at: float) -> EnvironmentHealth:
        return told(p99=slow[(round(at / 10.0) - 100) % 3])

    compared = measured(replace(STAGE, bake_limits=BakeLimits(p99_ratio=2.0)), report)
    assert compared is not None
    assert compared.p99 == 0.3
    world, services = standing(report)
    began = world.clock.seconds
    assert measure_live(services, lambda: None, STAGE, MeasureLive(NAME)) is not None
    assert world.clock.seconds - began < 1.0, "where nothing is compared with it, nobody waits"


def test_of_reports_with_too_few_requests_none_tells_a_p99() -> None:
    few = Metrics(99, 0, 0.1)
    enough = Metrics(100, 0, 0.4)
    assert typical([few, enough]) == enough
    assert typical([enough, few]) == enough
    assert typical([few, replace(few, requests=1)]) == Metrics(1, 0, 0.1)
    assert typical([]) is None
