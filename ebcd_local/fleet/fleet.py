"""What the service does to environments: each operation from its first event to its last."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

from ebcd_local import options
from ebcd_local.balancer import LoadBalancer
from ebcd_local.database import Databases
from ebcd_local.fleet import policies
from ebcd_local.fleet.group import READY_DEADLINE, Aborted, Group, Member
from ebcd_local.fleet.policies import Rollout, Settings
from ebcd_local.fleet.site import ENVIRONMENTS, Site, extensions
from ebcd_local.processes import sweep
from ebcd_local.stacks import StackFailed
from ebcd_local.state import Environment, State, now, storage_bucket
from ebcd_local.workflow import DeploymentFailed

log = logging.getLogger(__name__)

SWAP_SECONDS = 0.3
"""How long a swap takes here; the guide shows about 5 s on AWS."""
_CREATE_FAILED = (
    "Create environment operation is complete, but with errors. "
    "For more information, see troubleshooting documentation."
)
_MIXED = (
    "During an aborted deployment, some instances may have deployed the new application version. To ensure all "
    "instances are running the same version, re-deploy the appropriate application version."
)


class Fleet:
    """Runs what the state says."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._groups: dict[str, Group] = {}

    @property
    def state(self) -> State:
        """What the server knows."""
        return self._site.state

    @property
    def balancer(self) -> LoadBalancer:
        """The load balancer of all environments."""
        return self._site.balancer

    @property
    def databases(self) -> Databases:
        """The applications' databases."""
        return self._site.databases

    @property
    def speed(self) -> float:
        """Divides simulated times."""
        return self._site.speed

    def group(self, key: str) -> Group:
        """An environment's instances."""
        return self._groups.setdefault(key, Group(key, self._site))

    def members(self, key: str) -> list[Member]:
        """An environment's instances, oldest first; none where it has none."""
        return self._groups[key].members if key in self._groups else []

    def effective(self, environment: Environment, label: str = "") -> options.Options:
        """The option settings that hold for an environment, or would with another version."""
        return self._site.effective(environment, label)

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
                    self.say(key, request_id, f"Internal failure: {error}", "ERROR")
                    self._settle(key, failure=str(error))

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
        self.say(key, request_id, "createEnvironment is starting.")
        self.say(key, request_id, f"Using {bucket} as Amazon S3 storage bucket for environment data.")
        self._open(key)
        with self._reporting(key, request_id, _CREATE_FAILED):
            self._populate(key)
            self.group(key).check_abort()
            self._settle(key)
            cname, name = self.state.environments[key].cname, self.state.environments[key].name
            self.say(key, request_id, "Instance deployment completed successfully.")
            if cname:
                self.say(key, request_id, f"Application available at {cname}.")
            self.say(key, request_id, f"Successfully launched environment: {name}")

    def deploy(self, key: str, request_id: str, label: str) -> None:
        """Deploy another version by the environment's policy. A failure leaves the earlier label."""
        group, earlier = self.group(key), self.state.environments[key]
        settings = self.settings(earlier, label)
        self.say(key, request_id, "Environment update is starting.")
        self.state.change(
            key, version_label=label, deployment_id=earlier.deployment_id + 1, abortable=settings.abortable
        )
        with self._reporting(key, request_id, "Failed to deploy application.", version_label=earlier.version_label):
            self._bring_stack(key, label)
            policies.deploy(Rollout(group, label, settings, lambda text: self.say(key, request_id, text)))
            self._settle(key)
            self.say(key, request_id, "New application version was deployed to running EC2 instances.")
            self.say(key, request_id, "Environment update completed successfully.")

    def adjust(self, key: str, request_id: str) -> None:
        """Follow changed option settings: on the instances that run, and in their number."""
        self._update_configuration(key, request_id, Group.configure)

    def resize(self, key: str, request_id: str) -> None:
        """Follow changed sizes: launch what MinSize lacks, terminate what is beyond MaxSize."""
        self._update_configuration(key, request_id, None)

    def restart_app_server(self, key: str, request_id: str) -> None:
        """Restart the application's processes on each instance."""
        self.say(key, request_id, "restartAppServer is starting.")
        with self._reporting(key, request_id, "Failed to restart application server(s)."):
            self.group(key).restart(self.members(key))
            self._settle(key)
            self.say(key, request_id, "restartAppServer completed successfully.")

    def rebuild(self, key: str, request_id: str) -> None:
        """Terminate all instances and launch them anew; a terminated environment comes back."""
        self.say(key, request_id, "rebuildEnvironment is starting.")
        self.group(key).remove(self.members(key))
        self._open(key)
        with self._reporting(key, request_id, "Failed to rebuild the environment."):
            self._populate(key)
            self._settle(key)
            self.say(key, request_id, "rebuildEnvironment completed successfully.")

    def swap(self, first: str, second: str, request_id: str) -> None:
        """Exchange two environments' CNAMEs: the routes change in one assignment."""
        one, other = self.state.environments[first], self.state.environments[second]
        for key in (first, second):
            self.say(key, request_id, "swapEnvironmentCNAMEs is starting.")
        self.say(first, request_id, f"Swapping CNAMEs for environments '{one.name}' and '{other.name}'.")
        time.sleep(SWAP_SECONDS / self.speed)
        with self.state.lock:
            standing = [key for key in (first, second) if self.state.environments[key].operation == "swap"]
            if swapped := len(standing) == 2:
                self.state.swap(first, second, self.publish)
            for key in standing:  # and not one whose application was deleted meanwhile: it is being terminated
                self.state.change(key, status="Ready", operation="")
        for key in standing:
            done = "Completed swapping CNAMEs" if swapped else "Failed to swap CNAMEs"
            self.say(key, request_id, f"{done} for environments '{one.name}' and '{other.name}'.",
                     "INFO" if swapped else "ERROR")  # fmt: skip

    def abort(self, key: str) -> None:
        """Let the deployment under way end at its next step. The state's lock is held, and the environment Aborting."""
        self.group(key).abort.set()

    def terminate(self, key: str, request_id: str) -> None:
        """End the instances and free the CNAME."""
        environment = self.state.environments[key]
        self.say(key, request_id, "terminateEnvironment is starting.")
        self.publish()
        self.group(key).remove(self.members(key))
        self.balancer.close(environment.id)
        self._delete_stack(key, request_id)
        shutil.rmtree(self._site.root(key), ignore_errors=True)
        self._groups.pop(key, None)
        self.state.change(key, status="Terminated", health="Grey", health_status="", operation="", instances={},
                          causes=[], failure="", port=0, references=None)  # fmt: skip
        self.say(key, request_id, "terminateEnvironment completed successfully.")

    def recover(self) -> None:
        """After a start: end what an earlier life left running, and bring every environment back."""
        living = list(self.state.living())
        sweep(self._site.folder / ENVIRONMENTS)
        self._site.tidy()
        self._site.databases.recover()
        for environment in living:
            port = self._reopen(environment)
            self.state.change(environment.key, port=port, health="Grey", health_status="Pending")
            work = self.terminate if environment.operation == "terminate" else self._return
            self.begin(work, environment.key, "")
        self.publish()

    def stop(self) -> None:
        """End every instance's processes and the database, and what is under way at its next step; the state stays."""
        for group in self._groups.values():
            group.abort.set()
        everything = [member.instance for group in self._groups.values() for member in group.members]
        with ThreadPoolExecutor(max_workers=16) as pool:
            list(pool.map(lambda instance: instance.stop(), everything))
        sweep(self._site.folder / ENVIRONMENTS)
        self._site.databases.stop()

    def _open(self, key: str) -> None:
        environment = self.state.environments[key]
        if not environment.port:
            self.state.change(key, port=self.balancer.open(environment.id))
        self.publish()

    def _reopen(self, environment: Environment) -> int:
        try:
            return self.balancer.open(environment.id, environment.port)
        except OSError:  # its port is another program's by now
            return self.balancer.open(environment.id)

    def _populate(self, key: str) -> None:
        """Launch the first instances and wait for their health. Raises DeploymentFailed."""
        self._bring_stack(key, self.state.environments[key].version_label)
        environment, group = self.state.environments[key], self.group(key)
        minimum, _ = options.sizes(self.effective(environment))
        added = group.add(minimum, environment.version_label, leader=True)
        group.await_healthy(added, READY_DEADLINE)

    def _bring_stack(self, key: str, label: str) -> None:
        """The CloudFormation resources that a version's .ebextensions name. Raises DeploymentFailed."""
        environment = self.state.environments[key]
        bundle = self._site.bundle(environment, label)
        if bundle is None or (not extensions(bundle).resources and environment.references is None):
            return
        try:
            self.state.change(key, references=self._site.stacks.bring(environment, extensions(bundle)))
        except StackFailed as error:
            raise DeploymentFailed(str(error)) from error

    def _delete_stack(self, key: str, request_id: str) -> None:
        try:
            self._site.stacks.delete(self.state.environments[key])
        except StackFailed as error:
            self.say(key, request_id, str(error), "ERROR")

    def _update_configuration(
        self, key: str, request_id: str, configure: Callable[[Group, Sequence[Member]], None] | None
    ) -> None:
        group = self.group(key)
        self.say(key, request_id, "Environment update is starting.")
        name = self.state.environments[key].name
        self.say(key, request_id, f"Updating environment {name}'s configuration settings.")
        with self._reporting(key, request_id, "Failed to deploy configuration."):
            if configure:
                self.state.change(key, deployment_id=self.state.environments[key].deployment_id + 1)
                configure(group, group.members)
            minimum, maximum = options.sizes(self.effective(self.state.environments[key]))
            self.fit(key, request_id, min(max(len(group.members), minimum), maximum))
            group.check_abort()
            self._settle(key)
            self.say(key, request_id, "Successfully deployed new configuration to environment.")
            self.say(key, request_id, "Environment update completed successfully.")

    def fit(self, key: str, request_id: str, wanted: int) -> None:
        """Launch or terminate instances until there are as many as wanted. Raises DeploymentFailed."""
        group, label = self.group(key), self.state.environments[key].version_label
        lacking = wanted - len(group.members)
        if lacking > 0:
            added = _grow(group, lacking, label)
            names = ", ".join(member.instance.id for member in added)
            self.say(key, request_id, f"Added instance [{names}] to your environment.")
        elif lacking < 0:
            leaving = group.members[lacking:]
            group.remove(leaving)
            names = ", ".join(member.instance.id for member in leaving)
            self.say(key, request_id, f"Removed instance [{names}] from your environment.")

    def _return(self, key: str, request_id: str) -> None:
        """Bring an environment back after a restart of the server; what was under way comes to its end."""
        interrupted = self.state.environments[key].operation
        with self._reporting(key, request_id, "Failed to bring the environment back."):
            self._bring_stack(key, self.state.environments[key].version_label)
            self.group(key).restore()
            minimum, _ = options.sizes(self.effective(self.state.environments[key]))
            self.fit(key, request_id, max(minimum, len(self.members(key))))
            self.group(key).await_healthy(self.members(key), READY_DEADLINE)
            self._settle(key, failure=self.state.environments[key].failure)
        if interrupted:
            self.say(key, request_id, f"The operation {interrupted} was interrupted and has ended.", "WARN")

    @contextmanager
    def _reporting(self, key: str, request_id: str, failed: str, **reverted: str) -> Iterator[None]:
        """An operation's part that may fail or be aborted: the environment is Ready behind it, the events say why.

        reverted: what the environment is set back to."""
        try:
            yield
        except Aborted:
            if self.state.environments[key].status == "Terminating":
                return
            self._settle(key, failure=self.state.environments[key].failure, **reverted)
            self.say(key, request_id, _MIXED, "WARN")
            self.say(key, request_id, "Environment update was aborted.", "WARN")
        except DeploymentFailed as failure:
            if self.state.environments[key].status == "Terminating":
                return
            self.say_failed(key, request_id, failure)
            self._settle(key, failure=failure.cause, **reverted)
            self.say(key, request_id, failed, "ERROR")

    def _settle(self, key: str, *, failure: str = "", **changes: str) -> None:
        """The operation has ended: Ready again, unless a termination has come over it."""
        if self.state.environments[key].status != "Terminating":
            self.state.change(key, status="Ready", operation="", abortable=False, failure=failure, deployed=now(),
                              **changes)  # fmt: skip

    def say_failed(self, key: str, request_id: str, failure: DeploymentFailed) -> None:
        """Add the events of a deployment that failed: on which instances, and why."""
        if not failure.instances:
            self.say(key, request_id, failure.cause, "ERROR")
            return
        self.say(key, request_id, "Instance deployment failed. For details, see 'eb-engine.log'.", "ERROR")
        failed = (
            f"[Instance: {failure.instances[0]}] Command failed on instance. Return code: 1 Output: {failure.cause}"
        )
        self.say(key, request_id, failed, "ERROR")
        names = "','".join(failure.instances)
        aborted = f"Unsuccessful command execution on instance id(s) '{names}'. Aborting the operation."
        self.say(key, request_id, aborted, "ERROR")

    def say(self, key: str, request_id: str, message: str, severity: str = "INFO") -> None:
        """Add an event of an environment."""
        self.state.say(self.state.environments[key], message, severity=severity, request_id=request_id)


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
