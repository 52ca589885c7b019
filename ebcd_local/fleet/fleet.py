"""What the service does to environments: each operation from its first event to its last."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from ebcd_local import denial, options, references, schedule
from ebcd_local.balancer import LoadBalancer
from ebcd_local.database import Databases
from ebcd_local.faults import Kind
from ebcd_local.fleet import policies
from ebcd_local.fleet.group import READY_DEADLINE, Aborted, Group, Member
from ebcd_local.fleet.policies import Rollout, Settings
from ebcd_local.fleet.resources import Resources
from ebcd_local.fleet.site import Site, extensions
from ebcd_local.fleet.telling import Telling
from ebcd_local.records import Environment
from ebcd_local.simulation import Simulation
from ebcd_local.stacks import StackFailed, asked_of_stack
from ebcd_local.state import State, storage_bucket
from ebcd_local.workflow import DeploymentFailed

log = logging.getLogger(__name__)

_CREATE_FAILED = (
    "Create environment operation is complete, but with errors. "
    "For more information, see troubleshooting documentation."
)


class Fleet:
    """Runs what the state says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tell = Telling(site.state)
        """What operations say, and how they end."""
        self.resources = Resources(site, self.tell)
        self._groups: dict[str, Group] = {}

    @property
    def state(self) -> State:
        """What the server knows."""
        return self.site.state

    @property
    def balancer(self) -> LoadBalancer:
        """The load balancer of all environments."""
        return self.site.balancer

    @property
    def databases(self) -> Databases:
        """The applications' databases."""
        return self.site.databases

    @property
    def simulation(self) -> Simulation:
        """How long what the cloud does takes."""
        return self.site.simulation

    @property
    def speed(self) -> float:
        """Divides the durations that option settings name."""
        return self.site.speed

    def group(self, key: str) -> Group:
        """An environment's instances."""
        return self._groups.setdefault(key, Group(key, self.site))

    def members(self, key: str) -> list[Member]:
        """An environment's instances, oldest first; none where it has none."""
        return self._groups[key].members if key in self._groups else []

    @property
    def groups(self) -> list[Group]:
        """The instances of all environments."""
        return list(self._groups.values())

    def effective(self, environment: Environment, label: str = "") -> options.Options:
        """The option settings that hold for an environment, or would with another version."""
        return self.site.effective(environment, label)

    def sizes(self, environment: Environment) -> tuple[int, int]:
        """MinSize and MaxSize of an environment's group: as a scheduled action has set them, else as its settings."""
        minimum, maximum = options.sizes(self.effective(environment))
        own = environment.group_sizes
        return own.get("MinSize", minimum), own.get("MaxSize", maximum)

    def scheduled(self, environment: Environment) -> dict[str, dict[str, str]]:
        """The options of each scheduled action of an environment, by its name."""
        return self.site.scheduled(environment)

    def settings(self, environment: Environment, label: str = "") -> Settings:
        """How versions are deployed to an environment."""
        return Settings.of(self.effective(environment, label), self.speed)

    def begin(self, work: Callable[[str, str], None], key: str, request_id: str, *, locked: bool = True) -> None:
        """Do something to an environment in a thread of its own. locked: it changes the environment's instances."""
        group = self.group(key)

        def guarded() -> None:
            with group.changing() if locked else nullcontext():
                try:
                    work(key, request_id)
                except Exception as error:  # a defect here must not leave the environment Updating for ever
                    log.exception("an operation on %s", key)
                    self.tell.say(key, request_id, f"Internal failure: {error}", "ERROR")
                    self.tell.settle(key, failure=str(error))

        threading.Thread(target=guarded, name=f"operation-{key}", daemon=True).start()

    def publish(self) -> None:
        """Tell the load balancer where each CNAME leads. The lock is held from reading to telling: a swap in between
        would be undone.
        """
        with self.state.lock:
            self.balancer.set_routes(self.state.routes())

    def launch(self, key: str, request_id: str) -> None:
        """Create an environment's listener and instances, and deploy its version."""
        bucket = storage_bucket(self.state.environments[key].region)
        self.tell.say(key, request_id, "createEnvironment is starting.")
        self.tell.say(key, request_id, f"Using {bucket} as Amazon S3 storage bucket for environment data.")
        if fault := self.site.faults.strike(f"{Kind.DENIED}:{self.state.environments[key].name}"):
            self._give_up(key, request_id, denial.CAUSES[fault.denied])
            return
        self._open(key)
        with self.tell.reporting(key, request_id, _CREATE_FAILED):
            self._take(key, self.simulation.launch)
            self._populate(key)
            self.group(key).check_abort()
            self.tell.settle(key)
            cname, name = self.state.environments[key].cname, self.state.environments[key].name
            self.tell.say(key, request_id, "Instance deployment completed successfully.")
            if cname:
                self.tell.say(key, request_id, f"Application available at {cname}.")
            self.tell.say(key, request_id, f"Successfully launched environment: {name}")

    def deploy(self, key: str, request_id: str, label: str, *, configured: bool = False) -> None:
        """Deploy another version by the environment's policy. A failure leaves the earlier label.

        configured: the option settings have changed with it. They reach the instances with the version, then their
        number follows.
        """
        group, earlier = self.group(key), self.state.environments[key]
        settings = self.settings(earlier, label)
        self.tell.say(key, request_id, "Environment update is starting.")
        if configured:
            self.tell.say(key, request_id, f"Updating environment {earlier.name}'s configuration settings.")
        self.state.change(
            key, version_label=label, deployment_id=earlier.deployment_id + 1, abortable=settings.abortable
        )
        with self.tell.reporting(key, request_id, "Failed to deploy application.", version_label=earlier.version_label):
            self._take(key, self.simulation.update)
            self.bring_stack(key, label)
            self.resources.bring(key)
            policies.deploy(Rollout(group, label, settings, lambda text: self.tell.say(key, request_id, text)))
            if configured:
                self._fit_to_sizes(key, request_id)
            self.tell.settle(key)
            self.tell.say(key, request_id, "New application version was deployed to running EC2 instances.")
            if configured:
                self.tell.say(key, request_id, "Successfully deployed new configuration to environment.")
            self.tell.say(key, request_id, "Environment update completed successfully.")

    def adjust(self, key: str, request_id: str) -> None:
        """Follow changed option settings: on the instances that run, and in their number."""
        self._update_configuration(key, request_id, Group.configure)

    def resize(self, key: str, request_id: str) -> None:
        """Follow changed sizes: launch what MinSize lacks, terminate what is beyond MaxSize."""
        self._update_configuration(key, request_id, None)

    def restart_app_server(self, key: str, request_id: str) -> None:
        """Restart the application's processes on each instance."""
        self.tell.say(key, request_id, "restartAppServer is starting.")
        with self.tell.reporting(key, request_id, "Failed to restart application server(s)."):
            self.group(key).restart(self.members(key))
            self.tell.settle(key)
            self.tell.say(key, request_id, "restartAppServer completed successfully.")

    def rebuild(self, key: str, request_id: str) -> None:
        """Terminate all instances and launch them anew; a terminated environment comes back."""
        self.tell.say(key, request_id, "rebuildEnvironment is starting.")
        self.group(key).remove(self.members(key))
        self.resources.delete_database(key, request_id)
        self._open(key)
        with self.tell.reporting(key, request_id, "Failed to rebuild the environment."):
            self._populate(key)
            self.tell.settle(key)
            self.tell.say(key, request_id, "rebuildEnvironment completed successfully.")
            name = self.state.environments[key].name
            self.tell.say(key, request_id, f"Successfully launched environment: {name}")

    def swap(self, first: str, second: str, request_id: str) -> None:
        """Exchange two environments' CNAMEs: the routes change in one assignment."""
        one, other = self.state.environments[first], self.state.environments[second]
        for key in (first, second):
            self.tell.say(key, request_id, "swapEnvironmentCNAMEs is starting.")
        self.tell.say(first, request_id, f"Swapping CNAMEs for environments '{one.name}' and '{other.name}'.")
        time.sleep(self.simulation.swap)
        with self.state.lock:
            standing = [key for key in (first, second) if self.state.environments[key].operation == "swap"]
            if swapped := len(standing) == 2:
                self.state.swap(first, second, self.publish)
            for key in standing:  # and not one whose application was deleted meanwhile: it is being terminated
                self.state.change(key, status="Ready", operation="")
        for key in standing:
            done = "Completed swapping CNAMEs" if swapped else "Failed to swap CNAMEs"
            self.tell.say(
                key,
                request_id,
                f"{done} for environments '{one.name}' and '{other.name}'.",
                "INFO" if swapped else "ERROR",
            )

    def abort(self, key: str) -> None:
        """Let the deployment under way end at its next step. The state's lock is held, and the environment Aborting."""
        self.group(key).abort.set()

    def terminate(self, key: str, request_id: str) -> None:
        """End the instances and free the CNAME."""
        environment = self.state.environments[key]
        self.tell.say(key, request_id, "terminateEnvironment is starting.")
        self.publish()
        self.group(key).remove(self.members(key))
        self.balancer.close(environment.id)
        self._delete_stack(key, request_id)
        self.resources.delete(key, request_id)
        shutil.rmtree(self.site.root(key), ignore_errors=True)
        time.sleep(self.simulation.termination)
        self._gone(key)
        self.tell.say(key, request_id, "terminateEnvironment completed successfully.")

    def _give_up(self, key: str, request_id: str, cause: str) -> None:
        """A launch ends before there was anything: the events tell why, and the environment is Terminated."""
        time.sleep(denial.SECONDS / self.speed)
        self.tell.say(key, request_id, cause, "ERROR")
        self.tell.say(key, request_id, denial.FAILED, "ERROR")
        self._gone(key)

    def _gone(self, key: str) -> None:
        """The environment is Terminated: what there was of it is no more."""
        self._groups.pop(key, None)
        self.state.change(
            key,
            status="Terminated",
            health="Grey",
            health_status="",
            operation="",
            instances={},
            causes=[],
            failure="",
            port=0,
            references=None,
            queues={},
        )

    def _take(self, key: str, seconds: float) -> None:
        """Let the time pass that AWS takes. Raises Aborted when the operation is to end."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.group(key).check_abort()
            self.group(key).abort.wait(min(left, 0.2))

    def _open(self, key: str) -> None:
        environment = self.state.environments[key]
        if not environment.port:
            self.state.change(key, port=self.balancer.open(environment.id))
        self.publish()

    def _populate(self, key: str) -> None:
        """Launch the first instances and wait for their health. Raises DeploymentFailed."""
        self.bring_stack(key, self.state.environments[key].version_label)
        self.resources.bring(key)
        self.resources.tell_of_database(key)
        environment, group = self.state.environments[key], self.group(key)
        minimum, _ = options.sizes(self.effective(environment))
        added = group.add(minimum, environment.version_label, leader=True)
        group.await_healthy(added, READY_DEADLINE)

    def bring_stack(self, key: str, label: str) -> None:
        """The CloudFormation resources that a version's .ebextensions name, and scheduled actions. Raises
        DeploymentFailed.
        """
        environment = self.state.environments[key]
        for action, settings in self.site.scheduled(environment, label).items():
            if why := schedule.refusal(action, settings):
                raise DeploymentFailed(why)
        bundle = self.site.bundle(environment, label)
        if bundle is None:
            return
        found = extensions(bundle)
        if own := [name for name in found.resources if name.startswith(references.OWN)]:
            self.tell.say(key, "", f"Resources of the service's own are not changed here: {', '.join(own)}.", "WARN")
        if not found.resources and environment.references is None and not asked_of_stack(environment, found):
            return
        try:
            self.state.change(key, references=self.site.stacks.bring(environment, found))
        except StackFailed as error:
            raise DeploymentFailed(str(error)) from error

    def _delete_stack(self, key: str, request_id: str) -> None:
        try:
            self.site.stacks.delete(self.state.environments[key])
        except StackFailed as error:
            self.tell.say(key, request_id, str(error), "ERROR")

    def _update_configuration(
        self, key: str, request_id: str, configure: Callable[[Group, Sequence[Member]], None] | None
    ) -> None:
        group = self.group(key)
        self.tell.say(key, request_id, "Environment update is starting.")
        name = self.state.environments[key].name
        self.tell.say(key, request_id, f"Updating environment {name}'s configuration settings.")
        with self.tell.reporting(key, request_id, "Failed to deploy configuration."):
            self._take(key, self.simulation.update)
            self.resources.bring(key)
            if configure:
                self.state.change(key, deployment_id=self.state.environments[key].deployment_id + 1)
                configure(group, group.members)
            self.resources.decouple(key, request_id)
            self._fit_to_sizes(key, request_id)
            group.check_abort()
            self.tell.settle(key)
            self.tell.say(key, request_id, "Successfully deployed new configuration to environment.")
            self.tell.say(key, request_id, "Environment update completed successfully.")

    def _fit_to_sizes(self, key: str, request_id: str) -> None:
        """Bring the number of instances between MinSize and MaxSize. Raises DeploymentFailed."""
        minimum, maximum = self.sizes(self.state.environments[key])
        self.fit(key, request_id, min(max(len(self.group(key).members), minimum), maximum))

    def fit(self, key: str, request_id: str, wanted: int) -> None:
        """Launch or terminate instances until there are as many as wanted. Raises DeploymentFailed."""
        group, label = self.group(key), self.state.environments[key].version_label
        lacking = wanted - len(group.members)
        if lacking > 0:
            added = _grow(group, lacking, label)
            names = ", ".join(member.instance.id for member in added)
            self.tell.say(key, request_id, f"Added instance [{names}] to your environment.")
        elif lacking < 0:
            leaving = group.members[lacking:]
            group.remove(leaving)
            names = ", ".join(member.instance.id for member in leaving)
            self.tell.say(key, request_id, f"Removed instance [{names}] from your environment.")


def _grow(group: Group, count: int, label: str) -> list[Member]:
    """Launch instances that take requests; of those that a version cannot be deployed to none is left. Raises
    DeploymentFailed and Aborted.
    """
    before = group.members
    try:
        added = group.add(count, label, registered=False)
        group.await_healthy(added, READY_DEADLINE)
    except (DeploymentFailed, Aborted):
        added = [member for member in group.members if member not in before]
        group.readmit([member for member in added if member.status == "Deployed"])
        group.remove([member for member in added if member.status != "Deployed"])
        raise
    group.register(added)
    group.backoff.succeeded()
    return added
