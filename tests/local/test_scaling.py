"""What decides, without a server: the trigger, batches, and enhanced health."""

from __future__ import annotations

import pytest

from ebcd_local import health, option_table, options
from ebcd_local.balancer import Traffic
from ebcd_local.fleet.policies import Settings, batch_size
from ebcd_local.fleet.scaling import MEASURED, Load, Scaler, Trigger, decide
from ebcd_local.health import Health, Sight, Surroundings

TRIGGER = "aws:autoscaling:trigger"


def trigger(**found: str) -> Trigger:
    options = {"MeasureName": "CPUUtilization", "LowerThreshold": "20", "UpperThreshold": "80", "BreachDuration": "1"}
    return Trigger.of({(TRIGGER, name): value for name, value in (options | found).items()}, speed=1)


def sizes(cpu: list[float], *, start: int = 2, **found: str) -> list[int]:
    """The sizes that a load gives, one look each ten seconds."""
    scaler, size, seen, rules = Scaler(), start, [], trigger(**found)
    for number, value in enumerate(cpu):
        load = Load(at=10.0 * number, instances=size, requests=50, latency=0.2, cpu=value, healthy=1)
        wanted = decide(scaler, load, rules, minimum=1, maximum=4)
        if wanted != size:
            scaler.scaled(load.at, rules)
        size = wanted
        seen.append(size)
    return seen


def test_an_alarm_that_lasts_repeats_its_action_after_each_cooldown() -> None:
    assert sizes([90] * 80) == [2] * 6 + [3] * 36 + [4] * 38
    assert sizes([10] * 60, start=3) == [3] * 6 + [2] * 36 + [1] * 18
    assert sizes([50] * 20) == [2] * 20
    assert sizes([90, 90, 90, 10, 10, 10, 50]) == [2] * 7


def test_sizes_stay_between_minimum_and_maximum() -> None:
    assert max(sizes([100] * 200)) == 4
    assert min(sizes([0] * 200)) == 1
    assert sizes([50], start=9) == [4]


def test_every_value_of_the_breach_duration_must_be_beyond_the_bound() -> None:
    twice = {"BreachDuration": "2", "Period": "1", "EvaluationPeriods": "2"}
    assert sizes([90] * 14, **twice) == [2] * 12 + [3] * 2
    assert sizes([10] * 6 + [90] * 12, **twice) == [2] * 17 + [3]
    assert sizes([100] * 7 + [70] * 7, **twice) == [2] * 14, "one of two minutes is within"


def test_statistics_and_measures() -> None:
    assert sizes([90, 10] * 10, Statistic="Maximum")[-1] > 2
    assert sizes([90, 10] * 10, Statistic="Minimum")[-1] < 2
    assert sizes([0] * 10, MeasureName="RequestCount", Statistic="Sum", UpperThreshold="200")[-1] == 3
    assert sizes([0] * 10, MeasureName="Latency", UpperThreshold="0.1", LowerThreshold="0")[-1] == 3
    assert sizes([0] * 10, MeasureName="UnhealthyHostCount", UpperThreshold="0.5", LowerThreshold="0")[-1] == 3
    assert sizes([0] * 10, MeasureName="HealthyHostCount", UpperThreshold="9", LowerThreshold="2")[-1] == 1
    assert sizes([0] * 10, MeasureName="DiskReadOps") == [2] * 10, "what is not measured moves nothing"


def test_the_measures_that_options_offer_are_measured_or_told() -> None:
    offered = option_table.find(TRIGGER, "MeasureName")
    assert offered is not None
    assert set(offered.values) - MEASURED == {"DiskReadBytes", "DiskReadOps", "DiskWriteBytes", "DiskWriteOps"}


def test_the_default_trigger_is_that_of_the_service() -> None:
    assert Trigger.of(options.DEFAULTS, speed=1) == Trigger(
        measure="NetworkOut",
        statistic="Average",
        lower=2_000_000,
        upper=6_000_000,
        period=300,
        evaluations=1,
        minute=60,
        point=300,
        rest=360,
        lower_increment=-1,
        upper_increment=1,
    )
    quick = Trigger.of({(options.ASG, "Cooldown"): "0"}, speed=10)
    assert (quick.period, quick.point, quick.rest, quick.span) == (30, 30, 6, 30)


def by_network(rate: int, *, instances: int, minutes: int, minimum: int = 1, **found: str) -> list[int]:
    """The sizes after each minute under the default trigger, where each instance sends so many bytes a minute."""
    rules = Trigger.of({(TRIGGER, name): value for name, value in found.items()}, speed=1)
    scaler, size, seen = Scaler(), instances, []
    for second in range(0, 60 * minutes + 1, 10):
        load = Load(second, size, sent={f"i-{number}": rate * second // 60 for number in range(size)})
        wanted = decide(scaler, load, rules, minimum=minimum, maximum=8)
        if wanted != size:
            scaler.scaled(load.at, rules)
        size = wanted
        if second and second % 60 == 0:
            seen.append(size)
    return seen


def test_an_idle_environment_scales_in_to_its_minimum_and_a_busy_one_out() -> None:
    assert by_network(0, instances=4, minutes=20) == [4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]
    assert by_network(0, instances=6, minutes=30, minimum=6) == [6] * 30, "a raised MinSize holds"
    assert by_network(399_999, instances=2, minutes=5) == [2, 2, 2, 2, 1]
    assert by_network(400_001, instances=2, minutes=30) == [2] * 30
    assert by_network(1_200_001, instances=2, minutes=12) == [2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4]


def test_the_sum_of_network_bytes_is_that_of_all_instances() -> None:
    found = {"Statistic": "Sum", "LowerThreshold": "0", "UpperThreshold": "4000000"}
    assert by_network(500_000, instances=2, minutes=6, **found)[-1] == 3
    assert by_network(390_000, instances=2, minutes=6, **found)[-1] == 2


@pytest.mark.parametrize(
    ("batch", "instances", "size"),
    [("30%", 4, 2), ("100%", 4, 4), ("1%", 4, 1), ("3", 2, 2), ("1", 4, 1), ("50%", 1, 1)],
)
def test_batches_are_rounded_up_and_never_empty(batch: str, instances: int, size: int) -> None:
    assert batch_size(batch, instances) == size


def test_the_settings_of_deployments() -> None:
    command = "aws:elasticbeanstalk:command"
    assert Settings.of({}, 1) == Settings("AllAtOnce", "100%", False, 600, 10, 300)
    found = Settings.of(
        {(command, "BatchSizeType"): "Fixed", (command, "BatchSize"): "2", (command, "IgnoreHealthCheck"): "True"}, 10
    )
    assert (found.batch, found.ignore_health, found.timeout) == ("2", True, 60)


def traffic(requests: int, failed: int, refused: int = 0) -> Traffic:
    return Traffic(requests, 10, requests - failed - refused, 0, refused, failed, {})


V1 = ("v1", 1)


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (Sight(None), ("Grey", "Pending")),
        (Sight(True, version=V1), ("Green", "Ok")),
        (Sight(False, "answered 503", version=V1), ("Red", "Severe")),
        (Sight(True, version=V1, traffic=traffic(9, 9)), ("Green", "Ok")),
        (Sight(True, version=V1, traffic=traffic(100, 1)), ("Yellow", "Warning")),
        (Sight(True, version=V1, traffic=traffic(100, 10)), ("Red", "Degraded")),
        (Sight(True, version=V1, traffic=traffic(100, 50)), ("Red", "Severe")),
        (Sight(True, version=V1, traffic=traffic(100, 0, 9)), ("Green", "Ok")),
        (Sight(True, version=V1, traffic=traffic(100, 0, 15)), ("Yellow", "Warning")),
        (Sight(True, version=V1, traffic=traffic(100, 0, 60)), ("Red", "Severe")),
        (Sight(True, version=V1, cpu=0.99), ("Yellow", "Warning")),
        (Sight(True, version=V1, causes=["Following services are not running: web."]), ("Red", "Degraded")),
        (Sight(True, version=("v0", 1)), ("Red", "Degraded")),
        (Sight(True, version=("v0", 1), deploying=True), ("Green", "Info")),
    ],
)
def test_an_instances_health(sight: Sight, expected: tuple[str, str]) -> None:
    found = health.of_instance(sight, V1)
    assert (found.color, found.status) == expected
    assert bool(found.causes) is (expected[1] not in {"Ok", "Pending"})


def test_both_kinds_of_failure_are_told() -> None:
    found = health.of_instance(Sight(True, version=V1, traffic=traffic(1000, 199, 300)), V1)
    assert found.causes == (
        "19.9 % of the requests are failing with HTTP 5xx.",
        "30.0 % of the requests are erroring with HTTP 4xx.",
    )


@pytest.mark.parametrize(
    ("document", "counts"),
    [
        ("", True),
        ("no JSON", True),
        ('{"Rules": {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": false}}}}}', False),
        ('{"Rules": {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": true}}}}}', True),
    ],
)
def test_refused_requests_count_unless_the_rules_say_else(document: str, counts: bool) -> None:
    assert options.counts_4xx({(options.HEALTH, "ConfigDocument"): document}) is counts


DOWN, OK = Health("Red", "Severe", ("down",)), health.OK


@pytest.mark.parametrize(
    ("instances", "around", "expected"),
    [
        ({}, Surroundings(), ("Grey", "Pending")),
        ({"a": OK, "b": health.PENDING}, Surroundings(), ("Green", "Ok")),
        ({"a": DOWN, "b": DOWN}, Surroundings(), ("Red", "Severe")),
        ({"a": DOWN, "b": OK}, Surroundings(), ("Red", "Degraded")),
        ({"a": DOWN, "b": OK, "c": OK}, Surroundings(), ("Yellow", "Warning")),
        ({"a": OK}, Surroundings(failure="It broke."), ("Red", "Degraded")),
        ({"a": OK}, Surroundings(traffic(100, 60)), ("Red", "Severe")),
        ({"a": OK}, Surroundings(operation="update"), ("Green", "Info")),
        ({"a": OK}, Surroundings(version=V1, sights={"a": Sight(True, version=("v0", 1))}), ("Red", "Degraded")),
    ],
)
def test_an_environments_health(instances: dict[str, Health], around: Surroundings, expected: tuple[str, str]) -> None:
    found = health.of_environment(instances, around)
    assert (found.color, found.status) == expected
