"""`ebcd init`: whatever a repository looks like, what is written is read by ebcd itself and says what was found."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ebcd import config
from ebcd.config.read import LOCAL_PLATFORM, parse
from ebcd.errors import UsageError
from ebcd.init import Asked, Fact, Found, Seen, decide, look, root, text
from ebcd.init.text import quoted
from ebcd.model import Configuration, Target

EB = ".elasticbeanstalk/config.yml"
CONFIG = """
branch-defaults:
  main:
    environment: shop-env
    group_suffix: null
global:
  application_name: shop
  default_ec2_keyname: null
  default_platform: Python 3.12 running on 64bit Amazon Linux 2023
  default_region: eu-west-1
  profile: eb-cli
  sc: git
"""
ARN = "arn:aws:elasticbeanstalk:eu-west-1::platform/Own/1.0.0"
FLASK = "from flask import Flask\n\napplication = Flask(__name__)\n"


def read(found: Found) -> Configuration:
    """What ebcd itself makes of the text."""
    return parse(tomllib.loads(text(found)), Path("ebcd.toml"), {}, {})


def eb(**told: Any) -> dict[str, Any]:
    return {"global": told}


def test_what_eb_knows_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    (folder / ".elasticbeanstalk").mkdir(parents=True)
    (folder / EB).write_text(CONFIG)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    found = decide(look(folder, {"AWS_REGION": "us-east-1"}), Asked())
    assert found.application == Fact("shop", EB)
    assert found.region == Fact("eu-west-1", EB)
    assert found.cname == Fact("shop-env", f"the environment of the branch main in {EB}")
    (folder / "ebcd.toml").write_text(text(found))
    loaded = config.load(folder, explicit=None, environ={})
    assert loaded is not None
    assert (loaded.application, loaded.region, loaded.default_stage) == ("shop", "eu-west-1", "local")
    local, production = loaded.stages["local"], loaded.stages["production"]
    assert (local.target, local.cname, local.smoke.path) == (Target.LOCAL, "shop", "/")
    assert (production.target, production.cname) == (Target.AWS, "shop-env")
    assert production.platform == "Python 3.12 running on 64bit Amazon Linux 2023"


@pytest.mark.parametrize("content", ["", "[]", "global: 7", "global: {application_name: [a]}", "branch-defaults: x"])
def test_a_configuration_of_eb_s_that_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / ".elasticbeanstalk").mkdir()
    (tmp_path / EB).write_text(content)
    seen = look(tmp_path, {})
    assert decide(seen, Asked()).application.source == "the folder's name"
    (tmp_path / "ebcd.toml").write_text(text(decide(seen, Asked())))
    assert config.load(tmp_path, explicit=None, environ={})


def test_a_configuration_of_eb_s_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / ".elasticbeanstalk").mkdir()
    (tmp_path / EB).write_text("global: [")
    with pytest.raises(UsageError) as error:
        look(tmp_path, {})
    assert error.value.code == "bad-yaml"


@pytest.mark.parametrize(
    ("seen", "application", "source"),
    [
        (Seen("My Shop"), "my-shop", "the folder's name"),
        (Seen("Café_2000"), "cafe-2000", "the folder's name"),
        (Seen("x", remote="git@github.com:acme/the-shop.git"), "the-shop", "git's remote"),
        (Seen("x", remote="https://github.com/acme/shop/"), "shop", "git's remote"),
        (Seen("x", remote="/srv/git/shop.git"), "shop", "git's remote"),
        (Seen("a-shop-with-a-name-that-is-too-long"), "a-shop-with-a-name-th", "the folder's name"),
        (Seen("商店"), "application", "a default: nothing here has a name"),
    ],
)
def test_a_name_is_made_legal(seen: Seen, application: str, source: str) -> None:
    found = decide(seen, Asked())
    assert found.application == Fact(application, source)
    assert read(found).application == application


def test_an_application_with_a_long_name_gets_a_stage_with_a_short_one() -> None:
    name = "the-shop-of-acme-company"
    found = decide(Seen("x", eb=eb(application_name=name, default_region="eu-west-1")), Asked())
    assert (found.application.value, found.stage, found.notes) == (name, "prod", ())
    assert list(read(found).stages) == ["local", "prod"]


@pytest.mark.parametrize("name", ["My App", "shop_app", "shop.example.com", "a" * 60])
def test_an_application_that_no_environment_can_be_named_after_is_told(name: str) -> None:
    found = decide(Seen("x", eb=eb(application_name=name)), Asked())
    assert found.application.value != name
    assert name in found.notes[0]
    assert read(found)


@pytest.mark.parametrize(
    ("told", "platform"),
    [
        ("Python 3.9 running on 64bit Amazon Linux 2023", "Python 3.9 running on 64bit Amazon Linux 2023"),
        ("64bit Amazon Linux 2023 v4.1.2 running Python 3.11", "Python 3.11 running on 64bit Amazon Linux 2023"),
        ("64bit Amazon Linux 2 v3.3.6 running Python 3.8", "Python 3.8 running on 64bit Amazon Linux 2"),
        ("python-3.12", "Python 3.12 running on 64bit Amazon Linux 2023"),
        ("Python 3.8", "Python 3.8 running on 64bit Amazon Linux 2"),
        (ARN, ARN),
    ],
)
def test_eb_s_names_of_platforms_become_branches(told: str, platform: str) -> None:
    found = decide(Seen("shop", eb=eb(default_platform=told)), Asked())
    assert found.platform == Fact(platform, EB)
    assert read(found).stages["production"].platform == platform


def test_a_platform_that_is_none_is_told() -> None:
    found = decide(Seen("shop", eb=eb(default_platform="Custom")), Asked())
    assert found.platform == Fact(LOCAL_PLATFORM, "the default")
    assert "'Custom'" in " ".join(found.notes)


@pytest.mark.parametrize(("version", "known"), [("3.13.1\n", True), ("3.12", True), ("2.7", False), ("pypy3", False)])
def test_the_python_of_the_repository(version: str, known: bool) -> None:
    found = decide(Seen("shop", files={".python-version": version}), Asked())
    assert (found.platform.source == ".python-version") is known
    assert not known or found.platform.value.startswith(f"Python {version[:4]} running on")


@pytest.mark.parametrize(
    ("branches", "branch", "cname"),
    [
        ({"main": {"environment": "shop-live"}, "next": {"environment": "shop-next"}}, "next", "shop-live"),
        ({"next": {"environment": "shop-next"}, "old": {"environment": "shop-old"}}, "next", "shop-next"),
        ({"next": {"environment": "shop-next"}, "old": {"environment": "shop-old"}}, "new", "shop"),
        ({"next": {"environment": "shop-next"}}, "new", "shop-next"),
        ({"main": {"environment": None}}, "main", "shop"),
        ({"main": {"environment": "no"}}, "main", "shop"),
    ],
)
def test_the_environment_of_a_branch(branches: dict[str, Any], branch: str, cname: str) -> None:
    seen = Seen("shop", branch=branch, eb=eb(application_name="shop") | {"branch-defaults": branches})
    found = decide(seen, Asked())
    assert found.cname.value == cname
    assert any("eb status" in note for note in found.notes) is (cname != "shop")


def test_another_application_s_environment_keeps_its_cname() -> None:
    told = eb(application_name="My Shop") | {"branch-defaults": {"main": {"environment": "shop-live"}}}
    assert decide(Seen("x", eb=told), Asked()).cname.value == "my-shop"
    assert decide(Seen("x", eb=told), Asked("other")).cname.value == "other"


@pytest.mark.parametrize(
    ("files", "runs", "missing"),
    [
        ({}, None, ["neither a Procfile nor an application.py", "requirements.txt"]),
        ({"Procfile": "web: python server.py\n", "requirements.txt": ""}, "python server.py", []),
        ({"Procfile": "worker: run\n", "Pipfile": ""}, None, ["no web process"]),
        ({"application.py": FLASK, "Pipfile.lock": ""}, "gunicorn application:application", []),
        ({"application.py": "print()\n", "requirements.txt": ""}, None, ["defines no `application`"]),
    ],
)
def test_what_beanstalk_would_run_and_what_it_lacks(
    files: dict[str, str], runs: str | None, missing: list[str]
) -> None:
    found = decide(Seen("shop", files=files), Asked())
    assert (found.runs.value if found.runs else None) == runs
    assert len(found.missing) == len(missing)
    assert all(word in item.what and item.hint for word, item in zip(missing, found.missing, strict=True))


@pytest.mark.parametrize(
    ("files", "suggestion"),
    [
        ({"Procfile": "worker: x\n", "app.py": "app = Flask(__name__)\n"}, "--threads 8 app:app"),
        ({"Procfile": "worker: x\n", "setup.py": "application == 1\n"}, "web: gunicorn MODULE:APPLICATION"),
    ],
)
def test_a_line_for_a_procfile_that_is_there_is_suggested(files: dict[str, str], suggestion: str) -> None:
    assert decide(Seen("shop", files=files), Asked()).missing[0].hint.endswith(suggestion)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({}, "/"),
        ({"app.py": '@app.get("/healthz")\n'}, "/healthz"),
        ({"app.py": '@app.get("/health/")\n'}, "/health/"),
        ({"README.md": '"/healthz"'}, "/"),
        ({".ebextensions/a.config": "    Application Healthcheck URL: /up\n", "app.py": '"/healthz"'}, "/up"),
        ({".ebextensions/a.config": '  "Application Healthcheck URL": "HTTP:80/up?now"\n'}, "/up?now"),
        ({".ebextensions/a.config": "  HealthCheckPath: /up\n"}, "/up"),
    ],
)
def test_the_path_of_the_smoke_test(files: dict[str, str], path: str) -> None:
    found = decide(Seen("shop", files=files), Asked())
    assert {stage.smoke.path for stage in read(found).stages.values()} == {path}


def test_what_the_user_says_wins() -> None:
    found = decide(
        Seen("x", eb=eb(application_name="other", default_region="eu-west-1")), Asked("shop", "us-east-1", "staging")
    )
    loaded = read(found)
    assert (loaded.application, loaded.region, list(loaded.stages)) == ("shop", "us-east-1", ["local", "staging"])


@pytest.mark.parametrize("asked", [Asked("My App"), Asked("a/b"), Asked(stage="pro.d"), Asked(stage="s" * 40)])
def test_what_the_user_says_and_cannot_be_is_refused(asked: Asked) -> None:
    with pytest.raises(UsageError):
        read(decide(Seen("shop"), asked))


def test_a_region_may_come_from_a_variable_or_stay_open() -> None:
    assert decide(Seen("shop", variables={"AWS_REGION": "eu-west-3"}), Asked()).region == Fact(
        "eu-west-3", "AWS_REGION"
    )
    found = decide(Seen("shop"), Asked())
    assert found.region is None
    assert "AWS_REGION" in found.notes[0]
    assert read(found).region == ""


def test_what_stands_in_comments_is_true_too() -> None:
    found = decide(Seen("shop"), Asked())
    lines = [re.sub(r"^# (?=\[|[A-Za-z_]+ =)", "", line) for line in text(found).splitlines()]
    loaded = parse(tomllib.loads("\n".join(lines)), Path("ebcd.toml"), {}, {})
    options = {item.name: item.value for item in loaded.stages["production"].options}
    assert options == {"MinSize": "2", "APP_MODE": "production"}
    assert [item.name for item in loaded.stages["local"].options] == ["DBEngine"]
    assert loaded.region == "eu-central-1"


def test_the_repository_s_top_is_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    (tmp_path / "shop" / "deep" / "er").mkdir(parents=True)
    assert root(tmp_path / "shop" / "deep" / "er") == tmp_path / "shop"


@given(some.text())
def test_any_text_is_quoted(value: str) -> None:
    assert tomllib.loads(f"a = {quoted(value)}") == {"a": value}


_ANY = some.text(max_size=50) | some.none() | some.integers()
_BRANCH = some.fixed_dictionaries({"environment": _ANY}) | _ANY
_TABLES = some.dictionaries(some.text(max_size=9) | some.just("main"), _BRANCH, max_size=3)


@given(
    folder=some.text(max_size=60),
    remote=some.text(max_size=60),
    told=some.fixed_dictionaries({"application_name": _ANY, "default_region": _ANY, "default_platform": _ANY}) | _ANY,
    branches=_TABLES | _ANY,
    region=some.text(max_size=9),
    files=some.dictionaries(
        some.sampled_from(["Procfile", "app.py", ".ebextensions/a.config", ".python-version"]), some.text(max_size=90)
    ),
)
def test_whatever_is_found_ebcd_reads_what_it_wrote(
    folder: str, remote: str, told: Any, branches: Any, region: str, files: dict[str, str]
) -> None:
    seen = Seen(
        folder,
        remote=remote,
        branch="main",
        eb={"global": told, "branch-defaults": branches},
        variables={"AWS_REGION": region},
        files=files,
    )
    found = decide(seen, Asked())
    loaded = read(found)
    assert loaded.application == found.application.value
    assert loaded.stages[found.stage].cname == found.cname.value
    assert loaded.stages["local"].cname == found.local_cname


@pytest.mark.parametrize("name", ["Dockerfile", "docker-compose.yml", "Dockerrun.aws.json"])
def test_containers_alone_get_the_platform_of_containers(name: str) -> None:
    found = decide(Seen("shop", files={name: "…"}), Asked(region="eu-west-1"))
    assert found.platform == Fact("Docker running on 64bit Amazon Linux 2023", name)
    assert (found.missing, found.runs) == ((), Fact("a container", name))
    loaded = read(found)
    assert (loaded.default_stage, list(loaded.stages)) == ("production", ["production"]), "none on the local Beanstalk"


@pytest.mark.parametrize("beside", ["requirements.txt", "Procfile", "app.py"])
def test_a_dockerfile_beside_python_is_no_reason(beside: str) -> None:
    found = decide(Seen("shop", files={"Dockerfile": "FROM scratch", beside: FLASK}), Asked())
    assert found.platform.value == LOCAL_PLATFORM
    assert "local" in read(found).stages
