"""What a change of a schema takes away from whoever uses it: Alembic's operations, and SQL, by their words. Pure.

SQL is searched, not parsed: in a migration it has holes that Python fills in, and it may be any database's. It errs
towards telling too much. Constraints and indexes are left out: without them a release still reads and writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_HOLE = "…"
_NOISE = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'", re.DOTALL)
_VERB = re.compile(r"'\s*(?:ALTER|DROP|TRUNCATE)\b", re.IGNORECASE)
_BETWEEN = re.compile(r";|\$\w*\$|\b(?:BEGIN|LOOP|THEN|ELSE)\b", re.IGNORECASE)
"""What separates statements, those of a block of code among them."""
_NAME = r'((?:[\w."`…%]|\{[^{}]*\})++)'
_OBJECT = r"TABLE|VIEW|MATERIALIZED\s+VIEW|SCHEMA|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE"
_MAYBE = r"(?:IF\s+EXISTS\s+|ONLY\s+)*"
_NO_COLUMN = r"(?!(?:CONSTRAINT|INDEX|KEY|PRIMARY|FOREIGN|CHECK|PARTITION|VALUE|ATTRIBUTE)\b)"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{pattern}", re.IGNORECASE)


_WHOLE = (
    (_compiled(rf"DROP\s+({_OBJECT})\s+{_MAYBE}{_NAME}"), "drops the {0} {1}"),
    (_compiled(rf"TRUNCATE\s+(TABLE\s+)?{_MAYBE}{_NAME}"), "empties {1}"),
)
_ALTER = _compiled(rf"ALTER\s+(?:{_OBJECT})\s+{_MAYBE}{_NAME}")
_CLAUSES = (
    (_compiled(rf"DROP\s+{_NO_COLUMN}(?:COLUMN\s+)?{_MAYBE}{_NAME}"), "drops {0}.{1}"),
    (_compiled(rf"RENAME\s+TO\s+{_NAME}"), "renames {0} to {1}"),
    (_compiled(rf"RENAME\s+(?!TO\b|CONSTRAINT\b|INDEX\b|KEY\b)(?:COLUMN\s+|VALUE\s+)?{_NAME}"), "renames {0}.{1}"),
    (_compiled(rf"ALTER\s+(?:COLUMN\s+)?{_NAME}\s+(?:SET\s+DATA\s+)?TYPE\b"), "changes the type of {0}.{1}"),
    (_compiled(rf"(?:MODIFY|CHANGE)\s+(?:COLUMN\s+)?{_NAME}"), "changes {0}.{1}"),
    (_compiled(rf"ALTER\s+(?:COLUMN\s+)?{_NAME}\s+SET\s+NOT\s+NULL\b"), "lets {0}.{1} be empty no longer"),
    (_compiled(rf"ALTER\s+(?:COLUMN\s+)?{_NAME}\s+DROP\s+DEFAULT\b"), "drops the default of {0}.{1}"),
    (_compiled(rf"SET\s+SCHEMA\s+{_NAME}"), "moves {0} to the schema {1}"),
    (
        _compiled(
            rf"ADD\s+{_NO_COLUMN}(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}(?=.*\bNOT\s+NULL\b)"
            r"(?!.*(?:\bDEFAULT\b|\bGENERATED\b|SERIAL\b))"
        ),
        "adds {0}.{1} without a default and never empty",
    ),
)


def text_of(node: ast.AST) -> str | None:
    """The text that an expression makes, with holes for what is not known; None: it makes none."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or _HOLE for part in parts)
        case ast.BinOp(left=left, op=ast.Mod()):
            return text_of(left)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            before, after = text_of(left), text_of(right)
            return None if before is None and after is None else (before or _HOLE) + (after or _HOLE)
    return None


def taken_by_sql(text: str) -> Iterator[tuple[int, str]]:
    """What SQL takes away: the line within the text, from 0, and a phrase such as "drops notes.body"."""
    bare = _NOISE.sub(_quiet, text)
    line, counted = 0, 0
    for at, statement in _pieces(bare, [found.span() for found in _BETWEEN.finditer(bare)]):
        line, counted = line + bare.count("\n", counted, at), at
        for within, what in _taken_by_statement(statement):
            yield line + statement.count("\n", 0, within), what


def taken_by_call(call: ast.Call) -> Iterator[str]:
    """What one of Alembic's operations takes away, in a phrase."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    given = {item.arg: item.value for item in call.keywords}
    told = [text_of(item) or _HOLE for item in call.args[:2]]
    what = ".".join(told) or _HOLE
    match name:
        case "drop_table" | "drop_column":
            yield f"drops {what}"
        case "rename_table":
            yield f"renames {told[0] if told else _HOLE}"
        case "alter_column":
            if "new_column_name" in given or "name" in given:
                yield f"renames {what}"
            if "type_" in given:
                yield f"changes the type of {what}"
            if _is(given.get("nullable"), False):
                yield f"lets {what} be empty no longer"
            if _is(given.get("server_default"), None):
                yield f"drops the default of {what}"
        case "add_column":
            yield from (f"adds {what} without a default and never empty" for _ in filter(_demanding, call.args))


def _demanding(column: ast.expr) -> bool:
    """Whether a column must have a value and gives itself none."""
    if not isinstance(column, ast.Call):
        return False
    given = {item.arg: item.value for item in column.keywords}
    filled = "server_default" in given or any(
        isinstance(item, ast.Call) and _called(item) in {"Computed", "Identity"} for item in column.args
    )
    return _is(given.get("nullable"), False) and not filled


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _quiet(found: re.Match[str]) -> str:
    """A comment or a literal gone, its lines kept; but a literal that is a statement of its own stays one."""
    if _VERB.match(found[0]):
        return f";{found[0][1:-1]};"
    return "\n" * found[0].count("\n") or " "


def _taken_by_statement(statement: str) -> Iterator[tuple[int, str]]:
    for pattern, phrase in _WHOLE:
        if found := pattern.match(statement):
            yield found.start(2), phrase.format(*(name and name.lower() for name in found.groups()))
    if not (head := _ALTER.match(statement)):
        return
    for at, clause in _pieces(statement[head.end() :], _commas(statement[head.end() :])):
        for pattern, phrase in _CLAUSES:
            if found := pattern.match(clause.replace("\n", " ")):
                yield head.end() + at + found.start(1), phrase.format(head[1].lower(), found[1].lower())


def _commas(text: str) -> list[tuple[int, int]]:
    """Where commas are that stand in no parentheses."""
    depth, found = 0, []
    for at, mark in enumerate(text):
        depth += (mark == "(") - (mark == ")")
        if mark == "," and depth == 0:
            found.append((at, at + 1))
    return found


def _pieces(text: str, between: list[tuple[int, int]]) -> Iterator[tuple[int, str]]:
    """What stands between some places, each with where it begins."""
    start = 0
    for end, after in [*between, (len(text), len(text))]:
        yield start, text[start:end]
        start = after
