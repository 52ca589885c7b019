"""What a repository's requirements are, wherever it names them, and what the platform can read of that. Pure."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ebcd.documents import BadDocument, toml_of
from ebcd.init.source import Module

Files = Mapping[str, str]

READ = ("requirements.txt", "Pipfile.lock", "Pipfile")
"""What the platform installs from, in its order."""
LOCKS = ("pylock.toml", "uv.lock", "poetry.lock")
"""What ebcd makes a locked requirements.txt of, as the bundle is made."""
_MORE = {
    "fastapi[standard]": "uvicorn",
    "fastapi[all]": "uvicorn",
    "uvicorn-worker": "uvicorn",
    "channels[daphne]": "daphne",
}
"""What brings a server with it."""


def names(files: Files) -> frozenset[str] | None:
    """The names of all that would be installed; None where nothing tells them."""
    if not any(name in files for name in (*READ, *LOCKS, "pyproject.toml")):
        return None
    found = {re.sub(r"[-_.]+", "-", name).lower() for name in _names(files)}
    text = " ".join(files.get(name, "").replace(" ", "").lower() for name in (*READ, "pyproject.toml"))
    return frozenset(found | {brought for name, brought in _MORE.items() if name in text})


def exported(files: Files) -> str:
    """A requirements.txt with what pyproject.toml asks for; empty where it is not needed, or asks for nothing."""
    if any(name in files for name in (*READ, *LOCKS)) or not (wanted := project_requirements(files)):
        return ""
    return (
        "# The dependencies of pyproject.toml, for Beanstalk, which reads this file. A lock pins them:\n"
        "#   uv pip compile --universal --generate-hashes pyproject.toml -o requirements.txt\n"
        + "".join(f"{item}\n" for item in wanted)
    )


def project_requirements(files: Files) -> list[str]:
    """The dependencies of pyproject.toml, as requirements: those of [project], or of Poetry."""
    content = table(files.get("pyproject.toml", ""))
    wanted = content.get("project", {}).get("dependencies") if isinstance(content.get("project"), dict) else None
    if isinstance(wanted, list):
        return [item for item in wanted if isinstance(item, str) and _is_requirement(item)]
    tool = content.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, dict) else None
    own = poetry.get("dependencies") if isinstance(poetry, dict) else None
    return (
        [text for name, told in own.items() if name != "python" and (text := _of_poetry(name, told))]
        if isinstance(own, dict)
        else []
    )


def table(text: str) -> dict[str, Any]:
    """A text of TOML; empty where it is none."""
    try:
        return toml_of(text.encode(errors="replace"))
    except BadDocument:
        return {}


def _names(files: Files) -> Iterator[str]:
    for path, text in files.items():
        if re.fullmatch(r"requirements(\.txt|/[\w.-]+\.txt)", path):
            for line in text.splitlines():
                if found := re.match(r"\s*([A-Za-z0-9][\w.-]*)", line):
                    yield found[1]
    yield from (re.split(r"[^\w.-]", item.strip(), maxsplit=1)[0] for item in project_requirements(files))
    for lock in LOCKS:
        packages = table(files.get(lock, "")).get("packages" if lock == "pylock.toml" else "package")
        for item in packages if isinstance(packages, list) else ():
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                yield item["name"]
    pipfile = table(files.get("Pipfile", "")).get("packages")
    yield from pipfile if isinstance(pipfile, dict) else ()
    try:
        locked = json.loads(files.get("Pipfile.lock", "{}"))
        yield from locked["default"] if isinstance(locked, dict) and isinstance(locked.get("default"), dict) else ()
    except ValueError:
        return


def _is_requirement(text: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement:
        return False
    return True


def _of_poetry(name: str, told: Any) -> str:
    """A dependency as Poetry writes it, as a requirement; empty for what no index has, or is optional."""
    version = told if isinstance(told, str) else told.get("version") if isinstance(told, dict) else None
    if not isinstance(version, str) or (isinstance(told, dict) and told.get("optional")):
        return ""
    extras = told.get("extras") if isinstance(told, dict) else None
    wanted = f"[{','.join(extras)}]" if isinstance(extras, list) and all(isinstance(x, str) for x in extras) else ""
    marker = told.get("markers") if isinstance(told, dict) else None
    text = f"{name}{wanted}{_specifier(version)}" + (f" ; {marker}" if isinstance(marker, str) else "")
    return text if _is_requirement(text) else ""


def _specifier(version: str) -> str:
    """Poetry's `^1.2` and `~1.2` as pip writes them.

    Source: https://python-poetry.org/docs/dependency-specification/
    """
    parts = [_one(part.strip()) for part in version.split(",")]
    return ",".join(part for part in parts if part)


def _one(version: str) -> str:
    numbers = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)", version)
    if numbers is None:
        return "" if version == "*" else version if version[:1] in "<>=!~" else f"=={version}"
    parts = [int(part) for part in numbers[2].split(".")]
    if numbers[1] == "~":
        kept = min(len(parts), 2) - 1
    else:
        kept = next((place for place, part in enumerate(parts) if part), len(parts) - 1)
    above = [*parts[:kept], parts[kept] + 1]
    return f">={numbers[2]},<{'.'.join(map(str, above))}"


_KNOWN = {
    name: name
    for name in (
        "aiohttp",
        "alembic",
        "asyncpg",
        "bottle",
        "celery",
        "dj_database_url",
        "django",
        "falcon",
        "fastapi",
        "flask",
        "flask_migrate",
        "flask_sqlalchemy",
        "gunicorn",
        "httpx",
        "hypercorn",
        "jinja2",
        "litestar",
        "numpy",
        "pandas",
        "pydantic",
        "pyramid",
        "quart",
        "redis",
        "requests",
        "sanic",
        "sqlalchemy",
        "starlette",
        "uvicorn",
        "websockets",
        "whitenoise",
    )
} | {
    "PIL": "pillow",
    "boto3": "boto3",
    "dotenv": "python-dotenv",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "yaml": "PyYAML",
}
"""Imports whose package everybody knows. No other name is guessed: a stranger's package may have it."""


def imported(modules: Sequence[Module], paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The requirements that a repository's imports tell of, and the imports of which nobody knows the package."""
    own = {part.removesuffix(".py") for path in paths for part in path.split("/")[:2]}
    own |= {module.name.split(".")[0] for module in modules}
    names = {name for module in modules for name in _imports(module)} - own - sys.stdlib_module_names
    return sorted(_KNOWN[name].replace("_", "-") for name in names & _KNOWN.keys()), sorted(names - _KNOWN.keys())


def _imports(module: Module) -> Iterator[str]:
    for statement in module.statements():
        if isinstance(statement, ast.Import):
            yield from (item.name.split(".")[0] for item in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module.split(".")[0]
