"""At which port a Python script lets a server listen, where it says so by itself. Pure."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from ebcd.check.syntax import tree_of

_DEFAULTS = {"Flask": "5000", "SocketIO": "5000", "Dash": "8050", "Bottle": "8080", "Quart": "5000"}
"""Where the objects of a class listen that are run without a port."""
_FUNCTIONS = {
    "uvicorn.run": "8000",
    "waitress.serve": "8080",
    "serve": "8080",
    "web.run_app": "8080",
    "bottle.run": "8080",
    "eventlet.listen": "",
}


@dataclass(frozen=True, slots=True)
class Listening:
    """A server that listens on one port."""

    port: str
    line: int
    what: str
    """The call."""


def port_of(data: bytes) -> Listening | None:
    """The one port that a script's server listens on; None where it may read PORT, or that is not certain."""
    if b"PORT" in data or b"argv" in data or b"argparse" in data or b"getenv" in data or b"environ" in data:
        return None
    parsed = tree_of(data)
    if parsed is None:
        return None
    classes = _classes(parsed)
    found = [item for node in ast.walk(parsed) if isinstance(node, ast.Call) if (item := _listening(node, classes))]
    return found[0] if len({item.port for item in found}) == 1 else None


def _classes(module: ast.Module) -> dict[str, str]:
    """Of what class the module's names are, where a call of it says so."""
    return {
        target.id: _name(node.value.func).rpartition(".")[2]
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _listening(call: ast.Call, classes: dict[str, str]) -> Listening | None:
    name = _name(call.func)
    owner, _, method = name.rpartition(".")
    default = _FUNCTIONS.get(name) or (
        _DEFAULTS.get(classes.get(owner, "")) if method in {"run", "run_server"} else None
    )
    if default is None or any(item.arg is None for item in call.keywords):  # **options
        return None
    given = next((item.value for item in call.keywords if item.arg == "port"), None)
    if given is None:
        others = len(call.args) > 1 or any(item.arg in {"listen", "sock", "fd", "uds"} for item in call.keywords)
        return None if others else Listening(default, call.lineno, f"{name}()")
    if isinstance(given, ast.Constant) and isinstance(given.value, int):
        return Listening(str(given.value), call.lineno, f"{name}()")
    return None


def _name(node: ast.expr) -> str:
    """A name with dots; empty for another expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
