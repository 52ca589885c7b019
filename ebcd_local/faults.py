"""Faults on demand: what goes wrong at the n-th call of an operation, or on an environment's instances.

A place where something can go wrong has a name: `elasticbeanstalk:SwapEnvironmentCNAMEs`, `s3:PutObject`,
`launch:NAME`, `denied:NAME` and `disk:NAME` of an environment, `lag:DescribeEnvironments` of a read. A fault waits for
the n-th time that its place is passed.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from ebcd_local.errors import ServiceError


class Kind(StrEnum):
    """What goes wrong."""

    THROTTLE = "throttle"
    """The call is refused: the rate is exceeded."""
    EXPIRED = "expired"
    """The call is refused: the credentials are expired."""
    ERROR = "error"
    """The call is refused with any error code; 500 where none is given."""
    CUT = "cut"
    """The connection is cut and nothing was done."""
    LOST = "lost"
    """The call takes effect and the connection is cut without an answer."""
    DELAY = "delay"
    """The call takes effect some seconds later."""
    STALL = "stall"
    """The call takes effect at once, its answer comes some seconds later."""
    LAUNCH = "launch"
    """An instance cannot be launched."""
    DISK = "disk"
    """An instance's disk is full when a bundle is deployed to it."""
    DENIED = "denied"
    """A launch fails before there is anything: the environment is Terminated, and events alone tell why."""
    LAG = "lag"
    """A read does not show yet what was created since the fault was set."""


WITHIN = frozenset({Kind.LAUNCH, Kind.DISK, Kind.DENIED, Kind.LAG})
"""What goes wrong within the service: no call is refused, lost or held by it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    kind: Kind
    place: str
    """Which places: `Operation`, `service:Operation`; of a kind that is WITHIN `kind:NAME`; `*` stands for anything."""
    nth: int = 1
    """From which time on that its place is passed."""
    times: int = 1
    """How often; 0: until it is cleared."""
    seconds: float = 0.0
    """How long it waits: of delay and stall; of cut and lost before the connection is cut. Of lag: how old what is not
    shown is at most; 0: any age."""
    code: str = ""
    status: int = 500
    denied: str = ""
    """Of denied: what was, a key of `denial.CAUSES`."""
    since: float = 0.0
    """When it was set, in seconds since 1970."""

    def matches(self, place: str) -> bool:
        """Whether it is meant for a place: calls have faults of their own, and so has what happens within."""
        kind = place.partition(":")[0]
        if (self.kind in WITHIN or kind in WITHIN) and kind != self.kind:
            return False
        return fnmatchcase(place, self.place) or fnmatchcase(place.partition(":")[2], self.place)

    def due(self, count: int) -> bool:
        """Whether it strikes at the count-th time."""
        return count >= self.nth and (self.times == 0 or count < self.nth + self.times)

    def hides(self, made: datetime | None) -> bool:
        """Whether a read that lags does not show yet what was made then."""
        at = made.timestamp() if made else 0.0
        return at > self.since and (not self.seconds or time.time() - at < self.seconds)


class Faults:
    """The faults that are set. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._set: dict[str, Fault] = {}
        self._passed: dict[str, int] = {}

    def add(self, fault: Fault) -> str:
        """Set a fault; its id."""
        with self._lock:
            name = f"fault-{next(self._numbers)}"
            self._set[name], self._passed[name] = replace(fault, since=time.time()), 0
            return name

    def clear(self) -> int:
        """Take all faults away; how many there were."""
        with self._lock:
            count = len(self._set)
            self._set.clear()
            self._passed.clear()
            return count

    def list(self) -> list[tuple[str, Fault, int]]:
        """Each fault's id, the fault, and how often its place was passed."""
        with self._lock:
            return [(name, fault, self._passed[name]) for name, fault in self._set.items()]

    def strike(self, place: str, made: datetime | None = None) -> Fault | None:
        """A place is passed: the fault that strikes there now, if one does.

        made: of a read, when the newest thing that it would show was made. One that hides nothing does not count.
        """
        with self._lock:
            found = None
            for name, fault in self._set.items():
                if fault.matches(place) and (fault.kind is not Kind.LAG or fault.hides(made)):
                    self._passed[name] += 1
                    found = found or (fault if fault.due(self._passed[name]) else None)
            return found


def refusal(fault: Fault, service: str) -> ServiceError:
    """The error that a refused call is answered with, as its service words it."""
    s3 = service == "s3"
    match fault.kind:
        case Kind.THROTTLE:
            return (
                ServiceError("SlowDown", "Please reduce your request rate.", 503)
                if s3
                else ServiceError("Throttling", "Rate exceeded")
            )
        case Kind.EXPIRED:
            return ServiceError(
                "ExpiredToken", "The security token included in the request is expired", 400 if s3 else 403
            )
    code = fault.code or ("InternalError" if s3 else "InternalFailure")
    return ServiceError(code, f"{code}: a fault that was asked for.", fault.status)
