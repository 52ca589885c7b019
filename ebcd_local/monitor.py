"""Health checks, again and again: they decide which instances take requests, what health is reported, what scales.

Each round brings a sample of the environment's health, which is all that is reported until the next one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from ebcd_local import health, health_check, load_balancers, log_stream, options, proxy_log
from ebcd_local.balancer import Traffic
from ebcd_local.fleet import Fleet, Member, upkeep
from ebcd_local.fleet.scaling import Load
from ebcd_local.health import Sight, Surroundings
from ebcd_local.health_check import HealthCheck
from ebcd_local.health_sample import HealthSample, InstanceSample
from ebcd_local.log_stream import LogStreams
from ebcd_local.measure import Measure, Usage
from ebcd_local.records import Environment
from ebcd_local.state import now

log = logging.getLogger(__name__)

STOP_DEADLINE = 10.0
NOTICED = 0.1
"""Seconds within which an operation's end is noticed, where a sample follows at once."""
WINDOW = 10.0
"""Seconds that a sample's requests are from on AWS. The intervals of health checks are scaled as it is."""
_UNSEEN = frozenset({"Launching", "Terminating", "Terminated"})
"""Statuses of an environment whose health is not looked at."""


class Monitor:
    """Looks after every environment of a fleet, at all of them at once: one that hangs keeps no other waiting."""

    def __init__(self, fleet: Fleet, streams: LogStreams) -> None:
        self._fleet = fleet
        self._streams = streams
        self._measure = Measure()
        self._samples: dict[str, HealthSample] = {}
        """By environment, the last one."""
        self._looked: dict[str, float] = {}
        """When the last round of an environment began, in monotonic seconds."""
        self._requests = load_balancers.RequestMetrics(fleet.speed)
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

    def sample(self, key: str) -> HealthSample | None:
        """The last sample of an environment; None before the first, and once it is being terminated."""
        return self._samples.get(key)

    def _run(self) -> None:
        while not self._stop.wait(min(self._fleet.simulation.sample, NOTICED)):
            for environment in list(self._fleet.state.living()):
                if environment.key not in self._looking and self._due(environment):
                    self._looking.add(environment.key)
                    self._environments.submit(self._guarded, environment.key)

    def _due(self, environment: Environment) -> bool:
        """Whether an environment is to be looked at: its next sample is due, or an operation has just ended."""
        looked = self._looked.get(environment.key)
        if looked is None or time.monotonic() - looked >= self._fleet.simulation.sample:
            return True
        if not self._fleet.simulation.sample_at_once or environment.status in _UNSEEN or not environment.deployed:
            return False
        last = self._samples.get(environment.key)
        return last is None or last.at < environment.deployed

    def _guarded(self, key: str) -> None:
        earlier, self._looked[key] = self._looked.get(key), time.monotonic()
        interval = self._fleet.simulation.sample if earlier is None else self._looked[key] - earlier
        try:
            self._look(key, interval)
        except Exception:  # the next round looks again
            log.exception("health of %s", key)
        finally:
            self._looking.discard(key)

    def _look(self, key: str, interval: float) -> None:
        fleet, environment, at = self._fleet, self._fleet.state.environments[key], now()
        members = fleet.members(key)
        if environment.status in _UNSEEN:
            self._samples.pop(key, None)
            return
        if not members:
            failure = environment.failure or fleet.group(key).backoff.cause
            whole = health.of_environment({}, Surroundings(failure=failure))
            self._report(key, HealthSample(at, whole, self._traffic(environment), {}))
            if not environment.instances:  # else they are just being brought back
                upkeep.tend(fleet, key, Load(time.monotonic(), instances=0))
            return
        found = fleet.effective(environment)
        check = HealthCheck.of(found, environment.tier)
        probes = list(self._probes.map(lambda member: self._check(key, check, member), members))
        self._count_checks(environment, check, members, probes)
        self._requests.count(environment, found, fleet.balancer.served(environment.id), time.monotonic())
        for member, probe in zip(members, probes, strict=True):
            proxy_log.write(member.instance.log_dir, check.path, member.instance.port, probe)
        usages = [self._measure.of(member.instance.pids()) for member in members]
        fleet.group(key).route(
            {member.instance.id for member, probe in zip(members, probes, strict=True) if probe.healthy}
        )
        fleet.group(key).record()
        self._report(key, self._judge(at, environment, members, probes, usages))
        if log_stream.wanted(found):
            for member in members:
                self._streams.push(environment.region, environment.name, member.instance.id, member.instance.log_dir)
        healthy = sum(probe.healthy for probe in probes)
        upkeep.tend(fleet, key, self._load(environment, members, usages, healthy, interval))

    def _check(self, key: str, check: HealthCheck, member: Member) -> health_check.Seen:
        sample = self._samples.get(key)
        known = sample.instances.get(member.instance.id) if sample else None
        before = known.healthy if known and member.instance.alive else None
        return check.decide(member.instance.port, before, self._fleet.simulation.sample)

    def _count_checks(
        self,
        environment: Environment,
        check: HealthCheck,
        members: Sequence[Member],
        probes: Sequence[health_check.Seen],
    ) -> None:
        """Send the checks of the load balancer's nodes whose time has come, and count them as an instance's proxy does.
        The round's own look is the first node's; where only a connection is made, there is no request to count.
        """
        fleet, found = self._fleet, self._fleet.effective(environment)
        unchecked = not options.balancer_of(found, environment.tier) or check.path is None
        interval = check.interval * fleet.simulation.window / WINDOW
        nodes = fleet.group(environment.key).nodes
        nodes.keep({member.instance.id for member in members})
        for member, probe in zip(members, probes, strict=True):
            name, port = member.instance.id, member.instance.port
            due = 0 if unchecked else nodes.due(name, options.zones(found), interval, time.monotonic())
            others = self._probes.map(check.ask, [port] * (due - 1))
            for seen in (probe, *others) if due else ():
                if seen.status is not None:
                    fleet.balancer.count_check(environment.id, name, seen.status, seen.seconds)

    def _judge(
        self,
        at: datetime,
        environment: Environment,
        members: Sequence[Member],
        probes: Sequence[health_check.Seen],
        usages: Sequence[Usage],
    ) -> HealthSample:
        """What a round saw, as a sample."""
        effective = self._fleet.effective(environment)
        counted = options.counts_4xx(effective)

        def counting(found: Traffic) -> Traffic:
            return found if counted else replace(found, status_4xx=0)

        expected = (environment.version_label, environment.deployment_id)
        records = self._fleet.state.environments[environment.key].instances
        sights, instances = {}, {}
        for member, probe, usage in zip(members, probes, usages, strict=True):
            name = member.instance.id
            if name not in records:  # it has left meanwhile
                continue
            traffic = self._traffic(environment, name)
            sights[name] = Sight(
                healthy=probe.healthy,
                error=probe.error or f"answered {probe.status}",
                traffic=counting(traffic),
                causes=member.instance.causes(),
                cpu=usage.cpu,
                version=(member.label, member.deployment_id),
                deploying=member.status == "In Progress",
            )
            found = health.of_instance(sights[name], expected)
            instances[name] = InstanceSample(found, usage, probe.healthy, traffic, records[name])
        whole, balanced = self._traffic(environment), bool(options.balancer_of(effective, environment.tier))
        around = Surroundings(
            counting(whole), environment.failure, environment.operation, expected, sights, balanced=balanced
        )
        healths = {name: item.health for name, item in instances.items()}
        return HealthSample(at, health.of_environment(healths, around), whole, instances)

    def _traffic(self, environment: Environment, instance_id: str | None = None) -> Traffic:
        """The requests of a sample's window, of an environment or of one of its instances."""
        return self._fleet.balancer.traffic(environment.id, self._fleet.simulation.window, instance_id)

    def _report(self, key: str, sample: HealthSample) -> None:
        """Keep a sample, and tell of its health where that has changed."""
        whole, state = sample.health, self._fleet.state
        told = {"health": whole.color, "health_status": whole.status, "causes": list(whole.causes)}
        with state.lock:
            environment = state.environments[key]
            if environment.status in _UNSEEN:  # the look began before it was terminated
                return
            self._samples[key] = sample
            if all(getattr(environment, name) == value for name, value in told.items()):
                return
            if environment.health_status and environment.health_status != whole.status:
                severity = "WARN" if whole.color in {"Red", "Yellow"} else "INFO"
                message = f"Environment health has transitioned from {environment.health_status} to {whole.status}."
                state.say(environment, " ".join((message, *whole.causes)), severity=severity)
            state.change(key, **told)

    def _load(
        self,
        environment: Environment,
        members: Sequence[Member],
        usages: Sequence[Usage],
        healthy: int,
        interval: float,
    ) -> Load:
        balancer = self._fleet.balancer
        traffic = balancer.traffic(environment.id, interval, checks=False)
        passed = {member.instance.id: balancer.passed(environment.id, member.instance.id) for member in members}
        return Load(
            at=time.monotonic(),
            instances=len(members),
            requests=traffic.requests,
            latency=traffic.latencies.get("P50"),
            cpu=100 * sum(usage.cpu for usage in usages) / len(usages),
            healthy=healthy,
            sent={name: count.sent for name, count in passed.items()},
            received={name: count.received for name, count in passed.items()},
        )
