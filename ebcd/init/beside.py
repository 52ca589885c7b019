"""How a repository runs, and what is written beside ebcd.toml so that it does. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ebcd.init import installed, platforms, properties, rest, workflows
from ebcd.init.applications import Kind, applications
from ebcd.init.django import Project, project
from ebcd.init.folders import below
from ebcd.init.routes import HEALTH, Route, administration, routes
from ebcd.init.serve import PLATFORM_PORT, PORT, serve
from ebcd.init.source import ASIDE, Module, modules
from ebcd.init.words import Asked, Fact, Missing, NewFile, Property, Seen
from ebcd.model.platforms import Family, family_of

_OPTION = re.compile(
    r"""(?:Application\ Healthcheck\ URL|HealthCheckPath)["']?\s*:\s*["']?  # the option's name
        (?i:https?:\d+)?(/[!-~]*?)["']?\s*$""",
    re.MULTILINE | re.VERBOSE,
)
_MANIFEST = "manifest.json"
_PORT = Property("PORT", PLATFORM_PORT, "the Procfile's $PORT; the proxy sends requests there")


@dataclass(frozen=True, slots=True)
class Beside:
    """How it runs, and the rest of what a release needs."""

    seen: Seen
    asked: Asked
    platform: Fact
    runs: Fact | None
    smoke: Fact
    local: bool
    health_check: bool = False
    proof: str = ""
    database: bool = False
    lock: bool = False
    env: tuple[Property, ...] = ()
    aws_env: tuple[Property, ...] = ()
    files: tuple[NewFile, ...] = ()
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def workflows(self, stage: str, region: str) -> tuple[NewFile, ...]:
        """GitHub's, where they are wanted. They stand at the repository's top."""
        if not self.asked.github:
            return ()
        found = workflows.workflows(stage, region, self.seen.branch, self.asked.action, self.seen.below)
        up = "../" * (self.seen.below.count("/") + 1) if self.seen.below else ""
        named = (NewFile(up + item.path, item.content, item.why) for item in found)
        return tuple(item for item in named if item.path not in self.seen.paths)


def beside(seen: Seen, asked: Asked) -> Beside:
    """All of it, from what was seen."""
    code = modules(_own(seen))
    told = ("Procfile", "pyproject.toml", *installed.READ, *installed.LOCKS)
    python = bool(code) or any(name in seen.files for name in told)
    platform, notes = platforms.platform(seen, asked, python=python)
    if not platforms.runs_locally(platform.value):
        return _elsewhere(seen, asked, platform, notes)
    return _python(seen, asked, code, platform, notes)


def _own(seen: Seen) -> dict[str, str]:
    """The files that are the application's: none of folders that are applications of their own."""
    others = tuple(f"{folder}/" for folder in below(seen))
    return {path: text for path, text in seen.files.items() if not path.startswith(others)}


def _python(seen: Seen, asked: Asked, code: Sequence[Module], platform: Fact, notes: tuple[str, ...]) -> Beside:
    """What the Python platform runs."""
    files, made = seen.files, applications(code)
    names = installed.names(files)
    served = serve(files, made, names, asked.run)
    django = project(seen.paths or tuple(files), code)
    database = properties.wants_database(code, names or ()) if asked.database is None else asked.database
    requirements, lacking = _requirements(seen, code, made[0].kind if made else None)
    smoke = _smoke(seen, code, asked)
    release = served.processes.get("release", "")
    written = (
        NewFile("Procfile", served.procfile, "what runs") if served.procfile else None,
        requirements,
        rest.extension(files, list(rest.commands(files, django, release, names or frozenset())), django),
        rest.ignore(files, seen.paths, eb=bool(seen.eb), ignored=seen.ignored),
    )
    env, aws_env = _properties(seen, code, django, database=database)
    ported = served.runs is not None and PORT.search(served.runs.value) is not None
    return Beside(
        seen,
        asked,
        platform,
        served.runs,
        smoke,
        local=True,
        health_check=smoke.value != "/" and not smoke.source.startswith(".ebextensions/"),
        proof=_proof(code),
        database=database,
        lock="requirements.txt" not in files and any(name in files for name in installed.LOCKS),
        env=tuple(item for item in env if item.value),
        aws_env=(_PORT, *aws_env) if ported else aws_env,
        files=tuple(item for item in written if item),
        missing=(*served.missing, *lacking, *_of(django), *_unknown(env), *rest.left_over(release)),
        notes=(*notes, *_sqlite(django, code, database=database)),
    )


def _elsewhere(seen: Seen, asked: Asked, platform: Fact, notes: tuple[str, ...]) -> Beside:
    """What another platform than Python runs: on AWS only."""
    branch = platform.value.split(" running on ")[0]
    note = f"The local Beanstalk runs Python platforms only, so there is no stage for it: {branch} goes to AWS."
    runs = Fact("a container", platform.source) if family_of(platform.value) is Family.DOCKER else None
    smoke = Fact(asked.health or "/", "--health" if asked.health else "the default")
    return Beside(
        seen, asked, platform, runs, smoke, local=False, health_check=smoke.value != "/", notes=(*notes, note)
    )


def _requirements(seen: Seen, code: Sequence[Module], kind: Kind | None) -> tuple[NewFile | None, list[Missing]]:
    """A requirements.txt where the platform needs one, and what nobody can know of it."""
    if any(name in seen.files for name in (*installed.READ, *installed.LOCKS)):
        return None, []
    if text := installed.exported(seen.files):
        return NewFile("requirements.txt", text, "what pyproject.toml asks for"), []
    if not code:
        return None, [
            Missing(
                "There is no requirements.txt: nothing would be installed on the instances.",
                "Write one, even an empty one.",
            )
        ]
    known, unknown = installed.imported(code, seen.paths or tuple(seen.files))
    if kind is Kind.ASGI and "uvicorn" not in known:
        known = sorted([*known, "uvicorn"])
    lacking = (
        [
            Missing(
                f"Nothing says which package brings what the code imports: {', '.join(unknown)}.",
                "Name it in requirements.txt.",
            )
        ]
        if unknown
        else []
    )
    head = "# What the code imports. Pin the versions before it goes to AWS: pip freeze tells them.\n"
    head = head if known else "# The code needs nothing but Python.\n"
    return NewFile("requirements.txt", head + "".join(f"{name}\n" for name in known), "what the code imports"), lacking


def _smoke(seen: Seen, code: Sequence[Module], asked: Asked) -> Fact:
    """The path that a healthy release answers with 200."""
    if asked.health:
        return Fact(asked.health, "--health")
    for path, content in seen.files.items():
        if path.startswith(".ebextensions/") and (option := _OPTION.search(content)):
            return Fact(option[1], path)
    found = routes(code)
    chosen = (
        next((item for item in found if HEALTH.fullmatch(item.path)), None)
        or (_named(seen) if not found else None)
        or next((item for item in found if item.path == "/"), None)
        or administration(code)
        or _fallback(found, code)
    )
    return Fact(chosen.path, chosen.place) if chosen else Fact("/", "the default")


def _named(seen: Seen) -> Route | None:
    """A usual path for health that code compares with, as an application without a framework does."""
    for path, text in seen.files.items():
        if (
            path.endswith(".py")
            and not ASIDE.search(path)
            and (found := re.search(r"""["'](/(?:healthz?|livez|readyz)/?)["']""", text))
        ):
            return Route(found[1], path)
    return None


def _fallback(found: Sequence[Route], code: Sequence[Module]) -> Route | None:
    """Where there is neither a path for health nor a first page: what FastAPI always has, else the first path."""
    fastapi = next((item for item in code if "FastAPI(" in item.text and "openapi_url" not in item.text), None)
    return Route("/openapi.json", fastapi.path) if fastapi else next(iter(found), None)


def _proof(code: Sequence[Module]) -> str:
    """The path at which the release names itself: where code reads the manifest and answers at /version."""
    if not any(_MANIFEST in module.text and ".ebcd" in module.text for module in code):
        return ""
    return next((item.path for item in routes(code) if re.search(r"/version/?$", item.path)), "")


def _properties(
    seen: Seen, code: Sequence[Module], django: Project | None, *, database: bool
) -> tuple[tuple[Property, ...], tuple[Property, ...]]:
    """Environment properties without which the code does not start: the local stage's, and those of the one on AWS.

    One whose value nobody but the user knows has none.
    """
    told = " ".join(text for path, text in seen.files.items() if path.startswith(".ebextensions/"))
    hosts = django.hosts_variable if django else ""
    local, aws = [], [Property(properties.DATABASE_URL, "", "")] if database else []
    if hosts:
        local.append(Property(hosts, "*", "Django's hosts"))
        aws.append(Property(hosts, "*", "Django's hosts; the load balancer checks instances by their addresses"))
    for name in properties.required(code):
        if name != hosts and not re.search(rf"\b{name}\b", told):
            value = "only-for-this-machine" if properties.is_secret(name) else ""
            local.append(Property(name, value, "any value does on one's own machine"))
            aws.append(Property(name, "", ""))
    return tuple(local), tuple(aws)


def _of(django: Project | None) -> tuple[Missing, ...]:
    return django.missing if django else ()


def _unknown(env: Sequence[Property]) -> list[Missing]:
    """What the user must say, for nobody else knows it."""
    return [
        Missing(
            f"The code does not start without {item.name}.",
            "Name it in [stages.local.env] of ebcd.toml, and in that of the stage on AWS.",
        )
        for item in env
        if not item.value
    ]


def _sqlite(django: Project | None, code: Sequence[Module], *, database: bool) -> list[str]:
    """That a file is no database where each release has files of its own."""
    if django is None or database or not any("django.db.backends.sqlite3" in module.text for module in code):
        return []
    return [
        "The settings name SQLite: each release begins with an empty database. With dj-database-url and psycopg the "
        "local stage has a PostgreSQL: ebcd init --force --database"
    ]
