"""`fault`: let something go wrong at a call of the local Beanstalk, or kill an instance."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ebcd_local import arguments, daemon
from ebcd_local.daemon import DaemonError
from ebcd_local.denial import CAUSES
from ebcd_local.fault_places import OF_AN_ENVIRONMENT, nearest, wrong_place
from ebcd_local.faults import WITHIN, Kind

_FAULTS = """\
KIND is one of
  throttle   the call is refused, the rate is exceeded
  expired    the call is refused, the credentials are expired
  error      the call is refused with --code, else with 500
  cut        the connection is cut and nothing was done
  lost       the call takes effect and the connection is cut
  delay      the call takes effect --seconds later
  stall      the call takes effect at once, its answer comes --seconds later
  launch     an instance of the environment PLACE cannot be launched; with
             --denied the whole environment: it is Terminated seconds after
             its creation, and events alone tell why
  disk       an instance of the environment PLACE has a full disk
  kill       an instance of the environment PLACE dies now
  lag        the read PLACE does not show yet what is created from now on,
             --times answers long; with --seconds while it is younger. PLACE is
             DescribeEnvironments, DescribeApplicationVersions,
             DescribeApplications or DescribeEvents
  list       show the faults that are set (the default)
  clear      take all away

Examples:
  ebcd local fault throttle DescribeEnvironments --times 3
  ebcd local fault lost SwapEnvironmentCNAMEs
  ebcd local fault launch shop-local-r7 --denied instance-profile
  ebcd local fault kill shop-local-r6"""


_KINDS = ("list", "clear", "kill", *(str(kind) for kind in Kind if kind is not Kind.DENIED))
"""What is asked for by its name; a denied launch is asked for by an option of launch."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = _FAULTS
    kind = "what goes wrong; see below"
    command.add_argument("kind", nargs="?", default="list", type=_kind, metavar="KIND", help=kind)
    where = "an operation (SwapEnvironmentCNAMEs, s3:PutObject, *), or an environment's name"
    command.add_argument("place", nargs="?", default="", metavar="PLACE", help=where)
    command.add_argument("--nth", type=int, default=1, help="strike at the n-th call from now on; default 1")
    command.add_argument("--times", type=int, default=1, help="how often; 0: until cleared; default 1")
    command.add_argument(
        "--seconds", type=arguments.duration, help="how long the call is held; default 5 for delay and stall"
    )
    command.add_argument("--code", default="", help="of error: the error code, as TooManyEnvironmentsException")
    command.add_argument("--denied", default="", choices=list(CAUSES), help="of launch: what the environment is denied")
    status = "of error: the HTTP status; default: the code's own, 500 without a code"
    command.add_argument("--status", type=int, help=status)
    command.add_argument("--instance", default="", help="of kill: its id; default: the oldest one")


def _kind(word: str) -> str:
    """A kind. Raises ArgumentTypeError."""
    if word in _KINDS:
        return word
    near = nearest(word, _KINDS)
    meant = f" Did you mean {near}?" if near else ""
    raise argparse.ArgumentTypeError(f"there is no kind {word!r}.{meant} There are {', '.join(_KINDS)}.")


def run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Do what was asked; what the server answered. Raises DaemonError."""
    if given.kind == "list":
        return daemon.control(folder, "GET", "faults")
    if given.kind == "clear":
        return daemon.control(folder, "DELETE", "faults")
    if not given.place:
        hint = f"ebcd local fault {given.kind} {_usual_place(folder, given.kind)}"
        raise DaemonError("no-place", "Nothing was set.", f"{given.kind} needs to know where.", hint)
    if given.kind == "kill":
        return daemon.control(folder, "POST", "kill", {"environment": given.place, "instance": given.instance})
    _refuse_wrong_place(given)
    kind = Kind.DENIED if given.kind == Kind.LAUNCH and given.denied else Kind(given.kind)
    place = f"{kind}:{given.place}" if kind in WITHIN else given.place
    held = 5.0 if given.kind in {Kind.DELAY, Kind.STALL} else 0.0
    seconds = given.seconds if given.seconds is not None else held
    told = daemon.control(
        folder,
        "POST",
        "faults",
        {
            "kind": kind,
            "place": place,
            "nth": given.nth,
            "times": given.times,
            "seconds": seconds,
            "code": given.code,
            "status": given.status,
            "denied": given.denied,
        },
    )
    awaited = kind in OF_AN_ENVIRONMENT and given.place not in _environments(folder)
    return told | ({"awaits": given.place} if awaited else {})


def _refuse_wrong_place(given: argparse.Namespace) -> None:
    """Raises DaemonError for a place that a fault would wait at for ever."""
    if why := wrong_place(Kind(given.kind), given.place):
        raise DaemonError("unknown-place", "Nothing was set.", why, "ebcd local fault --help")


def _environments(folder: Path) -> list[str]:
    return [item["name"] for item in daemon.status(folder)["environments"]]


def _usual_place(folder: Path, kind: str) -> str:
    """A place for an example: an environment that there is, or a read."""
    if kind != "kill" and Kind(kind) not in OF_AN_ENVIRONMENT:
        return "DescribeEnvironments"
    return next(iter(_environments(folder)), "ENVIRONMENT")


def text(told: dict[str, Any]) -> str:
    """The answer for people."""
    if "killed" in told:
        return f"The instance {told['killed']} is dead."
    if "cleared" in told:
        return "1 fault was taken away." if told["cleared"] == 1 else f"{told['cleared']} faults were taken away."
    if "awaits" in told:
        return f"{told['id']} is set. There is no environment {told['awaits']} yet: it strikes when there is one."
    if "id" in told:
        return f"{told['id']} is set."
    if not told["faults"]:
        return "No fault is set.\n  set one: ebcd local fault throttle DescribeEnvironments"
    return "\n".join(
        f"{item['id']}  {item['kind']}  {item['place']}  from call {item['nth']} on, {_often(item['times'])}; "
        f"{item['passed']} call{'' if item['passed'] == 1 else 's'} came"
        for item in told["faults"]
    )


def _often(times: int) -> str:
    return {0: "until cleared", 1: "once"}.get(times, f"{times} times")
