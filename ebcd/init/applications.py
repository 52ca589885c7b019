"""Which object of a repository answers requests: found by how it is made, never by importing it. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ebcd.init.source import Module, called, last_name


class Kind(StrEnum):
    """How an application is called."""

    WSGI = "WSGI"
    ASGI = "ASGI"
    AIOHTTP = "aiohttp"
    SCRIPT = "script"
    """A program that listens itself."""


@dataclass(frozen=True, slots=True)
class Application:
    """What answers requests."""

    kind: Kind
    framework: str
    """As people call it: Flask."""
    module: Module
    name: str
    """Of the object, or of the function that makes it."""
    factory: bool = False

    @property
    def reference(self) -> str:
        """As servers take it: `shop.wsgi:application`."""
        return f"{self.module.name}:{self.name}"


MAKERS = {
    "Flask": (Kind.WSGI, "Flask"),
    "APIFlask": (Kind.WSGI, "Flask"),
    "OpenAPI": (Kind.WSGI, "Flask"),
    "get_wsgi_application": (Kind.WSGI, "Django"),
    "get_asgi_application": (Kind.ASGI, "Django"),
    "FastAPI": (Kind.ASGI, "FastAPI"),
    "Starlette": (Kind.ASGI, "Starlette"),
    "Litestar": (Kind.ASGI, "Litestar"),
    "Quart": (Kind.ASGI, "Quart"),
    "ProtocolTypeRouter": (Kind.ASGI, "Django"),
    "Sanic": (Kind.ASGI, "Sanic"),
    "Bottle": (Kind.WSGI, "Bottle"),
    "default_app": (Kind.WSGI, "Bottle"),
    "make_wsgi_app": (Kind.WSGI, "Pyramid"),
    "Application": (Kind.AIOHTTP, "aiohttp"),
    "App": (Kind.WSGI, "Falcon"),
}
"""What makes an application, by the name that is called."""
_OF = {"Application": "aiohttp", "App": "falcon", "OpenAPI": "flask_openapi3", "default_app": "bottle"}
"""Names that others use, too: the module must import the framework."""
FACTORY = re.compile(r"(create|make|build|get|init)_(\w+_)?(app|application|api|server)|app_?factory|factory")
"""Names of functions that make an application."""
_FILES = ("wsgi", "asgi", "application", "app", "main", "server", "api", "web", "run")
"""Names of modules, those first that say most clearly what they are for."""
_SERVED = {"wsgi": Kind.WSGI, "asgi": Kind.ASGI}
"""Modules that are there to be served: what they call an application is one, however it is made."""
_NAMES = ("application", "app", "api", "server")


def applications(modules: Sequence[Module]) -> list[Application]:
    """All that there are, the likeliest first."""
    makers = {item.name: item for module in modules for item in _factories(module, called_bare=False)}
    known = {(module.name, item.name): item for module in modules for item in _objects(module, makers)}
    found = [*known.values(), *(item for module in modules for item in _factories(module, called_bare=True))]
    found += [item for module in modules for item in (*_imported(module, known), *_scripts(module))]
    return sorted(found, key=_rank)


def _rank(item: Application) -> tuple[bool, bool, int, int, int, str]:
    base = _base(item.module)
    place = _FILES.index(base) if base in _FILES else len(_FILES)
    name = _NAMES.index(item.name) if item.name in _NAMES else len(_NAMES)
    return item.kind is Kind.SCRIPT, item.factory, place, item.module.path.count("/"), name, item.module.path


def _base(module: Module) -> str:
    return module.path.rpartition("/")[2].removesuffix(".py")


def _objects(module: Module, makers: Mapping[str, Application]) -> Iterator[Application]:
    """The applications that a module has when it is imported."""
    known: dict[str, Application] = {}
    for statement in module.statements():
        for name, made in _bound(statement, module, known, makers):
            known[name] = replace(made, module=module, name=name, factory=False)
    yield from known.values()


def _bound(
    statement: ast.stmt, module: Module, known: Mapping[str, Application], makers: Mapping[str, Application]
) -> Iterator[tuple[str, Application]]:
    """The names that a statement gives to applications."""
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for item in targets:
            if isinstance(item, ast.Name) and (made := _made(item.id, statement.value, module, known, makers)):
                yield item.id, made
    elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name in ("app", "application"):
        awaited, count = isinstance(statement, ast.AsyncFunctionDef), len(statement.args.args)
        if (awaited, count) in {(False, 2), (True, 3)}:
            kind = Kind.ASGI if awaited else Kind.WSGI
            yield statement.name, Application(kind, f"a plain {kind} application", module, statement.name)


def _made(
    target: str, value: ast.expr, module: Module, known: Mapping[str, Application], makers: Mapping[str, Application]
) -> Application | None:
    """The application that an expression is: made, made by a factory, another name's, or wrapped."""
    if isinstance(value, ast.Await):
        return None
    if isinstance(value, ast.Name):
        return known.get(value.id)
    if not isinstance(value, ast.Call):
        return None
    name = called(value)
    if name in makers:
        return makers[name]
    if name in MAKERS and _imports(module, name):
        kind, framework = MAKERS[name]
        asynchronous = name == "App" and "falcon.asgi" in module.text
        return Application(Kind.ASGI if asynchronous else kind, framework, module, name)
    inner = [known[item.id] for item in value.args if isinstance(item, ast.Name) and item.id in known]
    if inner and name[:1].isupper():
        return inner[0]  # ProxyFix(app), WhiteNoise(application)
    if target in ("app", "application") and _base(module) in _SERVED:
        return Application(_SERVED[_base(module)], "an application", module, target)
    return None


def _imported(module: Module, known: Mapping[tuple[str, str], Application]) -> Iterator[Application]:
    """The applications that a module which is there to be served takes from another one."""
    for statement in module.statements() if _base(module) in (*_SERVED, "application") else ():
        if isinstance(statement, ast.ImportFrom):
            for item in statement.names:
                if made := known.get((_source(statement, module), item.name)):
                    yield replace(made, module=module, name=item.asname or item.name)


def _source(statement: ast.ImportFrom, module: Module) -> str:
    """The name of the module that something is imported from."""
    if not statement.level:
        return statement.module or ""
    package = module.name if module.path.endswith("/__init__.py") else module.name.rpartition(".")[0]
    above = package.split(".")[: len(package.split(".")) - statement.level + 1]
    return ".".join([*above, *([statement.module] if statement.module else [])])


def _imports(module: Module, name: str) -> bool:
    package = _OF.get(name)
    return package is None or re.search(rf"^[^\S\n]*(from|import)\s+{package}\b", module.text, re.MULTILINE) is not None


def _factories(module: Module, *, called_bare: bool) -> Iterator[Application]:
    """Functions at a module's top that make an application. called_bare: those that need no argument."""
    for statement in module.statements():
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) or not FACTORY.fullmatch(statement.name):
            continue
        required = len(statement.args.args) - len(statement.args.defaults)
        wanted = [item for item in statement.args.kw_defaults if item is None]
        if called_bare and (required or wanted):
            continue
        for node in ast.walk(statement):
            name = called(node) if isinstance(node, ast.Call) else ""
            if name in MAKERS and _imports(module, name):
                kind, framework = MAKERS[name]
                if kind is Kind.AIOHTTP or isinstance(statement, ast.FunctionDef):
                    yield Application(kind, framework, module, statement.name, factory=True)
                break


def _scripts(module: Module) -> Iterator[Application]:
    """Programs that listen themselves at the PORT that they are given."""
    guarded = any(
        isinstance(item, ast.If)
        and isinstance(item.test, ast.Compare)
        and isinstance(item.test.left, ast.Name)
        and item.test.left.id == "__name__"
        for item in module.tree.body
    )
    listening = re.search(
        r"\b(serve_forever|start_server|create_server|TCPServer|HTTPServer|run_app|websockets)\b", module.text
    )
    if listening and "PORT" in module.text and (guarded or _calls_at_top(module)):
        yield Application(Kind.SCRIPT, "a program that listens itself", module, "")


def _calls_at_top(module: Module) -> bool:
    calls = (item.value for item in module.statements() if isinstance(item, ast.Expr))
    return any(isinstance(call, ast.Call) and last_name(call.func) for call in calls)
