"""Python's modules in a bundle: where each lies, what its file binds, what it imports. Nothing is run. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ebcd.check.files import Tree

_UNKNOWN_NAMES = frozenset({"globals", "exec", "vars", "setattr", "__import__", "locals"})
"""Functions by which a module may bind names that nobody can read in it."""
_GUARDS = frozenset({"version_info", "version", "hexversion", "PY2", "PY3", "TYPE_CHECKING", "platform", "name"})
"""Names in a condition that says on which Python, or where, its block is for."""
_COMPILED = (".so", ".pyd", ".pyc")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module is looked for."""

    path: str
    """Its file; empty: a folder without __init__.py, or none."""
    found: bool
    """Whether there is such a module."""


def place_of(tree: Tree, module: str, folder: str = "") -> Place:
    """Where a module lies, as seen from a folder of the bundle."""
    base = "/".join([*([folder] if folder else []), *module.split(".")])
    for path in (f"{base}/__init__.py", f"{base}.py"):
        if tree.find(path) is not None:
            return Place(path, True)
    parent, _, name = base.rpartition("/")
    compiled = (
        any(
            path.startswith(f"{base}.") and path.endswith(_COMPILED) and path.rpartition("/")[0] == parent
            for path in tree.files
        )
        if name
        else False
    )
    return Place("", compiled or tree.is_folder(base))


def bound(module: ast.Module) -> frozenset[str] | None:
    """The names that a module's own level binds; None where that cannot be known."""
    found: set[str] = set()
    for node in _own_level(module.body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
    found |= {name for node in ast.walk(module) if isinstance(node, ast.Global) for name in node.names}
    if "*" in found or "__getattr__" in found or _binds_in_secret(module):
        return None
    return frozenset(found)


def _own_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """All nodes but those inside of functions and classes."""
    waiting: list[ast.AST] = [*body]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _binds_in_secret(module: ast.Module) -> bool:
    names = (
        node.func.id for node in ast.walk(module) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    )
    replaced = any(isinstance(node, ast.Attribute) and node.attr == "modules" for node in ast.walk(module))
    return replaced or not _UNKNOWN_NAMES.isdisjoint(names)


def imported(module: ast.Module, name: str, *, package: bool) -> frozenset[str]:
    """The modules that a module surely leads to: those that it imports, wherever in it, and those that it names in
    strings with dots, as Django's settings do. What a condition on Python's version keeps apart does not count.

    name: its own; package: whether it is an __init__.py.
    """
    own = name.split(".") if package else name.split(".")[:-1]
    found: set[str] = set()
    for node in _unguarded(module):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = own[: len(own) - node.level + 1] if node.level else []
            if node.level > len(own) + 1:
                continue
            start = ".".join([*base, *([node.module] if node.module else [])])
            found |= {start, *(f"{start}.{alias.name}" if start else alias.name for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_dotted(node.value):
            found |= {node.value, node.value.rpartition(".")[0]}
    return frozenset(item for item in found if item)


def _is_dotted(text: str) -> bool:
    return "." in text and len(text) < 200 and all(part.isidentifier() for part in text.split("."))


def _unguarded(module: ast.Module) -> Iterator[ast.AST]:
    """All nodes but those whose running depends on Python's version, or whose failure is caught."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Try) and any(_catches_syntax(handler) for handler in node.handlers):
            waiting += [*node.handlers, *node.orelse, *node.finalbody]
        elif not (isinstance(node, ast.If) and _is_guard(node.test)):
            waiting += ast.iter_child_nodes(node)


def _is_guard(test: ast.expr) -> bool:
    names = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for node in ast.walk(test)
        if isinstance(node, ast.Attribute | ast.Name)
    }
    return not _GUARDS.isdisjoint(names)


def _catches_syntax(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    named = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return not named.isdisjoint({"SyntaxError", "Exception", "BaseException"})
