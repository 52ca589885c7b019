"""The instances of one environment: launched, deployed to, put in and out of service, removed."""

from __future__ import annotations

import errno
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ebcd_local import options
from ebcd_local.balancer import largest_body
from ebcd_local.faults import Kind
from ebcd_local.fleet.backoff import Backoff
from ebcd_local.fleet.scaling import Scaler
from ebcd_local.fleet.site import Site
from ebcd_local.health_check import HealthCheck, Nodes
from ebcd_local.instance import Deployment, Instance
from ebcd_local.records import Environment, InstanceRecord
from ebcd_local.state import now
from ebcd_local.workflow import DeploymentFailed

READY_DEADLINE = 5.0
"""Seconds that the first health checks may take before a deployment is done all the same."""
SETTLE = 0.05
"""Seconds after which no request is about to be sent to an instance that has just left."""
AT_ONCE = 8
"""Deployments that run at the same time, over all environments."""
_deploying = threading.BoundedSemaphore(AT_ONCE)


class Aborted(Exception):
    """The operation was aborted by AbortEnvironmentUpdate."""


@dataclass(slots=True)
class Member:
    """An instance and what is deployed to it."""

    instance: Instance
    label: str
    deployment_id: int
    launched: datetime
    deployed: datetime
    status: str = "In Progress"
    """Of its deployment: In Progress, Deployed or Failed."""
    registered: bool = True
    """Whether the load balancer may send requests to it."""
    weight: int = 1
    """Its share of the requests beside other members."""


class Group:
    """The instances of one environment. `lock` is held by whatever changes them."""

    def __init__(self, key: str, site: Site) -> None:
        self.key = key
        self.lock = threading.RLock()
        self.abort = threading.Event()
        self.scaler = Scaler()
        self.backoff = Backoff()
        self.scheduled_until: datetime | None = None
        """Until when scheduled actions have been carried out; None: nobody has looked yet."""
        self.nodes = Nodes()
        self._site = site
        self._members: dict[str, Member] = {}
        self._routing = threading.Lock()
        """Held from reading who takes requests until it is told: else a member that has left would come back."""

    @property
    def environment(self) -> Environment:
        """The environment as it is now."""
        return self._site.state.environments[self.key]

    @property
    def balanced(self) -> bool:
        """Whether a load balancer stands before them: not of a worker, and not of a single instance."""
        return bool(options.balancer_of(self._site.effective(self.environment), self.environment.tier))

    @property
    def members(self) -> list[Member]:
        """All members, oldest first."""
        return list(self._members.values())

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Have the instances to oneself, for one operation; a mark that it is to end ends with it."""
        with self.lock:
            try:
                yield
            finally:
                self.abort.clear()

    def add(self, count: int, label: str, *, leader: bool = False, registered: bool = True) -> list[Member]:
        """Launch instances and deploy a version to them. Raises DeploymentFailed; they are members then too."""
        added = [self._member(f"i-{secrets.token_hex(9)[:17]}", label, registered) for _ in range(count)]
        self._members |= {member.instance.id: member for member in added}
        self.deploy(added, label, leader=leader)
        return added

    def deploy(self, members: Sequence[Member], label: str, *, leader: bool = False) -> None:
        """Deploy a version to members at once; the first one leads. Raises DeploymentFailed, the first one's."""
        self._each(members, label, self._deploy, leader=leader)

    def configure(self, members: Sequence[Member]) -> None:
        """Bring changed option settings to members, each with the version that it has. Raises DeploymentFailed."""
        for label in {member.label for member in members}:
            self._each([item for item in members if item.label == label], label, Instance.configure, leader=True)

    def restart(self, members: Sequence[Member]) -> None:
        """Restart the application's processes. Raises DeploymentFailed."""

        def again(instance: Instance, deployment: Deployment) -> None:
            instance.stop()
            instance.boot(deployment)

        for label in {member.label for member in members}:
            self._each([item for item in members if item.label == label], label, again)

    def restore(self) -> None:
        """After a start of the server: bring the recorded instances back. Raises DeploymentFailed."""
        for name, record in self.environment.instances.items():
            member = self._member(name, record.label, registered=True, port=record.port)
            member.deployment_id, member.status = record.deployment_id, record.status
            member.launched, member.deployed = record.launched, record.deployed
            self._members[name] = member
        current = self.environment.version_label
        whole = [item for item in self.members if (item.label, item.status) == (current, "Deployed")]
        self._each(whole, current, Instance.boot)
        if other := [item for item in self.members if item not in whole]:
            # A deployment that was under way is brought to its end, its leader's commands too.
            self.deploy(other, current, leader=bool(self.environment.operation))

    def register(self, members: Sequence[Member]) -> None:
        """Let members take requests."""
        for member in members:
            member.registered = True
        self.route()

    def readmit(self, members: Sequence[Member]) -> None:
        """Let members take requests again as soon as health checks say that they can, and not before."""
        for member in members:
            member.registered = True

    def deregister(self, members: Sequence[Member]) -> None:
        """Send no more requests to members, and let those under way end."""
        for member in members:
            member.registered = False
        self.route()
        time.sleep(SETTLE)
        under_way = self._site.balancer.under_way
        deadline = time.monotonic() + self._site.simulation.drain
        while time.monotonic() < deadline and any(
            member.instance.alive and under_way(self.environment.id, member.instance.id) for member in members
        ):
            time.sleep(0.05)

    def remove(self, members: Sequence[Member]) -> None:
        """Terminate instances: no more requests, no process, no folder."""
        self.deregister(members)
        for member in members:
            self._members.pop(member.instance.id, None)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            list(pool.map(lambda member: member.instance.destroy(), members))
        self.record()

    def route(self, healthy: set[str] | None = None) -> None:
        """Tell the load balancer which instances take requests: registered and healthy ones; where none is healthy, all
        registered ones, as an Application Load Balancer fails open."""
        with self._routing:
            registered = {member.instance.id: member for member in self.members if member.registered}
            chosen = {name: member for name, member in registered.items() if healthy is None or name in healthy}
            taking = chosen or registered
            weights = {name: member.weight for name, member in taking.items()}
            self._site.balancer.set_upstreams(
                self.environment.id,
                {name: member.instance.port for name, member in taking.items()},
                weights if len(set(weights.values())) > 1 else None,
            )

    def record(self) -> None:
        """Store which instances there are, so that they are found after a crash."""
        records = {member.instance.id: _record(member) for member in self.members}
        if self.environment.instances != records:
            self._site.state.change(self.key, instances=records)

    def healthy(self, members: Sequence[Member]) -> bool:
        """Whether each passes a health check now."""
        check = HealthCheck.of(self._site.effective(self.environment), self.environment.tier)
        return all(check.ask(member.instance.port).healthy for member in members)

    def await_healthy(self, members: Sequence[Member], seconds: float) -> bool:
        """Wait until each passes a health check; whether they did. Raises Aborted."""
        deadline = time.monotonic() + seconds
        while not self.healthy(members):
            if time.monotonic() > deadline:
                return False
            self.check_abort()
            time.sleep(0.1)
        return True

    def check_abort(self) -> None:
        """Raises Aborted when the operation is to end: it was aborted, or the environment is to be terminated."""
        if self.abort.is_set() or self.environment.status == "Terminating":
            raise Aborted

    def _member(self, name: str, label: str, registered: bool, port: int = 0) -> Member:
        instance = Instance(name, self._site.root(self.key) / name, self._site.cache, port)
        return Member(instance, label, self.environment.deployment_id, now(), now(), registered=registered)

    def _each(
        self,
        members: Sequence[Member],
        label: str,
        act: Callable[[Instance, Deployment], None],
        *,
        leader: bool = False,
    ) -> None:
        def one(numbered: tuple[int, Member]) -> DeploymentFailed | None:
            number, member = numbered
            member.status, member.label = "In Progress", label
            try:
                with _deploying:
                    deployment = self._site.deployment(
                        self.environment, label, leader=leader and number == 0, fetched=act != self._deploy
                    )
                    act(member.instance, deployment)
            except (DeploymentFailed, OSError, ValueError) as error:
                # Not only ours: a name that no file can have, a folder where a file is to be, a disk that is full.
                member.status = "Failed"
                return error if isinstance(error, DeploymentFailed) else member.instance.failed(error)
            member.status, member.deployed = "Deployed", now()
            member.deployment_id = self.environment.deployment_id
            return None

        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            failures = [failure for failure in pool.map(one, enumerate(members)) if failure]
        self.record()
        self.route()
        self._configure_proxy()
        if failures:
            failures[0].instances = [item.instance.id for item in members if item.status == "Failed"]
            raise failures[0]

    def _configure_proxy(self) -> None:
        """Let requests pass the proxies that the environment has, and be served the folders that the option settings
        map.
        """
        effective = self._site.effective(self.environment)
        proxies = options.proxies(effective, self.environment.tier)
        self._site.balancer.set_proxies(self.environment.id, proxies)
        for member in self.members:
            folders = member.instance.static_files(self._site.effective(self.environment, member.label))
            self._site.balancer.set_static(self.environment.id, member.instance.id, folders)
            self._site.balancer.set_largest_body(self.environment.id, largest_body(member.instance.application))

    def _deploy(self, instance: Instance, deployment: Deployment) -> None:
        name = self.environment.name
        if self._site.faults.strike(f"{Kind.LAUNCH}:{name}"):
            raise DeploymentFailed(f"The instance {instance.id} could not be launched: a fault that was asked for.")
        if self._site.faults.strike(f"{Kind.DISK}:{name}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        instance.deploy(deployment)


def _record(member: Member) -> InstanceRecord:
    return InstanceRecord(
        port=member.instance.port,
        label=member.label,
        deployment_id=member.deployment_id,
        status=member.status,
        launched=member.launched,
        deployed=member.deployed,
    )
