"""What is refused while an environment is busy, launches that fail at once, and reads that lag behind a creation.

Codes and texts are those that clients report of AWS; their sources stand beside them, in `errors.py` and `denial.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, REGION, Local, bundle, running

from ebcd_local.denial import CAUSES
from ebcd_local.errors import ServiceError
from ebcd_local.faults import Fault, Faults, Kind
from ebcd_local.fleet.telling import Telling
from ebcd_local.operations import Call
from ebcd_local.operations.tags import update_tags_for_resource
from ebcd_local.records import Environment
from ebcd_local.state import ACCOUNT, State, now

NOT_READY = "Environment named {} is in an invalid state for this operation. Must be Ready."
WAITS = """container_commands:
  wait:
    command: |
      python -c "
      import time, urllib.request
      while urllib.request.urlopen('http://127.0.0.1:PORT/').read() != b'go':
          time.sleep(0.1)
      "
"""


class Gate:
    """What a deployment of the version `slow` waits for: so long the environment is busy."""

    def __init__(self) -> None:
        self.said = b"wait"
        gate = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(gate.said)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def bundle(self) -> bytes:
        return bundle("slow", **{".ebextensions/slow.config": WAITS.replace("PORT", str(self.server.server_port))})


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def server(gate: Gate) -> Iterator[Local]:
    """A server with a version that is deployed at once, and one that waits."""
    with running() as found:
        found.publish("shop", "v1", bundle("one"))
        found.publish("shop", "slow", gate.bundle)
        yield found


def refused(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    """Code and text of the refusal of a call."""
    with pytest.raises(ClientError) as error:
        call(**given)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def create(local: Local, name: str, label: str) -> None:
    local.client("elasticbeanstalk").create_environment(
        ApplicationName="shop", EnvironmentName=name, VersionLabel=label, PlatformArn=PLATFORM
    )


def changes(eb: Any, name: str, other: str) -> Iterator[tuple[Callable[..., Any], dict[str, Any]]]:
    """Every change of an environment that must be Ready for it."""
    yield eb.update_environment, {"EnvironmentName": name, "VersionLabel": "v1"}
    yield eb.update_environment, {"EnvironmentName": name, "Description": "another"}
    yield eb.rebuild_environment, {"EnvironmentName": name}
    yield eb.restart_app_server, {"EnvironmentName": name}
    yield eb.swap_environment_cnames, {"SourceEnvironmentName": name, "DestinationEnvironmentName": other}
    yield eb.swap_environment_cnames, {"SourceEnvironmentName": other, "DestinationEnvironmentName": name}


def test_a_busy_environment_is_not_changed_and_not_terminated(server: Local, gate: Gate) -> None:
    eb = server.client("elasticbeanstalk")
    server.launch("shop", "shop-other", "v1")
    create(server, "shop-busy", "slow")
    arn = server.describe("shop-busy")["EnvironmentArn"]
    for pending in ("creation", "deployment"):
        if pending == "deployment":
            gate.said = b"go"
            server.until("shop-busy", lambda item: item["Status"] == "Ready")
            gate.said = b"wait"
            eb.update_environment(EnvironmentName="shop-busy", VersionLabel="slow")
        for call, given in changes(eb, "shop-busy", "shop-other"):
            assert refused(call, **given) == ("InvalidParameterValue", NOT_READY.format("shop-busy"))
        assert refused(eb.terminate_environment, EnvironmentName="shop-busy") == (
            "InvalidParameterValue",
            f"Cannot terminate environment named shop-busy. It is currently pending {pending}.",
        )
        tagged = {"ResourceArn": arn, "TagsToAdd": [{"Key": "k", "Value": "v"}]}
        assert refused(eb.update_tags_for_resource, **tagged) == (
            "OperationInProgressFailure",
            NOT_READY.format("shop-busy"),
        )
    gate.said = b"go"
    server.until("shop-busy", lambda item: item["Status"] == "Ready")
    eb.terminate_environment(EnvironmentName="shop-busy")
    code, text = refused(eb.terminate_environment, EnvironmentName="shop-busy")
    assert code == "InvalidParameterValue"
    assert "shop-busy" in text


def test_an_environment_is_updating_while_its_tags_change(tmp_path: Path) -> None:
    begun: list[Callable[[str, str], None]] = []
    with closing(State(tmp_path / "state.db")) as state:
        made = Environment(
            REGION, "e-1", "shop-tagged", "shop", "v1", "", "Ready", "Green", "Ok", PLATFORM, "", now(), now()
        )
        state.save(made)
        fleet: Any = SimpleNamespace(
            begin=lambda work, *_: begun.append(work), state=state, tell=Telling(state), speed=1e9
        )
        nothing: Any = None
        call = Call(REGION, "request-1", state, fleet, nothing, nothing, "")
        arn = f"arn:aws:elasticbeanstalk:{REGION}:{ACCOUNT}:environment/shop/shop-tagged"
        given = {"ResourceArn": arn, "TagsToAdd": [{"Key": "team", "Value": "red"}]}
        update_tags_for_resource(call, given)
        assert (state.environments[made.key].status, state.environments[made.key].tags) == ("Updating", {})
        with pytest.raises(ServiceError) as refusal:
            update_tags_for_resource(call, given)
        assert refusal.value.code == "OperationInProgressFailure"
        (work,) = begun
        work(made.key, "request-1")
        assert (state.environments[made.key].status, state.environments[made.key].tags) == ("Ready", {"team": "red"})


def test_what_a_request_names_by_an_id_is_told_as_an_id(server: Local) -> None:
    eb = server.client("elasticbeanstalk")
    for call in (eb.terminate_environment, eb.update_environment, eb.describe_environment_resources):
        assert refused(call, EnvironmentId="e-unknown") == (
            "InvalidParameterValue",
            "No Environment found for EnvironmentId = 'e-unknown'.",
        )
        assert refused(call, EnvironmentName="unknown")[1] == "No Environment found for EnvironmentName = 'unknown'."


@pytest.mark.parametrize("denied", list(CAUSES))
def test_a_denied_launch_ends_in_terminated_and_events_alone_tell_why(server: Local, denied: str) -> None:
    eb, name = server.client("elasticbeanstalk"), f"shop-denied-{denied}"
    assert server.run("fault", "launch", name, "--denied", denied).returncode == 0
    create(server, name, "v1")
    found = server.until(name, lambda item: item["Status"] != "Launching")
    assert found["Status"] == "Terminated"
    said = [(item["Severity"], item["Message"]) for item in eb.describe_events(EnvironmentName=name)["Events"]]
    assert said[:2] == [("ERROR", "Failed to launch environment."), ("ERROR", CAUSES[denied])]
    assert said[-1] == ("INFO", "createEnvironment is starting.")
    assert eb.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"] == []
    by_id = eb.describe_events(EnvironmentId=found["EnvironmentId"])["Events"]
    assert len(by_id) == len(said)
    server.launch("shop", name, "v1")  # its name is free again


def test_a_launch_that_is_denied_nothing_known_is_refused_as_a_fault(server: Local) -> None:
    assert server.run("fault", "launch", "shop-x", "--denied", "sleep").returncode != 0


def test_a_read_lags_behind_a_creation_for_as_many_answers_as_asked(server: Local) -> None:
    eb = server.client("elasticbeanstalk")

    def shown(name: str) -> bool:
        return any(item["EnvironmentName"] == name for item in eb.describe_environments()["Environments"])

    server.launch("shop", "shop-early", "v1")
    assert server.run("fault", "lag", "DescribeEnvironments", "--times", "2").returncode == 0
    assert shown("shop-early"), "what was there before is shown, and such an answer does not count"
    create(server, "shop-late", "v1")
    assert [shown("shop-late") for _ in range(3)] == [False, False, True]
    assert shown("shop-early")


@pytest.mark.parametrize("what", ["Applications", "ApplicationVersions", "Events"])
def test_other_reads_lag_too(server: Local, what: str) -> None:
    eb, name = server.client("elasticbeanstalk"), f"new-{what.lower()}"
    read = {
        "Applications": eb.describe_applications,
        "ApplicationVersions": eb.describe_application_versions,
        "Events": eb.describe_events,
    }[what]
    before = len(read()[what])
    assert server.run("fault", "lag", f"Describe{what}").returncode == 0
    source = {"S3Bucket": BUCKET, "S3Key": "shop/v1.zip"}
    eb.create_application_version(
        ApplicationName=name, VersionLabel="v", SourceBundle=source, AutoCreateApplication=True
    )
    assert [len(read()[what]) > before for _ in range(2)] == [False, True]


def test_a_lag_hides_what_is_younger_than_its_seconds_and_counts_only_then() -> None:
    faults, place = Faults(), "lag:DescribeEnvironments"
    faults.add(Fault(Kind.LAG, place, seconds=3600.0))
    assert faults.strike("elasticbeanstalk:DescribeEnvironments") is None, "the call itself is answered"
    assert faults.strike(place, None) is None, "there is nothing to hide"
    assert faults.strike(place, now() - timedelta(seconds=1)) is None, "it was there before the fault was set"
    struck = faults.strike(place, now() + timedelta(seconds=1))
    assert struck is not None
    assert struck.hides(now() + timedelta(seconds=1))
    assert not struck.hides(now() - timedelta(seconds=1))
    assert faults.strike(place, now() + timedelta(seconds=1)) is None, "once was asked for"
