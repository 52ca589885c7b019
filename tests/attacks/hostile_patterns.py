"""A program: matches every regular expression of aespo/ against long hostile texts. A quadratic one takes minutes."""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aespo

LENGTH = 500_000
"""Characters of a text: a linear match takes milliseconds, a quadratic one 125,000,000,000 steps."""
SHORT = {"aespo.db.migrations.env"}
"""What runs only inside of Alembic."""


def patterns() -> Iterator[re.Pattern[str]]:
    """All that the modules have compiled, and those that stand in calls of `re` and in the checks of inputs."""
    for module in pkgutil.walk_packages(aespo.__path__, "aespo."):
        if module.name not in SHORT:
            yield from _compiled(vars(importlib.import_module(module.name)).values())
    for path in Path(aespo.__path__[0]).rglob("*.py"):
        yield from map(re.compile, _written(ast.parse(path.read_text())))


def _compiled(values: Any) -> Iterator[re.Pattern[str]]:
    for value in values:
        if isinstance(value, re.Pattern):
            yield value
        elif isinstance(value, tuple):
            yield from _compiled(value)


def _written(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            of_re = isinstance(owner, ast.Name) and owner.id == "re"
            named = [item.value for item in node.keywords if item.arg == "pattern"]
            for argument in [*(node.args[:1] if of_re else ()), *named]:
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def attack(pattern: re.Pattern[str]) -> None:
    """Match the pattern against texts that are made of its own characters, and end with one that fits nothing."""
    pieces = [*{letter for letter in pattern.pattern if not letter.isalnum()} & set("[](){}<>.-:|@/*_`#+ "), *"a1 \n"]
    for one, two in itertools.combinations_with_replacement(sorted(set(pieces)), 2):
        text = (one + two) * (LENGTH // 2) + "\0"
        for method in (pattern.search, pattern.fullmatch):
            method(text)


if __name__ == "__main__":
    found = {pattern.pattern: pattern for pattern in patterns()}
    for item in found.values():
        attack(item)
    print(len(found))
