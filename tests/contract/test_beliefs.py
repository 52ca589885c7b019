"""docs/aws.md holds together: each row has a source, a certainty, a handler and a test, and they exist."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from beliefs import PAGE, ROOT, Belief, beliefs, index

SURE = ("certain", "likely", "unsure")
SOURCE = re.compile(r"https://[\w.-]+/\S|[\w./-]+: `?[\w./-]+\.\w+`|botocore: \w")
"""An address, a file of a repository (`owner/name: path`), or a shape of botocore's model."""
ROWS = beliefs(PAGE.read_text())


def named(body: list[ast.stmt], within: str = "") -> Iterator[str]:
    """What a module defines: functions, classes and their methods, constants."""
    for item in body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield within + item.name
        if isinstance(item, ast.ClassDef):
            yield from named(item.body, f"{within}{item.name}.")
        targets = (
            item.targets if isinstance(item, ast.Assign) else [item.target] if isinstance(item, ast.AnnAssign) else []
        )
        yield from (within + target.id for target in targets if isinstance(target, ast.Name))


@cache
def defined(path: Path) -> frozenset[str]:
    return frozenset(named(ast.parse(path.read_text()).body))


def missing(place: str) -> bool:
    """Whether a path, or what it is to define, is not there."""
    name, _, symbol = place.partition("::")
    path = ROOT / name
    return not path.exists() or bool(symbol and symbol.replace("::", ".") not in defined(path))


def marked() -> Iterator[tuple[str, str]]:
    """Each row that a test says it is about, and the test."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.row(" not in text:
            continue
        for item in ast.walk(ast.parse(text)):
            for mark in getattr(item, "decorator_list", ()):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
                    yield ast.literal_eval(mark.args[0]), f"{path.relative_to(ROOT)}::{item.name}"  # type: ignore[attr-defined]


def test_there_are_rows_each_with_an_id_of_its_own() -> None:
    assert ROWS
    assert [name for name, count in Counter(row.id for row in ROWS).items() if count > 1] == []
    assert [row.id for row in ROWS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.id)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_has_a_source_a_certainty_a_handler_and_a_test(row: Belief) -> None:
    assert SOURCE.search(row.text) or row.sure == "unsure", "no source, and not for want of any"
    assert row.sure in SURE
    assert row.handlers, "no handler"
    assert [place for place in row.handlers if missing(place)] == []
    assert row.tests, "no test"
    assert [place for place in row.tests if missing(place) or "::test_" not in place] == []


def test_each_test_that_names_a_row_names_one_that_there_is() -> None:
    known = {row.id for row in ROWS}
    assert [(row, test) for row, test in marked() if row not in known] == []


def test_each_row_that_a_contract_test_is_about_names_such_a_test() -> None:
    tests: dict[str, set[str]] = {}
    for row, test in marked():
        tests.setdefault(row, set()).add(test)
    assert [row.id for row in ROWS if row.id in tests and not tests[row.id] & set(row.tests)] == []


def test_the_index_leads_to_rows() -> None:
    known = {row.id for row in ROWS}
    assert [(number, row) for number, rows in index(PAGE.read_text()).items() for row in rows if row not in known] == []


def test_the_index_has_every_number() -> None:
    numbers = [
        *map(str, range(1, 17)),
        *"ab",
        "c",
        "c2",
        *"defghijklmnopqr",
        *(f"M{n}" for n in range(1, 13)),
    ]
    assert list(index(PAGE.read_text())) == numbers
