"""What Beanstalk will run of a repository, and what it lacks for that. Pure: the files come as texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ebcd.init.words import Fact, Missing

Files = Mapping[str, str]

REQUIREMENTS = ("requirements.txt", "Pipfile.lock", "Pipfile")
"""Where Beanstalk finds what to install, in its order."""
CONTAINERS = ("Dockerfile", "docker-compose.yml", "docker-compose.yaml", "Dockerrun.aws.json")
"""What Beanstalk's Docker platform runs, one of which it needs.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/single-container-docker-configuration.html
"""
_HEALTH = ("/healthz", "/health", "/livez", "/readyz")
"""Paths at which applications usually say that they are well."""
_OPTION = re.compile(
    r"""(?:Application\ Healthcheck\ URL|HealthCheckPath)["']?\s*:\s*["']?  # the option's name
        (?i:https?:\d+)?(/[!-~]*?)["']?\s*$""",
    re.MULTILINE | re.VERBOSE,
)


def container(files: Files) -> str:
    """The file that Beanstalk's Docker platform would run; empty where Python's platform has something to run."""
    if any(name in files for name in ("Procfile", *REQUIREMENTS)) or any(name.endswith(".py") for name in files):
        return ""
    return next((name for name in CONTAINERS if name in files), "")


def runs(files: Files) -> Fact | None:
    """The web process: the Procfile's, else Beanstalk's own; None where there is none."""
    if image := container(files):
        return Fact("a container", image)
    if "Procfile" in files:
        web = re.search(r"^web:\s*(\S.*)$", files["Procfile"], re.MULTILINE)
        return Fact(web[1].strip(), "Procfile") if web else None
    if _defines(files.get("application.py", ""), "application"):
        return Fact("gunicorn application:application", "application.py, as Beanstalk does without a Procfile")
    return None


def missing(files: Files) -> Iterator[Missing]:
    """What is not there, and a way to get it."""
    if container(files):
        return
    if runs(files) is None:
        line = f"web: {_suggestion(files)}"
        if "Procfile" in files:
            yield Missing("The Procfile has no web process: nothing would answer requests.", f"Add a line: {line}")
        elif "application.py" in files:
            yield Missing("application.py defines no `application`, which Beanstalk runs where there is no Procfile.",
                          f"Write a Procfile: {line}")  # fmt: skip
        else:
            yield Missing("There is neither a Procfile nor an application.py: Beanstalk would not know what to run.",
                          f"Write a Procfile: {line}")  # fmt: skip
    if not any(name in files for name in REQUIREMENTS):
        yield Missing("There is no requirements.txt: nothing would be installed on the instances.",
                      "Write one, even an empty one.")  # fmt: skip


def smoke_path(files: Files) -> Fact:
    """The path that a healthy release answers with 200."""
    for path, content in files.items():
        if path.startswith(".ebextensions/") and (option := _OPTION.search(content)):
            return Fact(option[1], path)
    for path, content in files.items():
        for health in _HEALTH:
            if path.endswith(".py") and re.search(rf"[\"']{health}/?[\"']", content):
                return Fact(_as_written(content, health), path)
    return Fact("/", "the default")


def _as_written(content: str, path: str) -> str:
    """A path with the slash at its end that the code gives it: a redirect is not the answer that is waited for."""
    return path if re.search(rf"[\"']{path}[\"']", content) else f"{path}/"


def _suggestion(files: Files) -> str:
    """The command that would run what looks like a WSGI application."""
    for path, content in sorted(files.items(), key=lambda item: "wsgi" not in item[0]):
        for name in ("application", "app"):
            if path.endswith(".py") and _defines(content, name):
                return f"gunicorn {path.removesuffix('.py').replace('/', '.')}:{name}"
    return "gunicorn MODULE:APPLICATION"


def _defines(content: str, name: str) -> bool:
    """Whether a module has a name at its top."""
    ways = (rf"{name}\s*(?::[^=\n]+)?=(?!=)", rf"(?:async )?def {name}\b", rf"from .* import .*\b{name}\b")
    return any(re.search(f"^{way}", content, re.MULTILINE) for way in ways)
