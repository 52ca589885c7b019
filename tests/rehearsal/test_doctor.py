"""`ebcd doctor` against a local Beanstalk: it finds what is wrong, changes nothing, and no fault hides a check."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from engine import Engine, QuickClock, Wire
from products import Cloud, Product

from ebcd.aws.models import OPERATIONS
from ebcd.doctor.at_once import NAME
from ebcd.doctor.check import Check
from ebcd.doctor.judge import judge
from ebcd.doctor.look import look

READS = ("Describe", "List", "Check", "Get", "Head", "Retrieve", "Simulate")
"""What an operation that changes nothing begins with."""


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    """What came of each check, of the worst where there are several."""
    order = ("ok", "unknown", "warning", "error")
    found: dict[str, str] = {}
    for item in told["checks"]:
        found[item["check"]] = max(found.get(item["check"], "ok"), item["outcome"], key=order.index)
    return found


def wrong(told: dict[str, Any]) -> dict[str, str]:
    """The checks that are not ok."""
    return {check: outcome for check, outcome in outcomes(told).items() if outcome != "ok"}


def calls_of(product: Product, *arguments: str, **environ: str) -> tuple[dict[str, Any], list[str]]:
    before = product.cloud.last_call()
    told = product.json("doctor", *arguments, **environ)
    return told, [call["operation"] for call in product.cloud.calls(before)]


def fault(cloud: Cloud, kind: str, place: str, **more: Any) -> None:
    cloud.control("POST", "faults", kind=kind, place=place, times=0, **more)


@pytest.fixture
def faulty(cloud: Cloud) -> Iterator[Cloud]:
    yield cloud
    cloud.control("DELETE", "faults")


def test_a_stage_that_was_never_released_is_well_and_stays_as_it_is(product: Product) -> None:
    told, calls = calls_of(product)
    assert (told["exit_code"], told["ok"], wrong(told)) == (0, True, {})
    assert [name for name in calls if not name.startswith(READS)] == []
    with product.by_hand() as client:
        assert client.describe_applications(ApplicationNames=[product.name])["Applications"] == []
    shown = product.ebcd("doctor")
    assert "The first ship creates it." in shown.stdout
    assert "Nothing here would stop a ship" in shown.stdout


def test_a_released_stage_is_looked_at_whole_and_stays_as_it_is(product: Product) -> None:
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    told, calls = calls_of(product)
    assert (told["exit_code"], wrong(told)) == (0, {})
    assert {"database", "drift", "managed-updates", "platform", "quotas"} <= set(outcomes(told))
    assert [name for name in calls if not name.startswith(READS)] == []
    assert max(calls.count(name) for name in set(calls) - {"GetObject", "DescribeEnvironments"}) <= 3


def test_what_a_ship_would_refuse_is_told_with_a_way_out(product: Product) -> None:
    product.configure(keep="1h")
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    path = {"Namespace": "aws:elasticbeanstalk:application", "OptionName": "Application Healthcheck URL"}
    product.set_option(f"{product.name}-local-r1", path | {"Value": "/other"})
    assert product.ebcd("hold", "--reason", "it loses orders").returncode == 0
    told = product.json("doctor")
    assert (told["exit_code"], told["error"]["code"]) == (3, "doctor-hold")
    assert wrong(told) == {"hold": "error", "drift": "error"}
    assert all(item["hint"] for item in told["checks"] if item["outcome"] == "error")
    shown = product.ebcd("doctor")
    assert shown.returncode == 3
    assert "it loses orders" in shown.stdout
    assert f"ebcd unhold -a {told['application']} -s {told['stage']}" in shown.stdout


BRANCH = "Python 3.11 running on 64bit Amazon Linux 2023"
OLDER = f'platform = "arn:aws:elasticbeanstalk:eu-central-1::platform/{BRANCH}/4.7.0"\n'
MANAGED = """
[stages.local.options."aws:elasticbeanstalk:managedactions"]
ManagedActionsEnabled = true
PreferredStartTime = "{start}"
[stages.local.options."aws:elasticbeanstalk:managedactions:platformupdate"]
UpdateLevel = "minor"
"""


def what(told: dict[str, Any], check: str) -> str:
    return str(next(item["what"] for item in told["checks"] if item["check"] == check))


def test_a_newer_platform_and_the_managed_update_that_brings_it_are_told(product: Product) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    text = product.configuration().replace('target = "local"\n', f'target = "local"\n{OLDER}')
    (product.folder / "ebcd.toml").write_text(text + MANAGED.format(start=f"{later:%a:%H:%M}"))
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    told = product.json("doctor")
    assert (told["exit_code"], wrong(told)) == (0, {"platform": "warning"})
    assert what(told, "platform") == "Live runs platform version 4.7.0; 4.7.1 is out."
    assert f"weekly from {later:%a:%H:%M} UTC; due at {later:%Y-%m-%d %H:%M} UTC" in what(told, "managed-updates")


def test_a_platform_branch_that_there_is_not_is_refused(product: Product) -> None:
    text = product.configuration().replace('target = "local"\n', 'target = "local"\nplatform = "Python 2"\n')
    (product.folder / "ebcd.toml").write_text(text)
    told = product.json("doctor")
    assert (told["exit_code"], wrong(told)) == (3, {"platform": "error"})


@pytest.mark.parametrize("changes", ['tier = "worker"\nstrategy = "in-place"\n', 'strategy = "pair"\n'])
def test_other_strategies_and_tiers_are_looked_at_too(product: Product, changes: str) -> None:
    text = product.configuration().replace('target = "local"\n', f'target = "local"\n{changes}')
    if "worker" in changes:
        text = text[: text.index("[stages.local.smoke]")]
    (product.folder / "ebcd.toml").write_text(text)
    told = product.json("doctor")
    assert (told["exit_code"], wrong(told)) == (0, {})
    assert ("cname" in outcomes(told)) == ("worker" not in changes)


@pytest.mark.parametrize(
    ("operation", "seen", "code"),
    [
        ("DescribeAccountAttributes", {"reads": "warning", "quotas": "unknown"}, 0),
        ("DescribePlatformVersion", {"reads": "warning", "platform": "unknown"}, 0),
        ("ListPlatformVersions", {"reads": "error", "platform": "unknown"}, 5),
        ("DescribeApplications", {"reads": "error", "application": "unknown"}, 5),
        ("CheckDNSAvailability", {"reads": "error", "cname": "unknown"}, 5),
    ],
)
def test_a_refused_read_is_told_and_hides_nothing(
    product: Product, faulty: Cloud, operation: str, seen: dict[str, str], code: int
) -> None:
    fault(faulty, "error", operation, code="AccessDenied", status=403)
    told = product.json("doctor")
    assert (told["exit_code"], wrong(told)) == (code, seen)
    assert operation in next(item["what"] for item in told["checks"] if item["check"] == "reads")


def test_a_bucket_that_may_not_be_used_is_an_error(product: Product, faulty: Cloud) -> None:
    fault(faulty, "error", "s3:HeadBucket", code="AccessDenied", status=403)
    told = product.json("doctor")
    assert told["exit_code"] == 5
    assert wrong(told)["bucket"] == "error"
    assert "another account" in next(item["why"] for item in told["checks"] if item["check"] == "bucket")


def test_expired_credentials_are_told_once(product: Product, faulty: Cloud) -> None:
    fault(faulty, "expired", "*")
    told = product.json("doctor")
    assert (told["exit_code"], told["error"]["code"]) == (5, "doctor-identity")
    assert wrong(told)["identity"] == "error"
    assert "ok" not in {item["outcome"] for item in told["checks"] if item["check"] not in {"changes", "clock"}}
    shown = product.ebcd("doctor")
    assert shown.stdout.count("ExpiredToken") == 1


def test_an_aws_stage_without_its_roles_is_warned_and_what_iam_does_not_tell_is_unknown(product: Product) -> None:
    text = product.configuration() + '[stages.production]\ncname = "{}"\nplatform = "{}"\n'
    (product.folder / "ebcd.toml").write_text(text.format(f"{product.name}-live", BRANCH))
    unknown = product.cloud.endpoint_url.replace("127.0.0.1", "localhost")  # not seen to be the local Beanstalk's
    told = product.json("doctor", "-s", "production", "--endpoint-url", unknown, **product.cloud.variables)
    assert (told["exit_code"], wrong(told)) == (0, {"changes": "unknown", "roles": "warning"})


class WrongClock(QuickClock):
    """A machine that is eight minutes late."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(minutes=8)


def checks(engine: Engine, deadline: float) -> tuple[Check, ...]:
    services = engine.services()
    return judge(look(services, engine.wire.clients, engine.stage(), OPERATIONS, deadline=deadline))


def test_a_clock_that_is_wrong_is_told_from_aws_s_own(product: Product) -> None:
    with Wire(product.cloud) as wire:
        found = {item.check: item for item in checks(Engine(product, wire, clock=WrongClock()), 20.0)}
    assert (found["clock"].outcome, found["clock"].exit_code) == ("error", 5)
    assert "minutes behind AWS's" in found["clock"].what


@pytest.mark.parametrize("place", ["DescribeAccountAttributes", "s3:GetObject"])
def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_the_deadline(
    product: Product, faulty: Cloud, place: str
) -> None:
    fault(faulty, "stall", place, seconds=8)
    with Wire(product.cloud) as wire:
        found = checks(Engine(product, wire), 1.5)
        waiting = [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]
        assert waiting, "doctor was done before that answer came"
        faulty.control("DELETE", "faults")
        for late in waiting:
            late.join(20)  # or its calls would be among those of the next test
    blind = {item.check for item in found if item.outcome == "unknown"}
    assert blind == ({"reads", "lock", "hold"} if place == "s3:GetObject" else {"quotas"})
    assert {item.check for item in found if item.outcome == "ok"} >= {"identity", "clock", "bucket", "application"}
