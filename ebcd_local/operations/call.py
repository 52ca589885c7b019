"""What an operation works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from ebcd_local import partitions
from ebcd_local.errors import ServiceError, invalid, no_application, no_environment
from ebcd_local.faults import Kind
from ebcd_local.fleet import Fleet
from ebcd_local.monitor import Monitor
from ebcd_local.object_store import ObjectStore
from ebcd_local.records import Application, Environment
from ebcd_local.state import ACCOUNT, State

Structure: TypeAlias = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    region: str
    request_id: str
    state: State
    fleet: Fleet
    monitor: Monitor
    objects: ObjectStore
    endpoint_url: str

    def arn(self, kind: str, name: str) -> str:
        """The ARN of something in the caller's account."""
        return partitions.arn("elasticbeanstalk", self.region, ACCOUNT, f"{kind}/{name}")

    def application(self, name: str) -> Application:
        """An application of the region. Raises ServiceError."""
        found = self.state.applications.get(f"{self.region}/{name}")
        if found is None:
            raise no_application(name)
        return found

    def environment(self, given: Structure, prefix: str = "Environment") -> Environment:
        """The environment that a request names by id or by name. Raises ServiceError."""
        wanted_id, name = given.get(f"{prefix}Id"), given.get(f"{prefix}Name")
        if not wanted_id and not name:
            raise ServiceError("MissingRequiredParameter", f"Either {prefix}Id or {prefix}Name must be specified.")
        for item in self.living():
            if given.get("ApplicationName") not in (None, item.application):
                continue
            if wanted_id in (None, item.id) and name in (None, item.name):
                return item
        raise no_environment(wanted_id, "EnvironmentId") if wanted_id else no_environment(str(name))

    def living(self) -> list[Environment]:
        """The region's environments that are not terminated."""
        return [item for item in self.state.living() if item.region == self.region]

    def shown(self, operation: str, items: list[T], made: Callable[[T], datetime]) -> list[T]:
        """What a read shows of what there is: all, unless it is to lag behind. made: when an item came to be."""
        newest = max(map(made, items), default=None)
        fault = self.fleet.site.faults.strike(f"{Kind.LAG}:{operation}", newest)
        return [item for item in items if not fault.hides(made(item))] if fault else items


Operation: TypeAlias = Callable[[Call, Structure], Structure]


def page(items: Sequence[T], given: Structure, *, most: int) -> tuple[list[T], str | None]:
    """A page of a list and the token of the next one. Raises ServiceError for a token or a size that is none."""
    start, count = span(given, most=most)
    if start > len(items):
        raise invalid("NextToken is invalid.")
    end = start + count
    return list(items[start:end]), str(end) if end < len(items) else None


def span(given: Structure, *, most: int) -> tuple[int, int]:
    """Where a request's page starts, and how many it may have. Raises ServiceError for an invalid one."""
    token = given.get("NextToken") or "0"
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise invalid("NextToken is invalid.")
    wanted = given.get("MaxRecords", most)
    if not 1 <= wanted <= most:
        raise invalid(
            f"Value '{wanted}' at 'maxRecords' failed to satisfy constraint: Member must have a value from 1 to {most}."
        )
    return int(token), wanted
