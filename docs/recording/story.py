"""What the pictures show: an application that is shipped, looked at, broken and brought back, on a local Beanstalk.

The application is one of the gallery in `tests/rehearsal`; nothing that is shown is written by hand.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from recording import terminal

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = ROOT / "tests/rehearsal/gallery/apps/flask-factory"
SCREENS = {
    "init": "what init finds in a Flask application, and writes",
    "ship-running": "a ship that waits for its environment",
    "ship-done": "a ship that is done",
    "status": "what is live",
    "releases": "the ledger",
    "doctor": "what would stop a ship",
    "check": "check with findings",
    "ship-failed": "a ship that failed, with its cause",
    "rollback": "the way back",
}
"""The screens, and what each shows."""
WIDTHS = (80, 120)
AT_WORK = "Successfully launched"
"""The event in the middle of a ship at which the screen is kept."""
VERSION = """

@bp.route("/version")
def version():
    import json
    from pathlib import Path

    return json.loads(Path(".ebcd/manifest.json").read_text())
"""
LIST = """

@bp.route("/")
def orders():
    return {"orders": []}
"""
PAYMENTS = '\nimport os\n\nPAYMENTS_KEY = os.environ["PAYMENTS_KEY"]\n'
OPTIONS = "option_settings:\n  aws:autoscaling:asg:\n    MinSize: 2\n    MinSize: 4\n"


Runner = Callable[["Story", str, str, str], tuple[int, str]]
"""Runs a command of a story. Given the story, the screen's name, that of the moment in its middle (both may be
empty) and the command; the exit code, and what it showed."""


@dataclass(frozen=True, slots=True)
class Story:
    """A repository, a local Beanstalk, and how commands are run: `run` keeps what they show."""

    folder: Path
    environ: Mapping[str, str]
    run: Runner

    def tell(self) -> None:
        """Run the whole of it. Raises AssertionError where a command ends otherwise than the story says."""
        self._expect(0, "init", "ebcd init")
        self._append("shop/orders.py", VERSION)
        self._expect(0, "", "ebcd init --force --yes")
        self._commit("Ship with ebcd")
        self._expect(0, "", "ebcd ship")
        self._append("shop/orders.py", LIST)
        self._commit("Orders can be listed")
        self._expect(0, "ship-done", "ebcd ship", "ship-running")
        self._expect(0, "status", "ebcd status")
        self._expect(0, "doctor", "ebcd doctor")
        self._broken_work_tree()
        self._append("shop/__init__.py", PAYMENTS)
        self._commit("Pay with the new service")
        self._expect(6, "ship-failed", "ebcd ship")
        self._expect(0, "rollback", "ebcd rollback --reason 'r2 loses orders'")
        self._expect(0, "releases", "ebcd releases")

    def _broken_work_tree(self) -> None:
        """Files for `check`, which nobody commits."""
        procfile = (self.folder / "Procfile").read_text().replace("shop:", "shopp:")
        written = {"Procfile": procfile, ".ebextensions/01-size.config": OPTIONS}
        for name, content in written.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)
        self._git("add", "-A")
        self._expect(3, "check", "ebcd check")
        self._git("reset", "-q", "--hard")

    def _expect(self, code: int, screen: str, command: str, moment: str = "") -> None:
        found, shown = self.run(self, screen, moment, command)
        assert found == code, f"{command} ended with {found}, and not with {code}:\n{shown}"

    def _append(self, name: str, text: str) -> None:
        with (self.folder / name).open("a") as file:
            file.write(text)

    def _commit(self, message: str) -> None:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", message)

    def _git(self, *arguments: str) -> None:
        command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *arguments]
        subprocess.run(command, cwd=self.folder, check=True, env=dict(self.environ))


@contextmanager
def beginning(run: Runner) -> Iterator[Story]:
    """A story before its first command; the local Beanstalk is stopped behind it."""
    with TemporaryDirectory(prefix="ebcd-", dir="/tmp") as top:
        folder, home = Path(top) / "shop", Path(top) / "home"
        home.mkdir(mode=0o700)
        shutil.copytree(APPLICATION, folder)
        environ = _environ(home)
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True, env=environ)
        try:
            yield Story(folder, environ, run)
        finally:
            subprocess.run(shlex.split("ebcd local down"), env=environ, check=True, stdout=subprocess.DEVNULL)


def _environ(home: Path) -> dict[str, str]:
    """A new user's environment: nothing of AWS, of GitHub, of git and of other local Beanstalks."""
    private = ("AWS_", "EBCD_", "GIT_", "GITHUB_", "LC_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"PATH": path, "HOME": str(home), "EBCD_HOME": str(home), "LANG": "C.UTF-8"}
    return {**kept, **own, "EBCD_LOCAL_PORT": "0", "EBCD_LOCAL_LB_PORT": "0"}


def in_terminal(keep: Path, width: int) -> Runner:
    """Runs commands in a terminal of a width, and keeps pictures of the screens in a folder."""

    def run(story: Story, screen: str, moment: str, command: str) -> tuple[int, str]:
        found = terminal.in_terminal(
            shlex.split(command), story.folder, story.environ, width, until=lambda shown: AT_WORK in shown
        )
        for name, shown in ((screen, found.screen), (moment, found.moment)):
            if name:
                picture = terminal.drawing(SCREENS[name], width, [terminal.typed(command), *shown])
                (keep / f"{name}-{width}.svg").write_text(picture)
        return found.exit_code, terminal.plain(found.screen)

    return run


def without_colour(keep: Path) -> Runner:
    """Runs commands in a terminal with NO_COLOR, and keeps the screens as text. It raises where there is a colour."""

    def run(story: Story, screen: str, _: str, command: str) -> tuple[int, str]:
        environ = {**story.environ, "NO_COLOR": "1"}
        found = terminal.in_terminal(shlex.split(command), story.folder, environ, 80)
        coloured = [line.plain for line in found.screen if any(terminal.coloured(span) for span in line.spans)]
        assert not coloured, f"{command} shows colours in spite of NO_COLOR: {coloured}"
        if screen:
            _write(keep / f"{screen}.no-color.txt", command, terminal.plain(found.screen))
        return found.exit_code, terminal.plain(found.screen)

    return run


def into_pipe(keep: Path, kind: str, **environ: str) -> Runner:
    """Runs commands whose output goes into a pipe, and keeps it as text. kind: part of the files' names."""

    def run(story: Story, screen: str, _: str, command: str) -> tuple[int, str]:
        code, shown = terminal.piped(shlex.split(command), story.folder, {**story.environ, **environ})
        if screen:
            _write(keep / f"{screen}.{kind}.txt", command, shown)
        return code, shown

    return run


def _write(path: Path, command: str, shown: str) -> None:
    path.write_text(f"{terminal.PROMPT}{command}\n{shown.rstrip()}\n")
