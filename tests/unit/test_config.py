"""ebcd.toml: every key, and what is refused of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ebcd import config
from ebcd.config import schema
from ebcd.errors import UsageError
from ebcd.model import (
    BakeLimits,
    Configuration,
    OnFailure,
    OptionSetting,
    Proof,
    Requirements,
    SmokeTest,
    Stage,
    Target,
    Tenants,
)

ENVIRONMENT = "aws:elasticbeanstalk:application:environment"

PROD = """
application = "shop"
region = "eu-central-1"
[stages.prod]
cname = "shop-prod"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
"""


def load(tmp_path: Path, text: str, **environ: str) -> Configuration:
    (tmp_path / "ebcd.toml").write_text(text)
    found = config.load(tmp_path, explicit=None, environ=environ)
    assert found is not None
    return found


def refused(tmp_path: Path, text: str) -> UsageError:
    with pytest.raises(UsageError) as error:
        load(tmp_path, text)
    assert error.value.exit_code == 2
    assert error.value.why
    assert error.value.hint
    return error.value


def stages(**strategies: str) -> str:
    tables = (
        f'[stages.{name}]\ncname = "shop-{name}"\nplatform = "Python"\nstrategy = "{strategy}"\n'
        for name, strategy in strategies.items()
    )
    return 'application = "shop"\nregion = "eu-central-1"\n' + "".join(tables)


@pytest.mark.parametrize(
    "text",
    [
        stages(**{"prod": "pair", "prod-a": "in-place"}),
        stages(**{"prod": "blue-green", "prod-r1": "in-place"}),
        stages(**{"prod-r1": "in-place", "prod": "blue-green"}),
    ],
)
def test_two_stages_that_would_share_an_environment_are_refused(tmp_path: Path, text: str) -> None:
    assert "could be one of the stage" in refused(tmp_path, text).why


def test_stages_of_every_strategy_live_side_by_side(tmp_path: Path) -> None:
    found = load(tmp_path, stages(prod="pair", test="in-place", dev="blue-green")).stages
    assert {name: str(stage.strategy) for name, stage in found.items()} == {
        "prod": "pair",
        "test": "in-place",
        "dev": "blue-green",
    }


def test_every_key_that_has_an_effect_is_read(tmp_path: Path) -> None:
    (tmp_path / "saved.yml").write_text(
        "OptionSettings:\n  aws:autoscaling:asg:\n    MinSize: 1\n    Cooldown: 60\nEnvironmentTier: {}\n"
    )
    found = load(
        tmp_path,
        """
application = "shop"
region = "eu-central-1"
default_stage = "prod"
[bundle]
exclude = ["docs/**"]
max_size = "20MB"
requirements = "as-is"
submodules = "include"
[stages.prod]
target = "aws"
cname = "shop-prod"
platform = "Python 3.11"
strategy = "blue-green"
settings = ["saved.yml"]
accept = ["Green", "Yellow"]
stable = "90s"
timeout = "5m"
keep = "2h"
bake = "0s"
on_failure = "terminate"
[stages.prod.options."aws:autoscaling:asg"]
MinSize = 2
[stages.prod.env]
DEBUG = false
TOKEN = { secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf" }
[stages.prod.smoke]
path = "/healthz?full=1"
status = 204
contains = "ok"
attempts = 3
[stages.prod.proof]
path = "/version"
""",
    )
    assert (found.default_stage, found.bundle.max_size, found.bundle.submodules) == ("prod", 20_000_000, "include")
    assert found.bundle.exclude == ("docs/**",)
    assert found.stages["prod"] == Stage(
        name="prod",
        application="shop",
        region="eu-central-1",
        cname="shop-prod",
        platform="Python 3.11",
        accept=("Green", "Yellow"),
        stable=90.0,
        timeout=300.0,
        keep=7200.0,
        bake=0.0,
        on_failure=OnFailure.TERMINATE,
        options=(
            OptionSetting("aws:autoscaling:asg", "Cooldown", "60"),
            OptionSetting("aws:autoscaling:asg", "MinSize", "2"),
            OptionSetting(ENVIRONMENT, "DEBUG", "false"),
            OptionSetting(
                f"{ENVIRONMENT}secrets", "TOKEN", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:token-AbCdEf"
            ),
        ),
        smoke=SmokeTest("/healthz?full=1", 204, "ok", 3),
        proof=Proof("/version"),
    )


def test_a_local_stage_has_short_times_and_needs_nothing_else(tmp_path: Path) -> None:
    stage = load(tmp_path, 'application = "shop"\n[stages.local]\ntarget = "local"\n').stages["local"]
    assert (stage.target, stage.cname, stage.stable, stage.keep) == (Target.LOCAL, "shop", 2.0, 60.0)
    assert stage.platform.startswith("Python 3.11")


@pytest.mark.parametrize(
    ("addition", "key", "said"),
    [
        ('stabel = "1s"', "stages.prod.stabel", "stable"),
        ("[stages.prod.smoke]\npaht = '/'", "stages.prod.smoke.paht", "path"),
        ("[bundel]\n", "bundel", "bundle"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest_name(
    tmp_path: Path, addition: str, key: str, said: str
) -> None:
    error = refused(tmp_path, PROD + addition)
    assert error.code == "unknown-key"
    assert error.what.startswith(f"{key} = ")
    assert said in error.hint


@pytest.mark.parametrize(
    ("addition", "key"),
    [
        ("stable = 90", "stable"),
        ('stable = "1 fortnight"', "stable"),
        ('timeout = "0s"', "timeout"),
        ('accept = ["Red"]', "accept"),
        ("accept = []", "accept"),
        ('target = "moon"', "target"),
        ('on_failure = "cry"', "on_failure"),
        ("smoke = 3", "smoke"),
        ("[stages.prod.smoke]\npath = 'no-slash'", "smoke.path"),
        ("[stages.prod.smoke]\nstatus = 42", "smoke.status"),
        ("[stages.prod.smoke]\nstatus = true", "smoke.status"),
        ("[stages.prod.proof]", "proof.path"),
        ('settings = ["none.yml"]', "settings"),
        ("[stages.prod.env]\n'A B' = 'x'", "env.A B"),
        ("[stages.prod.env]\nA = ['x']", "env.A"),
        ('[stages.prod.env]\nA = { secret = "hunter2" }', "env.A"),
        (f"[stages.prod.env]\nA = '{'x' * 5000}'", "env"),
        (f"[stages.prod.env]\nA = 'x'\n[stages.prod.options.\"{ENVIRONMENT}\"]\nA = 'y'", "env.A"),
    ],
)
def test_a_value_that_cannot_be_is_refused(tmp_path: Path, addition: str, key: str) -> None:
    error = refused(tmp_path, PROD + addition)
    assert error.code == "bad-value"
    assert error.what.startswith(f"stages.prod.{key}")


def test_no_refusal_tells_a_secret(tmp_path: Path) -> None:
    error = refused(tmp_path, PROD + '[stages.prod.env]\nA = { secret = "hunter2" }')
    assert "hunter2" not in f"{error.what} {error.why} {error.hint}"
    error = refused(tmp_path, PROD + "[stages.prod.tenants]\nurl = '/tenants'\ntoken_env = 'hunter2-token'\n")
    assert error.what == "stages.prod.tenants.token_env names no environment variable."
    assert "hunter2" not in f"{error.what} {error.why} {error.hint}"


@pytest.mark.parametrize(
    "addition",
    [
        "[stages.prod.notify]\nurl = 'https://hooks.example.com/T0KEN'",
        "[stages.prod.notify]\nurls = 'https://hooks.example.com/T0KEN'",
        "notify = 'https://hooks.example.com/T0KEN'",
        "notify_url = 'https://hooks.example.com/T0KEN'",
        "slack = 'https://hooks.example.com/T0KEN'",
        "slack_token = 'T0KEN'",
        "api = 'T0KEN-0123456789-0123456789'",
        "[stages.prod.enviroment]\nA = 'T0KEN'",
        "[stages.prod.tenants]\nurl = '/tenants'\ntoken = 'T0KEN'",
        "[stages.prod.env]\nA = ['T0KEN']",
        f"[stages.prod.options.'{ENVIRONMENT}']\nA = ['T0KEN']",
        "[stages.prod.options.'aws:rds:dbinstance']\nDBPassword = ['T0KEN']",
    ],
)
def test_a_mistake_does_not_bring_a_secret_into_a_log(tmp_path: Path, addition: str) -> None:
    error = refused(tmp_path, PROD + addition)
    assert error.what.startswith("stages.prod.")
    assert "T0KEN" not in f"{error.what}{error.why}{error.hint}"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("stragety = 'pair'", "'pair'"),
        ("keeps = '2h'", "'2h'"),
        ("[stages.prod.smoke]\ncode = 200", "200"),
        ("bakes = true", "True"),
        ("accepted = ['Green']", "…"),
    ],
)
def test_what_anybody_may_read_is_told(tmp_path: Path, line: str, shown: str) -> None:
    assert f" = {shown} is no key" in refused(tmp_path, f"{PROD}{line}").what


def test_a_tenant_gate_is_read(tmp_path: Path) -> None:
    found = (
        load(
            tmp_path,
            PROD
            + """[stages.prod.tenants]
hosts = ["acme.example.com", "globex.example.com"]
path = "/healthz"
budget = 1
unknown = "nobody.example.com"
""",
        )
        .stages["prod"]
        .tenants
    )
    assert found == Tenants(("acme.example.com", "globex.example.com"), "", "/healthz", 200, 1, "nobody.example.com")
    found = load(tmp_path, PROD + '[stages.prod.tenants]\nurl = "/internal/tenants?sample=20"\n').stages["prod"].tenants
    assert found == Tenants(url="/internal/tenants?sample=20")
    gate = '[stages.prod.tenants]\nurl = "/tenants"\ntoken_env = "SHOP_TOKEN"\n'
    assert load(tmp_path, PROD + gate).stages["prod"].tenants == Tenants(url="/tenants", token_env="SHOP_TOKEN")


def test_bake_limits_are_read(tmp_path: Path) -> None:
    stage = load(tmp_path, f"{PROD}[stages.prod.bake_limits]\nmax_5xx = 0.01\np99_seconds = 2\n").stages["prod"]
    assert stage.bake_limits == BakeLimits(0.01, 2.0)
    for line, key in (("max_5xx = 2", "max_5xx"), ("p99_seconds = 0", "p99_seconds"), ("max_5xx = true", "max_5xx")):
        assert f"bake_limits.{key} " in refused(tmp_path, f"{PROD}[stages.prod.bake_limits]\n{line}\n").what


@pytest.mark.parametrize(
    ("gate", "key"),
    [
        ("path = '/'", "tenants.hosts"),
        ("hosts = ['a.example.com']\nurl = '/x'", "tenants.hosts"),
        ("hosts = ['http://a.example.com']", "tenants.hosts[0]"),
        ("hosts = ['a.example.com:80']", "tenants.hosts[0]"),
        ("hosts = ['a.example.com']\nbudget = -1", "tenants.budget"),
        ("url = 'internal'", "tenants.url"),
        ("hosts = ['a.example.com']\ntoken_env = 'TOKEN'", "tenants.token_env"),
        ("url = '/internal'\ntoken_env = ''", "tenants.token_env"),
        ("hosts = ['a.example.com']\nhost = 'b'", "tenants.host"),
    ],
)
def test_a_wrong_tenant_gate_is_refused(tmp_path: Path, gate: str, key: str) -> None:
    assert f"stages.prod.{key} " in refused(tmp_path, f"{PROD}[stages.prod.tenants]\n{gate}\n").what


STAGE_ON = '[stages.{name}]\ncname = "shop-{name}"\nplatform = "{platform}"\n'
ARM = '[stages.{name}.options."aws:ec2:instances"]\nSupportedArchitectures = "{value}"\n'


@pytest.mark.parametrize(
    ("tables", "pythons"),
    [
        ("", [("3.11", "x86_64", 34)]),
        ("[stages.here]\ntarget = 'local'\n", [("3.11", "x86_64", 34)]),
        (ARM.format(name="prod", value="arm64"), [("3.11", "aarch64", 34)]),
        (ARM.format(name="prod", value="x86_64, arm64"), [("3.11", "aarch64", 34), ("3.11", "x86_64", 34)]),
        (
            STAGE_ON.format(name="old", platform="Python 3.8 running on 64bit Amazon Linux 2"),
            [("3.11", "x86_64", 34), ("3.8", "x86_64", 26)],
        ),
        (
            STAGE_ON.format(
                name="next",
                platform="arn:aws:elasticbeanstalk:eu-central-1::platform/"
                "Python 3.13 running on 64bit Amazon Linux 2023/4.7.0",
            ),
            [("3.11", "x86_64", 34), ("3.13", "x86_64", 34)],
        ),
    ],
)
def test_wheels_are_for_the_pythons_of_the_stages_on_aws(
    tmp_path: Path, tables: str, pythons: list[tuple[str, str, int]]
) -> None:
    found = load(tmp_path, f'{PROD}{tables}[bundle]\nrequirements = "wheels"').bundle
    assert found.requirements is Requirements.WHEELS
    assert [(item.version, item.machine, item.glibc) for item in found.pythons] == pythons


def test_without_a_stage_on_aws_wheels_are_for_the_local_one(tmp_path: Path) -> None:
    text = 'application = "shop"\n[stages.local]\ntarget = "local"\n[bundle]\nrequirements = "wheels"\n'
    assert [item.version for item in load(tmp_path, text).bundle.pythons] == ["3.11"]
    assert load(tmp_path, text.replace("wheels", "lock")).bundle.pythons == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (PROD.replace("Python 3.11", "Docker"), "bundle.requirements"),
        (PROD.replace("Linux 2023", "Linux 20239"), "stages.prod.platform"),
        (PROD + ARM.format(name="prod", value="riscv"), "SupportedArchitectures"),
        ('application = "shop"\n', "bundle.requirements"),
    ],
)
def test_wheels_need_a_python_to_be_chosen_for(tmp_path: Path, text: str, key: str) -> None:
    assert key in refused(tmp_path, f'{text}[bundle]\nrequirements = "wheels"').what


def test_requirements_go_in_in_one_of_three_ways(tmp_path: Path) -> None:
    assert "as-is, lock, wheels" in refused(tmp_path, f'{PROD}[bundle]\nrequirements = "locked"').why


def test_a_stage_may_be_reached_at_a_url_of_its_own(tmp_path: Path) -> None:
    stage = load(tmp_path, PROD.replace("[stages.prod]", '[stages.prod]\nurl = "https://Shop.example.com"')).stages[
        "prod"
    ]
    assert stage.url == "https://shop.example.com"


@pytest.mark.parametrize(
    "url",
    [
        "shop.example.com",
        "https://",
        "https://shop.example.com/",
        "ftp://shop.example.com",
        "https://shop.example.com:0",
        "https://user@shop.example.com",
        "https://shop.example.com?x",
        "https://shop example.com",
    ],
)
def test_what_is_more_or_less_than_scheme_and_host_is_refused(tmp_path: Path, url: str) -> None:
    text = PROD.replace("[stages.prod]", f'[stages.prod]\nurl = "{url}"')
    assert "stages.prod.url" in refused(tmp_path, text).what


def test_a_local_stage_has_no_url_of_its_own(tmp_path: Path) -> None:
    error = refused(tmp_path, LOCAL + 'url = "https://shop.example.com"\n')
    assert "stages.local.url" in error.what
    assert "CNAME" in error.why


def test_people_are_told_at_urls_and_a_secret_one_is_named_by_its_variable(tmp_path: Path) -> None:
    urls = ("env:SLACK_URL", "https://example.com/hook", "http://127.0.0.1:8000/")
    stage = load(tmp_path, f"{PROD}[stages.prod.notify]\nurls = {json.dumps(urls)}\n").stages["prod"]
    assert stage.notify.urls == urls
    assert "example.com" not in repr(stage)


@pytest.mark.parametrize("url", ["http://example.com/T0KEN", "T0KEN", "env:T0KEN-", "env:", "https://", "ftp://T0KEN"])
def test_what_is_no_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    error = refused(tmp_path, f'{PROD}[stages.prod.notify]\nurls = ["{url}"]\n')
    assert error.code == "bad-value"
    assert "stages.prod.notify.urls[0]" in error.what
    assert "T0KEN" not in f"{error.what}{error.why}{error.hint}"


LOCAL = 'application = "shop"\n[stages.local]\ntarget = "local"\n'


def test_a_local_stage_asks_for_its_database_by_an_option_of_the_local_beanstalk(tmp_path: Path) -> None:
    asked = OptionSetting("ebcd:local:database", "DBEngine", "postgres")
    assert load(tmp_path, f"{LOCAL}database = true\n").stages["local"].options == (asked,)
    two = OptionSetting("ebcd:local:database", "Roles", "two")
    assert load(tmp_path, f'{LOCAL}database = "two-roles"\n').stages["local"].options == (asked, two)
    assert load(tmp_path, f"{LOCAL}database = false\n").stages["local"].options == ()
    assert load(tmp_path, f"{PROD}database = false\n").stages["prod"].options == ()


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (f"{PROD}database = true\n", "stages.prod.database", "Only the local Beanstalk"),
        (f"{LOCAL}database = 'yes'\n", "stages.local.database", "true or false"),
        (
            f"{LOCAL}database = true\n[stages.local.env]\nDATABASE_URL = 'x'\n",
            "stages.local.env.DATABASE_URL",
            "sets it",
        ),
    ],
)
def test_a_database_that_cannot_be_given_is_refused(tmp_path: Path, text: str, key: str, said: str) -> None:
    error = refused(tmp_path, text)
    assert error.code == "bad-value"
    assert error.what.startswith(f"{key} =")
    assert said in error.why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PROD.replace('"shop"', '"an-application-of-a-very-long-name"'), "Shorten"),
        (PROD.replace('"shop"', '"my shop"'), "letters, digits and hyphens"),
        (PROD.replace("stages.prod", "stages.pr_od"), "letters, digits and hyphens"),
        (PROD.replace("stages.prod", 'stages."a/b"'), "letters, digits and hyphens"),
        (PROD.replace("stages.prod", 'stages.".."'), "letters, digits and hyphens"),
        (PROD.replace("stages.prod", "stages.bundles"), "ebcd/shop/bundles/ holds what all stages share"),
        (PROD.replace("stages.prod", "stages.Previews"), "another name than bundles or previews"),
        (PROD.replace('"shop-prod"', '"shp"'), "ebcd.toml"),
        (PROD.replace('cname = "shop-prod"', ""), "ebcd.toml"),
        (PROD.replace("platform = ", "# "), "platform"),
        (PROD.replace('application = "shop"', ""), "application"),
        ('default_stage = "production"' + PROD, "prod"),
    ],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, text: str, said: str) -> None:
    error = refused(tmp_path, text)
    assert said in f"{error.why} {error.hint}"


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in refused(tmp_path, 'application = "shop"\nregion = \n').why


def test_it_is_found_above_up_to_the_repository_and_not_beyond(tmp_path: Path) -> None:
    (tmp_path / "ebcd.toml").write_text(PROD)
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    found = config.load(inside, explicit=None, environ={})
    assert found is not None
    assert found.source == tmp_path / "ebcd.toml"
    (tmp_path / "a" / ".git").mkdir()
    assert config.load(inside, explicit=None, environ={}) is None


def test_pyproject_toml_serves_too(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.ebcd]\napplication = "shop"\n[tool.ebcd.stages.local]\ntarget = "local"'
    )
    found = config.load(tmp_path, explicit=None, environ={})
    assert found is not None
    assert (found.application, found.default_stage) == ("shop", "local")


def test_the_eb_cli_s_configuration_fills_what_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / ".elasticbeanstalk"
    folder.mkdir()
    (folder / "config.yml").write_text(
        "branch-defaults: {main: {environment: x}}\nglobal:\n  application_name: shop\n  default_region: eu-west-1\n"
        "  default_platform: Python 3.12 running on 64bit Amazon Linux 2023\n"
    )
    found = load(tmp_path, '[stages.prod]\ncname = "shop-prod"\n')
    assert (found.application, found.region) == ("shop", "eu-west-1")
    assert found.stages["prod"].platform.startswith("Python 3.12")


def test_a_stage_is_chosen_by_option_then_default(tmp_path: Path) -> None:
    found = load(tmp_path, 'default_stage = "prod"' + PROD + '[stages.local]\ntarget = "local"\n')

    def choose(name: str | None) -> Stage:
        return config.select_stage(found, name=name, application=None, region=None, environ={})

    assert (choose(None).name, choose("local").name) == ("prod", "local")
    with pytest.raises(UsageError) as error:
        choose("prdo")
    assert "prod" in error.value.hint


def test_without_a_file_names_are_enough() -> None:
    def choose(name: str | None, application: str | None = "shop", **environ: str) -> Stage:
        return config.select_stage(None, name=name, application=application, region=None, environ=environ)

    local = choose("local")
    assert (local.target, local.cname, local.region) == (Target.LOCAL, "", "")
    assert choose("prod", AWS_REGION="eu-west-1").region == "eu-west-1"
    for given in ((None, "shop"), ("local", None), ("prod", "shop"), ("bundles", "shop"), ("..", "shop")):
        with pytest.raises(UsageError):
            choose(*given)


def test_every_key_has_a_sentence() -> None:
    for keys in (schema.TOP, schema.BUNDLE, schema.CHECK, schema.STAGE):
        assert all(key.doc for key in keys)
        assert len({key.name for key in keys}) == len(keys)


ALLOW = """
[[check.allow]]
rule = "secret"
path = "tests/data/example.pem"
reason = "a key made for the tests"
"""


def test_what_check_lets_through_and_the_folder_that_is_the_bundle(tmp_path: Path) -> None:
    head = 'application = "shop"\nregion = "eu-central-1"\n'
    found = load(tmp_path, head + '[bundle]\nroot = "services/api"\n' + ALLOW)
    assert [(item.rule, item.path) for item in found.allowances] == [("secret", "tests/data/example.pem")]
    assert found.bundle.root == "services/api"
    assert load(tmp_path, head).bundle.root == "."


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (ALLOW.replace('reason = "a key made for the tests"', ""), "check.allow[0].reason"),
        (ALLOW.replace('rule = "secret"', ""), "check.allow[0].rule"),
        (ALLOW.replace('"tests/data/example.pem"', '""'), "check.allow[0].path"),
        (ALLOW.replace('"tests/data/example.pem"', '"!"'), "check.allow[0].path"),
        (ALLOW.replace("path", "paths"), "check.allow[0].paths"),
        ("[check]\nallow = 5\n", "check.allow"),
        ("[check]\nallows = []\n", "check.allows"),
        ("[bundle]\nroot = 5\n", "bundle.root"),
    ],
)
def test_an_allowance_needs_all_of_it(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, 'application = "shop"\nregion = "eu-central-1"\n' + text)
    assert key in f"{error.value.what} {error.value.why}"
