"""How an environment does, as data and for people. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.model import Environment, EnvironmentHealth, InstanceHealth, Metrics, Stage
from ebcd.report.envelope import Json, head_of
from ebcd.report.layout import Columns
from ebcd.report.parts import colored, pairs, title, told_health


def told(
    stage: Stage, environment: Environment, found: EnvironmentHealth | None, instances: tuple[InstanceHealth, ...]
) -> Json:
    """The result of `health`. found: None where the environment reports basic health only."""
    return head_of("health", stage) | {
        "environment": environment.name,
        "version_label": environment.version_label,
        "status": environment.status,
        "health": found.color if found else environment.health,
        "health_status": found.status if found else environment.health_status,
        "enhanced": found is not None,
        "causes": list(found.causes) if found else [],
        "requests": _requests(found.metrics) if found else None,
        "refreshed_at": found.refreshed_at.isoformat() if found and found.refreshed_at else None,
        "age_seconds": found.age if found else None,
        "instances": [_instance(item) for item in instances],
    }


def _instance(instance: InstanceHealth) -> Json:
    return {
        "id": instance.id,
        "health": instance.color,
        "health_status": instance.health_status,
        "causes": list(instance.causes),
        "version_label": instance.version_label,
        "deployment_status": instance.deployment_status,
    }


def _requests(metrics: Metrics) -> Json:
    return {"count": metrics.requests, "share_5xx": metrics.share_5xx, "p99_seconds": metrics.p99, "seconds": 10}


def text(result: Json) -> RenderableType:
    """How an environment does, for people."""
    head = (
        f"[bold]{title(result)}[/]  {result['environment']}  {colored(result['health'], told_health(result))}  "
        f"[dim]{result['status']} · {result['version_label']}[/]"
    )
    if not result["enhanced"]:
        return Group(head, "  It reports basic health only: no causes, requests and instances are known.")
    rows = [("cause", cause) for cause in result["causes"]]
    rows.append(("requests", requests(result["requests"])))
    if result["age_seconds"] is not None:
        rows.append(("reported", f"{result['age_seconds']:.0f} s ago, by the instances' agents"))
    return Group(head, pairs(rows), *_instances(result["instances"]))


def requests(found: Json) -> str:
    """Requests and how they were answered, in a phrase."""
    seen = f"{found['count']} in {found['seconds']} s"
    if not found["count"]:
        return seen
    late = f", p99 {1000 * found['p99_seconds']:.0f} ms" if found["p99_seconds"] is not None else ""
    return f"{seen}, {found['share_5xx']:.1%} answered 5xx{late}"


def _instances(instances: list[Json]) -> list[RenderableType]:
    if not instances:
        return ["  [yellow]no instance reports[/]"]
    rows = [
        (
            item["id"],
            colored(item["health"], item["health_status"]),
            item["version_label"],
            item["deployment_status"],
            escape("; ".join(item["causes"])),
        )
        for item in instances
    ]
    return [Columns(("instance", "health", "version", "deployment", "cause"), rows)]
