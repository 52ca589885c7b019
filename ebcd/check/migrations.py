"""Alembic migrations that take away what the live release still uses. Pure: they are parsed, never run.

While a release comes up, its migration has run and the release before serves. So a migration may add; what drops,
renames, retypes or tightens must say `works_since = "REVISION"`: releases that have that revision's migration work
without what it takes away.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from ebcd.check import ddl
from ebcd.check.files import File
from ebcd.check.finding import Finding, Severity
from ebcd.check.syntax import Fault
from ebcd.documents import BadDocument, python_of

DECLARATION = "works_since"
UNREADABLE = (BadDocument, RecursionError)
"""What the reading of a migration raises."""
_FOLDER = "versions"
_EXPAND = (
    "Add first and stop using it, and ship that; take it away in a later release. Its migration says "
    f'{DECLARATION} = "REVISION", the newest revision of the release that stopped using it.'
)


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration, as far as it matters to the release before."""

    path: str
    revision: str
    taken: tuple[tuple[int, str], ...]
    """What it takes away: line, and a phrase such as "drops the column notes.body"."""
    works_since: str | None
    """The revision that it declares; None: none."""
    line: int = 0
    """Where it declares that."""


def reads(path: str) -> bool:
    """Whether a file of that name may be a migration: Alembic keeps them in a folder called versions."""
    place = PurePosixPath(path)
    return place.suffix == ".py" and _FOLDER in place.parts[:-1]


def check(
    files: Mapping[str, File], live: frozenset[str] | None, faults: Mapping[str, Fault] | None = None
) -> Iterator[Finding]:
    """Findings in the migrations that live has not.

    live: the paths of the live release's files. None: it is not known what is live, so that every migration counts.
    faults: the files that are no Python of the stage's version; None: that of a migration is no other one.
    """
    places = {item.revision: item.path for item in _migrations(files)}
    for path in filter(reads, files):
        if live is not None and path in live:
            continue
        try:
            migration = read(path, files[path].data)
        except UNREADABLE as error:
            if faults is None or path in faults or _is_in_package(path, files):
                yield _unread(path, error, sure=faults is None or path in faults)
        else:
            yield from _findings(migration, places, live) if migration else ()


def _unread(path: str, error: Exception, *, sure: bool) -> Finding:
    """A migration that this Python cannot read. sure: whether the stage's cannot either."""
    told = error.what if isinstance(error, BadDocument) else "it is nested too deeply"
    message, line = f"{told[:1].upper()}{told[1:]}.", getattr(error, "line", None)
    if sure:
        return Finding(
            Severity.ERROR, "migration-unreadable", path, line, message, "Correct it: no migration would run."
        )
    message = f"{message} The Python that runs ebcd is older than the stage's, so it is not known what it takes away."
    hint = "Run ebcd on the stage's Python, and it is checked."
    return Finding(Severity.WARNING, "migration-unreadable", path, line, message, hint)


def _is_in_package(path: str, files: Mapping[str, File]) -> bool:
    """Whether a file lies where Alembic keeps its migrations: beside others, below a folder with its env.py."""
    parts = PurePosixPath(path).parts
    return f"{'/'.join(parts[: parts.index(_FOLDER)])}/env.py".lstrip("/") in files


def any_takes_away(files: Mapping[str, File]) -> bool:
    """Whether a migration takes something away, declared or not."""
    return any(migration.taken for migration in _migrations(files))


def _migrations(files: Mapping[str, File]) -> Iterator[Migration]:
    """Those that can be read."""
    for path in filter(reads, files):
        with suppress(*UNREADABLE):
            if migration := read(path, files[path].data):
                yield migration


@lru_cache(maxsize=4096)
def read(path: str, data: bytes) -> Migration | None:
    """The migration in a file; None where it is none: Alembic asks for `revision`. Raises one of UNREADABLE."""
    if b"revision" not in data:
        return None
    module = python_of(data)
    assigned = _assigned(module)
    revision = _literal(assigned.get("revision"))
    if revision is None:
        return None
    declared = assigned.get(DECLARATION)
    taken = tuple(sorted(set(_taken(_upgrade(module)))))
    since = None if declared is None else _literal(declared) or ""
    return Migration(path, revision, taken, since, declared.lineno if declared else 0)


def _findings(migration: Migration, places: Mapping[str, str], live: frozenset[str] | None) -> Iterator[Finding]:
    path, since = migration.path, migration.works_since
    if since is None:
        for line, what in migration.taken:
            yield Finding(
                Severity.ERROR,
                "migration-takes-away",
                path,
                line,
                f"The migration {what}, which the live release may still use.",
                _EXPAND,
            )
    elif since not in places or since == migration.revision:
        yield Finding(
            Severity.ERROR,
            "migration-declaration",
            path,
            migration.line,
            f"{DECLARATION} names no revision of an earlier migration.",
            "Name, as a string, the newest revision of the release that stopped using it.",
        )
    elif migration.taken and live is not None and places[since] not in live:
        line, what = migration.taken[0]
        yield Finding(
            Severity.ERROR,
            "migration-too-early",
            path,
            line,
            f"The migration {what}, and live has no revision {since} yet: it still uses it.",
            f"Ship the release that brings {since} first; this one when it is live.",
        )


def _assigned(module: ast.Module) -> dict[str, ast.expr]:
    """What the module's top level assigns to names."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _upgrade(module: ast.Module) -> list[ast.AST]:
    """What `upgrade` runs: the function, and the functions and values of the module's top level that it leads to."""
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    known: dict[str, ast.AST] = {**_assigned(module), **functions}
    waiting = [name for name in functions if name.split("_")[0] == "upgrade"]  # also upgrade_ENGINE, of several
    reached: dict[str, ast.AST] = {}
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = known[name]
            names = (node.id for node in ast.walk(known[name]) if isinstance(node, ast.Name))
            waiting += [inner for inner in names if inner in known]
    return list(reached.values())


def _taken(parts: list[ast.AST]) -> Iterator[tuple[int, str]]:
    for part in parts:
        seen = set(_documentation(part))
        for node in ast.walk(part):
            if isinstance(node, ast.Call):
                yield from ((node.lineno, what) for what in ddl.taken_by_call(node))
            if isinstance(node, ast.expr) and node not in seen and (text := ddl.text_of(node)) is not None:
                seen.update(ast.walk(node))
                yield from ((node.lineno + line, what) for line, what in ddl.taken_by_sql(text))


def _documentation(part: ast.AST) -> Iterator[ast.AST]:
    """The docstring's nodes: what it tells of is not done."""
    if isinstance(part, ast.FunctionDef) and ast.get_docstring(part, clean=False) is not None:
        yield from ast.walk(part.body[0])
