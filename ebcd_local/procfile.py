"""The Procfile: which processes an instance runs.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-procfile.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*([^\s].*)")
PORT = "8000"
"""The platform's port, which its proxy sends requests to unless the environment property PORT says another one."""
_ADDRESS = r"(?:[\w.*-]*|\[[\w:.]*\])"
_ANY_BIND = re.compile(r"(?<!\S)(--bind(=|\s+)|-b(=|\s*))\S+")
_OPTIONS = {"uvicorn": "--port {}", "hypercorn": "--bind 127.0.0.1:{}", "daphne": "-p {}"}
_DEFAULT = re.compile(
    rf"""((?:^|[;&|]|(?:^|\s)(?:exec|-m|run|run-program)|\b(?:ddtrace-run|opentelemetry-instrument)|\b[A-Za-z_]\w*=\S*)\s*
    (?:\S*/)?)({"|".join(_OPTIONS)})(?=\s)        # a server that listens on 8000 by itself, where a command stands,
    (?![^;&|]*\s(?:-[bpuec]|--(?:port|bind|uds|fd|unix-socket|endpoint|config))(?![\w-]))  # and is told nothing""",
    re.VERBOSE,
)
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
    """What the Python platform runs without a Procfile: gunicorn on WSGIPath, as it is written. Raises BadProcfile.

    A path with a slash, or with `.py`, is no module: gunicorn fails on it here as it does there.
    Source: https://github.com/awsdocs/aws-elastic-beanstalk-developer-guide/pull/86
    """
    application = options.get((_PYTHON, "WSGIPath"), "application")
    workers, threads = options.get((_PYTHON, "NumProcesses"), "1"), options.get((_PYTHON, "NumThreads"), "15")
    if not workers.isdigit() or not threads.isdigit():
        raise BadProcfile(f"NumProcesses {workers!r} and NumThreads {threads!r} must be whole numbers.")
    return {"web": f"gunicorn --workers={workers} --threads={threads} {shlex.quote(application)}"}


def on_loopback(command: str, port: int, ports: frozenset[str] = frozenset({PORT})) -> str:
    """A command whose server listens on an instance's own port where its options say one of the platform's (`ports`):
    --bind or --listen with an address, --port with a number, as gunicorn, uvicorn, hypercorn, waitress and daphne take
    them; and where a server that listens there by itself is told nothing. With an address it is on loopback only.
    """
    if not ports - {PORT, ""}:
        command = _DEFAULT.sub(lambda found: f"{found[0]} {_OPTIONS[found[2]].format(port)}", command)
    known = "|".join(["\\$PORT", "\\$\\{PORT\\}", *sorted(filter(str.isdigit, ports))])
    end = r"""(?=["'\s]|$)"""
    bound = re.compile(rf"""(?<!\S)(--(?:bind|listen)(?:=|\s+)|-b(?:=|\s*))(["']?){_ADDRESS}:(?:{known}){end}""")
    numbered = re.compile(rf"""(?<!\S)(--port(?:=|\s+)|-p(?:=|\s*))(["']?)(?:{known}){end}""")
    return numbered.sub(rf"\g<1>\g<2>{port}", bound.sub(rf"\g<1>\g<2>127.0.0.1:{port}", command))


def gunicorn_arguments(own: str, port: int) -> str:
    """GUNICORN_CMD_ARGS: an application's own, but for where it binds: to an instance's port, on loopback."""
    return f"{_ANY_BIND.sub('', own).strip()} --bind 127.0.0.1:{port}".strip()
