"""Paths that an application answers, as its source says. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ebcd.init.source import Module, called, keyword, last_name, text_of

HEALTH = re.compile(r"/(?:[\w-]+/)*(?:healthz?|health[-_]?check|livez|readyz|alive|ping|up|_health|status)/?")
"""Paths at which applications usually say that they are well."""
_METHODS = frozenset({"route", "get", "add_get", "add_route", "add_url_rule", "add_api_route", "api_route", "view"})
_FUNCTIONS = frozenset({"Route", "path", "re_path", "url", "get"})
_ROUTERS = frozenset({"Blueprint", "APIRouter", "APIBlueprint", "Router"})
_VARIABLE = re.compile(r"[<{(*:$^\[]")


@dataclass(frozen=True, slots=True)
class Route:
    """A path that answers GET."""

    path: str
    place: str
    """The file that has it."""


def routes(modules: Sequence[Module]) -> list[Route]:
    """The paths that answer GET and hold no variable, in the order of files and lines."""
    prefixes = _prefixes(modules)
    included: dict[str, tuple[str, str]] = {}
    for module in modules:
        included |= _included(module)
    found = []
    for module in modules:
        above = _above(module.name, included)
        for owner, path in _own(module):
            inner = prefixes.get((module.path, owner), prefixes.get(("", owner), ""))
            whole = f"{above}{inner}{path}" or "/"
            whole = re.sub("/{2,}", "/", whole if whole.startswith("/") else f"/{whole}")
            if not _VARIABLE.search(whole) and whole.isprintable() and " " not in whole:
                found.append(Route(whole, module.path))
    return found


def _own(module: Module) -> Iterator[tuple[str, str]]:
    """The router and the path of each route of a module."""
    urls = module.path.endswith("urls.py") or "urlpatterns" in module.text
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or not node.args or (path := text_of(node.args[0])) is None:
            continue
        name, method = called(node), isinstance(node.func, ast.Attribute)
        if urls and name in ("path", "re_path", "url") and not _includes(node):
            yield "", path.removeprefix("^").removesuffix("$")
        elif not path.startswith("/"):
            continue
        elif method and name in _METHODS and _answers_get(node):
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            yield (last_name(owner) if owner is not None else ""), path
        elif not method and name in _FUNCTIONS and _answers_get(node):
            yield "", path


def _answers_get(call: ast.Call) -> bool:
    methods = next((item.value for item in call.keywords if item.arg == "methods"), None)
    if not isinstance(methods, ast.List | ast.Tuple | ast.Set):
        return True
    return any((text_of(item) or "").upper() == "GET" for item in methods.elts)


def _prefixes(modules: Sequence[Module]) -> dict[tuple[str, str], str]:
    """What goes before the paths of a router, by the file and the router's name, or by its name alone."""
    found: dict[tuple[str, str], str] = {}
    for module in modules:
        for statement in module.statements():
            if isinstance(statement, ast.Assign) and called(statement.value) in _ROUTERS:
                assert isinstance(statement.value, ast.Call)
                prefix = keyword(statement.value, "url_prefix", "prefix")
                found |= {(module.path, item.id): prefix for item in statement.targets if isinstance(item, ast.Name)}
    for module in modules:
        for node in ast.walk(module.tree):
            if called(node if isinstance(node, ast.expr) else None) in ("include_router", "register_blueprint"):
                assert isinstance(node, ast.Call)
                _mount(node, found)
    return found


def _mount(call: ast.Call, found: dict[tuple[str, str], str]) -> None:
    """Take in a prefix that a router is given where it is mounted."""
    prefix = keyword(call, "url_prefix", "prefix")
    if not prefix or not call.args:
        return
    name, replaces = last_name(call.args[0]), called(call) == "register_blueprint"
    owner = last_name(call.args[0].value) if isinstance(call.args[0], ast.Attribute) else ""
    for key in list(found):
        if key[1] == name and (not owner or re.search(rf"(^|/){owner}(\.py|/__init__\.py)$", key[0])):
            found[key] = prefix if replaces else prefix + found[key]


def _includes(call: ast.Call) -> bool:
    """Whether a path of Django's leads to further ones, or to its administration, which redirects."""
    second = call.args[1] if len(call.args) > 1 else None
    return called(second) == "include" or (isinstance(second, ast.Attribute) and second.attr == "urls")


def _included(module: Module) -> dict[str, tuple[str, str]]:
    """What Django's include() gives: the name of a module → that of the one that includes it, and the prefix."""
    found = {}
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call) or called(node) not in ("path", "re_path", "url") or len(node.args) < 2:
            continue
        inner, prefix = node.args[1], text_of(node.args[0])
        if called(inner) == "include" and isinstance(inner, ast.Call) and inner.args and prefix is not None:
            first = inner.args[0].elts[0] if isinstance(inner.args[0], ast.Tuple) else inner.args[0]
            if target := text_of(first):
                found[target] = (module.name, prefix.removeprefix("^"))
    return found


def _above(name: str, included: Mapping[str, tuple[str, str]]) -> str:
    """The prefixes of the modules that include one."""
    found, seen = "", set()
    while name in included and name not in seen:
        seen.add(name)
        name, prefix = included[name]
        found = f"/{prefix}{found}"
    return found


def administration(modules: Sequence[Module]) -> Route | None:
    """The page at which Django's administration asks who one is: it answers where nothing else does."""
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and called(node) == "path" and len(node.args) > 1:
                second, prefix = node.args[1], text_of(node.args[0])
                if (
                    prefix is not None
                    and isinstance(second, ast.Attribute)
                    and ast.unparse(second) == "admin.site.urls"
                ):
                    return Route(f"/{prefix}login/", module.path)
    return None
