"""uv.lock and poetry.lock as locked requirements: what is installed, under which marker, with which hashes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from packaging.markers import Marker
from packaging.requirements import Requirement

from ebcd.requirements import poetry_lock, uv_lock
from ebcd.requirements.graph import Edge, reached
from ebcd.requirements.lock import lock

APPS = Path(__file__).parents[1] / "rehearsal" / "gallery" / "apps"
A, B = "a" * 64, "b" * 64
UV = """
version = 1
[[package]]
name = "shop"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "web", extra = ["fast"] }, { name = "win", marker = "sys_platform == 'win32'" }]
[package.dev-dependencies]
dev = [{ name = "tests" }]
"""


def package(name: str, more: str = "", version: str = "1", source: str = 'registry = "https://pypi.org/simple"') -> str:
    return f"""
[[package]]
name = "{name}"
version = "{version}"
source = {{ {source} }}
sdist = {{ url = "https://x/{name}-{version}.tar.gz", hash = "sha256:{A}" }}
wheels = [{{ url = "https://x/{name}-{version}-py3-none-any.whl", hash = "sha256:{B}" }}]
{more}
"""


def markers(found: uv_lock.Found) -> dict[str, str]:
    return {f"{pin.name} {pin.version}": pin.marker for pin in found.pins}


def test_what_uv_locks_is_what_the_project_depends_on() -> None:
    text = UV + package(
        "web", 'dependencies = [{ name = "base" }]\n[package.optional-dependencies]\nfast = [{ name = "c" }]'
    )
    text += package("win", 'dependencies = [{ name = "base" }, { name = "deep", marker = "os_name == \'nt\'" }]')
    text += package("base") + package("c") + package("deep") + package("tests")
    found = uv_lock.read(text.encode(), "shop")
    assert found.problems == []
    assert markers(found) == {
        "base 1": "",
        "c 1": "",
        "deep 1": "(os_name == 'nt') and (sys_platform == 'win32')",
        "web 1": "",
        "win 1": "(sys_platform == 'win32')",
    }
    [web] = [pin for pin in found.pins if pin.name == "web"]
    assert web.hashes == (f"sha256:{A}", f"sha256:{B}")
    assert [item.name for item in web.wheels or ()] == ["web-1-py3-none-any.whl"]
    for pin in found.pins:
        assert not pin.marker or Marker(pin.marker)


def test_versions_that_markers_choose_between_are_kept_apart() -> None:
    more = (
        '{ name = "n", version = "1", marker = "python_version < \'3.12\'" }, '
        '{ name = "n", version = "2", marker = "python_version >= \'3.12\'" }'
    )
    text = (
        UV.replace('{ name = "web", extra = ["fast"] }', more)
        + package("win")
        + package("n")
        + package("n", version="2")
    )
    found = markers(uv_lock.read(text.encode(), "shop"))
    assert (found["n 1"], found["n 2"]) == ("(python_version < '3.12')", "(python_version >= '3.12')")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (UV + package("web", source='git = "https://x/y"') + package("win"), "web comes from git"),
        (UV + package("win"), "cannot be read"),
        ("[", "cannot be read"),
        ("version = 1\n", "no package that is the project"),
        ("package = 3\n", "cannot be read"),
        (UV + package("web").replace(f"sha256:{B}", "md5:1") + package("win"), "without a SHA-256"),
    ],
)
def test_a_lock_of_uv_s_that_locks_nothing_is_told(text: str, said: str) -> None:
    [problem] = uv_lock.read(text.encode(), "shop").problems
    assert problem.path == "uv.lock"
    assert said in problem.message


def test_a_workspace_s_lock_is_read_for_the_project_that_is_shipped() -> None:
    text = UV + package("web") + package("win")
    text += '\n[[package]]\nname = "other"\nversion = "1"\nsource = { editable = "other" }\n'
    assert len(uv_lock.read(text.encode(), "shop").pins) == 2
    assert uv_lock.read(text.encode(), "other").pins == []
    assert uv_lock.read(text.encode(), "").problems


POETRY = f"""
[[package]]
name = "Flask"
version = "3.1"
groups = ["main"]
files = [
    {{file = "flask-3.1-py3-none-any.whl", hash = "sha256:{A}"}},
    {{file = "flask-3.1.tar.gz", hash = "sha256:{B}"}},
]
[[package]]
name = "tests"
version = "1"
groups = ["dev"]
files = []
[[package]]
name = "win"
version = "1"
groups = ["main", "dev"]
markers = "sys_platform == 'win32'"
files = [{{file = "win-1.tar.gz", hash = "sha256:{B}"}}]
[[package]]
name = "both"
version = "1"
groups = ["main", "dev"]
markers = {{main = "os_name == 'nt'", dev = "extra == 'x'"}}
files = [{{file = "both-1.tar.gz", hash = "sha256:{B}"}}]
[[package]]
name = "extra"
version = "1"
optional = true
groups = ["main"]
files = []
"""


def test_what_poetry_2_locks_for_the_main_group() -> None:
    found = poetry_lock.read(POETRY.encode(), None)
    assert found.problems == []
    assert markers(found) == {"flask 3.1": "", "win 1": "sys_platform == 'win32'", "both 1": "os_name == 'nt'"}
    assert [item.name for item in found.pins[0].wheels or ()] == ["flask-3.1-py3-none-any.whl"]


def test_what_poetry_1_locks_is_what_the_main_group_depends_on() -> None:
    text = "\n".join(line for line in POETRY.splitlines() if not line.startswith(("groups", "markers")))
    text = text.replace(
        'name = "Flask"\n', 'name = "Flask"\ndependencies = {win = {version = "*", markers = "os_name == \'nt\'"}}\n'
    )
    project = b'[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"\nextra = {version = "1", optional = true}\n'
    found = poetry_lock.read(text.encode(), project)
    assert markers(found) == {"flask 3.1": "", "win 1": "(os_name == 'nt')"}
    assert markers(
        poetry_lock.read(text.encode(), b'[project]\ndependencies = ["win", "both ; os_name == \'nt\'"]\n')
    ) == {"win 1": "", "both 1": '(os_name == "nt")'}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("groups", 'source = {type = "git"}\ngroups'), "flask comes from git"),
        ((f"sha256:{A}", "md5:1"), "without a SHA-256"),
        (("[[package]]", "[[package"), "cannot be read"),
        (('name = "Flask"', "name = 3"), "cannot be read"),
    ],
)
def test_a_lock_of_poetry_s_that_locks_nothing_is_told(change: tuple[str, str], said: str) -> None:
    found = poetry_lock.read(POETRY.replace(*change, 1).encode(), None)
    assert said in found.problems[0].message


@pytest.mark.parametrize("app", ["uv", "poetry"])
def test_locks_that_the_tools_wrote(app: str) -> None:
    files = {path.name: path.read_bytes() for path in (APPS / app).iterdir() if path.is_file()}
    found = lock(files.get, files.get, wheels=False)
    assert (found.source, found.problems) == (f"{app}.lock", ())
    names = {pin.name for pin in found.pins}
    assert ({"starlette", "uvicorn", "anyio"} if app == "uv" else {"flask", "werkzeug"}) <= names
    assert not names & {"pytest", "iniconfig", "weather"}
    locked = {item["name"] for item in tomllib.loads(files[f"{app}.lock"].decode())["package"]}
    assert names < locked
    for line in found.text().decode().splitlines():
        if line[0] not in "# ":
            Requirement(line.removesuffix(" \\"))


def test_requirements_that_are_committed_come_first() -> None:
    files = {"uv.lock": b"[", "requirements.txt": f"a==1 --hash=sha256:{A}\n".encode()}
    assert lock(files.get, files.get, wheels=False).source == "requirements.txt"


_NAMES = some.sampled_from("abcdef")
_EDGES = some.dictionaries(_NAMES, some.lists(some.tuples(_NAMES, some.sampled_from(["", "m", "n", "o"])), max_size=4))


@settings(deadline=None)
@given(_EDGES)
def test_all_that_is_reached_and_nothing_else_is_installed(told: dict[str, list[tuple[str, str]]]) -> None:
    """Under each choice of what holds, a package is in exactly where a walk along the edges that hold comes to it."""
    found = reached([Edge("a")], lambda key, extra: [Edge(*each) for each in told.get(key, [])])
    for holds in ({""}, {"", "m"}, {"", "n", "o"}, {"", "m", "n", "o"}):
        walked, pending = set(), ["a"]
        while pending:
            name = pending.pop()
            if name not in walked:
                walked.add(name)
                pending += [target for target, marker in told.get(name, []) if marker in holds]
        scope = {name: name in holds for name in "mno"}
        assert {name for name, marker in found.items() if not marker or eval(marker, {}, scope)} == walked
