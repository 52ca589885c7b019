"""A repository's Python, read and never run: its modules, by the names under which they are imported. Pure."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

ASIDE = re.compile(r"(^|/)(tests?|examples?|docs?|migrations|scripts|bench\w*|node_modules)/|(^|/)(test_|conftest\.py)")
"""What is no part of what serves."""
_BLOCKS = (ast.If, ast.Try, ast.With)


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file."""

    path: str
    name: str
    """As it is imported from its folder: `shop.wsgi`."""
    folder: str
    """The folder that must be on Python's path: empty for the top of the bundle, `src`."""
    text: str
    tree: ast.Module

    def statements(self) -> Iterator[ast.stmt]:
        """What runs when it is imported, blocks opened."""
        pending: list[Sequence[ast.stmt]] = [self.tree.body]
        while pending:
            for statement in pending.pop():
                yield statement
                if isinstance(statement, _BLOCKS):
                    pending += [statement.body, *([statement.orelse] if hasattr(statement, "orelse") else [])]


def modules(files: Mapping[str, str]) -> list[Module]:
    """The modules that may be served, by path. What is no Python of this Python's is left out."""
    found = []
    for path, text in sorted(files.items()):
        if path.endswith(".py") and not ASIDE.search(path) and (tree := _tree(text)):
            folder = _folder(path, files)
            inner = path.removeprefix(f"{folder}/") if folder else path
            name = re.sub(r"(^|/)__init__\.py$|\.py$", "", inner).replace("/", ".")
            if name and all(part.isidentifier() for part in name.split(".")):
                found.append(Module(path, name, folder, text, tree))
    return found


def called(node: ast.expr | None) -> str:
    """The last name of what a call calls: `Application` of `web.Application()`; empty for what is no call."""
    return last_name(node.func) if isinstance(node, ast.Call) else ""


def last_name(node: ast.expr) -> str:
    """The last name of `a.b.c`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.expr | None) -> str | None:
    """The value of a string literal."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def keyword(call: ast.Call, *names: str) -> str:
    """A keyword argument that is a string literal; empty where there is none."""
    found = (text_of(item.value) for item in call.keywords if item.arg in names)
    return next((text for text in found if text is not None), "")


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd in somebody's code
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _folder(path: str, files: Mapping[str, str]) -> str:
    """`src`, or the folder of a Django project one level down, where that is what Python must be told."""
    first, _, rest = path.partition("/")
    if not rest or f"{first}/__init__.py" in files:
        return ""
    return first if first == "src" or f"{first}/manage.py" in files else ""
