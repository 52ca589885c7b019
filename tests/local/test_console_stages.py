"""What the console says of a stage: live, candidate, previous and the way back, from tags, CNAMEs and swaps alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ebcd_local.page import logs, stages
from ebcd_local.page.commands import Commands
from ebcd_local.page.stages import Role
from ebcd_local.records import Environment
from ebcd_local.state import State

START = datetime(2026, 1, 1, tzinfo=UTC)
LIVE = "shop.eu-central-1.elasticbeanstalk.localhost"
COMMANDS = Commands("http://127.0.0.1:8155", "")


def environment(name: str, number: int, **changes: Any) -> Environment:
    made = START + timedelta(minutes=number)
    given: dict[str, Any] = {
        "region": "eu-central-1",
        "id": f"e-{name}",
        "name": name,
        "application": "shop",
        "version_label": f"v{number}",
        "cname": f"{name}.eba-abcd123{number}.eu-central-1.elasticbeanstalk.localhost",
        "status": "Ready",
        "health": "Green",
        "health_status": "Ok",
        "platform_arn": "",
        "description": "",
        "created": made,
        "updated": made,
        "deployed": made,
        "tags": {"ebcd:stage": "local", "ebcd:release": f"r{number}"},
    }
    return Environment(**given | changes)


def fresh(number: int, **changes: Any) -> Environment:
    return environment(f"shop-local-r{number}", number, **changes)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    found = State(tmp_path / "state.db")
    yield found
    found.close()


def swapped(state: State, one: Environment, other: Environment) -> None:
    for item in (one, other):
        state.say(item, f"Completed swapping CNAMEs for environments '{one.name}' and '{other.name}'.")


def seen(state: State, *environments: Environment) -> tuple[dict[str, str], dict[str, Any]]:
    """The roles by name, and what is told of the only stage."""
    (stage,) = stages.of_application(environments, state.events)
    return {item.name: str(stage.roles.get(item.id, "")) for item in environments}, stages.told(stage, COMMANDS)


def test_the_first_release_has_nothing_to_go_back_to(state: State) -> None:
    roles, told = seen(state, fresh(1, cname=LIVE))
    assert roles == {"shop-local-r1": Role.LIVE}
    assert told["rollback"] == {"text": "Nothing was live before r1: there is nothing to roll back to.", "command": ""}


def test_after_a_swap_the_earlier_one_is_where_a_rollback_goes(state: State) -> None:
    one, two, three = fresh(1), fresh(2, cname=LIVE), fresh(3, health="Grey", status="Launching")
    swapped(state, one, two)
    roles, told = seen(state, one, two, three)
    assert list(roles.values()) == [Role.PREVIOUS, Role.LIVE, Role.CANDIDATE]
    assert told["rollback"]["text"] == "A rollback makes r1 live again, with v1."
    assert told["rollback"]["command"] == "ebcd swap --rollback -a shop -s local"
    assert told["waiting"] == {"text": "r3 is not live: Launching.", "command": ""}


def test_a_rollback_that_is_not_ready_offers_no_command(state: State) -> None:
    for changes, why in (({"health": "Red"}, "its health is Red"), ({"status": "Updating"}, "Updating")):
        one, two = fresh(1, **changes), fresh(2, cname=LIVE)
        swapped(state, one, two)
        told = seen(state, one, two)[1]
        assert told["rollback"] == {"text": f"A rollback would return to r1, which is not ready: {why}.", "command": ""}


def test_after_a_rollback_the_way_forward_names_its_release(state: State) -> None:
    one, two = fresh(1, cname=LIVE), fresh(2)
    swapped(state, one, two)
    swapped(state, one, two)
    roles, told = seen(state, one, two)
    assert list(roles.values()) == [Role.LIVE, Role.TAKEN_BACK]
    assert told["rollback"]["command"] == "ebcd swap --to r2 -a shop -s local"
    three = fresh(3, cname=LIVE)
    swapped(state, one, three)
    roles, told = seen(state, fresh(1), two, three)
    assert list(roles.values()) == [Role.PREVIOUS, Role.EARLIER, Role.LIVE]
    assert told["rollback"]["command"] == "ebcd swap --rollback -a shop -s local"


def test_an_earlier_environment_that_is_gone_is_told(state: State) -> None:
    two = fresh(2, cname=LIVE)
    swapped(state, fresh(1), two)
    told = seen(state, two)[1]
    assert told["rollback"]["text"].startswith("shop-local-r1 is gone: a rollback deploys its version again")


def test_a_waiting_candidate_has_the_command_that_brings_it_live(state: State) -> None:
    roles, told = seen(state, fresh(1, cname=LIVE), fresh(2), fresh(3))
    assert list(roles.values()) == [Role.LIVE, Role.EARLIER, Role.CANDIDATE], "one candidate, the newest"
    assert told["waiting"]["command"] == "ebcd swap --to r3 -a shop -s local"


def test_the_sides_of_a_pair_have_no_release_of_their_own(state: State) -> None:
    one = environment("shop-local-a", 1)
    other = environment("shop-local-b", 2, cname=LIVE)
    swapped(state, one, other)
    roles, told = seen(state, one, other)
    assert list(roles.values()) == [Role.PREVIOUS, Role.LIVE]
    assert told["rollback"]["text"] == "A rollback makes shop-local-a live again, with v1."
    assert stages.release(one) == "", "its tag names the first release that it ever had"
    again = environment("shop-local-a", 1, deployed=datetime.now(UTC) + timedelta(minutes=1))
    assert seen(state, again, other)[0]["shop-local-a"] == Role.CANDIDATE


def test_no_live_environment_is_guessed(state: State) -> None:
    second = "other.eu-central-1.elasticbeanstalk.localhost"
    for found in ((fresh(1), fresh(2)), (fresh(1, cname=LIVE), fresh(2, cname=second))):
        roles, told = seen(state, *found)
        assert set(roles.values()) == {""}
        assert told["rollback"]["command"] == ""


def test_a_worker_is_live_and_what_others_made_is_no_stage(state: State) -> None:
    worker = environment("shop-local", 1, cname="", tier="Worker")
    assert seen(state, worker)[0] == {"shop-local": Role.LIVE}
    assert stages.of_application([environment("by-eb", 1, tags={"Name": "by-eb"})], state.events) == []


def test_commands_name_all_that_they_need_anywhere() -> None:
    elsewhere = Commands("http://127.0.0.1:9000", "/tmp/my home")
    item = fresh(1, region="us-east-1")
    assert elsewhere.of_stage(item, "dev", "swap", "--rollback") == (
        "EBCD_HOME='/tmp/my home' ebcd swap --rollback -a shop -s dev --region us-east-1 "
        "--endpoint-url http://127.0.0.1:9000"
    )
    assert elsewhere.variables() == """eval "$(EBCD_HOME='/tmp/my home' ebcd local env)\""""
    assert COMMANDS.logs(item) == "ebcd local logs shop-local-r1"


def test_a_log_shows_no_secret_and_no_control_character() -> None:
    properties = {
        "SECRET_KEY": "s3cr3t-value",
        "DATABASE_URL": "postgresql://app:pass%2Fw0rd@127.0.0.1/db",
        "BROKER": "amqp://user:rabbit-pass@host",
        "APP_MODE": "production",
        "API_TOKEN": "x",
        "PYTHONPATH": "/var/app/venv/bin",
    }
    text = (
        "\x1b[31mkey s3cr3t-value\x1b[0m\tto postgresql://app:pass%2Fw0rd@127.0.0.1/db as pass/w0rd\n"
        "rabbit-pass production x\x07"
    )
    assert logs.hidden(text, properties) == (
        "key [hidden: SECRET_KEY]\tto [hidden: DATABASE_URL] as [hidden: DATABASE_URL]\n[hidden: BROKER] production x"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("s3cr3t-value", "s3c\x1b[1mr3t\x1b[0m-val\x07ue"),
        ("line one\nline two", "as text: line one\nline two"),
        ("line one\nline two", r"as Python shows it: 'line one\nline two'"),
        ('say "hunter2"', r'as JSON: "say \"hunter2\""'),
        ("amqp://user:rabbit%2Fpass@host", "as it is written: rabbit%2Fpass"),
        ("amqp://user:rabbit%2Fpass@host", "as it is: rabbit/pass"),
        ("hidden", "hidden hidden"),
    ],
)
def test_a_secret_is_hidden_however_a_log_writes_it(value: str, text: str) -> None:
    told = logs.hidden(text, {"A_SECRET": value, "OTHER_TOKEN": "A_SECRET"})
    assert "[hidden: A_SECRET]" in told
    for part in ("s3cr3t", "line one", "line two", "hunter2", "rabbit"):
        assert part not in told


def test_what_is_no_file_holds_nobody_up(tmp_path: Path) -> None:
    item = fresh(1, instances={"i-1": None})
    folder = tmp_path / "environments" / f"eu-central-1-{item.id}" / "i-1" / "log"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.log")
    (folder / "folder.log").mkdir()
    assert logs.read(tmp_path, item) == []


def test_the_application_comes_first_and_links_are_not_followed(tmp_path: Path) -> None:
    item = fresh(1, instances={"i-1": None})
    folder = tmp_path / "environments" / f"eu-central-1-{item.id}" / "i-1" / "log"
    folder.mkdir(parents=True)
    (folder / "eb-engine.log").write_text("The deployment has ended.\n")
    (folder / "web.stdout.log").write_text("".join(f"line {number}\n" for number in range(500)))
    (tmp_path / "private").write_text("nobody's business")
    (folder / "link.log").symlink_to(tmp_path / "private")
    found = logs.read(tmp_path, item)
    assert [(one["instance"], one["name"]) for one in found] == [("i-1", "web.stdout.log"), ("i-1", "eb-engine.log")]
    assert found[0]["lines"] == [f"line {number}" for number in range(300, 500)]
