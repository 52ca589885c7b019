"""Health checks, again and again: they decide which instances take requests, what health is reported, what scales."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ebcd_local import health, health_check, log_stream, options
from ebcd_local.balancer import Traffic
from ebcd_local.fleet import Fleet, Member, upkeep
from ebcd_local.fleet.scaling import Load
from ebcd_local.health import Health, Sight, Surroundings
from ebcd_local.health_check import HealthCheck
from ebcd_local.log_stream import LogStreams
from ebcd_local.measure import Measure, Usage
from ebcd_local.records import Environment

log = logging.getLogger(__name__)

STOP_DEADLINE = 10.0
_UNSEEN = frozenset({"Launching", "Terminating", "Terminated"})
"""Statuses of an environment whose health is not looked at."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last round saw of an instance."""

    health: Health
    usage: Usage
    healthy: bool
    """What the health checks say."""


class Monitor:
    """Looks after every environment of a fleet, at all of them at once: one that hangs keeps no other waiting."""

    def __init__(self, fleet: Fleet, streams: LogStreams) -> None:
        self._fleet = fleet
        self._streams = streams
        self._measure = Measure()
        self._seen: dict[str, Seen] = {}
        self._looking: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._environments = ThreadPoolExecutor(max_workers=16, thread_name_prefix="look")
        self._probes = ThreadPoolExecutor(max_workers=32, thread_name_prefix="health-check")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the round at work."""
        self._stop.set()
        self._thread.join(STOP_DEADLINE)
        self._environments.shutdown(wait=True)
        self._probes.shutdown(wait=False)

    def instance_health(self, instance_id: str) -> Health:
        """An instance's health as the last round saw it."""
        seen = self._seen.get(instance_id)
        return seen.health if seen else health.PENDING

    def system(self, instance_id: str) -> dict[str, Any]:
        """SystemStatus of an instance, as the model shapes it."""
        seen = self._seen.get(instance_id)
        return seen.usage.system_status() if seen else {}

    def _run(self) -> None:
        interval = self._fleet.simulation.sample
        while not self._stop.wait(interval):
            for environment in list(self._fleet.state.living()):
                if environment.key not in self._looking:
                    self._looking.add(environment.key)
                    self._environments.submit(self._guarded, environment.key, interval)

    def _guarded(self, key: str, interval: float) -> None:
        try:
            self._look(key, interval)
        except Exception:  # the next round looks again
            log.exception("health of %s", key)
        finally:
            self._looking.discard(key)

    def _look(self, key: str, interval: float) -> None:
        fleet, environment = self._fleet, self._fleet.state.environments[key]
        members = fleet.members(key)
        if environment.status in _UNSEEN:
            return
        if not members:
            failure = environment.failure or fleet.group(key).backoff.cause
            self._tell(key, health.of_environment({}, Surroundings(failure=failure)))
            if not environment.instances:  # else they are just being brought back
                upkeep.tend(fleet, key, Load(time.monotonic(), 0, 0, None, 0.0))
            return
        found = fleet.effective(environment)
        check = HealthCheck.of(found, environment.tier)
        probes = list(self._probes.map(lambda member: self._check(check, member, interval), members))
        usages = [self._measure.of(member.instance.pids()) for member in members]
        fleet.group(key).route({member.instance.id for member, probe in zip(members, probes, strict=True)
                                if probe.healthy})  # fmt: skip
        self._judge(environment, members, probes, usages)
        fleet.group(key).record()
        if log_stream.wanted(found):
            for member in members:
                self._streams.push(environment.region, environment.name, member.instance.id, member.instance.log_dir)
        upkeep.tend(fleet, key, self._load(environment, members, usages, interval))

    def _check(self, check: HealthCheck, member: Member, interval: float) -> health_check.Seen:
        known = self._seen.get(member.instance.id)
        return check.decide(member.instance.port, known.healthy if known and member.instance.alive else None, interval)

    def _judge(
        self,
        environment: Environment,
        members: Sequence[Member],
        probes: Sequence[health_check.Seen],
        usages: Sequence[Usage],
    ) -> None:
        balancer, effective = self._fleet.balancer, self._fleet.effective(environment)

        def traffic(instance_id: str | None = None) -> Traffic:
            found = balancer.traffic(environment.id, instance_id=instance_id)
            return found if options.counts_4xx(effective) else replace(found, status_4xx=0)

        expected = (environment.version_label, environment.deployment_id)
        sights, instances = {}, {}
        for member, probe, usage in zip(members, probes, usages, strict=True):
            name = member.instance.id
            sights[name] = Sight(
                healthy=probe.healthy,
                error=probe.error or f"answered {probe.status}",
                traffic=traffic(name),
                causes=member.instance.causes(),
                cpu=usage.cpu,
                version=(member.label, member.deployment_id),
                deploying=member.status == "In Progress",
            )
            instances[name] = health.of_instance(sights[name], expected)
            self._seen[name] = Seen(instances[name], usage, probe.healthy)
        balanced = bool(options.balancer_of(effective, environment.tier))
        around = Surroundings(traffic(), environment.failure, environment.operation, expected, sights, balanced)
        self._tell(environment.key, health.of_environment(instances, around))

    def _tell(self, key: str, whole: Health) -> None:
        told = {"health": whole.color, "health_status": whole.status, "causes": list(whole.causes)}
        state = self._fleet.state
        with state.lock:
            environment = state.environments[key]
            if environment.status in _UNSEEN:  # the look began before it was terminated
                return
            if all(getattr(environment, name) == value for name, value in told.items()):
                return
            if environment.health_status and environment.health_status != whole.status:
                severity = "WARN" if whole.color in {"Red", "Yellow"} else "INFO"
                message = f"Environment health has transitioned from {environment.health_status} to {whole.status}."
                state.say(environment, " ".join((message, *whole.causes)), severity=severity)
            state.change(key, **told)

    def _load(
        self, environment: Environment, members: Sequence[Member], usages: Sequence[Usage], interval: float
    ) -> Load:
        traffic = self._fleet.balancer.traffic(environment.id, interval)
        cpu = 100 * sum(usage.cpu for usage in usages) / len(usages)
        return Load(time.monotonic(), len(members), traffic.requests, traffic.latencies.get("P50"), cpu)
