"""Whether what answers requests can start: its module and object are in the bundle, and it listens where the platform's
proxy asks. Pure.

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-procfile.html,
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/create-deploy-python-container.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ebcd.check import extensions, modules, procfile, scripts, sections
from ebcd.check.command import Served, served
from ebcd.check.extensions import ENVIRONMENT
from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.check.settings import PYTHON, Name, Setting
from ebcd.check.syntax import tree_of
from ebcd.documents import BadDocument

WSGI_PATH: Name = (PYTHON, "WSGIPath")
PORT = "8000"
"""Where the platform's proxy sends requests, unless the environment property PORT says another port."""
_PROXY: Name = ("aws:elasticbeanstalk:environment:proxy", "ProxyServer")
_OWN_PROXY = (".platform/nginx/", ".platform/httpd/", ".ebextensions/nginx/", ".ebextensions/httpd/")
"""Folders by which a bundle changes the proxy's configuration."""
_GUNICORN = "gunicorn.conf.py"
"""The settings that gunicorn reads where it is started."""
_FACTORIES = frozenset({"create_app", "make_app", "create_application", "make_wsgi_app", "get_app"})
_LISTED = re.compile(r"requirements[^/]*\.(?:txt|in)|requirements/[^/]+|Pipfile(?:\.lock)?")
_OPTION = re.compile(r"^[^\S\n]*+(?:-r|-c|-i|--(?!editable)[\w-]+).*|(?:^|\s)#.*", re.MULTILINE)
"""What of a list of requirements names no package: other lists, indexes, comments."""
_LOCAL_INSTALL = re.compile(r"^[^\S\n]*+(?:-e|--editable|\.|file:)|/", re.MULTILINE)
"""A requirement that lies in the bundle or under a URL, and may have any module."""


@dataclass(frozen=True, slots=True)
class Web:
    """What answers requests."""

    served: Served
    path: str
    """Where that is written."""
    line: int | None


def web_of(tree: Tree, settings: Mapping[Name, Setting]) -> Web | None:
    """What the web process starts; None where that is not certain."""
    if tree.find(procfile.NAME) is not None:
        web = next((item for item in procfile.processes(tree) if item.name == "web"), None)
        started = served(web.command) if web else None
        return Web(started, procfile.NAME, web.line) if started and web else None
    setting = settings.get(WSGI_PATH)
    if setting is None:
        there = procfile.NAME not in tree.links and modules.place_of(tree, "application").found
        return None if not there else Web(Served("gunicorn", "application"), procfile.NAME, None)
    return Web(Served("gunicorn", setting.value), setting.path, setting.line)


def check(tree: Tree, settings: Mapping[Name, Setting], *, local: bool) -> Iterator[Finding]:
    """Findings in what answers requests. local: whether each instance has a port of its own, which only PORT tells."""
    setting = settings.get(WSGI_PATH)
    if tree.find(procfile.NAME) is None and setting is not None and (wrong := _path(setting)) is not None:
        yield wrong
        return
    web = web_of(tree, settings)
    if web is None:
        return
    own = tree.text(f"{web.served.folder}/{_GUNICORN}" if web.served.folder else _GUNICORN)
    if (ENVIRONMENT, "PYTHONPATH") in settings or "chdir" in own or "pythonpath" in own:
        web = replace(web, served=replace(web.served, elsewhere=True))
    if web.served.server == "python":
        yield from _script(tree, web, settings, local=local)
    else:
        yield from _target(tree, web)
        yield from _port(tree, web, settings)


def _path(setting: Setting) -> Finding | None:
    """A WSGIPath that is the path of a file: it is handed to gunicorn as it is, which takes the names of modules."""
    path, _, name = setting.value.partition(":")
    if "/" not in path and not path.endswith(".py"):
        return None
    module = path.removesuffix(".py").strip("/").replace("/", ".")
    message = f"WSGIPath {setting.value!r} is the path of a file: gunicorn takes a module and an object."
    hint = f"Write WSGIPath: {module}:{name or 'application'}"
    return Finding(Severity.ERROR, "wsgi-path", setting.path, setting.line, message, hint)


def _target(tree: Tree, web: Web) -> Iterator[Finding]:
    """Whether the module and the object are there."""
    started = web.served
    module, colon, name = started.target.partition(":")
    if not module or started.elsewhere or (not colon and started.server != "gunicorn"):
        return
    name = re.split(r"[.(]", name)[0] or "application"
    place = modules.place_of(tree, module, started.folder)
    if not place.found:
        if not _comes_from_elsewhere(tree, module, started.folder):
            message = f"{web.path} starts {started.target}, and the bundle has no module {module}."
            hint = _other_module(tree, module, name)
            yield Finding(Severity.ERROR, "no-module", web.path, web.line, message, hint)
        return
    parsed = tree_of(tree.read(place.path) or b"") if place.path else None
    names = modules.bound(parsed) if parsed is not None else None
    if names is not None and name not in names:
        message = f"{web.path} starts {started.target}, and {place.path} has no {name!r}."
        yield Finding(Severity.ERROR, "no-object", web.path, web.line, message, _other_object(module, names))


def _comes_from_elsewhere(tree: Tree, module: str, folder: str) -> bool:
    """Whether a module that is not in the bundle may be installed, or made during the deployment."""
    top, _, rest = module.partition(".")
    inside = modules.place_of(tree, top, folder).found
    word = re.compile(re.escape((rest or top).rpartition(".")[2]).replace("_", "[-_]"), re.IGNORECASE)
    if any(word.search(text) for text in _made_by(tree)):
        return True
    if inside:
        return False
    distribution = re.compile(re.escape(top).replace("_", "[-_.]?"), re.IGNORECASE)
    listed = [_OPTION.sub("", tree.text(path)) for path in tree.files if _LISTED.fullmatch(path)]
    return any(distribution.search(text) or _LOCAL_INSTALL.search(text) for text in listed)


def _made_by(tree: Tree) -> Iterator[str]:
    """What may make files during a deployment: hooks, and .ebextensions but for their option settings."""
    for path in tree.files:
        if path.startswith(".platform/hooks/"):
            yield tree.text(path)
        elif extensions.is_read(path):
            with suppress(BadDocument):
                content = extensions.load(tree.files[path].data)
                yield from (str(value) for key, value in _items(content) if key != sections.SETTINGS)


def _items(content: object) -> Iterable[tuple[object, object]]:
    return content.items() if isinstance(content, dict) else ()


def _other_module(tree: Tree, module: str, name: str) -> str:
    """What may be meant instead."""
    last = module.rpartition(".")[2]
    same = sorted(path for path in tree.files if path.endswith((f"/{last}.py", f"/{last}/__init__.py")))
    if same:
        folder = same[0].removesuffix("/__init__.py").rpartition("/")[0]
        dotted = f"{folder}/{last}".replace("/", ".")
        return f"There is {same[0]}: start {dotted}:{name}, or cd {folder} first."
    tops = [path.removesuffix(".py") for path in tree.files if "/" not in path and path.endswith(".py")]
    near = get_close_matches(last, tops, n=1) or [top for top in ("application", "app", "main", "wsgi") if top in tops]
    return f"There is {near[0]}.py: start {near[0]}:OBJECT" if near else "Commit it, or name the module that there is."


def _other_object(module: str, names: frozenset[str]) -> str:
    near = [name for name in ("application", "app", "server", "api", "wsgi", "asgi") if name in names]
    if near:
        return f"Start {module}:{near[0]}"
    made = sorted(_FACTORIES & names)
    return f"Start '{module}:{made[0]}()'" if made else "Bind that name to the application, or name another object."


def _port(tree: Tree, web: Web, settings: Mapping[Name, Setting]) -> Iterator[Finding]:
    wanted = _asked(tree, settings)
    if wanted is not None and web.served.port not in (None, wanted):
        yield _wrong_port(web.path, web.line, web.served.server, str(web.served.port), wanted)


def _asked(tree: Tree, settings: Mapping[Name, Setting]) -> str | None:
    """The port that the proxy asks; None where the bundle has its own proxy's configuration, or none."""
    own = any(path.startswith(_OWN_PROXY) for path in tree.files)
    proxy = settings.get(_PROXY)
    if own or (proxy is not None and proxy.value.lower() == "none") or (ENVIRONMENT, "GUNICORN_CMD_ARGS") in settings:
        return None
    port = settings.get((ENVIRONMENT, "PORT"))
    return port.value if port else PORT


def _script(tree: Tree, web: Web, settings: Mapping[Name, Setting], *, local: bool) -> Iterator[Finding]:
    """A server that a script starts by itself."""
    path = "/".join(filter(None, (web.served.folder, web.served.target)))
    data = tree.read(path)
    if data is None:
        if not any(path in tree.text(other) for other in tree.files if other.startswith(".platform/hooks/")):
            message = f"{web.path} starts {path}, which is not in the bundle."
            yield Finding(Severity.ERROR, "no-module", web.path, web.line, message, "Commit it, or name what there is.")
        return
    wanted, found = _asked(tree, settings), scripts.port_of(data)
    if wanted is None or found is None:
        return
    if found.port != wanted or local:
        yield _wrong_port(path, found.line, found.what, found.port, wanted)


def _wrong_port(path: str, line: int | None, server: str, port: str, wanted: str) -> Finding:
    message = f"{server} listens on port {port} whatever PORT says; the platform's proxy asks port {wanted}."
    if port == wanted:
        message = f"{server} listens on port {port} whatever PORT says, and each instance here has a port of its own."
    hint = 'Let it read PORT: --bind :$PORT or --port $PORT in the Procfile, int(os.environ["PORT"]) in Python.'
    return Finding(Severity.ERROR, "port", path, line, message, hint)
