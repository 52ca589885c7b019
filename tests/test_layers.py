"""The rules of who may import what, and who may wait, print or be patched: a rule that is broken fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PURE = (
    {
        **{f"ebcd.model{room}": {"ebcd.model"} for room in ("", ".beanstalk", ".bundle", ".platforms", ".stage")},
        "ebcd.model.hidden": {"ebcd.model"},
        "ebcd.model.kinds": set(),
        "ebcd.errors": set(),
        "ebcd.documents": {"ebcd.plain_yaml"},
        "ebcd.plain_yaml": {"ebcd.documents"},
        "ebcd.config.preview": {"ebcd.config", "ebcd.errors", "ebcd.model"},
        "ebcd.words": set(),
        "ebcd.eb": {"ebcd.errors"},
        "ebcd.init.words": set(),
        "ebcd.init.names": {"ebcd.config", "ebcd.errors", "ebcd.model"},
        **{
            f"ebcd.init.{path.stem}": {"ebcd.config", "ebcd.documents", "ebcd.init", "ebcd.model"}
            for path in (ROOT / "ebcd" / "init").glob("[a-z]*.py")
            if path.stem not in ("action", "look", "names", "words")
        },
        "ebcd.doctor.check": {"ebcd.errors"},
        **{
            f"ebcd.doctor.{name}": {
                "ebcd.aws",
                "ebcd.doctor",
                "ebcd.errors",
                "ebcd.model",
                "ebcd.release",
                "ebcd.words",
            }
            for name in ("judge", "permitted", "seen", "standing")
        },
        **{
            f"ebcd.permissions.{path.stem}": {"ebcd.permissions"}
            for path in (ROOT / "ebcd" / "permissions").glob("[a-z]*.py")
        },
        "ebcd.bundle.select": {"ebcd.bundle", "ebcd.errors"},
        "ebcd.config.platform": {"ebcd.config", "ebcd.model"},
        **{
            f"ebcd.requirements.{name}": {"ebcd.documents", "ebcd.errors", "ebcd.model", "ebcd.requirements"}
            for name in ("choose", "lines", "lock", "pins", "pylock")
        },
        **{
            f"ebcd.check.{path.stem}": {"ebcd.bundle.encoded", "ebcd.check", "ebcd.documents", "ebcd.model"}
            for path in (ROOT / "ebcd" / "check").glob("[a-z]*.py")
            if path.stem != "inspection"
        },
        "ebcd.bundle.encoded": set(),
        "ebcd.bundle.names": {"ebcd.errors"},
    }
    | {
        f"ebcd.release.{room}.{path.stem}": {
            "ebcd.errors",
            "ebcd.model",
            "ebcd.release",
            "ebcd.words",
            "ebcd.documents",
        }
        for room in ("state", "judge", "plan")
        for path in (ROOT / "ebcd" / "release" / room).glob("[a-z]*.py")
    }
    | {"ebcd.release.state.documents": {"ebcd.aws.storage", "ebcd.documents", "ebcd.model"}}
)
"""Modules without I/O, and what of ebcd they may know."""
EFFECTS = {"boto3", "botocore", "subprocess", "socket", "time", "urllib3", "os", "threading", "random", "requests"}


def modules(package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        yield name, path


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def imports_any(path: Path, packages: set[str]) -> set[str]:
    return {name for name in imports(path) if name.split(".")[0] in packages}


@pytest.mark.parametrize(("package", "forbidden"), [("ebcd", "ebcd_local"), ("ebcd_local", "ebcd"), ("aespo", "ebcd")])
def test_the_tool_the_local_beanstalk_and_the_application_do_not_know_each_other(package: str, forbidden: str) -> None:
    seen = {name: imports_any(path, {forbidden}) for name, path in modules(package)}
    assert seen
    assert {name: found for name, found in seen.items() if found} == {}


def test_the_packages_of_a_release_know_only_those_below_them() -> None:
    """In this order, which `ebcd/release/__init__.py` explains: no package imports one behind it."""
    order = ["state", "judge", "store", "plan", "execute", "commands"]
    below = {item.name for item in (ROOT / "ebcd" / "release").iterdir() if item.is_dir() and item.name[0] != "_"}
    assert below == set(order)
    found = set()
    for name, path in modules("ebcd"):
        if name.startswith("ebcd.release.") and (own := name.split(".")[2]) in order:
            known = {item.split(".")[2] for item in imports(path) if item.startswith("ebcd.release.")}
            found |= {f"{name} imports {item}" for item in known if order.index(item) > order.index(own)}
    assert found == set()


def test_only_aws_imports_boto3() -> None:
    users = {name for name, path in modules("ebcd") if imports_any(path, {"boto3", "botocore"})}
    assert users
    assert {name for name in users if not name.startswith("ebcd.aws")} == set()


def test_aws_decides_nothing() -> None:
    for name, path in modules("ebcd"):
        if name.startswith("ebcd.aws"):
            known = {item for item in imports_any(path, {"ebcd"}) if item.count(".") >= 1}
            allowed = ("ebcd.aws", "ebcd.errors", "ebcd.model", "ebcd.proxies")
            assert all(item.startswith(allowed) for item in known), name


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_have_no_effects(module: str) -> None:
    path = dict(modules("ebcd"))[module]
    assert imports_any(path, EFFECTS) == set()
    known = imports_any(path, {"ebcd"}) - {"ebcd"}
    assert all(any(item.startswith(allowed) for allowed in PURE[module]) for item in known), known


@pytest.mark.parametrize("module", [name for name in PURE if not name.startswith("ebcd.doctor")])
def test_pure_modules_lead_to_none_that_has(module: str) -> None:
    """What is imported at run time, through whatever other modules."""
    seen, waiting = set(), [module]
    places = dict(modules("ebcd"))
    while waiting:
        here = waiting.pop()
        if here in places and here not in seen:
            seen.add(here)
            waiting += [name for name in run_time_imports(places[here]) if name.startswith("ebcd.")]
    assert {name for name in seen if name.startswith("ebcd.aws")} == set()


def run_time_imports(path: Path) -> set[str]:
    """What a file imports where it is imported itself: not for the type checker alone, nor in a function."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_only_the_injected_clock_waits() -> None:
    waiting = {name for name, path in modules("ebcd") if "time.sleep" in set(calls(path))}
    assert waiting == set()
    asked = {name for name, path in modules("ebcd") if any(call.endswith("clock.sleep") for call in calls(path))}
    assert asked <= {"ebcd.clock", "ebcd.release.execute.gates", "ebcd.cli.inspect"}


def test_only_the_command_line_prints() -> None:
    def prints(call: str) -> bool:
        return call == "print" or call.endswith((".print", "stdout.write", "stderr.write"))

    printing = {name for name, path in modules("ebcd") if any(map(prints, calls(path)))}
    assert "ebcd.cli.progress" in printing
    assert {name for name in printing if not name.startswith("ebcd.cli.")} == {"ebcd.__main__"}


def test_no_test_patches() -> None:
    words = ("mock." + "patch", "monkeypatch." + "setattr", "unittest" + ".mock")
    tests = list((ROOT / "tests").rglob("*.py"))
    assert len(tests) > 5
    assert [path.name for path in tests if any(word in path.read_text() for word in words)] == []
