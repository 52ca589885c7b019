"""Every command that ebcd's sources can print, found in them without running them.

A command stands in a text, or is made by a call: `flags.of("ship", sha)`, `command(result, "retire")`,
`completed(("swap", "--rollback"), …)`, `stage.aws("elasticbeanstalk", "describe-environments")`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from printed import commands

from ebcd.cli.app import COMMANDS
from ebcd.model.command import OF_A_REPOSITORY

ROOT = Path(__file__).resolve().parents[2]
HELP = frozenset({"app", "help", "examples", "explain", "mistyped"})
"""Modules of `ebcd/cli` with help, whose examples test_help.py is about."""
GIT = "add|annex|checkout|commit|config|fetch|fsck|init|lfs|log|mv|rm|stash|submodule|--version"
AWS = "cloudformation|configure|elasticbeanstalk|iam|s3api|s3|sso"
REST = (
    r"chmod|curl|echo|export|kill -9|pip freeze|pip install|pipx \w+|poetry \w+|sed -i|timedatectl|uv \w+(?: compile)?"
)
_OTHER = re.compile(rf"(?<![\w./-])(git(?: -C \S+)? (?:{GIT})|aws (?:{AWS}) [a-z-]+|{REST})\b")
Value = Callable[[str], str]
"""What stands in a text for the value of an expression, by its last name."""


def sources() -> Iterator[Path]:
    """The modules whose texts are printed, but for help."""
    for package in ("ebcd", "ebcd_local"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not (path.parent.name == "cli" and path.stem in HELP):
                yield path


def texts(path: Path, value: Value) -> Iterator[tuple[int, str]]:
    """The texts in a module that are no docstrings, and the commands that calls make in it, by line."""
    tree = ast.parse(path.read_text())
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inner = {id(part) for node in joined for part in ast.walk(node) if part is not node}
    silent = inner | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (made := _made(node, value)):
            yield node.lineno, made
        elif isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in silent:
            yield node.lineno, _text(node, value)


def ebcd_commands(value: Value) -> list[tuple[str, list[str]]]:
    """Every command of ebcd that can be printed, with its place."""
    return [
        (f"{path.relative_to(ROOT)}:{line}", command)
        for path in sources()
        for line, text in texts(path, value)
        for command in commands(text)
    ]


def other_commands() -> set[str]:
    """What other programs are named in printed commands: `git submodule`, `aws s3 rm`."""
    return {
        re.sub(r" -C \S+", "", found)
        for path in sources()
        for _, text in texts(path, lambda name: name.upper())
        for found in _OTHER.findall(text)
    }


def _made(call: ast.Call, value: Value) -> str:
    """The command that a call makes; empty for any other call."""
    name, arguments = _name(call.func), list(call.args)
    if name == "aws" and arguments and isinstance(arguments[0], ast.Constant):
        return " ".join(["aws", *_words(arguments, value)])
    if name == "_s3":  # the ledger's own commands on its objects
        return " ".join(["aws", "s3", *_words(arguments, value)])
    if name == "completed" and isinstance(arguments[0], ast.Tuple):
        arguments = arguments[0].elts
    elif name == "command" and len(arguments) > 1:
        arguments = arguments[1:]
    elif name != "of":
        return ""
    words = list(_words(arguments, value))
    if not words or words[0] not in COMMANDS:
        return ""
    config = value("config") if words[0] in OF_A_REPOSITORY else ""
    return " ".join(filter(None, ["ebcd", *words, value("flags"), config]))


def _words(arguments: list[ast.expr], value: Value) -> Iterator[str]:
    for part in arguments:
        if not isinstance(part, ast.Starred):
            yield _text(part, value) or value(_name(part))


def _text(node: ast.expr, value: Value) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, value) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _made(node.value, value) if _makes(node.value, value) else value(_name(node.value))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _makes(node: ast.expr, value: Value) -> bool:
    return isinstance(node, ast.Call) and bool(_made(node, value))


def _name(node: ast.expr) -> str:
    """The last name of an expression: `flags` of `session.stage.flags`, `sha` of `record.sha[:12]`."""
    match node:
        case ast.Attribute():
            return node.attr.strip("_")
        case ast.Name():
            return node.id
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript():
            return _name(node.value)
        case ast.Call(args=[first, *_]) if _name(node.func) in {"quote", "str"}:
            return _name(first)
        case ast.Call():
            return _name(node.func)
    return ""
