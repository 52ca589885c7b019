"""Enhanced health: a colour, a status and the causes, from health checks, requests, deployments and load. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-status.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ebcd_local.balancer import Traffic

ENOUGH = 10
"""Requests below which a share of failures says nothing."""
_FAILING, _ERRORING = (0.3, 0.1, 0.01), (0.5, 0.25, 0.1)
"""Shares of the requests from which on 5xx, and 4xx, are Severe, Degraded, a Warning. The service publishes none: these
fit what its events are known to have said."""
BUSY = 0.95
"""Share of the processor from which on its use is a cause of a warning."""
_IMPAIRED_ALL = "Impaired services on all instances."
_ORDER = ("Ok", "Info", "Pending", "Unknown", "Warning", "Degraded", "Severe")


@dataclass(frozen=True, slots=True)
class Health:
    """How something does."""

    color: str
    status: str
    causes: tuple[str, ...] = ()


OK = Health("Green", "Ok")
PENDING = Health("Grey", "Pending")


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look saw of an instance."""

    healthy: bool | None
    """What the health check said; None before the first."""
    error: str = ""
    """Why it failed."""
    traffic: Traffic | None = None
    causes: Sequence[str] = ()
    """What is wrong with its processes."""
    cpu: float = 0.0
    """Share of the processor that it uses."""
    version: tuple[str, int] = ("", 0)
    """Version label and deployment of what it runs."""
    deploying: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an environment's health comes from beside its instances."""

    traffic: Traffic | None = None
    failure: str = ""
    """Why its last deployment failed."""
    operation: str = ""
    """What is under way."""
    version: tuple[str, int] = ("", 0)
    """The version label and deployment that every instance should have."""
    sights: Mapping[str, Sight] = field(default_factory=dict)
    balanced: bool = True
    """Whether there is a load balancer."""


def of_instance(sight: Sight, expected: tuple[str, int]) -> Health:
    """An instance's health."""
    if sight.healthy is None:
        return PENDING
    if not sight.healthy:
        return Health("Red", "Severe", (f"The health check failed: {sight.error}.", *sight.causes))
    found = [*_failing(sight.traffic)]
    if sight.causes:
        found.append(Health("Red", "Degraded", tuple(sight.causes)))
    if sight.version[0] != expected[0] and not sight.deploying:
        found.append(
            Health(
                "Red",
                "Degraded",
                (
                    f'Incorrect application version "{sight.version[0]}" (deployment {sight.version[1]}). '
                    f'Expected version "{expected[0]}" (deployment {expected[1]}).',
                ),
            )
        )
    if sight.cpu >= BUSY:
        found.append(Health("Yellow", "Warning", (f"{100 * sight.cpu:.0f} % of CPU is in use.",)))
    if sight.deploying:
        found.append(Health("Green", "Info", ("Application update in progress.",)))
    return worst(found)


def of_environment(instances: Mapping[str, Health], around: Surroundings) -> Health:
    """An environment's health."""
    if around.failure:
        return Health("Red", "Degraded", (around.failure,))
    known = [item for item in instances.values() if item is not PENDING]
    if not known:
        return PENDING
    down = [item for item in known if item.status == "Severe" and item.color == "Red"]
    if len(down) == len(known):
        every = "ELB health is failing or not available for all instances." if around.balanced else _IMPAIRED_ALL
        return Health("Red", "Severe", (every,))
    found = [
        _down(len(down), len(known), around.balanced),
        *_failing(around.traffic),
        _incorrect(around),
        *_minor(known),
    ]
    if around.operation in {"update", "restart"}:
        found.append(Health("Green", "Info", ("An operation is in progress.",)))
    return worst(found)


def worst(found: Sequence[Health]) -> Health:
    """The worst of some healths, with the causes of all, each once."""
    chosen = max(found, key=lambda item: _ORDER.index(item.status), default=OK)
    causes = dict.fromkeys(cause for item in found for cause in item.causes)
    return Health(chosen.color, chosen.status, tuple(causes))


def _down(down: int, known: int, balanced: bool) -> Health:
    if not down:
        return OK
    color, status = ("Red", "Degraded") if 2 * down >= known else ("Yellow", "Warning")
    what = "ELB health is failing for" if balanced else "Impaired services on"
    return Health(color, status, (f"{what} {down} out of {known} instances.",))


def _incorrect(around: Surroundings) -> Health:
    wrong = [item for item in around.sights.values() if item.version[0] != around.version[0]]
    if not wrong or around.operation:
        return OK
    label, deployment = around.version
    return Health(
        "Red",
        "Degraded",
        (
            f"Incorrect application version found on {len(wrong)} out of {len(around.sights)} instances. "
            f'Expected version "{label}" (deployment {deployment}).',
        ),
    )


def _minor(known: Sequence[Health]) -> list[Health]:
    """Warnings of single instances warn of the environment."""
    return [item for item in known if item.status == "Warning"]


def _failing(traffic: Traffic | None) -> list[Health]:
    if traffic is None or traffic.requests < ENOUGH:
        return []
    return [
        _of_share(traffic.status_5xx / traffic.requests, "failing with HTTP 5xx", _FAILING),
        _of_share(traffic.status_4xx / traffic.requests, "erroring with HTTP 4xx", _ERRORING),
    ]


def _of_share(share: float, what: str, limits: tuple[float, float, float]) -> Health:
    severe, degraded, warning = limits
    cause = f"{100 * share:.1f} % of the requests are {what}."
    if share >= severe:
        return Health("Red", "Severe", (cause,))
    if share >= degraded:
        return Health("Red", "Degraded", (cause,))
    return Health("Yellow", "Warning", (cause,)) if share >= warning else OK
