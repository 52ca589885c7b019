"""The Procfile: which processes an instance runs.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-procfile.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*([^\s].*)")
_BIND = re.compile(
    r"""(?<!\S)(--bind(?:=|\s+)|-b(?:=|\s*))(["']?)(?:[\w.*-]*|\[[\w:.]*\]):(?:8000|\$PORT|\$\{PORT\})(?=["'\s]|$)"""
)
"""gunicorn's option where it names the platform's port, on whatever address."""
_ANY_BIND = re.compile(r"(?<!\S)(--bind(=|\s+)|-b(=|\s*))\S+")
_PYTHON = "aws:elasticbeanstalk:container:python"


class BadProcfile(Exception):
    """A line of the Procfile is none; the message names it."""


def processes(text: str) -> dict[str, str]:
    """Names to commands, in order. Raises BadProcfile."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise BadProcfile(f"Procfile line {number} is not NAME: COMMAND.")
        found[match[1]] = match[2]
    if not found:
        raise BadProcfile("The Procfile names no process.")
    return found


def default_processes(options: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """What the Python platform runs without a Procfile: gunicorn on WSGIPath. Raises BadProcfile."""
    wsgi = options.get((_PYTHON, "WSGIPath"), "application")
    wsgi = wsgi.removesuffix(".py").replace("/", ".")
    application = wsgi if ":" in wsgi else f"{wsgi}:application"
    workers, threads = options.get((_PYTHON, "NumProcesses"), "1"), options.get((_PYTHON, "NumThreads"), "15")
    if not workers.isdigit() or not threads.isdigit():
        raise BadProcfile(f"NumProcesses {workers!r} and NumThreads {threads!r} must be whole numbers.")
    return {"web": f"gunicorn --workers={workers} --threads={threads} {shlex.quote(application)}"}


def on_loopback(command: str, port: int) -> str:
    """A command whose gunicorn binds to an instance's own port, on loopback, where it says the platform's."""
    return _BIND.sub(rf"\g<1>\g<2>127.0.0.1:{port}", command)


def gunicorn_arguments(own: str, port: int) -> str:
    """GUNICORN_CMD_ARGS: an application's own, but for where it binds: to an instance's port, on loopback."""
    return f"{_ANY_BIND.sub('', own).strip()} --bind 127.0.0.1:{port}".strip()
