"""What a Django project needs at each deployment, as its settings say. Pure."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ebcd.init.source import Module, text_of
from ebcd.init.words import Missing

_HOSTS = "ALLOWED_HOSTS"


@dataclass(frozen=True, slots=True)
class Project:
    """A Django project."""

    folder: str
    """Where manage.py is; empty: at the top."""
    static_url: str = "/static/"
    static_root: str = ""
    """The folder in which static files are collected; empty: the settings name none."""
    whitenoise: bool = False
    """Whether the application serves them itself."""
    hosts_variable: str = ""
    """The environment variable that names the hosts."""
    missing: tuple[Missing, ...] = ()


def project(paths: Sequence[str], modules: Sequence[Module]) -> Project | None:
    """The Django project of a repository; None where there is none."""
    places = sorted(
        (path for path in paths if posixpath.basename(path) == "manage.py"), key=lambda path: path.count("/")
    )
    settings = [module for module in modules if re.search(r"(^|[./])settings(\.|$)", module.name)]
    if not places or not settings or places[0].count("/") > 1:
        return None
    text = "\n".join(module.text for module in settings)
    root = _value(settings, "STATIC_ROOT")
    hosts = _value(settings, _HOSTS)
    return Project(
        folder=posixpath.dirname(places[0]),
        static_url=(text_of(_value(settings, "STATIC_URL")) or "/static/"),
        static_root=_folder(root),
        whitenoise="whitenoise" in text.lower(),
        hosts_variable=_variable(hosts),
        missing=tuple(_missing(settings, hosts)),
    )


def _missing(settings: Sequence[Module], hosts: ast.expr | None) -> Iterator[Missing]:
    """What would answer 400 to every request."""
    literal = [text_of(item) for item in hosts.elts] if isinstance(hosts, ast.List | ast.Tuple) else None
    if literal is None or "*" in literal or any(".elasticbeanstalk" in (item or "") for item in literal):
        return
    where = next(module.path for module in settings if _value([module], _HOSTS) is hosts)
    debug = _value(settings, "DEBUG")
    if not literal and isinstance(debug, ast.Constant) and debug.value is True:
        yield Missing(
            f"{where} has DEBUG = True and names no {_HOSTS}: that is for one's own machine alone.",
            f"Before it goes to AWS: DEBUG = False, and {_HOSTS} = ['*'], for the load balancer checks "
            "instances by their addresses.",
        )
        return
    yield Missing(
        f"{where} does not allow Beanstalk's hosts: Django answers 400 to every request.",
        f"Write {_HOSTS} = ['*'] there: the load balancer passes on what is meant for this environment, and "
        "checks instances by their addresses.",
    )


def _value(settings: Sequence[Module], name: str) -> ast.expr | None:
    """What the settings give a name at last."""
    found = None
    for module in settings:
        for statement in module.statements():
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                if any(isinstance(item, ast.Name) and item.id == name for item in targets):
                    found = statement.value
    return found


def _folder(root: ast.expr | None) -> str:
    """The folder's name in `BASE_DIR / "staticfiles"` and the like."""
    texts = (
        [item.value for item in ast.walk(root) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
        if root is not None
        else []
    )
    name = texts[-1].strip("/") if texts else ""
    return name if re.fullmatch(r"[\w./-]+", name) and ".." not in name else ""


def _variable(hosts: ast.expr | None) -> str:
    """The variable in `os.environ.get("ALLOWED_HOSTS", "").split(",")` and the like."""
    if hosts is None or isinstance(hosts, ast.List | ast.Tuple):
        return ""
    texts = [item.value for item in ast.walk(hosts) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return next((text for text in texts if re.fullmatch(r"[A-Z][A-Z0-9_]+", text)), "")
