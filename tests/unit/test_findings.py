"""What speaks against a release before it begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from stages import NOW, STAGE, environment, record, snapshot

from ebcd.errors import Refused
from ebcd.model import ManagedAction, OptionSetting, Platform, Quotas, Strategy
from ebcd.release.plan.preflight import Finding, Intent, PreflightFacts, Severity, findings, refuse
from ebcd.release.plan.updating import Change, change

SIGHT = PreflightFacts(environment(1, live=True), 2, STAGE.options)
INTENT = Intent(STAGE, NOW, record(1, live_since=9), creates=True)


def database(*settings: tuple[str, str]) -> PreflightFacts:
    return with_settings(*(OptionSetting("aws:rds:dbinstance", name, value) for name, value in settings))


def with_settings(*settings: OptionSetting) -> PreflightFacts:
    return replace(SIGHT, settings=(*SIGHT.settings, *settings))


def update(status: str, begins: timedelta | None = None) -> PreflightFacts:
    action = ManagedAction("pu-1", "Update to 4.7.1", status, NOW + begins if begins else None)
    return replace(SIGHT, managed_actions=(action,))


def changed(name: str, value: str | None) -> PreflightFacts:
    kept = [item for item in STAGE.options if item.name != name]
    added = [OptionSetting("aws:autoscaling:asg", name, value)] if value is not None else []
    return replace(SIGHT, settings=(*kept, *added))


def codes(found: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(item.code, str(item.severity)) for item in found]


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (database(("DBEngine", "postgres")), "attached-database"),
        (database(("DBEngine", "postgres"), ("HasCoupledDatabase", "true")), "attached-database"),
        (update("Running"), "managed-update"),
        (update("Pending"), "managed-update"),
        (update("Scheduled", timedelta(minutes=20)), "managed-update-due"),
        (
            with_settings(OptionSetting("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true")),
            "shared-load-balancer",
        ),
        (replace(SIGHT, quotas=Quotas(1000, 1000, 3, 200)), "quota"),
        (replace(SIGHT, quotas=Quotas(10, 1000, 200, 200)), "quota"),
        (changed("MaxSize", "12"), "drift"),
        (changed("MaxSize", None), "drift"),
    ],
)
def test_what_would_lose_something_is_refused_with_a_way_out(seen: PreflightFacts, code: str) -> None:
    found = findings(seen, INTENT)
    assert codes(found) == [(code, "error")]
    with pytest.raises(Refused) as error:
        refuse(found)
    assert error.value.code == code
    assert error.value.hint


@pytest.mark.parametrize(
    ("quotas", "command"), [(Quotas(1000, 1000, 3, 200), "prune"), (Quotas(9, 9999, 200, 200), "retire")]
)
def test_the_way_out_names_application_and_stage(quotas: Quotas, command: str) -> None:
    """Another stage may be the usual one: it would be pruned, or retired, instead."""
    (found,) = findings(replace(SIGHT, quotas=quotas), INTENT)
    assert found.hint.startswith(f"ebcd {command} -a shop -s prod")


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (replace(SIGHT, quotas=Quotas(950, 1000, 3, 200)), "quota"),
        (replace(SIGHT, platform=Platform("arn:x", "Deprecated", "Supported")), "platform-retired"),
        (replace(SIGHT, platform=Platform("arn:x", "Supported", "Retired")), "platform-retired"),
    ],
)
def test_what_will_matter_soon_is_told_and_stops_nothing(seen: PreflightFacts, code: str) -> None:
    found = findings(seen, INTENT)
    assert codes(found) == [(code, "warning")]
    refuse(found)


@pytest.mark.parametrize(
    "seen",
    [
        SIGHT,
        database(("DBEngine", "postgres"), ("HasCoupledDatabase", "false")),
        update("Scheduled", timedelta(days=2)),
        update("Scheduled"),
        changed("MinSize", "6"),
        replace(SIGHT, quotas=Quotas(10, 1000, 3, 200), platform=Platform("arn:x", "Recommended", "Supported")),
    ],
)
def test_what_is_harmless_is_not(seen: PreflightFacts) -> None:
    assert findings(seen, INTENT) == ()


def test_in_place_keeps_the_environment_so_its_database_and_its_balancer_stay_too() -> None:
    intent = replace(INTENT, stage=replace(STAGE, strategy=Strategy.IN_PLACE), creates=False)
    shared = OptionSetting("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true")
    assert findings(with_settings(shared), intent) == ()
    assert findings(database(("DBEngine", "postgres")), intent) == ()


def test_drift_that_is_accepted_is_told_and_stops_nothing() -> None:
    found = findings(changed("MaxSize", "12"), replace(INTENT, accept_drift=True))
    assert [item.severity for item in found] == [Severity.WARNING]
    assert "aws:autoscaling:asg MaxSize is 12, declared is 8" in found[0].why


def test_settings_that_ebcd_toml_changed_since_are_no_drift() -> None:
    stage = replace(STAGE, options=(OptionSetting("aws:autoscaling:asg", "MaxSize", "20"),))
    assert findings(SIGHT, replace(INTENT, stage=stage)) == ()
    assert findings(changed("MaxSize", "12"), replace(INTENT, current_release=None)) == ()


def test_the_value_of_an_environment_property_is_never_told() -> None:
    secret = OptionSetting("aws:elasticbeanstalk:application:environment", "TOKEN", "hunter2")
    stage = replace(STAGE, options=(*STAGE.options, secret))
    other = replace(secret, value="hunter3")
    intent = replace(INTENT, stage=stage, current_release=record(1, live_since=9, stage=stage))
    (found,) = findings(with_settings(other), intent)
    assert "TOKEN" in found.why
    assert "hunter" not in repr(found)


def drift_of(declared: OptionSetting, *seen: OptionSetting) -> list[str]:
    """What is told of a setting that ebcd.toml declares and live has otherwise."""
    stage = replace(STAGE, options=(*STAGE.options, declared))
    intent = replace(INTENT, stage=stage, current_release=record(1, live_since=9, stage=stage))
    return [item.why for item in findings(with_settings(*seen), intent)]


def test_an_environment_property_is_compared_letter_by_letter_and_an_option_is_not() -> None:
    declared = OptionSetting("aws:elasticbeanstalk:application:environment", "MODE", "Live")
    (why,) = drift_of(declared, replace(declared, value="live"))
    assert "MODE is another one" in why
    rolling = OptionSetting("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled", "true")
    assert drift_of(rolling, replace(rolling, value="True")) == []


def test_what_a_release_would_change_is_what_counts_as_drift() -> None:
    """In place the same comparison tells what to update: an empty property that is not there is none."""
    live = environment(1, live=True)
    seen = replace(snapshot(live), settings={live.name: STAGE.options})
    empty = OptionSetting("aws:elasticbeanstalk:application:environment", "PROXY", "")
    assert change(seen, live, (*STAGE.options, empty), "") == Change()
    assert change(seen, live, (replace(empty, value="x"),), "").update is not None


def test_a_password_is_never_told() -> None:
    declared = OptionSetting("aws:rds:dbinstance", "DBPassword", "hunter2")
    (why,) = drift_of(declared, replace(declared, value="hunter3"))
    assert "aws:rds:dbinstance DBPassword is another one" in why
    (why,) = drift_of(declared)
    assert "DBPassword is gone" in why
    assert "hunter" not in why


def test_all_that_was_found_is_told_at_once() -> None:
    seen = replace(update("Running"), quotas=Quotas(1000, 1000, 3, 200))
    with pytest.raises(Refused) as error:
        refuse(findings(seen, INTENT))
    assert error.value.code == "managed-update"
    assert "1000 of 1000 application versions" in error.value.why


def test_an_empty_environment_property_is_the_same_as_none() -> None:
    empty = OptionSetting("aws:elasticbeanstalk:application:environment", "PROXY", "")
    stage = replace(STAGE, options=(*STAGE.options, empty))
    intent = replace(INTENT, stage=stage, current_release=record(1, live_since=9, stage=stage))
    assert findings(SIGHT, intent) == ()
    (found,) = findings(with_settings(replace(empty, value="http://proxy")), intent)
    assert "PROXY is another one" in found.why
