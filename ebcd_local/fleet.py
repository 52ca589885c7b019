"""Environments that run: their instances, their way through Launching, Ready, Updating and Terminating."""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ebcd_local import ebextensions, options
from ebcd_local.balancer import LoadBalancer
from ebcd_local.instance import Deployment, DeploymentFailed, Instance
from ebcd_local.processes import ProcessRecord, kill_recorded
from ebcd_local.state import Environment, State, now

log = logging.getLogger(__name__)

SWAP_SECONDS = 0.3
"""How long a swap takes here; the guide shows about 5 s on AWS."""
READY_DEADLINE = 5.0
"""Seconds that the first health checks may take before an environment is Ready all the same."""
_CREATE_FAILED = (
    "Create environment operation is complete, but with errors. "
    "For more information, see troubleshooting documentation."
)


class Fleet:
    """Runs what the state says. fetch: copies a bundle (bucket, key) to a file. speed: divides simulated times."""

    def __init__(
        self, state: State, balancer: LoadBalancer, folder: Path, fetch: Callable[[str, str, Path], None], speed: float
    ) -> None:
        self.state = state
        self.balancer = balancer
        self.speed = speed
        self.failures: dict[str, str] = {}
        """Environment key → why its last deployment failed."""
        self._folder = folder
        self._fetch = fetch
        self._instances: dict[str, dict[str, Instance]] = {}
        self._threads: set[threading.Thread] = set()

    def instances(self, key: str) -> dict[str, Instance]:
        """An environment's instances by id."""
        return dict(self._instances.get(key, {}))

    def begin(self, work: Callable[[str, str], None], key: str, request_id: str) -> None:
        """Do something to an environment in a thread of its own."""

        def guarded() -> None:
            try:
                work(key, request_id)
            except Exception as error:  # a defect here must not leave the environment Updating for ever
                log.exception("%s %s", work.__name__, key)
                self._say(key, request_id, f"Internal failure: {error}", "ERROR")
                self.failures[key] = str(error)
                self.state.change(key, status="Ready", operation="")
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=guarded, name=f"{work.__name__}-{key}", daemon=True)
        self._threads.add(thread)
        thread.start()

    def launch(self, key: str, request_id: str) -> None:
        """Create an environment's listener and instances, and deploy its version."""
        environment = self.state.environments[key]
        self._say(key, request_id, "createEnvironment is starting.")
        environment = self.state.change(key, port=self.balancer.open(environment.id))
        self.balancer.set_routes(self.state.routes())
        minimum, _ = options.sizes(self.effective(environment))
        failure = self._add_instances(key, minimum, leader=True)
        if failure is None:
            self._await_health(key)
        if self.state.environments[key].status == "Terminating":
            return
        self.state.change(key, status="Ready", operation="", deployed=now())
        if failure is not None:
            self._deployment_failed(key, request_id, failure)
            self._say(key, request_id, _CREATE_FAILED, "ERROR")
            return
        self._say(key, request_id, "Instance deployment completed successfully.")
        self._say(key, request_id, f"Application available at {environment.cname}.")
        self._say(key, request_id, f"Successfully launched environment: {environment.name}")

    def deploy(self, key: str, request_id: str, label: str) -> None:
        """Deploy another version to all instances at once. A failure leaves the earlier label."""
        earlier = self.state.environments[key].version_label
        self._say(key, request_id, "Environment update is starting.")
        self._say(key, request_id, f"Deploying new version to instance(s) of version {label}.")
        self.state.change(key, version_label=label, deployment_id=self.state.environments[key].deployment_id + 1)
        failure = self._each(key, list(self.instances(key).values()), Instance.deploy, leader=True)
        self.failures.pop(key, None)
        if failure is not None:
            self.state.change(key, version_label=earlier, status="Ready", operation="")
            self._deployment_failed(key, request_id, failure)
            self._say(key, request_id, "Failed to deploy application.", "ERROR")
            return
        self._await_health(key)
        self.state.change(key, status="Ready", operation="", deployed=now())
        self._say(key, request_id, "New application version was deployed to running EC2 instances.")
        self._say(key, request_id, "Environment update completed successfully.")

    def adjust(self, key: str, request_id: str) -> None:
        """Follow changed option settings: restart with the new properties, launch what MinSize lacks."""
        self._say(key, request_id, "Environment update is starting.")
        environment = self.state.environments[key]
        minimum, _ = options.sizes(self.effective(environment))
        running = self.instances(key)
        failure = self._each(key, list(running.values()), Instance.deploy, leader=True)
        if failure is None and len(running) < minimum:
            failure = self._add_instances(key, minimum - len(running))
        self.state.change(key, status="Ready", operation="")
        if failure is not None:
            self._deployment_failed(key, request_id, failure)
            self._say(key, request_id, "Failed to deploy configuration.", "ERROR")
            return
        self._say(key, request_id, "Successfully deployed new configuration to environment.")
        self._say(key, request_id, "Environment update completed successfully.")

    def resize(self, key: str, request_id: str) -> None:
        """Follow a changed MinSize: launch what is lacking. A lower one does not scale in."""
        self._say(key, request_id, "Environment update is starting.")
        minimum, _ = options.sizes(self.effective(self.state.environments[key]))
        lacking = minimum - len(self.instances(key))
        failure = self._add_instances(key, lacking) if lacking > 0 else None
        self.state.change(key, status="Ready", operation="")
        if failure is not None:
            self._deployment_failed(key, request_id, failure)
            return
        self._say(key, request_id, "Successfully deployed new configuration to environment.")
        self._say(key, request_id, "Environment update completed successfully.")

    def swap(self, first: str, second: str, request_id: str) -> None:
        """Exchange two environments' CNAMEs: the routes change in one assignment."""
        one, other = self.state.environments[first], self.state.environments[second]
        for key in (first, second):
            self._say(key, request_id, "swapEnvironmentCNAMEs is starting.")
        self._say(first, request_id, f"Swapping CNAMEs for environments '{one.name}' and '{other.name}'.")
        time.sleep(SWAP_SECONDS / self.speed)
        self.state.swap(first, second, lambda: self.balancer.set_routes(self.state.routes()))
        for key in (first, second):
            self.state.change(key, status="Ready", operation="")
            self._say(key, request_id, f"Completed swapping CNAMEs for environments '{one.name}' and '{other.name}'.")

    def terminate(self, key: str, request_id: str) -> None:
        """End the instances and free the CNAME."""
        environment = self.state.environments[key]
        self._say(key, request_id, "terminateEnvironment is starting.")
        self.balancer.set_routes(self.state.routes())
        for instance in self._instances.pop(key, {}).values():
            instance.destroy()
        self.balancer.close(environment.id)
        shutil.rmtree(self._root(key), ignore_errors=True)
        self.state.change(key, status="Terminated", health="Grey", health_status="", operation="", instances={},
                          processes=[], causes=[])  # fmt: skip
        self.failures.pop(key, None)
        self._say(key, request_id, "terminateEnvironment completed successfully.")

    def recover(self) -> None:
        """After a start: end what an earlier life left running, and bring every environment back."""
        living = list(self.state.living())
        for environment in living:
            for pid, started in environment.processes:
                kill_recorded(ProcessRecord(pid, started))
        for environment in living:
            port = self._reopen(environment)
            self.state.change(environment.key, port=port, processes=[])
            work = self.terminate if environment.operation == "terminate" else self._return
            self.begin(work, environment.key, "")
        self.balancer.set_routes(self.state.routes())

    def stop(self) -> None:
        """End every instance's processes; the state stays."""
        everything = [instance for instances in self._instances.values() for instance in instances.values()]
        with ThreadPoolExecutor(max_workers=16) as pool:
            list(pool.map(Instance.stop, everything))

    def effective(self, environment: Environment) -> options.Options:
        """The option settings that hold for an environment."""
        bundle = self._bundle(environment)
        extensions = ebextensions.option_settings(bundle) if bundle is not None else {}
        return options.effective(environment.options, extensions)

    def _reopen(self, environment: Environment) -> int:
        try:
            return self.balancer.open(environment.id, environment.port)
        except OSError:  # its port is another program's by now
            return self.balancer.open(environment.id)

    def _return(self, key: str, request_id: str) -> None:
        """Bring an environment back after a restart; what was under way ends here."""
        environment = self.state.environments[key]
        interrupted = environment.operation
        running = {name: self._instance(key, name, port) for name, port in environment.instances.items()}
        self._instances[key] = running
        self.balancer.set_upstreams(environment.id, environment.instances)
        failure = self._each(key, list(running.values()), Instance.boot)
        minimum, _ = options.sizes(self.effective(environment))
        if failure is None and len(running) < minimum:
            failure = self._add_instances(key, minimum - len(running))
        self._await_health(key)
        if interrupted:
            self._say(key, request_id, f"The operation {interrupted} was interrupted and has ended.", "WARN")
        if failure is not None:
            self._deployment_failed(key, request_id, failure)
        self.state.change(key, status="Ready", operation="")

    def _add_instances(self, key: str, count: int, *, leader: bool = False) -> DeploymentFailed | None:
        added = [self._instance(key, f"i-{secrets.token_hex(9)[:17]}") for _ in range(count)]
        self._instances.setdefault(key, {}).update({instance.id: instance for instance in added})
        return self._each(key, added, Instance.deploy, leader=leader)

    def _each(
        self, key: str, instances: list[Instance], act: Callable[[Instance, Deployment], None], *, leader: bool = False
    ) -> DeploymentFailed | None:
        """Do something with all instances at once; the first failure. leader: the first one runs leader_only."""
        environment = self.state.environments[key]
        bundle = self._bundle(environment)
        if bundle is None:
            return DeploymentFailed("The source bundle is not in S3.")
        found = options.effective(environment.options, ebextensions.option_settings(bundle))

        def one(numbered: tuple[int, Instance]) -> DeploymentFailed | None:
            leads = leader and numbered[0] == 0
            deployment = Deployment(bundle, environment.version_label, options.properties(found), found, leads)
            try:
                act(numbered[1], deployment)
            except DeploymentFailed as error:
                return error
            return None

        with ThreadPoolExecutor(max_workers=4) as pool:
            failures = [failure for failure in pool.map(one, enumerate(instances)) if failure]
        self.record(key)
        return failures[0] if failures else None

    def record(self, key: str) -> None:
        """Store which instances and processes run, so that a sweep finds them after a crash."""
        instances = self.instances(key)
        found = [[item.pid, item.start_time] for instance in instances.values() for item in instance.processes()]
        ports = {name: instance.port for name, instance in instances.items()}
        stored = self.state.environments[key]
        if stored.instances != ports:
            self.balancer.set_upstreams(stored.id, ports)
        if (stored.processes, stored.instances) != (found, ports):
            self.state.change(key, processes=found, instances=ports)

    def _deployment_failed(self, key: str, request_id: str, failure: DeploymentFailed) -> None:
        self.failures[key] = failure.cause
        self._say(key, request_id, f"Instance deployment failed: {failure.cause}", "ERROR")

    def _await_health(self, key: str) -> None:
        """Wait for the first health check that passes, as the service does before it calls a deployment done."""
        deadline = time.monotonic() + READY_DEADLINE
        path = options.health_path(self.effective(self.state.environments[key]))
        while time.monotonic() < deadline and self.state.environments[key].status != "Terminating":
            if all(instance.probe(path).healthy for instance in self.instances(key).values()):
                return
            time.sleep(0.1)

    def _instance(self, key: str, name: str, port: int = 0) -> Instance:
        return Instance(name, self._root(key) / name, self._folder / "python", port)

    def _root(self, key: str) -> Path:
        return self._folder / "environments" / key.replace("/", "-")

    def _bundle(self, environment: Environment) -> Path | None:
        """The environment's source bundle as a file; fetched once."""
        version = self.state.versions.get(f"{environment.region}/{environment.application}/{environment.version_label}")
        if version is None:
            return None
        # A label that was deleted and made again is another version, so its creation is part of the name.
        name = hashlib.sha256(f"{version.key}/{version.created.isoformat()}".encode()).hexdigest()[:24]
        path = self._folder / "bundles" / f"{name}.zip"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{secrets.token_hex(4)}")
            self._fetch(version.bucket, version.s3_key, draft)
            draft.replace(path)
        return path

    def _say(self, key: str, request_id: str, message: str, severity: str = "INFO") -> None:
        self.state.say(self.state.environments[key], message, severity=severity, request_id=request_id)
