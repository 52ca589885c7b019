"""What a process's command starts: which server, on which module, at which port. Pure.

Only what is certain is told: of a script, of a command with a substitution, of a pipe into a server nothing is known.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_OPERATORS = frozenset({"&&", ";"})
_ENDS = frozenset({"|", "&", "<", ">", ">>", "2>", ">&", "&>", "<<<"})
"""What a command's own words end at."""
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_PREFIXES = frozenset({"exec", "env", "nohup", "time", "command"})
_WRAPPERS = {
    ("newrelic-admin", "run-program"),
    ("pipenv", "run"),
    ("poetry", "run"),
    ("uv", "run"),
    ("pdm", "run"),
    ("python", "-m"),
    ("python3", "-m"),
    ("ddtrace-run",),
    ("opentelemetry-instrument",),
    ("honcho", "run"),
}
"""Words before a server's own."""
_TARGET = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::[A-Za-z_][\w.]*(?:\(.*\))?)?")
_PORT = re.compile(r":?(\d{1,5})$")
_LONGEST = 10_000
"""Characters of a command: Python's reader of words needs quadratic time."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A server, as far as its command line matters."""

    default_port: str | None
    """Where it listens unless it is told; None: where PORT says."""
    address: tuple[str, ...] = ()
    """Options that take an address, which may end in a port."""
    port: tuple[str, ...] = ()
    """Options that take a port alone."""
    flags: frozenset[str] = frozenset()
    """Options that take no value."""
    elsewhere: tuple[str, ...] = ()
    """Options by which it finds modules elsewhere, or reads what it does from a file."""
    serves: bool = True
    """Whether its first argument is a module and an object."""


KINDS: Mapping[str, Kind] = {
    "gunicorn": Kind(
        None,
        ("-b", "--bind"),
        (),
        frozenset(
            {
                "-D",
                "--daemon",
                "-R",
                "--reload",
                "--preload",
                "--no-sendfile",
                "--check-config",
                "--print-config",
                "--spew",
                "--capture-output",
                "--log-syslog",
                "--enable-stdio-inheritance",
                "--proxy-protocol",
                "--initgroups",
                "--reuse-port",
                "--suppress-ragged-eofs",
                "--do-handshake-on-connect",
            }
        ),
        ("-c", "--config", "--chdir", "--pythonpath", "--paste", "--paster"),
    ),
    "uvicorn": Kind(
        "8000",
        (),
        ("--port",),
        frozenset(
            {
                "--reload",
                "--proxy-headers",
                "--no-proxy-headers",
                "--server-header",
                "--no-server-header",
                "--date-header",
                "--no-date-header",
                "--access-log",
                "--no-access-log",
                "--use-colors",
                "--no-use-colors",
                "--factory",
            }
        ),
        ("--app-dir", "--uds", "--fd", "--env-file"),
    ),
    "hypercorn": Kind("8000", ("-b", "--bind"), (), frozenset({"--debug", "--reload", "--daemon"}), ("-c", "--config")),
    "daphne": Kind(
        "8000",
        (),
        ("-p", "--port"),
        frozenset({"--proxy-headers", "--noreload", "--no-server-name"}),
        ("-u", "--unix-socket", "-e", "--endpoint", "--fd"),
    ),
    "waitress-serve": Kind(
        "8080", ("--listen",), ("--port",), frozenset({"--call", "--expose-tracebacks"}), ("--unix-socket",)
    ),
    "flask": Kind(
        "5000", (), ("-p", "--port"), frozenset({"--debug", "--no-debug", "--reload", "--no-reload"}), serves=False
    ),
    "fastapi": Kind("8000", (), ("--port",), frozenset({"--reload", "--no-reload"}), serves=False),
    "streamlit": Kind("8501", (), ("--server.port",), serves=False),
}


@dataclass(frozen=True, slots=True)
class Served:
    """What a command starts."""

    server: str
    """Its name in KINDS; python: a script."""
    target: str = ""
    """Module and object, as they are written; for python the script. Empty: not known."""
    port: str | None = None
    """The port that it listens on; None: one that it is told by PORT, or that is not known."""
    factory: bool = False
    """Whether the object is called for the application."""
    folder: str = ""
    """Where it is started, as seen from the application."""
    elsewhere: bool = False
    """Whether options name other places of modules."""


def served(command: str) -> Served | None:
    """What a command starts; None where that is not certain."""
    if len(command) > _LONGEST or "$(" in command or "`" in command:
        return None
    try:
        words = _words(command)
    except ValueError:  # a quote that is not closed
        return None
    folder, own = "", []
    for part in _parts(words):
        if part[:1] == ["cd"]:
            folder = posixpath.normpath(posixpath.join(folder, part[1])) if len(part) == 2 else ".."
        own = part
    if "||" in words or folder.startswith(("..", "/")) or "$" in folder:
        return None
    own, moved = _bare(own)
    return _served(own, "" if folder == "." else folder, moved) if own else None


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _parts(words: Sequence[str]) -> Iterator[list[str]]:
    """The commands of a list, one after the other, each up to its pipe or redirection."""
    own: list[str] = []
    ended = False
    for word in [*words, ";"]:
        if word in _OPERATORS:
            if own:
                yield own
            own, ended = [], False
        elif word in _ENDS or set(word) <= set("<>&|"):
            ended = True
        elif not ended:
            own.append(word)


def _bare(words: list[str]) -> tuple[list[str], bool]:
    """A command without what only prepares it, and whether that names another place of modules."""
    moved = False
    while words:
        name = posixpath.basename(words[0])
        wrapper = next((item for item in _WRAPPERS if (name, *words[1 : len(item)]) == item), None)
        if found := _ASSIGNMENT.fullmatch(words[0]):
            moved = moved or found[1] in {"PYTHONPATH", "GUNICORN_CMD_ARGS", "FLASK_APP", "FLASK_RUN_PORT"}
            words = words[1:]
        elif name in _PREFIXES:
            words = words[1:]
        elif wrapper:
            words = words[len(wrapper) :]
        else:
            return words, moved
    return words, moved


def _served(words: list[str], folder: str, moved: bool) -> Served | None:
    name = posixpath.basename(words[0])
    if name in {"python", "python3"} and len(words) > 1:
        if posixpath.basename(words[1]) == "manage.py":
            return _runserver(words[2:], folder)
        return Served("python", words[1], folder=folder) if words[1].endswith(".py") else None
    if (kind := KINDS.get(name)) is None:
        return None
    options, arguments = _options(words[1:], kind)
    if name in {"flask", "fastapi", "streamlit"} and arguments[:1] != ["run"]:
        return None
    elsewhere = moved or any(option in options for option in kind.elsewhere)
    target = arguments[0] if kind.serves and arguments and _TARGET.fullmatch(arguments[0]) else ""
    factory = "--factory" in options or "--call" in options
    return Served(name, target, _port(options, kind, elsewhere), factory, folder, elsewhere)


def _runserver(words: list[str], folder: str) -> Served | None:
    """Django's own server: `runserver [ADDRESS:]PORT`."""
    if words[:1] != ["runserver"]:
        return None
    given = next((word for word in words[1:] if not word.startswith("-")), "8000")
    return Served("runserver", port=_of_address(given), folder=folder)


def _options(words: Sequence[str], kind: Kind) -> tuple[dict[str, list[str]], list[str]]:
    """The values of each option, and the arguments."""
    options: dict[str, list[str]] = {}
    arguments: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            given = value if equals else "" if name in kind.flags else next(waiting, "")
            options.setdefault(name, []).append(given)
        elif word.startswith("-") and len(word) > 1:
            given = word[2:].removeprefix("=") or ("" if word in kind.flags else next(waiting, ""))
            options.setdefault(word[:2], []).append(given)
        else:
            arguments.append(word)
    return options, arguments


def _port(options: Mapping[str, list[str]], kind: Kind, elsewhere: bool) -> str | None:
    """The one port that it listens on, where that is certain."""
    if elsewhere:
        return None
    given = [value for name in (*kind.address, *kind.port) for value in options.get(name, ())]
    if not given:
        return kind.default_port
    found = {_of_address(value) for value in given}
    return found.pop() if len(found) == 1 else None


def _of_address(text: str) -> str | None:
    """The port that an address ends in; None where it reads PORT, or is no port of a network."""
    found = _PORT.search(text)
    return found[1] if found and "$" not in text and not text.startswith(("unix:", "fd:")) else None
