"""Runs the steps of our action as GitHub's runner does: its variables, its shell, its files, its expressions.

Only what action.yml and the workflows use is there; anything else is an error, so that nothing passes unread.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

Context = Mapping[str, Any]


@dataclass(frozen=True)
class Finished:
    """How an action ended."""

    exit_code: int
    outputs: dict[str, str]
    summary: str
    log: str


@dataclass
class Runner:
    """A runner with its temporary folder and the variables that every step gets."""

    workspace: Path
    temp: Path
    environ: Mapping[str, str]
    contexts: dict[str, Any] = field(default_factory=dict)
    log: str = ""
    summary: str = ""

    def run_workflow(self, name: str, job: str, **contexts: Any) -> Finished:
        """Run the last step of a workflow's job that uses our action; those before it belong to others, or install."""
        steps = yaml.safe_load((ROOT / ".github/workflows" / name).read_text())["jobs"][job]["steps"]
        *_, ours = (step for step in steps if step.get("uses") == "./")
        return self.run_action({key: evaluate(value, contexts) for key, value in ours["with"].items()})

    def run_action(self, inputs: Mapping[str, str]) -> Finished:
        """Run action.yml to its end, or to the first step that fails."""
        action, exit_code = self._begin(inputs), 0
        for step in action["runs"]["steps"]:
            with self.started(step) as process:
                self.log += process.communicate(timeout=120)[0]
            self._collect(step)
            if exit_code := process.returncode:
                break
        outputs = {name: evaluate(output["value"], self.contexts) for name, output in action["outputs"].items()}
        return Finished(exit_code, outputs, self.summary, self.log)

    @contextmanager
    def main_step(self, inputs: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """The process of the step that runs ebcd, to be signalled while it runs."""
        with self.started(self._begin(inputs)["runs"]["steps"][-1]) as process:
            yield process

    @contextmanager
    def started(self, step: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
        """One step's process."""
        if unknown := set(step) - {"name", "id", "shell", "env", "run", "working-directory"}:
            raise AssertionError(f"the runner does not know {unknown}")
        assert step["shell"] == "bash"
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        own = {name: evaluate(value, self.contexts) for name, value in step.get("env", {}).items()}
        environ = {**self.environ, **self._files(), "RUNNER_TEMP": str(self.temp), "GITHUB_ACTIONS": "true", **own}
        folder = self.workspace / evaluate(step.get("working-directory", "."), self.contexts)
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        with subprocess.Popen(
            command, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            yield process

    def _begin(self, inputs: Mapping[str, str]) -> dict[str, Any]:
        action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
        assert set(inputs) <= set(action["inputs"]), "an input that the action does not have"
        defaults = {name: found["default"] for name, found in action["inputs"].items()}
        self.contexts |= {"inputs": defaults | dict(inputs), "steps": {}, "github": {"action_path": str(ROOT)}}
        self.summary = self.log = ""
        return action

    def _files(self) -> dict[str, str]:
        """Each step has fresh ones."""
        paths = {name: self.temp / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in paths.values():
            path.write_text("")
        return {name: str(path) for name, path in paths.items()}

    def _collect(self, step: Mapping[str, Any]) -> None:
        self.summary += (self.temp / "GITHUB_STEP_SUMMARY").read_text()
        if "id" in step:
            self.contexts["steps"][step["id"]] = {"outputs": parse_outputs((self.temp / "GITHUB_OUTPUT").read_text())}


def evaluate(text: str, contexts: Context) -> str:
    """A value with its `${{ }}`: paths into the contexts, texts in quotes, and `||`."""
    return EXPRESSION.sub(lambda match: _either(match[1], contexts), str(text))


def parse_outputs(file: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: `name<<delimiter`, lines, the delimiter."""
    found, lines = {}, iter(file.split("\n"))
    for line in filter(None, lines):
        name, delimiter = line.split("<<")
        found[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return found


def _either(expression: str, contexts: Context) -> str:
    return next(filter(None, (_term(term.strip(), contexts) for term in expression.split("||"))), "")


def _term(term: str, contexts: Context) -> str:
    if match := re.fullmatch(r"'([^']*)'", term):
        return match[1]
    assert re.fullmatch(r"[a-z_]+(\.[A-Za-z_-]+)+", term), f"the runner does not know {term!r}"
    value: Any = contexts
    for key in term.split("."):
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return "" if isinstance(value, Mapping) else str(value)
