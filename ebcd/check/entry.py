"""What a platform must find in a bundle to run it, by the platform of the stage. Pure.

Only what AWS's developer guide says of a platform is asked for. What surely fails is an error; where a hook or a build
may still make what is missing, it is a warning. Of a platform that is not known here nothing is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ebcd.check import procfile, serving, settings
from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.check.modules import place_of
from ebcd.check.syntax import HERE, Version
from ebcd.model import Family, Stage, Target
from ebcd.model.platforms import branch_of, family_of, local_branches, nearest_branch, python_of

_GUIDE = "https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/"
_PROCFILES = frozenset({Family.PYTHON, Family.NODE, Family.GO, Family.RUBY, Family.JAVA, Family.DOTNET})
"""Platforms that start what a Procfile says. Beside a Dockerfile it is another program's."""


@dataclass(frozen=True, slots=True)
class Need:
    """Files, one of which a platform needs at the root of a bundle."""

    any_of: tuple[str, ...]
    """Names, or patterns of names."""
    page: str
    """The page of the guide that says so."""
    severity: Severity = Severity.WARNING

    def met(self, paths: Collection[str]) -> bool:
        """Whether one of them is there."""
        return any(
            fnmatchcase(path, name) and path.count("/") == name.count("/") for path in paths for name in self.any_of
        )


_NEEDS: Mapping[Family, Need] = {
    Family.DOCKER: Need(
        ("Dockerfile", "Dockerrun.aws.json", "docker-compose.yml"),
        "single-container-docker-configuration.html",
        Severity.ERROR,
    ),
    Family.ECS: Need(("Dockerrun.aws.json",), "create_deploy_docker_v2config.html", Severity.ERROR),
    Family.NODE: Need(("Procfile", "package.json", "app.js", "server.js"), "nodejs-configuration-procfile.html"),
    Family.GO: Need(
        ("Procfile", "Buildfile", "application.go", "application", "bin/application"), "go-environment.html"
    ),
    Family.RUBY: Need(("Procfile", "config.ru"), "ruby-platform-procfile.html"),
    Family.JAVA: Need(("Procfile", "Buildfile", "*.jar"), "java-se-platform.html"),
    Family.DOTNET: Need(("Procfile", "*.runtimeconfig.json"), "dotnet-linux-procfile.html"),
}
"""Tomcat, PHP and IIS serve what is in the bundle, whatever it is called."""


def check(tree: Tree, stage: Stage | None) -> Iterator[Finding]:
    """What a bundle lacks to be run on the stage's platform."""
    paths = [path for path in tree.files if "/" not in path or path.startswith("bin/")]
    family = platform_family(stage)
    if stage is not None and stage.target is Target.LOCAL and family not in (Family.PYTHON, Family.OTHER):
        message = f"The stage {stage.name} is local, and the local Beanstalk runs Python platforms only."
        hint = f"Name a stage on AWS with -s, or a platform of Python in stages.{stage.name}.platform"
        yield Finding(Severity.ERROR, "local-platform", "ebcd.toml", None, message, hint)
    elif stage is not None and stage.target is Target.LOCAL and branch_of(stage.platform) not in local_branches():
        message = f"The local Beanstalk has no platform {branch_of(stage.platform)!r}."
        near = nearest_branch(stage.platform)
        hint = f"Did you mean {near!r}?" if near else f"Those that there are: {', '.join(local_branches())}"
        yield Finding(Severity.ERROR, "local-platform", "ebcd.toml", None, message, hint)
    if family is Family.PYTHON:
        yield from _python(tree, stage)
    need = _NEEDS.get(family)
    if stage is not None and need is not None and not need.met(paths):
        message = f"{branch_of(stage.platform)} needs at the root of the bundle: {' or '.join(need.any_of)}."
        hint = f"Commit what it needs: {_GUIDE}{need.page}"
        yield Finding(need.severity, "no-entry-point", need.any_of[0], None, message, hint)


def platform_family(stage: Stage | None) -> Family:
    """The family of a stage's platform: Python, which local stages run, where none is named."""
    return family_of(stage.platform) if stage is not None and stage.platform else Family.PYTHON


def runs_procfile(stage: Stage | None) -> bool:
    """Whether the stage's platform starts what a Procfile says."""
    return platform_family(stage) in _PROCFILES


def python_version(stage: Stage | None) -> Version | None:
    """The version of Python that a stage runs; None where nothing tells. The local Beanstalk runs on the same Python as
    ebcd, whatever older one its platform's name says.
    """
    named = python_of(stage.platform) if stage is not None else None
    if stage is not None and stage.target is Target.LOCAL:
        return max(named or HERE, HERE)
    return named


def _python(tree: Tree, stage: Stage | None) -> Iterator[Finding]:
    named = tree.find(procfile.NAME) is not None or serving.WSGI_PATH in settings.effective(tree, stage)
    if not named and procfile.NAME not in tree.links and not place_of(tree, "application").found:
        message = "There is neither a Procfile nor an application.py: Beanstalk would not know what to run."
        hint = "Commit a Procfile with a line such as: web: gunicorn --bind :$PORT application:application"
        yield Finding(Severity.ERROR, "no-entry-point", procfile.NAME, None, message, hint)
    if not any(tree.find(name) for name in ("requirements.txt", "Pipfile", "Pipfile.lock")):
        message = "There is no requirements.txt: nothing is installed on the instances."
        hint = "Commit one, if the application needs packages."
        yield Finding(Severity.WARNING, "no-requirements", "requirements.txt", None, message, hint)
