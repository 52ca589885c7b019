"""No printed command is overlooked: the reader of sources finds what is planted, every program has its test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from printed_sources import other_commands, texts

PLANTED = '''
"""ebcd status in a docstring is not printed."""
def f(flags, result, stage, name):
    a = f"Look: ebcd logs --env {name} {flags}"
    b = flags.of("ship", "--no-swap", name)
    c = completed(("swap", "--to", name), flags, "")
    d = stage.aws("s3", "rm", name)
    e = command(result, "retire")
    return "git fetch"
'''
INSTALLS = "It changes the machine, or needs a network."
AWS_COMMANDS = {
    "aws cloudformation delete-stack",
    "aws cloudformation describe-stack-events",
    "aws elasticbeanstalk apply-environment-managed-action",
    "aws elasticbeanstalk delete-configuration-template",
    "aws elasticbeanstalk describe-applications",
    "aws elasticbeanstalk describe-environment-managed-actions",
    "aws elasticbeanstalk describe-environments",
    "aws elasticbeanstalk list-platform-branches",
    "aws elasticbeanstalk update-environment",
    "aws iam list-open-id-connect-providers",
    "aws s3 cp",
    "aws s3 rm",
    "aws s3api get-bucket-policy",
}
"""Those that tests/rehearsal/test_printed_aws_commands.py runs."""
NOT_RUN = {
    "curl": "tests/rehearsal/test_release.py asks the URLs that are printed.",
    "export": "tests/clients runs clients with what it sets.",
    "aws configure list-profiles": "It reads the caller's own files of AWS.",
    "aws sso login": "It needs a person and a browser.",
    "git annex": "It needs git-annex.",
    "git lfs": "It needs Git LFS.",
    "kill -9": "test_signals_everywhere.py kills runs so.",
    "pip freeze": INSTALLS,
    "pip install": INSTALLS,
    "pipx inject": INSTALLS,
    "pipx install": INSTALLS,
    "poetry add": INSTALLS,
    "poetry export": "tests/unit/test_tool_locks.py reads what it writes.",
    "timedatectl": INSTALLS,
    "uv add": INSTALLS,
    "uv export": "tests/unit/test_tool_locks.py reads what it writes.",
    "uv pip compile": "tests/unit/test_tool_locks.py reads what it writes.",
    "uv tool": INSTALLS,
}
RUN = {
    "git --version": "git --version",
    "git init": "git init && git add -A && git commit -m 'First commit'",
    "git add": "touch a && git add -A && git commit -m 'Ship with ebcd'",
    "git commit": "touch a && git add -A && git commit -m 'Ship with ebcd'",
    "git checkout": "git stash; git checkout $(git rev-parse --short=12 HEAD)",
    "git stash": "git stash; git checkout $(git rev-parse --short=12 HEAD)",
    "git config": "git config --global --add safe.directory '/a folder'",
    "git fetch": "git fetch",
    "git fsck": 'git -C "$PWD" fsck',
    "git log": "git log --oneline && git log --all --full-history",
    "git mv": "git mv procfile Procfile",
    "git rm": "git rm -r wheels && git rm procfile",
    "git submodule": "git submodule update --init --recursive",
    "chmod": 'chmod go-w "$PWD"',
    "echo": "echo uvicorn >> requirements.txt",
    "sed -i": "printf 'release: x\\nweb: y\\n' > Procfile && sed -i '/^release:/d' Procfile && ! grep release Procfile",
}
"""Printed command lines of other programs, as they run in a repository."""


def test_the_reader_finds_every_way_in_which_a_command_is_made(tmp_path: Path) -> None:
    path = tmp_path / "planted.py"
    path.write_text(PLANTED)
    starts = ("ebcd", "Look", "aws", "git")
    found = {text for _, text in texts(path, lambda name: f"<{name}>") if text.startswith(starts)}
    assert found == {
        "Look: ebcd logs --env <name> <flags>",
        "ebcd ship --no-swap <name> <flags> <config>",
        "ebcd swap --to <name> <flags>",
        "aws s3 rm <name>",
        "ebcd retire <flags>",
        "git fetch",
    }


def test_every_other_program_that_is_named_has_its_test_or_a_reason() -> None:
    known = [*RUN, *AWS_COMMANDS, *NOT_RUN]
    assert len(known) == len(set(known))
    assert set(known) == other_commands() | {"aws s3 cp"}


@pytest.mark.parametrize("line", sorted(set(RUN.values())))
def test_a_command_of_another_program_works_in_a_repository(line: str, tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    (folder / "wheels").mkdir(parents=True)
    for name in ("procfile", "wheels/a.whl"):
        (folder / name).write_text("web: x\n")
    identity = {f"GIT_{who}_{what}": "t@e" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    path = str(Path(str(shutil.which("git"))).parent)
    environ = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"} | identity
    for first in () if line.startswith("git init") else ("git init -q", "git add -A", "git commit -q -m one"):
        subprocess.run(["sh", "-c", first], cwd=folder, env=environ, check=True)
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
