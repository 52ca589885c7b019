"""`python -m ebcd_local`: start, stop and look at the local Beanstalk."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ebcd_local import (
    arguments,
    client_variables,
    daemon,
    fault_command,
    home,
    log_tails,
    login_users,
    platform_command,
    state_folder,
)
from ebcd_local.command_line import Parser
from ebcd_local.daemon import DaemonError, Ports
from ebcd_local.simulation import Simulation


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 2 a person must act."""
    try:
        given = parser().parse_all(words)
    except DaemonError as error:
        typed = sys.argv[1:] if words is None else words
        return _fail(argparse.Namespace(json="--json" in typed, command=_command_of(typed)), error)
    os.umask(state_folder.PRIVATE)
    folder = home.state_dir(os.environ)
    try:
        state_folder.check(home.named(os.environ), folder)
        result = _COMMANDS[given.command](folder, given)
    except state_folder.Unsafe as error:
        return _fail(given, DaemonError("unsafe-folder", "The state folder is not safe.", error.why, error.hint))
    except DaemonError as error:
        return _fail(given, error)
    if given.command == "serve" or (given.command == "psql" and not given.json):
        return int(result.get("exit_code", 0))
    told = {"schema": 1, "command": f"local {given.command}", "ok": True, "exit_code": 0, **result}
    text = json.dumps(told, indent=2) if given.json else _text(given.command, told)
    if given.command == "up" and not given.json:
        exported = client_variables.exported(client_variables.variables(daemon.live(folder)))
        text += f"\nFor other clients:\n  {exported}"
    _print(text)
    return 0


def _print(text: str) -> None:
    """Print a result. A reader that is gone changes nothing of what was done."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command_of(words: Sequence[str]) -> str:
    """The command that a wrong command line names."""
    return next((word for word in words if not word.startswith("-")), "")


def parser() -> Parser:
    """The parser of the command line."""
    program = os.environ.get("EBCD_LOCAL_PROGRAM", "python -m ebcd_local")
    parser = Parser(prog=program, description="A local AWS Elastic Beanstalk.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, doc in {
        "up": "start it, unless it runs",
        "down": "stop it and all that it runs; its state stays",
        "status": "show where it is and what it runs",
        "env": 'print the variables that other clients need: eval "$(ebcd local env)"',
        "logs": "show the last lines of its log, or of an environment's",
        "reset": "stop it and forget everything",
        "fault": "let something go wrong at a call, or kill an instance",
        "platform": "publish a newer platform version, or show those that there are",
        "psql": "look into an application's database",
        "serve": "serve in the foreground",
    }.items():
        command = commands.add_parser(name, help=doc)
        command.add_argument("--json", action="store_true", help="one JSON object on stdout")
        if name in {"up", "serve"}:
            _add_ports(command)
        if name == "up":
            command.add_argument("--foreground", action="store_true", help="do not go into the background")
        if name == "fault":
            fault_command.add_arguments(command)
        if name == "platform":
            platform_command.add_arguments(command)
        if name == "logs":
            command.add_argument("name", nargs="?", help="an environment")
            command.add_argument("--lines", type=int, default=100, help="how many; default 100")
        if name == "psql":
            command.add_argument("application", nargs="?", default="", help="default: the only one with a database")
            command.add_argument("--role", choices=["owner", "app"], default="owner", help="default: owner")
            command.add_argument("-c", dest="statement", metavar="SQL", help="run this and end")
        if name == "reset":
            command.add_argument("--yes", action="store_true", help="do not ask")
    return parser


def _add_ports(command: argparse.ArgumentParser) -> None:
    port, lb_port = os.environ.get("EBCD_LOCAL_PORT"), os.environ.get("EBCD_LOCAL_LB_PORT")
    command.add_argument("--port", type=int, default=port, help="the endpoint's port; 0: a free one")
    command.add_argument("--lb-port", type=int, default=lb_port, help="the load balancer's port; 0: a free one")
    command.add_argument("--speed", type=arguments.speed, default=1.0, help="divides simulated durations")
    suffix = "what CNAMEs end in, as elasticbeanstalk.com; default: as before, else elasticbeanstalk.localhost"
    command.add_argument("--domain", type=arguments.domain, metavar="SUFFIX", help=suffix)
    like = "AWS's durations, health samples, DNS memory and limits of calls, divided by --speed"
    command.add_argument("--like-aws", action="store_true", help=like)
    remembered = "how long a client remembers which environment a CNAME led to, as 60s; default 0, or AWS's"
    command.add_argument("--dns-ttl", type=arguments.duration, metavar="DURATION", help=remembered)
    any_key = "take any key pair: every user of this machine, and all that they run, can then use it"
    command.add_argument("--open", action="store_true", help=any_key)
    command.add_argument("--enforce-iam", action="store_true", help="judge each call by its caller's IAM policies")


def _simulation(given: argparse.Namespace) -> Simulation:
    if given.like_aws:
        times = Simulation.of_aws(given.speed, given.dns_ttl)
    else:
        times = Simulation.quick(given.speed, given.dns_ttl or 0.0)
    return replace(times, enforce_iam=given.enforce_iam)


def _up(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    ports, simulation, domain = Ports(given.port, given.lb_port), _simulation(given), given.domain or ""
    state_folder.secure(folder)
    if given.open and (warning := login_users.warning()):
        print(warning, file=sys.stderr)
    if given.foreground:
        daemon.refuse_second(folder)
        command = daemon.command(folder, ports, simulation, domain, any_key=given.open)
        os.execv(command[0], command)  # noqa: S606 - our own command
    daemon.up(folder, ports, simulation, domain, any_key=given.open)
    return daemon.status(folder)


def _serve(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from ebcd_local import jail, plain_http

    plain_http.import_aiohttp()
    threading.Thread(target=jail.unavailable, daemon=True).start()  # its child process ends while the rest is imported
    from ebcd_local.serve import PortTaken, Settings, serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        ports, domain = (given.port or 0, given.lb_port or 0), given.domain or home.DOMAIN
        serve(Settings(folder, *ports, _simulation(given), domain, open=given.open))
    except home.Taken as error:
        raise daemon.runs_already(folder) from error
    except PortTaken as error:
        raise DaemonError(
            "port-taken",
            "The local Beanstalk cannot be started.",
            f"{error}.",
            "Choose another port: ebcd local up --port 0 --lb-port 0",
        ) from error
    return {}


def _down(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    return {"was_running": daemon.down(folder), "state_dir": str(folder)}


def _status(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    return daemon.status(folder)


def _logs(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    return {"environment": given.name, "logs": log_tails.of(folder, given.name, given.lines)}


def _psql(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    from ebcd_local.database import DatabaseUnavailable, shell

    place, words = folder / daemon.DATABASES, ["-c", given.statement] if given.statement else []
    if given.json and not given.statement:
        raise DaemonError(
            "no-statement",
            "Nothing was asked of the database.",
            "--json tells the rows of a statement.",
            "ebcd local psql --json -c 'SELECT 1'",
        )
    try:
        if given.json:
            return shell.rows(place, given.application, given.role, given.statement)
        return {"exit_code": shell.psql(place, given.application, given.role, words)}
    except shell.StatementFailed as error:
        raise DaemonError(
            "statement-failed", "PostgreSQL refused the statement.", str(error), "ebcd local psql"
        ) from error
    except DatabaseUnavailable as error:
        why, _, hint = str(error).partition(": ")
        raise DaemonError("no-database", "There is no database to look into.", f"{why}.", hint) from error


def _reset(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    if not given.yes:
        if not sys.stdin.isatty():
            raise DaemonError(
                "not-confirmed",
                "Nothing was reset.",
                "It deletes every local environment and bundle, and there is no terminal to ask on.",
                "ebcd local reset --yes",
            )
        if input(f"Delete all that is in {folder}? [y/N] ").strip().lower() != "y":
            raise DaemonError("not-confirmed", "Nothing was reset.", "It was not confirmed.", "ebcd local reset")
    daemon.reset(folder)
    return {"state_dir": str(folder)}


_COMMANDS = {
    "up": _up,
    "fault": fault_command.run,
    "platform": platform_command.run,
    "down": _down,
    "status": _status,
    "env": client_variables.run,
    "logs": _logs,
    "psql": _psql,
    "reset": _reset,
    "serve": _serve,
}


_TEXTS = {"fault": fault_command.text, "platform": platform_command.text, "env": client_variables.text}


def _text(command: str, told: dict[str, Any]) -> str:
    if command == "down":
        return "The local Beanstalk is stopped." if told["was_running"] else "The local Beanstalk was not running."
    if command == "reset":
        return "The local Beanstalk is stopped and its state deleted."
    if command == "logs":
        return str(told["logs"])
    if command in _TEXTS:
        return _TEXTS[command](told)
    if told["pid"] is None:
        return "The local Beanstalk is not running.\n  start it: ebcd local up"
    lines = [
        f"The local Beanstalk runs (process {told['pid']}).",
        f"  endpoint       {told['endpoint_url']}   for AWS_ENDPOINT_URL",
        f"  load balancer  {told['proxy_url']}",
        f"  state          {told['state_dir']}",
    ]
    if told["open"]:
        lines.append("  open           any key pair is good (--open)")
    lines += _simulated(told)
    if database := told["database"]:
        lines.append(f"  database       {database['engine']} on {database['address']}")
        lines += [f"                 {item['name']}  of {item['application']}" for item in database["databases"]]
    if told["unjailed"]:
        lines.append(f"  not jailed     what runs here can write to this machine: {told['unjailed']}")
    rows = [
        (item["name"], f"{item['status']} {item['health']}", item["version_label"]) for item in told["environments"]
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, item in zip(rows, told["environments"], strict=True):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append(f"  {'  '.join(cells)}  {item['url']}")
    return "\n".join(lines)


def _simulated(told: dict[str, Any]) -> list[str]:
    """What is other than by default."""
    lines = []
    if told["domain"] != home.DOMAIN:
        lines.append(f"  domain         {told['domain']}   which DNS may lead elsewhere: send CNAMEs as Host")
    if told["like_aws"]:
        lines.append(f"  times          AWS's, divided by {told['speed']:g}")
    if told["dns_ttl"]:
        lines.append(f"  DNS            a client remembers where a CNAME led for {told['dns_ttl']:g} s")
    return lines


def _fail(given: argparse.Namespace, error: DaemonError) -> int:
    if given.json:
        told = {"code": error.code, "what": error.what, "why": error.why, "hint": error.hint}
        print(
            json.dumps(
                {"schema": 1, "command": f"local {given.command}".strip(), "ok": False, "exit_code": 2, "error": told}
            )
        )
    else:
        print(f"{error.what}\n  {error.why}\n  → {error.hint}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
