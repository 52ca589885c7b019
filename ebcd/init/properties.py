"""The environment properties that a repository's code asks for, and its database. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from ebcd.init.applications import FACTORY
from ebcd.init.source import Module, called, text_of

DATABASE_URL = "DATABASE_URL"
_GIVEN = frozenset(
    {
        "PORT",
        DATABASE_URL,
        "DATABASE_OWNER_URL",
        "DJANGO_SETTINGS_MODULE",
        "HOME",
        "PATH",
        "PYTHONPATH",
        "TMPDIR",
        "USER",
        "HOSTNAME",
        "VIRTUAL_ENV",
        "EB_IS_COMMAND_LEADER",
    }
)
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|_KEY$|^KEY$|SALT")
_DRIVERS = frozenset({"psycopg", "psycopg2", "psycopg2-binary", "asyncpg", "psycopg-binary"})
_READERS = ("config", "env")
"""python-decouple's and django-environ's."""


def required(modules: Sequence[Module]) -> list[str]:
    """The environment variables without which the code does not start, apart from those that the platform gives."""
    found = {name for module in modules for name in _required(module)}
    return sorted(name for name in found if name not in _GIVEN and not name.startswith(("AWS_", "RDS_")))


def is_secret(name: str) -> bool:
    """Whether any value does on one's own machine, and nobody may know the one in production."""
    return _SECRET.search(name) is not None


def wants_database(modules: Sequence[Module], installed: Collection[str]) -> bool:
    """Whether the application uses a PostgreSQL of which a URL tells."""
    told = any(DATABASE_URL in module.text or "dj_database_url" in module.text for module in modules)
    return told and bool(_DRIVERS & set(installed))


def _at_start(module: Module) -> Iterator[ast.AST]:
    """What runs when a module is imported, and in functions that make an application; not what answers requests."""
    pending: list[ast.AST] = [module.tree]
    while pending:
        node = pending.pop()
        yield node
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not function or FACTORY.fullmatch(getattr(node, "name", "")):
            pending += ast.iter_child_nodes(node)


def _required(module: Module) -> Iterator[str]:
    readers = "decouple" in module.text or "environ.Env" in module.text or "from environs" in module.text
    checked = set(re.findall(r"""["'](\w+)["']\s+(?:not\s+)?in\s+(?:os\.)?environ""", module.text))
    for node in _at_start(module):
        name: str | None = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            if ast.unparse(node.value) in ("os.environ", "environ"):
                name = text_of(node.slice)
        elif readers and isinstance(node, ast.Call) and called(node) in _READERS and len(node.args) == 1:
            with_default = any(item.arg == "default" for item in node.keywords)
            name = None if with_default else text_of(node.args[0])
        if name and name.isidentifier() and name not in checked:
            yield name
