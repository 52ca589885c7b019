"""What a release needs beside ebcd.toml and the repository lacks: the files themselves. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ebcd.init.django import Project
from ebcd.init.words import Missing, NewFile

COMMANDS = ".ebextensions/01-ebcd.config"
IGNORE = ".ebignore"
_VENV = "source /var/app/venv/*/bin/activate"
"""The platform keeps its virtual environment there, and does not activate it for commands."""
_ASIDE = (
    "tests/",
    "test/",
    ".github/",
    ".gitlab-ci.yml",
    ".circleci/",
    ".vscode/",
    ".idea/",
    ".devcontainer/",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.yaml",
    ".pre-commit-config.yaml",
    "tox.ini",
    "Makefile",
)
"""What no instance needs, as a rule."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that each deployment runs once its files are there."""

    name: str
    command: str
    once: bool = True
    """On one instance only."""


def commands(
    files: Mapping[str, str], django: Project | None, release: str, installed: frozenset[str]
) -> Iterator[Command]:
    """The commands that a deployment must run. release: the one that a Procfile of Heroku's names."""
    inside = f"cd {django.folder} && " if django and django.folder else ""
    if release:
        yield Command("release", release)
    elif django:
        yield Command("migrate", f"{inside}python manage.py migrate --noinput")
    elif "alembic.ini" in files and "alembic" in installed:
        yield Command("migrate", "alembic upgrade head")
    elif any(path.endswith("migrations/env.py") for path in files) and "flask-migrate" in installed:
        yield Command("migrate", "flask db upgrade")
    if django and django.static_root:
        yield Command("collectstatic", f"{inside}python manage.py collectstatic --noinput", once=False)


def extension(files: Mapping[str, str], wanted: Sequence[Command], django: Project | None) -> NewFile | None:
    """The configuration file with the commands; None where there are commands of the repository's own, or none."""
    own = any(path.startswith(".ebextensions/") and "container_commands" in text for path, text in files.items())
    if own or not wanted:
        return None
    lines = ["# What each deployment runs before it serves; leader_only: on one instance.", "container_commands:"]
    for number, item in enumerate(wanted, 1):
        lines += [f"  {number:02}_{item.name}:", f"    command: {_quoted(f'{_VENV} && {item.command}')}"]
        lines += ["    leader_only: true"] if item.once else []
    if django and django.static_root and not django.whitenoise and "://" not in django.static_url:
        folder = posixpath.join(django.folder, django.static_root)
        lines += [
            "option_settings:",
            "  aws:elasticbeanstalk:environment:proxy:staticfiles:",
            f"    {_quoted('/' + django.static_url.strip('/'))}: {_quoted(folder)}",
        ]
    why = ", ".join(item.name for item in wanted) + " at each deployment"
    return NewFile(COMMANDS, "\n".join(lines) + "\n", why)


def ignore(files: Mapping[str, str], paths: Sequence[str], *, eb: bool, ignored: bool) -> NewFile | None:
    """What stays out of bundles; None where there is nothing, or where eb would take other files than before.

    eb reads .ebignore in the place of .gitignore, so what that says stands in it too.
    """
    tops = {path.split("/")[0] + "/" if "/" in path else path for path in paths}
    aside = [name for name in _ASIDE if name in tops]
    if not aside or eb or ignored or IGNORE in paths:
        return None
    lines = ["# What stays out of source bundles. eb reads this file in the place of .gitignore."]
    lines += [line for line in files.get(".gitignore", "").splitlines() if line.strip() and not line.startswith("#")]
    lines += [f"/{name}" for name in aside]
    return NewFile(IGNORE, "\n".join(lines) + "\n", f"leaves {', '.join(aside)} out of bundles")


def left_over(release: str) -> Iterator[Missing]:
    """What a Procfile of Heroku's says and Beanstalk takes otherwise."""
    if release:
        yield Missing(
            "Procfile: Beanstalk would start `release` again and again, as all processes are to stay.",
            f"sed -i '/^release:/d' Procfile; each deployment runs it once, by {COMMANDS}.",
        )


def _quoted(text: str) -> str:
    """A string of YAML: JSON's is one."""
    return json.dumps(text, ensure_ascii=False)
