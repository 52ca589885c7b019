"""Health checks, again and again: they decide which instances take requests and what health is reported."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ebcd_local import health, options
from ebcd_local.fleet import Fleet
from ebcd_local.health import Health
from ebcd_local.instance import Instance, ProbeResult
from ebcd_local.state import Environment

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two rounds; 10 to 15 s on AWS."""
PROBE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last round saw of an instance."""

    probe: ProbeResult
    health: Health


class Monitor:
    """Looks after every environment of a fleet, in a thread of its own."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._seen: dict[str, Seen] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health-check")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the round at work."""
        self._stop.set()
        self._thread.join(PROBE_TIMEOUT + 5)
        self._pool.shutdown(wait=False)

    def instance_health(self, instance_id: str) -> Health:
        """An instance's health as the last round saw it."""
        seen = self._seen.get(instance_id)
        return seen.health if seen else health.PENDING

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL / self._fleet.speed):
            for environment in list(self._fleet.state.living()):
                try:
                    self._look(environment)
                except (OSError, KeyError):
                    log.exception("health of %s", environment.name)

    def _look(self, environment: Environment) -> None:
        fleet, key = self._fleet, environment.key
        instances = fleet.instances(key)
        if not instances or environment.status in {"Launching", "Terminating"}:
            return
        path = options.health_path(fleet.effective(environment))
        probes = self._pool.map(lambda instance: instance.probe(path, PROBE_TIMEOUT), instances.values())
        found = {instance.id: self._judge(environment, instance, probe)
                 for instance, probe in zip(instances.values(), probes, strict=True)}  # fmt: skip
        self._seen.update(found)
        whole = health.of_environment(
            {name: seen.health for name, seen in found.items()},
            fleet.balancer.traffic(environment.id),
            fleet.failures.get(key, ""),
        )
        self._route(environment, found, instances)
        fleet.record(key)
        told = {"health": whole.color, "health_status": whole.status, "causes": list(whole.causes)}
        if any(getattr(environment, name) != value for name, value in told.items()):
            self._tell(environment, whole)
            fleet.state.change(key, **told)

    def _judge(self, environment: Environment, instance: Instance, probe: ProbeResult) -> Seen:
        traffic = self._fleet.balancer.traffic(environment.id, instance_id=instance.id)
        error = probe.error or f"answered {probe.status}"
        return Seen(probe, health.of_instance(probe.healthy, error, traffic, instance.causes()))

    def _route(self, environment: Environment, found: dict[str, Seen], instances: dict[str, Instance]) -> None:
        """Healthy instances take requests; where none is, all do, as an application load balancer fails open."""
        healthy = {name: instances[name].port for name, seen in found.items() if seen.probe.healthy}
        everything = {name: instance.port for name, instance in instances.items()}
        self._fleet.balancer.set_upstreams(environment.id, healthy or everything)

    def _tell(self, environment: Environment, whole: Health) -> None:
        if environment.health_status and environment.health_status != whole.status:
            severity = "WARN" if whole.color == "Red" else "INFO"
            message = f"Environment health has transitioned from {environment.health_status} to {whole.status}."
            self._fleet.state.say(environment, " ".join((message, *whole.causes)), severity=severity)
