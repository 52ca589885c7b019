"""The control calls: what `ebcd local` and rehearsals ask and tell the server. Each carries the token of EBCD_HOME.

GET    /_ebcd/status              what runs
GET    /_ebcd/calls?after=N       the calls of AWS operations behind the N-th; without N the last one's number alone
GET    /_ebcd/faults              the faults that are set
POST   /_ebcd/faults              set one (JSON: kind, place, nth, times, seconds, code, status, denied)
DELETE /_ebcd/faults              take all away
POST   /_ebcd/kill                kill an instance (JSON: environment, instance)
GET    /_ebcd/platforms           the versions of each platform branch
POST   /_ebcd/platforms           publish one (JSON: python, version, recommended)
DELETE /_ebcd/platforms           forget those that were published
POST   /_ebcd/shutdown            stop
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from werkzeug.wrappers import Response

from ebcd_local import peers, platform_versions, protocol, wire
from ebcd_local.call_log import CallLog
from ebcd_local.denial import CAUSES
from ebcd_local.errors import ServiceError
from ebcd_local.faults import Fault, Faults, Kind
from ebcd_local.state import State

BODY_LIMIT = 100_000


class BadControl(Exception):
    """A control call that cannot be done; the message says why."""


@dataclass(frozen=True, slots=True)
class Control:
    """What control calls reach."""

    token: str
    status: Callable[[], dict[str, Any]]
    kill: Callable[[str, str], str]
    """Kill an instance of an environment by name; its id. Raises LookupError."""
    shutdown: Callable[[], None]
    faults: Faults
    calls: CallLog
    state: State

    def answer(self, environ: dict[str, Any]) -> Response:
        """Answer a control call."""
        if not hmac.compare_digest(environ.get("HTTP_X_EBCD_TOKEN", "").encode(), self.token.encode()):
            return Response("The token is in EBCD_HOME.\n", 403)
        uid = peers.of(environ)
        if uid is not None and not peers.is_own(uid):  # where nobody tells who asks, the token alone decides
            return Response("The token is for the user who runs this server.\n", 403)
        try:
            return _json(self._do(environ))
        except (BadControl, LookupError) as error:
            return _json({"error": str(error)}, 400)

    def _do(self, environ: dict[str, Any]) -> dict[str, Any]:
        match environ["REQUEST_METHOD"], environ["PATH_INFO"].removeprefix("/_ebcd/"):
            case "GET", "status":
                return self.status()
            case "GET", "calls":
                after = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["last"])[0]
                last = self.calls.last
                return {"last": last, "calls": self.calls.after(int(after) if after.isdigit() else last)}
            case "GET", "faults":
                return {
                    "faults": [
                        {"id": name, **asdict(fault), "passed": passed} for name, fault, passed in self.faults.list()
                    ]
                }
            case "POST", "faults":
                return {"id": self.faults.add(_fault(_body(environ)))}
            case "DELETE", "faults":
                return {"cleared": self.faults.clear()}
            case "POST", "kill":
                given = _body(environ)
                return {"killed": self.kill(str(given.get("environment", "")), str(given.get("instance", "")))}
            case ("GET" | "POST" | "DELETE") as method, "platforms":
                return self._platforms(method, environ)
            case "POST", "shutdown":
                threading.Thread(target=self.shutdown, daemon=True).start()
                return {"ok": True}
        raise BadControl("There is no such control call.")

    def _platforms(self, method: str, environ: dict[str, Any]) -> dict[str, Any]:
        """Show the platform versions, publish one, or forget those that were published. Raises BadControl."""
        if method == "GET":
            there = platform_versions.known(self.state, "")
            return {
                "platforms": [
                    {"branch": item.branch, "version": item.version, "recommended": item.recommended} for item in there
                ]
            }
        if method == "DELETE":
            return {"withdrawn": platform_versions.withdraw(self.state)}
        given = _body(environ)
        python, version, recommend = (given.get(name) for name in ("python", "version", "recommended"))
        try:
            made = platform_versions.publish(
                self.state, str(python), str(version or ""), recommend=recommend is not False
            )
        except ValueError as error:
            raise BadControl(str(error)) from error
        return {"published": made.version, "python": made.python, "recommended": made.recommended}


def _body(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        found = json.loads(environ["wsgi.input"].read(min(wire.body_length(environ), BODY_LIMIT)))
    except (ValueError, RecursionError, ServiceError) as error:
        raise BadControl("The body is no JSON.") from error
    if not isinstance(found, dict):
        raise BadControl("The body is no JSON object.")
    return found


def _fault(given: dict[str, Any]) -> Fault:
    try:
        code, status = protocol.error(given["code"]) if given.get("code") else ("", 500)
        return Fault(
            kind=Kind(given["kind"]),
            place=str(given["place"]),
            nth=int(given.get("nth", 1)),
            times=int(given.get("times", 1)),
            seconds=float(given.get("seconds", 0)),
            code=str(code),
            status=int(given.get("status") or status),
            denied=_cause(given),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BadControl(f"This is no fault: {error}.") from error


def _cause(given: dict[str, Any]) -> str:
    """Of a launch that is denied: what is. Raises ValueError."""
    denied = str(given.get("denied") or "")
    if (given["kind"] == Kind.DENIED) != bool(denied) or (denied and denied not in CAUSES):
        raise ValueError(f"a launch can be denied {', '.join(CAUSES)}")
    return denied


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")
