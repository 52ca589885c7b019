"""What `doctor` makes of what it saw."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

import pytest
from stages import NOW, STAGE, environment, record, snapshot

from ebcd.aws import identity
from ebcd.aws.identity import Identity, Simulation
from ebcd.aws.models import OPERATIONS
from ebcd.doctor.at_once import at_once
from ebcd.doctor.check import Check, Outcome, exit_code
from ebcd.doctor.judge import judge
from ebcd.doctor.look import questions
from ebcd.doctor.seen import Live, Seen
from ebcd.errors import AwsRefused, EbcdError, ExitCode, NoAnswer, OutcomeUnknown, Refused, Throttled
from ebcd.model import ManagedAction, OptionSetting, Platform, Quotas, Target
from ebcd.permissions import grants
from ebcd.release.plan.preflight import taken_cname, unknown_platform
from ebcd.release.state import release as releases
from ebcd.release.store.hold import HoldState
from ebcd.release.store.lease import LockState

ARN = "arn:aws:sts::123456789012:assumed-role/deploy/session"
NEWEST = STAGE.platform
NOTHING = Seen(
    stage=STAGE,
    now=NOW,
    profile="",
    bucket_name="elasticbeanstalk-eu-central-1-123456789012",
    identity=Identity("123456789012", ARN),
    ahead=timedelta(),
    bucket=False,
    snapshot=snapshot(),
    applications=frozenset(),
    version=None,
    quotas=Quotas(10, 1000, 3, 200, 0, 75),
    newest=NEWEST,
    platform=Platform(NEWEST, "Recommended", "Supported"),
    cname_free=True,
    lock=None,
    hold=None,
    changes=Simulation(frozenset()),
    profile_there=True,
    role_there=True,
)
LIVE = environment(1, live=True, platform_arn=NEWEST)
RUNNING = replace(
    NOTHING,
    bucket=True,
    applications=frozenset({"shop"}),
    cname_free=False,
    snapshot=snapshot(LIVE, releases=(record(1, live_since=9),)),
    live=Live(instances=2, settings=STAGE.options, managed_actions=(), health=(), events=1),
)
DENIED = AwsRefused("AWS refused s3:Whatever.", code="AccessDenied")
SILENT = NoAnswer("No answer came.")


def of(seen: Seen, check: str) -> list[Check]:
    return [item for item in judge(seen) if item.check == check]


def live(**changes: Any) -> Seen:
    assert RUNNING.live is not None
    return replace(RUNNING, live=replace(RUNNING.live, **changes))


def setting(namespace: str, name: str, value: str) -> Seen:
    return live(settings=(*STAGE.options, OptionSetting(namespace, name, value)))


@pytest.mark.parametrize("seen", [NOTHING, RUNNING])
def test_a_stage_that_is_well_is_well_whether_or_not_it_was_ever_released(seen: Seen) -> None:
    found = judge(seen)
    assert {item.outcome for item in found} == {Outcome.OK}, found
    assert exit_code(found) is ExitCode.OK


def test_what_is_not_there_yet_will_be_made_by_the_first_ship() -> None:
    told = {item.check: item.what + item.why for item in judge(NOTHING)}
    assert all("first ship" in told[check] for check in ("bucket", "application", "live"))
    assert {"database", "drift", "managed-updates"}.isdisjoint(told)


@pytest.mark.parametrize(
    ("seen", "check", "outcome", "code"),
    [
        (replace(RUNNING, identity=AwsRefused("No.", code="ExpiredToken")), "identity", "error", 5),
        (replace(RUNNING, ahead=timedelta(minutes=6)), "clock", "error", 5),
        (replace(RUNNING, ahead=timedelta(minutes=-6)), "clock", "error", 5),
        (replace(RUNNING, ahead=timedelta(seconds=70)), "clock", "warning", 0),
        (replace(RUNNING, ahead=timedelta(seconds=-50)), "clock", "ok", 0),
        (replace(RUNNING, bucket=AwsRefused("Another's.", code="bucket-owner")), "bucket", "error", 5),
        (replace(RUNNING, snapshot=Refused("Two are live.")), "live", "error", 3),
        (replace(NOTHING, cname_free=False), "cname", "error", 3),
        (replace(RUNNING, lock=LockState("ann", "host", NOW, NOW, "ship 1", "t")), "lock", "warning", 0),
        (replace(RUNNING, hold=HoldState("ann", NOW, "r7 loses orders")), "hold", "error", 3),
        (replace(RUNNING, changes=Simulation(frozenset({"elasticbeanstalk:X"}))), "changes", "error", 5),
        (replace(RUNNING, changes=Simulation(frozenset(), frozenset({"s3:X"}))), "changes", "unknown", 0),
        (replace(RUNNING, changes=DENIED), "changes", "unknown", 0),
        (replace(RUNNING, profile_there=DENIED), "roles", "unknown", 0),
        (replace(RUNNING, profile_there=False), "roles", "warning", 0),
        (replace(NOTHING, newest="", stage=replace(STAGE, platform="Python 9")), "platform", "error", 3),
        (replace(RUNNING, platform=Platform(NEWEST, "Recommended", "Retired")), "platform", "warning", 0),
        (replace(RUNNING, newest=NEWEST.replace("4.7.1", "4.8.0")), "platform", "warning", 0),
        (replace(RUNNING, quotas=Quotas(1000, 1000, 3, 200)), "quotas", "error", 3),
        (replace(RUNNING, quotas=Quotas(10, 1000, 190, 200)), "quotas", "warning", 0),
        (setting("aws:rds:dbinstance", "HasCoupledDatabase", "true"), "database", "error", 3),
        (setting("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", "true"), "load-balancer", "error", 3),
        (live(managed_actions=(ManagedAction("a", "Update", "Running"),)), "managed-updates", "error", 3),
        (live(settings=STAGE.options[1:]), "drift", "error", 3),
        (live(events=0), "events", "unknown", 0),
    ],
)
def test_what_is_seen_and_what_it_means(seen: Seen, check: str, outcome: str, code: int) -> None:
    found = of(seen, check)
    assert outcome in [item.outcome for item in found], found
    assert int(exit_code(judge(seen))) == code
    assert all(
        item.why and (item.hint or check == "bucket")
        for item in found
        if item.outcome is Outcome.ERROR
        if check not in {"identity", "live", "bucket"}
    )


def test_a_missing_role_that_ebcd_toml_names_is_an_error() -> None:
    named = OptionSetting("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "own")
    (profile, role) = of(replace(RUNNING, profile_there=False, stage=replace(STAGE, options=(named,))), "roles")
    assert (profile.outcome, profile.exit_code, role.outcome) == (Outcome.ERROR, ExitCode.AWS_REFUSED, Outcome.OK)
    assert "bootstrap" in profile.hint


@pytest.mark.parametrize("field", ["snapshot", "applications", "version", "lock", "hold", "cname_free", "newest"])
def test_a_refused_read_that_a_ship_needs_is_told_once_and_its_check_is_unknown(field: str) -> None:
    found = judge(replace(NOTHING, **{field: DENIED}))
    (reads,) = [item for item in found if item.check == "reads"]
    assert (reads.outcome, reads.exit_code, reads.what) == (Outcome.ERROR, ExitCode.AWS_REFUSED, DENIED.what)
    others = [item for item in found if item.check != "reads"]
    assert {item.outcome for item in others} <= {Outcome.OK, Outcome.UNKNOWN}
    assert {item.exit_code for item in others} == {ExitCode.OK}


@pytest.mark.parametrize("seen", [replace(RUNNING, quotas=DENIED), live(managed_actions=DENIED)])
def test_a_refused_read_that_a_ship_can_do_without_stops_nothing_and_is_not_ok(seen: Seen) -> None:
    found = judge(seen)
    assert exit_code(found) is ExitCode.OK
    assert {item.check: item.outcome for item in found if item.outcome is not Outcome.OK} == {
        "reads": Outcome.WARNING,
        ("quotas" if seen.quotas is DENIED else "managed-updates"): Outcome.UNKNOWN,
    }


@pytest.mark.parametrize("error", [SILENT, OutcomeUnknown("No answer came within 25 s.", code="deadline")])
def test_what_is_live_is_unknown_where_the_answer_did_not_come(error: EbcdError) -> None:
    found = judge(replace(RUNNING, snapshot=error, live=None))
    assert [item.outcome for item in found if item.check == "live"] == [Outcome.UNKNOWN]
    assert exit_code(found) is ExitCode.AWS_REFUSED


def test_what_a_ship_refuses_is_told_in_the_same_words() -> None:
    unknown = replace(STAGE, platform="Python 9")
    (platform,) = of(replace(NOTHING, newest="", stage=unknown), "platform")
    (cname,) = of(replace(NOTHING, cname_free=False), "cname")
    assert (platform.what, platform.hint) == (unknown_platform(unknown).what, unknown_platform(unknown).hint)
    assert (cname.what, cname.why) == (taken_cname(STAGE).what, taken_cname(STAGE).why)


def test_a_platform_version_that_was_taken_back_is_told_with_what_patch_needs() -> None:
    newer = NEWEST.replace("4.7.1", "4.8.0")
    ran = replace(RUNNING, newest=newer, stage=replace(STAGE, platform=STAGE.platform.split("/")[1]))
    (out,) = of(ran, "platform")
    assert out.hint == f"ebcd patch {ran.flags}"
    bad = record(9, releases.Outcome.ROLLED_BACK, live_since=9, left=1, platform_arn=newer, version_label="v1")
    (out,) = of(replace(ran, snapshot=snapshot(LIVE, releases=(bad, record(1, live_since=9)))), "platform")
    assert out.hint.startswith(f"ebcd patch --again {ran.flags}")


@pytest.mark.parametrize("error", [SILENT, Throttled("Throttled.")])
def test_silence_is_unknown_and_hides_nothing_else(error: EbcdError) -> None:
    found = judge(replace(NOTHING, lock=error))
    assert {item.check: item.outcome for item in found if item.outcome is not Outcome.OK} == {
        "reads": Outcome.UNKNOWN,
        "lock": Outcome.UNKNOWN,
    }
    assert exit_code(found) is ExitCode.AWS_REFUSED


def test_without_credentials_the_reason_is_told_once() -> None:
    none = AwsRefused("There are no usable AWS credentials.", code="no-credentials", hint="aws sso login")
    names = (
        "identity",
        "ahead",
        "bucket_name",
        "bucket",
        "snapshot",
        "applications",
        "version",
        "quotas",
        "newest",
        "platform",
        "cname_free",
        "lock",
        "hold",
        "changes",
        "profile_there",
        "role_there",
    )
    found = judge(replace(NOTHING, **dict.fromkeys(names, none)))
    assert [item.check for item in found if item.what == none.what] == ["identity"]
    assert {item.outcome for item in found if item.check != "identity"} == {Outcome.UNKNOWN}
    assert exit_code(found) is ExitCode.AWS_REFUSED


def test_an_application_that_is_not_there_needs_room_for_one_more() -> None:
    full = frozenset(f"a{number}" for number in range(75))
    assert [item.outcome for item in of(replace(NOTHING, applications=full), "quotas")] == [Outcome.ERROR]
    assert [item.outcome for item in of(replace(RUNNING, applications=full | {"shop"}), "quotas")] == [Outcome.OK]


def test_when_managed_updates_come_is_told() -> None:
    on = (
        OptionSetting("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true"),
        OptionSetting("aws:elasticbeanstalk:managedactions", "PreferredStartTime", "Sun:02:00"),
    )
    due = ManagedAction("a", "Update", "Scheduled", NOW + timedelta(days=3))
    (found,) = of(live(settings=(*STAGE.options, *on), managed_actions=(due,)), "managed-updates")
    assert found.what == "Managed updates are on, weekly from Sun:02:00 UTC; due at 2026-01-05 12:00 UTC."


def test_the_local_beanstalk_asks_for_no_roles() -> None:
    local = replace(NOTHING, stage=replace(STAGE, target=Target.LOCAL), profile_there=False)
    assert of(local, "roles") == []


SECRET = OptionSetting(
    "aws:elasticbeanstalk:application:environmentsecrets",
    "DB_PASSWORD",
    "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCd12",
)
WITH_SECRET = replace(RUNNING, stage=replace(STAGE, options=(*STAGE.options, SECRET)))


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (Simulation(frozenset()), Outcome.OK, 0),
        (Simulation(frozenset({SECRET.value})), Outcome.ERROR, 5),
        (Simulation(frozenset(), frozenset({SECRET.value})), Outcome.UNKNOWN, 0),
        (DENIED, Outcome.UNKNOWN, 0),
    ],
)
def test_a_declared_secret_that_instances_may_not_fetch_is_told_by_the_property_s_name(
    answer: Any, outcome: Outcome, code: int
) -> None:
    seen = replace(WITH_SECRET, secrets=answer)
    (found,) = of(seen, "secrets")
    assert (found.outcome, int(found.exit_code)) == (outcome, code)
    if outcome is Outcome.ERROR:
        assert found.what == "The instances' role may not fetch DB_PASSWORD."
        assert "ebcd bootstrap" in found.hint


def test_without_a_declared_secret_nothing_is_said_of_secrets() -> None:
    assert of(RUNNING, "secrets") == []


@pytest.mark.parametrize(
    ("answer", "outcome"), [(False, Outcome.OK), (True, Outcome.WARNING), (DENIED, Outcome.UNKNOWN)]
)
def test_instances_that_may_write_the_ledger_are_told_with_a_way_out(answer: Any, outcome: Outcome) -> None:
    (found,) = of(replace(RUNNING, ledger_writes=answer), "ledger")
    assert (found.outcome, found.exit_code) == (outcome, ExitCode.OK)
    if outcome is Outcome.WARNING:
        assert "ebcd bootstrap" in found.hint


def test_what_iam_is_asked_about_a_ship_the_deploy_role_of_bootstrap_may() -> None:
    """Else `doctor` would speak against the very role that ebcd makes."""
    granted = grants.deploy(OPERATIONS, "shop", worker=True)
    here = {"Partition": "aws", "Region": "eu-central-1", "AccountId": "123456789012"}

    def allowed(action: str, resource: str) -> bool:
        patterns = [pattern for grant in granted if action in grant.actions for pattern in grant.resources]
        return any(
            fnmatchcase(resource, re.sub(r"\$\{AWS::(\w+)\}", lambda name: here[name[1]], pattern))
            for pattern in patterns
        )

    asked = questions(STAGE, Identity("123456789012", ARN), "elasticbeanstalk-eu-central-1-123456789012", OPERATIONS)
    assert [(name, resource) for resource, names in asked for name in names if not allowed(name, resource)] == []
    assert sum(len(names) for _, names in asked) > 12


class Sts:
    """STS that dates its answers."""

    def __init__(self, date: str) -> None:
        self._date = date

    def get_caller_identity(self) -> dict[str, Any]:
        return {"ResponseMetadata": {"HTTPHeaders": {"date": self._date}}}


@pytest.mark.parametrize(("second", "off"), [(0.0, 0), (0.9, 0), (30.0, 29), (-30.0, -30)])
def test_a_clock_is_compared_in_whole_seconds(second: float, off: int) -> None:
    at = datetime(2026, 1, 2, 12, 0, tzinfo=UTC) + timedelta(seconds=second)
    clients: Any = SimpleNamespace(sts=Sts("Fri, 02 Jan 2026 12:00:00 GMT"))
    assert identity.ahead(clients, lambda: at) == timedelta(seconds=off)


class Iam:
    """IAM that denies what it is told to."""

    def __init__(self, **denied: list[str]) -> None:
        self.denied = denied
        self.asked: list[dict[str, Any]] = []

    def get_role(self, RoleName: str) -> dict[str, Any]:
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role/path/{RoleName}"}}

    def simulate_principal_policy(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given)
        first = given["ActionNames"][: None if "Marker" in given else 1]
        results = [
            {
                "EvalActionName": name,
                "EvalDecision": "implicitDeny" if name in self.denied else "allowed",
                "MissingContextValues": self.denied.get(name, []),
            }
            for name in first
        ]
        more = {} if "Marker" in given or len(given["ActionNames"]) == 1 else {"IsTruncated": True, "Marker": "m"}
        return {"EvaluationResults": results, **more}


def test_a_simulation_is_read_to_its_end_and_conditions_leave_it_open() -> None:
    iam = Iam(a=[], b=["aws:SourceIp"])
    clients: Any = SimpleNamespace(iam=iam)
    assert identity.principal(clients, Identity("1", ARN)) == "arn:aws:iam::123456789012:role/path/deploy"
    found = identity.simulate(clients, "arn", ["a", "b", "c"], "*")
    assert (found.denied, found.undecided, len(iam.asked)) == ({"a"}, {"b"}, 2)


@pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:root", "arn:aws:sts::123456789012:federated-user/ann"])
def test_for_whom_iam_simulates_nothing_nothing_is_known(arn: str) -> None:
    clients: Any = SimpleNamespace(iam=Iam())
    with pytest.raises(AwsRefused):
        identity.principal(clients, Identity("123456789012", arn))


def test_a_read_that_breaks_or_stalls_hides_no_other() -> None:
    import threading

    never = threading.Event()
    found = at_once({"good": lambda: 1, "broken": lambda: {}["x"], "stalled": lambda: never.wait(20)}, 0.3)
    never.set()
    assert found["good"] == 1
    assert "KeyError" in found["broken"].why
    assert found["stalled"].code == "deadline"
