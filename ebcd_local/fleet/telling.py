"""What is told of an operation: its events, and how the environment stands when it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ebcd_local import engine_log
from ebcd_local.fleet.group import Aborted
from ebcd_local.state import State, now
from ebcd_local.workflow import DeploymentFailed

_MIXED = (
    "During an aborted deployment, some instances may have deployed the new application version. To ensure all "
    "instances are running the same version, re-deploy the appropriate application version."
)
_UNANSWERED = (
    "The following instances have not responded in the allowed command timeout time (they might still finish "
    "eventually on their own): [{}]."
)


class Telling:
    """Tells of the environments of a state."""

    def __init__(self, state: State) -> None:
        self._state = state

    @contextmanager
    def reporting(self, key: str, request_id: str, failed: str, **reverted: str) -> Iterator[None]:
        """An operation's part that may fail or be aborted: the environment is Ready behind it, the events say why.

        reverted: what the environment is set back to."""
        try:
            yield
        except Aborted:
            if self._state.environments[key].status == "Terminating":
                return
            environment = self._state.environments[key]
            self.settle(key, failure=environment.failure, **{**environment.earlier, **reverted})
            self.say(key, request_id, _MIXED, "WARN")
            self.say(key, request_id, "Environment update was aborted.", "WARN")
        except DeploymentFailed as failure:
            if self._state.environments[key].status == "Terminating":
                return
            self.failed(key, request_id, failure)
            cause = engine_log.cause_of_health(now()) if failure.instances else failure.cause
            self.settle(key, failure=cause, **reverted)
            self.say(key, request_id, failed, "ERROR")

    def settle(self, key: str, *, failure: str = "", **changes: Any) -> None:
        """The operation has ended: Ready again, unless a termination has come over it. An update of the configuration
        that failed leaves the earlier one, and itself as a draft.

        Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_DeleteEnvironmentConfiguration.html
        """
        environment = self._state.environments[key]
        if environment.status == "Terminating":
            return
        if failure and environment.earlier:
            changes = {**environment.earlier, "draft": environment.options, **changes}
        self._state.change(
            key,
            status="Ready",
            operation="",
            abortable=False,
            failure=failure,
            deployed=now(),
            **{"earlier": {}, **changes},
        )

    def failed(self, key: str, request_id: str, failure: DeploymentFailed) -> None:
        """Add the events of a deployment that failed: on which instances, and why."""
        if not failure.instances:
            self.say(key, request_id, failure.cause, "ERROR")
            return
        names = "','".join(failure.instances)
        if failure.unanswered:
            self.say(key, request_id, _UNANSWERED.format(", ".join(failure.instances)), "ERROR")
        self.say(key, request_id, "Instance deployment failed. For details, see 'eb-engine.log'.", "ERROR")
        output = f"{engine_log.EXECUTION_FAILED}." if failure.logged else failure.cause
        failed = f"[Instance: {failure.instances[0]}] Command failed on instance. Return code: 1 Output: {output}"
        self.say(key, request_id, failed, "ERROR")
        aborted = f"Unsuccessful command execution on instance id(s) '{names}'. Aborting the operation."
        self.say(key, request_id, aborted, "ERROR")

    def say(self, key: str, request_id: str, message: str, severity: str = "INFO") -> None:
        """Add an event of an environment."""
        self._state.say(self._state.environments[key], message, severity=severity, request_id=request_id)
