"""The sessions that documents show are typed in repositories of the gallery, on a local Beanstalk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from documents import ROOT, Session, Step, sessions
from products import Cloud, Product, running_cloud

APPS = ROOT / "tests/rehearsal/gallery/apps"
SOMEBODY = {f"GIT_{role}_{name}": "t@example.com" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")}


@dataclass
class Shell:
    """A shell whose folder stays from command to command."""

    folder: Path
    environ: dict[str, str]

    def type(self, step: Step) -> str:
        """Run a command; what it prints. It must succeed."""
        read, write = os.pipe()
        done = subprocess.run(
            ["bash", "-c", f"set -e; {step.command}\npwd >&{write}"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(write,),
            text=True,
            timeout=180,
            check=False,
        )
        os.close(write)
        with os.fdopen(read) as told:
            where = told.read().strip()
        assert done.returncode == 0, f"{step.command}\n{done.stdout}"
        self.folder = Path(where)
        return done.stdout


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One of its own: the gallery's tests ship applications of the same names, and documents show first releases."""
    with running_cloud() as made:
        yield made


@pytest.fixture
def shell(cloud: Cloud, tmp_path: Path, session: Session) -> Iterator[Shell]:
    folder = tmp_path / f"{Path(session.page).stem}-{session.application}"
    shutil.copytree(APPS / session.application, folder)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**cloud.environ, **SOMEBODY, "PATH": path}
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True, env=environ)
    yield Shell(folder, environ)
    for named in folder.rglob("ebcd.toml"):
        application = named.read_text().partition('application = "')[2].partition('"')[0]
        Product(application, named.parent, cloud).remove()


@pytest.mark.parametrize("session", sessions(), ids=lambda session: f"{session.page}-{session.application}")
def test_a_session_goes_as_the_document_shows_it(session: Session, shell: Shell) -> None:
    for step in session.steps:
        shown = " ".join(shell.type(step).split())
        for line in step.prints:
            assert " ".join(line.split()) in shown, f"{step.command} does not print {line!r}:\n{shown}"
