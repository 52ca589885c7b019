"""What the page shows, as JSON has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ebcd_local.balancer import LoadBalancer
from ebcd_local.event_log import Event, Wanted
from ebcd_local.health import PENDING
from ebcd_local.health_sample import HealthSample
from ebcd_local.page import logs, stages
from ebcd_local.page.commands import Commands
from ebcd_local.records import Environment, InstanceRecord, Version
from ebcd_local.state import State, now

SERIES = 60
"""Seconds of traffic."""
EVENTS = 80
VERSIONS = 20
"""Of an application, the latest ones."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it comes from."""

    state: State
    balancer: LoadBalancer
    sample: Callable[[str], HealthSample | None]
    """The last sample of an environment's health, by its key."""
    endpoint_url: Callable[[], str]
    unjailed: str
    """Why instances are not jailed; empty when they are."""
    database: Callable[[], dict[str, Any] | None]
    """What PostgreSQL runs; None where none does."""
    folder: Path
    """The server's state."""
    home: str = ""
    """EBCD_HOME, as commands must name it; empty where it is the usual place."""

    @property
    def commands(self) -> Commands:
        """The commands to copy."""
        return Commands(self.endpoint_url(), self.home)


def tell(sources: Sources) -> dict[str, Any]:
    """Everything that the page shows."""
    state = sources.state
    living = sorted(state.living(), key=lambda item: item.created)
    names = {(item.region, item.application) for item in living} | {
        (item.region, item.name) for item in list(state.applications.values())
    }
    return {
        "now": _time(now()),
        "endpoint_url": sources.endpoint_url(),
        "proxy_url": f"http://127.0.0.1:{sources.balancer.port}",
        "variables": sources.commands.variables(),
        "unjailed": sources.unjailed,
        "database": sources.database(),
        "applications": [_application(sources, region, name, living) for region, name in sorted(names)],
        "events": [_event(event) for event in state.events.find(Wanted(), most=EVENTS)],
    }


def tell_logs(sources: Sources, environment_id: str) -> list[dict[str, Any]] | None:
    """The last lines of an environment's logs; None where there is no such environment."""
    found = next((item for item in sources.state.living() if item.id == environment_id), None)
    return logs.read(sources.folder, found) if found else None


def _application(sources: Sources, region: str, name: str, living: list[Environment]) -> dict[str, Any]:
    environments = [item for item in living if (item.region, item.application) == (region, name)]
    versions = [
        item for item in list(sources.state.versions.values()) if (item.region, item.application) == (region, name)
    ]
    versions.sort(key=lambda item: item.created, reverse=True)
    known = stages.of_application(environments, sources.state.events)
    roles = {name: role for stage in known for name, role in stage.roles.items()}
    return {
        "name": name,
        "region": region,
        "stages": [stages.told(item, sources.commands) for item in known],
        "environments": [_environment(sources, item) | {"role": roles.get(item.id, "")} for item in environments],
        "versions": [_version(item, environments) for item in versions[:VERSIONS]],
        "version_count": len(versions),
    }


def _environment(sources: Sources, item: Environment) -> dict[str, Any]:
    return {
        "id": item.id,
        "name": item.name,
        "tier": item.tier,
        "cname": item.cname,
        "url": f"http://{item.cname}:{sources.balancer.port}/" if item.cname else "",
        "status": item.status,
        "health": item.health,
        "health_status": item.health_status,
        "causes": item.causes,
        "version_label": item.version_label,
        "stage": item.tags.get(stages.STAGE, ""),
        "release": stages.release(item),
        "logs": sources.commands.logs(item),
        "instances": [_instance(sources.sample(item.key), *found) for found in item.instances.items()],
        "series": [
            [found.requests, found.failed, round(found.p99 * 1000, 1)]
            for found in sources.balancer.series(item.id, SERIES)
        ],
    }


def _instance(sample: HealthSample | None, instance_id: str, record: InstanceRecord) -> dict[str, Any]:
    found = sample.instances.get(instance_id) if sample else None
    seen = found.health if found else PENDING
    return {
        "id": instance_id,
        "port": record.port,
        "version_label": record.label,
        "health": seen.color,
        "health_status": seen.status,
        "causes": list(seen.causes),
    }


def _version(item: Version, environments: list[Environment]) -> dict[str, Any]:
    runs = [environment.name for environment in environments if environment.version_label == item.label]
    return {"label": item.label, "description": item.description, "created": _time(item.created), "runs_on": runs}


def _event(item: Event) -> dict[str, Any]:
    return {
        "time": _time(item.time),
        "severity": item.severity,
        "application": item.application,
        "environment": item.environment,
        "message": item.message,
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
