"""What `ebcd init` writes beside ebcd.toml, and what it says of eb, platforms, databases and environment properties."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml as documents

from ebcd.config.read import parse
from ebcd.init import Asked, Found, Seen, decide, look, root, text
from ebcd.init.installed import exported, names
from ebcd.model import Configuration

yaml = documents.safe_load
NOTHING = Asked()
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
SETTINGS = """
import os
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = os.environ.get("HOSTS", "").split(",")
STATIC_URL = "assets/"
STATIC_ROOT = BASE_DIR / "collected"
"""
DJANGO = {
    "manage.py": "",
    "site_/__init__.py": "",
    "site_/settings.py": SETTINGS,
    "requirements.txt": "django\n",
    "site_/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
}


def of(files: dict[str, str], asked: Asked = NOTHING, **seen: Any) -> Found:
    paths = tuple(sorted({*files, *seen.pop("paths", ())}))
    return decide(Seen("shop", files=files, paths=paths, **seen), asked)


def read(found: Found) -> Configuration:
    return parse(tomllib.loads(text(found)), Path("ebcd.toml"), {}, {})


def written(found: Found) -> dict[str, str]:
    return {item.path: item.content for item in found.files}


def options(found: Found, stage: str) -> dict[str, str]:
    return {item.name: item.value for item in read(found).stages[stage].options}


def test_django_is_told_what_its_settings_ask_for() -> None:
    found = of(DJANGO)
    assert found.missing == ()
    assert options(found, "local") == {"SECRET_KEY": "only-for-this-machine", "HOSTS": "*"}
    assert options(found, "production") == {"HOSTS": "*", "PORT": "8000"}
    assert '# SECRET_KEY = { secret = "arn:aws:secretsmanager:…" }' in text(found)
    config = yaml(written(found)[".ebextensions/01-ebcd.config"])
    commands = config["container_commands"]
    assert list(commands) == ["01_migrate", "02_collectstatic"]
    assert commands["01_migrate"] == {
        "command": "source /var/app/venv/*/bin/activate && python manage.py migrate --noinput",
        "leader_only": True,
    }
    assert "leader_only" not in commands["02_collectstatic"]
    static = config["option_settings"]["aws:elasticbeanstalk:environment:proxy:staticfiles"]
    assert static == {"/assets": "collected"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALLOWED_HOSTS = []\nDEBUG = True\n", "for one's own machine alone"),
        ("ALLOWED_HOSTS = []\nDEBUG = False\n", "400 to every request"),
        ("ALLOWED_HOSTS = ['shop.example.com']\n", "400 to every request"),
        ("ALLOWED_HOSTS = ['*']\n", ""),
        ("ALLOWED_HOSTS = ['.elasticbeanstalk.com']\n", ""),
    ],
)
def test_hosts_that_django_refuses_are_told(change: str, said: str) -> None:
    found = of(DJANGO | {"site_/settings.py": SETTINGS + change})
    assert [said in item.what for item in found.missing] == ([True] if said else [])


def test_who_has_commands_of_their_own_keeps_them() -> None:
    own = {".ebextensions/a.config": "container_commands: {migrate: {command: x}}\n"}
    assert written(of(DJANGO | own)).keys() == {"Procfile"}


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"alembic.ini": "", "requirements.txt": "alembic\nflask\n"}, "alembic upgrade head"),
        ({"migrations/env.py": "", "requirements.txt": "Flask-Migrate\n"}, "flask db upgrade"),
        ({"Procfile": "web: x\nrelease: python make.py\n"}, "python make.py"),
    ],
)
def test_what_migrates_becomes_a_command_of_each_deployment(files: dict[str, str], command: str) -> None:
    content = written(of({"app.py": FLASK, **files}))[".ebextensions/01-ebcd.config"]
    commands = yaml(content)["container_commands"].values()
    assert [item["command"].partition(" && ")[2] for item in commands] == [command]


@pytest.mark.parametrize(
    ("files", "asked", "given"),
    [
        ({"app.py": FLASK + "x = os.environ['DATABASE_URL']\n", "requirements.txt": "psycopg[binary]"}, None, True),
        ({"app.py": FLASK + "x = os.environ['DATABASE_URL']\n", "requirements.txt": "psycopg2-binary"}, None, True),
        ({"app.py": FLASK + "x = os.environ['DATABASE_URL']\n", "requirements.txt": "flask"}, None, False),
        ({"app.py": FLASK, "requirements.txt": "psycopg"}, None, False),
        ({"app.py": FLASK, "requirements.txt": "flask"}, True, True),
        ({"app.py": FLASK + "x = os.environ['DATABASE_URL']\n", "requirements.txt": "psycopg"}, False, False),
    ],
)
def test_the_local_stage_has_a_database_where_the_code_asks_for_one(
    files: dict[str, str], asked: bool | None, given: bool
) -> None:
    found = of(files, Asked(database=asked))
    assert ("DBEngine" in options(found, "local")) is given
    assert ("# DATABASE_URL = { secret" in text(found)) is given


def test_a_variable_that_only_the_user_knows_is_told() -> None:
    found = of({"app.py": FLASK + "x = os.environ['REDIS_URL'], os.environ.get('B'), os.environ['AWS_REGION']\n"})
    assert [item.what for item in found.missing] == ["The code does not start without REDIS_URL."]
    later = (
        "def create_app():\n    return os.environ['A'], Flask(__name__)\ndef answer():\n    return os.environ['B']\n"
    )
    assert [item.what for item in of({"app.py": FLASK + later}).missing] == ["The code does not start without A."]
    known = {".ebextensions/a.config": "option_settings: {x: {REDIS_URL: redis://a}}\n"}
    assert of({"app.py": FLASK + "x = os.environ['REDIS_URL']\n"} | known).missing == ()
    decoupled = "from decouple import config\nA = config('API_TOKEN')\nB = config('B', default=1)\n"
    assert options(of({"app.py": FLASK + decoupled, "requirements.txt": ""}), "local") == {
        "API_TOKEN": "only-for-this-machine"
    }


@pytest.mark.parametrize(
    ("files", "platform", "source"),
    [
        ({"runtime.txt": "python-3.12.4\n"}, "Python 3.12", "runtime.txt"),
        ({".tool-versions": "nodejs 20\npython 3.13.0\n"}, "Python 3.13", ".tool-versions"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.12"\n'}, "Python 3.12", "pyproject.toml"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.8"\n'}, "Python 3.11", "pyproject.toml"),
        ({"uv.lock": 'requires-python = "==3.13.*"\n'}, "Python 3.13", "uv.lock"),
        ({"runtime.txt": "python-2.7.18\n"}, "Python 3.11", "the default"),
        ({"runtime.txt": "pypy\n", "pyproject.toml": "["}, "Python 3.11", "the default"),
        ({"Dockerfile": "FROM python\n"}, "Docker", "Dockerfile"),
        ({"Dockerfile": "FROM python\n", "requirements.txt": ""}, "Python 3.11", "the default"),
    ],
)
def test_the_platform_of_a_repository(files: dict[str, str], platform: str, source: str) -> None:
    found = of(files)
    assert (found.platform.value.partition(" running on ")[0], found.platform.source) == (platform, source)
    assert read(found).stages["production"].platform == found.platform.value
    assert ("local" in read(found).stages) is (platform != "Docker")
    assert read(found).default_stage == ("production" if platform == "Docker" else "local")


def test_a_python_that_no_platform_has_is_told() -> None:
    assert any("runtime.txt names Python 2.7" in note for note in of({"runtime.txt": "python-2.7.18"}).notes)


EB = {
    "application_name": "shop",
    "default_ec2_keyname": "ops",
    "instance_profile": "shop-role",
    "profile": "acme",
    "include_git_submodules": True,
    "repository": "origin-repo",
    "workspace_type": "Platform",
    "sc": "hg",
    "new": 1,
}


def test_all_that_eb_knows_is_taken_over_or_told() -> None:
    told = {"global": EB, "deploy": {"artifact": "x.zip"}, "branch-defaults": {"main": {"group_suffix": "dev"}}}
    found = of({"application.py": FLASK.replace("app", "application")}, eb=told)
    assert options(found, "production") == {"EC2KeyName": "ops", "IamInstanceProfile": "shop-role"}
    assert read(found).bundle.submodules == "include"
    said = " ".join(found.notes)
    for word in ("acme", "origin-repo", "custom platform", "x.zip", "group dev", "hg", "does not know: new"):
        assert word in said
    quiet = {"global": {"application_name": "shop", "profile": "eb-cli", "sc": "git", "default_region": "eu-west-1"}}
    assert of({"application.py": FLASK.replace("app", "application")}, eb=quiet).notes == ()


def test_what_no_instance_needs_stays_out_of_bundles() -> None:
    seen = {"app.py": FLASK, ".gitignore": "# own\n.venv/\n*.log\n"}
    paths = ("tests/test_a.py", ".github/workflows/ci.yml", "compose.yaml")
    lines = written(of(seen, paths=paths))[".ebignore"].splitlines()
    assert lines[1:] == [".venv/", "*.log", "/tests/", "/.github/", "/compose.yaml"]
    for other in ({"eb": {"global": {"application_name": "shop"}}}, {"ignored": True}):
        assert ".ebignore" not in written(of(seen, paths=paths, **other)), "eb would take other files than before"
    assert ".ebignore" not in written(of(seen, paths=(*paths, ".ebignore")))
    assert ".ebignore" not in written(of(seen))


def test_workflows_are_made_for_the_stage_and_only_where_asked_for() -> None:
    asked = Asked(region="eu-west-1", stage="live", github=True, action="acme/ebcd@abc")
    found = written(of({"app.py": FLASK}, asked, branch="trunk"))
    for name in ("ship", "patch", "rollback"):
        content = found.pop(f".github/workflows/{name}.yml")
        workflow = yaml(content)
        [job] = workflow["jobs"].values()
        assert job["environment"]["name"] == "live"
        assert [step["uses"] for step in job["steps"] if "uses" in step].count("acme/ebcd@abc") == 2
        assert "eu-west-1" in content
        assert workflow["permissions"] == {}
    assert found.keys() == {"Procfile", "requirements.txt"}
    assert "OWNER/ebcd@SHA" in written(of({}, Asked(github=True)))[".github/workflows/ship.yml"]
    below = written(of({}, Asked(github=True), below="services/api"))["../../.github/workflows/ship.yml"]
    assert "working-directory: services/api" in below
    there = of({"app.py": FLASK}, asked, paths=(".github/workflows/ship.yml",))
    assert ".github/workflows/ship.yml" not in written(there)


@pytest.mark.parametrize(
    ("content", "requirements"),
    [
        (
            '[project]\ndependencies = ["flask>=3", "x ; python_version < \'3\'", "not a requirement ("]\n',
            ["flask>=3", "x ; python_version < '3'"],
        ),
        (
            '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3.0"\nmin = "~1.2.3"\nz = "^0.2.3"\nany = "*"\n'
            'own = {path = "../own"}\nextra = {version = ">=2,<3", extras = ["a"]}\n'
            'opt = {version = "1", optional = true}\n',
            ["flask>=3.0,<4", "min>=1.2.3,<1.3", "z>=0.2.3,<0.3", "any", "extra[a]>=2,<3"],
        ),
        ("[tool.other]\n", []),
        ("[", []),
    ],
)
def test_requirements_are_made_of_pyproject_where_nothing_locks_them(content: str, requirements: list[str]) -> None:
    made = exported({"pyproject.toml": content})
    assert [line for line in made.splitlines() if not line.startswith("#")] == requirements
    for there in ("requirements.txt", "Pipfile", "uv.lock", "poetry.lock", "pylock.toml"):
        assert exported({"pyproject.toml": content, there: ""}) == ""


def test_requirements_are_made_of_imports_whose_package_everybody_knows() -> None:
    found = of({"app.py": FLASK + "import os, yaml, psycopg2, shop.own, strange\n", "shop/own.py": ""})
    assert written(found)["requirements.txt"].splitlines()[1:] == ["PyYAML", "flask", "psycopg2-binary"]
    assert "imports: strange" in found.missing[0].what


def test_a_lock_makes_the_requirements_of_each_bundle() -> None:
    for lock in ("uv.lock", "poetry.lock", "pylock.toml"):
        found = of({"app.py": FLASK, lock: '[[package]]\nname = "psycopg"\n[[packages]]\nname = "psycopg"\n'})
        assert read(found).bundle.requirements == "lock"
        assert "requirements.txt" not in written(found)
    assert read(of({"app.py": FLASK, "uv.lock": "", "requirements.txt": "flask"})).bundle.requirements == "as-is"


def test_names_of_requirements_from_wherever_they_stand() -> None:
    files = {
        "requirements.txt": "Flask_Login==1\n# x\n-r more.txt\n",
        "requirements/base.txt": "redis>=4\n",
        "Pipfile.lock": '{"default": {"httpx": {}}}',
        "uv.lock": '[[package]]\nname = "uvicorn"\n',
    }
    assert names(files) == {"flask-login", "redis", "httpx", "uvicorn"}
    assert names({"app.py": ""}) is None
    assert names({"Pipfile.lock": "{"}) == frozenset()


def test_a_release_that_names_itself_is_asked_at_that_path() -> None:
    naming = "@app.get('/version')\ndef version(): return open('.ebcd/manifest.json').read()\n"
    found = of({"app.py": FLASK + naming})
    assert {str(stage.proof and stage.proof.path) for stage in read(found).stages.values()} == {"/version"}
    assert read(of({"app.py": FLASK + "@app.get('/version')\ndef v(): ...\n"})).stages["local"].proof is None


def test_a_second_look_finds_nothing_to_write(tmp_path: Path) -> None:
    files = DJANGO | {"tests/test_x.py": "", ".gitignore": ".venv\n"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    asked = Asked(github=True, region="eu-west-1")
    first = decide(look(tmp_path, {}), asked)
    assert len(first.files) == 6
    for item in first.files:
        (tmp_path / item.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / item.path).write_text(item.content)
    second = decide(look(tmp_path, {}), asked)
    assert second.files == ()
    assert text(second) == text(first)


def test_files_are_read_in_their_own_encoding(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("Flask\r\n".encode("utf-16"))
    (tmp_path / "Procfile").write_bytes(b"\xef\xbb\xbfweb: x\n")
    seen = look(tmp_path, {})
    assert seen.files["requirements.txt"] == "Flask\r\n"
    assert seen.files["Procfile"] == "web: x\n"
    assert names(seen.files) == {"flask"}


def test_an_application_in_a_folder_of_a_repository(tmp_path: Path) -> None:
    folder = tmp_path / "acme" / "services" / "api"
    (folder / "deep").mkdir(parents=True)
    (folder / "requirements.txt").write_text("flask\n")
    (folder / "app.py").write_text(FLASK)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path / "acme", check=True)
    assert root(folder / "deep") == folder
    assert root(tmp_path / "acme" / "services") == tmp_path / "acme"
    found = decide(look(folder, {}), Asked())
    assert (found.application.value, found.application.source) == ("acme-api", "the repository's and the folder's name")
    top = decide(look(tmp_path / "acme", {}), Asked())
    assert any(item.hint.endswith("cd services/api && ebcd init") for item in top.missing)


def test_another_platform_than_python_is_for_aws_alone() -> None:
    asked = Asked(platform="Node.js 20 running on 64bit Amazon Linux 2023", health="/up")
    found = of({"package.json": "{}"}, asked)
    assert list(read(found).stages) == ["production"]
    assert options(found, "production") == {"HealthCheckPath": "/up"}
    assert replace(found, notes=()).files == ()
