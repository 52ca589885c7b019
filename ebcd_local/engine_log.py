"""Lines of eb-engine.log in the engine's own words: what a deployment failed at, under the name of the engine's step.

Sources: github.com/aws/elastic-beanstalk-roadmap#85 (Track pids in healthd), rennokki/laravel-aws-eb#57
(PostBuildEbExtension, and what the service is answered), reports of users that quote InstallDependency,
PreBuildEbExtension and StageApplication in the same form. The names of the steps of hooks are guessed after theirs.
"""

from __future__ import annotations

from datetime import UTC, datetime

STAGE, INSTALL, START = "StageApplication", "InstallDependency", "Track pids in healthd"
COMMANDS, CONTAINER_COMMANDS = "PreBuildEbExtension", "PostBuildEbExtension"
EXECUTION_FAILED = "Engine execution has encountered an error."
"""What the service is told of any failure on an instance."""
_BUILDS = {
    COMMANDS: "EbExtension build failed. Please refer to /var/log/cfn-init.log for more details.",
    CONTAINER_COMMANDS: "Container commands build failed. Please refer to /var/log/cfn-init.log for more details.",
}
_NO_PID = (
    "update processes [web healthd nginx cfn-hup] pid symlinks failed with error Read pid source file "
    "/var/pids/web.pid failed with error:open /var/pids/web.pid: no such file or directory"
)


def hooks(name: str) -> str:
    """The step that runs the hooks of a folder."""
    return f"RunAppDeploy{ {'prebuild': 'PreBuild', 'predeploy': 'PreDeploy'}.get(name, 'PostDeploy') }Hooks"


def failed(step: str, cause: str, command: str = "") -> str:
    """What the engine writes of a step that failed. command: the failed one's name, of .ebextensions."""
    error = _NO_PID if step == START else _BUILDS.get(step, cause) if command else cause
    lines = [_line("INFO", f"Error occurred during build: Command {command} failed")] if command else []
    told = f"An error occurred during execution of command [app-deploy] - [{step}]. Stop running the command. Error: "
    return "\n".join((*lines, _line("ERROR", told + " ".join(error.split()))))


def cause_of_health(at: datetime) -> str:
    """What health says of an instance whose deployment failed."""
    return f"Application deployment failed at {at:%Y-%m-%dT%H:%M:%SZ} with exit status 1 and error: {EXECUTION_FAILED}"


def _line(level: str, text: str) -> str:
    return f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S.%f} [{level}] {text}"
