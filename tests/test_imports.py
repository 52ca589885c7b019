"""What each command may import. Modules are counted and named; nothing is clocked."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ebcd.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
RUN = """
import atexit, json, sys
from ebcd.__main__ import main
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr))
main()
"""
CONNECT = """
import json, sys
import ebcd.cli.session, ebcd.report.result, ebcd.report.text
from ebcd.aws.session import Access, connect
clients = connect(Access("eu-central-1", access_key_id="a", secret_access_key="b"))
clients.s3, clients.sts, clients.beanstalk
print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
FOREIGN = {"boto3", "s3transfer", "ebcd_local", "aespo", "moto", "flask", "werkzeug", "aiohttp", "requests", "git"}
"""What no command of ebcd imports."""
AWS = {"botocore", "urllib3", "ebcd.aws"}
BUNDLING = {"ebcd.bundle", "ebcd.check", "ebcd.requirements", "pathspec", "deflate", "cramjam", "packaging"}
RICH = {"rich"}


def imported(code: str, *arguments: str, cwd: Path = ROOT, **environ: str) -> set[str]:
    """The modules that a Python process has in the end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "EBCD_", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=kept | {"PYTHONPATH": str(ROOT)} | environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def of(modules: set[str], names: set[str]) -> set[str]:
    """Those of the modules that belong to one of the names."""
    return {item for item in modules if any(item == name or item.startswith(f"{name}.") for name in names)}


def test_the_version_is_told_by_hardly_anything() -> None:
    modules = imported(RUN, "--version")
    assert of(modules, {"ebcd"}) == {"ebcd", "ebcd.__main__", "ebcd.cli", "ebcd.cli.streams", "ebcd.commit"}
    assert of(modules, FOREIGN | AWS | BUNDLING | RICH | {"typer", "dataclasses", "typing"}) == set()


@pytest.mark.parametrize("arguments", [("--help",), *((name, "--help") for name in COMMANDS)])
def test_help_imports_the_command_line_and_nothing_behind_it(arguments: tuple[str, ...], tmp_path: Path) -> None:
    modules = imported(RUN, *arguments, EBCD_HOME=str(tmp_path))
    assert of(modules, FOREIGN | AWS | BUNDLING | RICH | {"yaml", "ebcd.config", "ebcd.model"}) == set()
    assert of(modules, {"ebcd.release", "ebcd.report"}) <= {
        "ebcd.release",
        "ebcd.clock",
        "ebcd.report",
        "ebcd.report.envelope",
    }


def test_what_help_tells_of_a_command_is_its_docstring() -> None:
    for name, entry in COMMANDS.items():
        module, _, function = entry.place.partition(":")
        found = getattr(importlib.import_module(f"ebcd.cli.{module}"), function)
        told = found.info.help if isinstance(found, typer.Typer) else found.__doc__
        assert told.splitlines()[0] == entry.help, name


def test_the_names_of_commands_are_completed_without_importing_one() -> None:
    modules = imported(RUN, _EBCD_COMPLETE="complete_bash", COMP_WORDS="ebcd s", COMP_CWORD="1")
    assert of(modules, {"ebcd"}) == {
        "ebcd",
        "ebcd.__main__",
        "ebcd.cli",
        "ebcd.cli.app",
        "ebcd.cli.examples",
        "ebcd.cli.help",
        "ebcd.cli.streams",
        "ebcd.errors",
    }


def test_completion_imports_no_more_than_help() -> None:
    modules = imported(RUN, _EBCD_COMPLETE="complete_bash", COMP_WORDS="ebcd ship --", COMP_CWORD="2")
    assert "ebcd.cli.app" in modules
    assert of(modules, FOREIGN | AWS | BUNDLING | RICH | {"yaml", "ebcd.config", "ebcd.model"}) == set()


@pytest.mark.parametrize("command", ["bundle", "check"])
def test_what_needs_git_only_imports_nothing_of_aws(command: str, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    folder.joinpath("Procfile").write_text("web: run\n")
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qm", "One"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)
    output = ("-o", str(tmp_path / "bundle.zip")) if command == "bundle" else ()
    modules = imported(RUN, command, *output, cwd=folder, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert "ebcd.bundle.build" in modules
    assert of(modules, FOREIGN | AWS | {"cramjam", "rich.progress", "ebcd.release.store.lock"}) == set()
    assert of(modules, {"ebcd.requirements", "ebcd.bundle.additions", "packaging"}) == set(), (
        "they are taken as they are"
    )
    assert ("ebcd.check" in modules) == (command == "check")


def test_init_imports_nothing_of_aws_and_nothing_of_bundles(tmp_path: Path) -> None:
    modules = imported(RUN, "init", "--json", cwd=tmp_path)
    assert (tmp_path / "ebcd.toml").exists()
    assert of(modules, FOREIGN | AWS | BUNDLING | {"rich.progress", "ebcd.release"}) == set()


def test_a_look_at_aws_imports_botocore_without_boto3_and_nothing_of_bundles() -> None:
    modules = imported(CONNECT)
    assert "botocore.client" in modules
    assert (
        of(
            modules,
            {
                "ebcd.release.plan.strategies",
                "ebcd.release.plan.preflight",
                "ebcd.release.execute.executor",
                "ebcd.aws.multipart",
            },
        )
        == set()
    )
    assert of(modules, FOREIGN | BUNDLING | {"yaml", "rich.progress", "rich.live"}) == set()
