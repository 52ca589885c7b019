"""The web process: what Beanstalk runs of a repository, what ebcd would write, and what is wrong with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ebcd.init.applications import Application, Kind
from ebcd.init.words import Fact, Missing

Files = Mapping[str, str]

PORT = re.compile(r"\$PORT\b|\$\{PORT\}")
PLATFORM_PORT = "8000"
"""Where the Python platform's proxy sends requests unless the environment property PORT says another port."""
_LINE = re.compile(r"^([A-Za-z0-9_-]+):[ \t]*(\S.*)$", re.MULTILINE)
_WSGI_PATH = re.compile(r"""^[^\S\n]*["']?WSGIPath["']?\s*:\s*["']?([\w./:-]+)""", re.MULTILINE)
_ASGI_SERVERS = ("uvicorn", "hypercorn", "daphne", "granian")


@dataclass(frozen=True, slots=True)
class Served:
    """The web process, and what goes with it."""

    runs: Fact | None
    """What Beanstalk will run once all is written."""
    procfile: str = ""
    """The Procfile that is to be written; empty: none is."""
    processes: Mapping[str, str] = field(default_factory=dict)
    """Those of the Procfile that there is."""
    missing: tuple[Missing, ...] = ()


def serve(files: Files, found: Sequence[Application], installed: frozenset[str] | None, asked: str = "") -> Served:
    """What serves the application.

    found: the likeliest application first. installed: the requirements' names, None where nothing tells them.
    asked: the command that the user named.
    """
    processes = dict(_LINE.findall(files["Procfile"])) if "Procfile" in files else {}
    if "web" in processes:
        return Served(Fact(processes["web"].strip(), "Procfile"), processes=processes)
    if processes or "Procfile" in files:
        line = f"web: {asked or (_command(found[0], installed) if found else 'gunicorn MODULE:APPLICATION')}"
        lacks = Missing("The Procfile has no web process: nothing would answer requests.", f"Add a line: {line}")
        return Served(None, processes=processes, missing=(lacks,))
    if asked:
        return Served(Fact(asked, "--run"), procfile=f"web: {asked}\n")
    if own := _without_procfile(files, found):
        return Served(own)
    if not found:
        return Served(None, missing=(_nothing(files),))
    command, made = _command(found[0], installed), found[0]
    what = f"{made.framework} in {made.module.path}"
    return Served(Fact(command, what), f"web: {command}\n", missing=_server(made, installed))


def _without_procfile(files: Files, found: Sequence[Application]) -> Fact | None:
    """What Beanstalk's Python platform runs without a Procfile."""
    for path, text in files.items():
        if path.startswith(".ebextensions/") and (told := _WSGI_PATH.search(text)):
            return Fact(f"gunicorn {told[1]}", f"WSGIPath in {path}")
    own = [item for item in found if item.module.path == "application.py" and item.name == "application"]
    if own and own[0].kind is Kind.WSGI and not own[0].factory:
        return Fact("gunicorn application:application", "application.py, as Beanstalk does without a Procfile")
    return None


def _nothing(files: Files) -> Missing:
    hint = "Name the command that serves it: ebcd init --run 'gunicorn MODULE:APPLICATION'"
    if "application.py" in files:
        return Missing(
            "application.py defines no `application`, which Beanstalk runs where there is no Procfile.", hint
        )
    return Missing(
        "There is neither a Procfile nor an application.py, and no application of a framework that ebcd "
        "knows: Beanstalk would not know what to run.",
        hint,
    )


def _command(made: Application, installed: frozenset[str] | None) -> str:
    """The command that serves an application, at the port that the platform tells."""
    folder = made.module.folder
    if made.kind is Kind.SCRIPT:
        return f"python {made.module.path}"
    if made.kind is Kind.ASGI:
        return _asgi(made, installed, folder)
    where = f" --pythonpath {folder}" if folder else ""  # the manifest is at the bundle's top: so stay there
    if made.kind is Kind.AIOHTTP:
        return f"gunicorn --bind 127.0.0.1:$PORT --worker-class aiohttp.GunicornWebWorker{where} {made.reference}"
    call = f"'{made.reference}()'" if made.factory else made.reference
    return f"gunicorn --bind 127.0.0.1:$PORT --workers 2 --threads 8{where} {call}"


def _asgi(made: Application, installed: frozenset[str] | None, folder: str) -> str:
    server = next((name for name in _ASGI_SERVERS if installed and name in installed), "uvicorn")
    if server == "uvicorn":
        where = f" --app-dir {folder}" if folder else ""
        kind = " --factory" if made.factory else ""
        return f"uvicorn{kind}{where} --host 127.0.0.1 --port $PORT --proxy-headers {made.reference}"
    call = f"'{made.reference}()'" if made.factory else made.reference
    inside = f"cd {folder} && " if folder else ""
    if server == "hypercorn":
        return f"{inside}hypercorn --bind 127.0.0.1:$PORT {call}"
    if server == "daphne":
        return f"{inside}daphne -b 127.0.0.1 -p $PORT {call}"
    kind = " --factory" if made.factory else ""
    return f"{inside}granian --interface asgi --host 127.0.0.1 --port $PORT{kind} {made.reference}"


def _server(made: Application, installed: frozenset[str] | None) -> tuple[Missing, ...]:
    """The server that an ASGI application needs and no requirement brings; gunicorn is the platform's."""
    if made.kind is not Kind.ASGI or installed is None or installed & {*_ASGI_SERVERS}:
        return ()
    return (
        Missing(
            f"Nothing brings a server for {made.framework}: the platform has gunicorn, which serves WSGI.",
            "Add uvicorn to the requirements: echo uvicorn >> requirements.txt, or with your tool: "
            "uv add uvicorn, poetry add uvicorn",
        ),
    )
