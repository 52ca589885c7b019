"""Every command that ebcd prints works as printed, from any folder: it names its stage, and ebcd takes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from printed import STAGELESS, commands, parses
from printed_sources import ebcd_commands
from stages import STAGE

from ebcd.config import load, select_stage
from ebcd.errors import UsageError
from ebcd.model import CommandLine, Reach

ROOT = Path(__file__).resolve().parents[2]
FLAGS = "-a shop -s production"
ELSEWHERE = {
    "ebcd/init/text.py",
    "ebcd/init/workflows.py",
    "ebcd/report/init.py",
    "ebcd/cli/init.py",
    "ebcd/cli/locally.py",
    "ebcd/eb.py",
}
"""What `init` says of its folder; what ebcd has for commands of eb. A test runs them where they are printed."""


def value(name: str) -> str:
    """What stands for a value that the source fills in."""
    return {"flags": FLAGS, "config": "", "every": "7"}.get(name, "r7")


def printed_in_the_source() -> list[tuple[str, list[str]]]:
    found = ebcd_commands(value)
    return [(place, words) for place, words in found if not place.startswith(("ebcd_local/", *ELSEWHERE))]


@pytest.mark.parametrize(("place", "command"), printed_in_the_source())
def test_a_command_in_the_source_names_its_stage_and_is_one(place: str, command: list[str]) -> None:
    assert command[1] in STAGELESS or {"-a", "-s"} <= set(command), f"{place}: {command} works in one folder only"
    assert parses(command), f"{place}: ebcd takes no {command}"
    assert "…" not in command, f"{place}: {command} has a gap that somebody must fill"


def test_a_command_carries_all_that_the_stage_is_reached_by() -> None:
    reach = Reach("eu-west-1", "my profile", "http://127.0.0.1:8155", "/home/ada/my shop/ebcd.toml")
    named = CommandLine("my shop", "prod", reach)
    options = "-a 'my shop' -s prod --region eu-west-1 --profile 'my profile' --endpoint-url http://127.0.0.1:8155"
    assert str(named) == options
    assert named.of("swap", "--rollback") == f"ebcd swap --rollback {options}"
    assert named.of("ship", "v1") == f"ebcd ship v1 {options} --config '/home/ada/my shop/ebcd.toml'"
    assert parses(commands(f"Do it: {named.of('ship', 'v1')}, then look.")[0])


def test_names_alone_are_enough_where_nothing_else_was_said() -> None:
    assert CommandLine("shop", "prod").of("ship") == "ebcd ship -a shop -s prod"
    assert str(replace(STAGE, reach=Reach()).flags) == f"-a {STAGE.application} -s {STAGE.name}"


FOREIGN = """
application = "blog"
region = "us-east-1"
default_stage = "production"
[bundle]
exclude = ["docs/**"]
[stages.production]
cname = "blog"
url = "https://blog.example.com"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
[stages.production.tenants]
hosts = ["acme.example.com"]
token_env = "BLOG_TOKEN"
"""


def test_another_projects_file_lends_nothing(tmp_path: Path) -> None:
    (tmp_path / "ebcd.toml").write_text(FOREIGN)
    found = load(tmp_path, explicit=None, environ={}, application="shop")
    assert found is not None
    assert found.foreign
    stage = select_stage(found, name="production", application="shop", region="eu-west-1", environ={})
    assert (stage.application, stage.region, stage.url, stage.tenants) == ("shop", "eu-west-1", "", None)
    assert stage.named_only
    with pytest.raises(UsageError, match="No stage is named"):
        select_stage(found, name=None, application="shop", region="eu-west-1", environ={})


def test_another_projects_file_may_even_be_wrong(tmp_path: Path) -> None:
    (tmp_path / "ebcd.toml").write_text(FOREIGN + "nonsense = 1\n")
    found = load(tmp_path, explicit=None, environ={}, application="shop")
    assert found is not None
    assert found.foreign
    with pytest.raises(UsageError, match="nonsense"):
        load(tmp_path, explicit=None, environ={}, application="blog")


def test_a_file_that_is_named_lends_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "ebcd.toml").write_text(FOREIGN.replace('token_env = "BLOG_TOKEN"', "budget = 1"))
    found = load(tmp_path, explicit=tmp_path / "ebcd.toml", environ={}, application="shop")
    assert found is not None
    stage = select_stage(found, name=None, application="shop", region=None, environ={})
    assert (stage.application, stage.url) == ("shop", "https://blog.example.com")


def test_without_a_file_the_first_answer_is_init() -> None:
    for name in (None, "production"):
        with pytest.raises(UsageError) as error:
            select_stage(None, name=name, application=None, region=None, environ={})
        assert error.value.code == "no-configuration"
        assert error.value.hint.endswith("ebcd init")


def test_an_application_that_is_named_needs_its_stage_and_no_init() -> None:
    with pytest.raises(UsageError) as error:
        select_stage(None, name=None, application="my shop", region=None, environ={})
    assert error.value.code == "no-stage"
    assert "init" not in error.value.hint
    assert commands(error.value.hint) == [["ebcd", "status", "-a", "my shop", "-s", "local"]]
