"""The commands that the page offers for copying: each works as it stands, in any folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from ebcd_local.records import Environment

_USUAL_REGION = "eu-central-1"
"""Where `ebcd` looks for a local stage that names no region."""
_USUAL_STAGE = "local"
"""The stage's name that `ebcd` takes for one on the local Beanstalk, with nothing else said."""


@dataclass(frozen=True, slots=True)
class Commands:
    """What every command says of this server."""

    endpoint_url: str
    home: str
    """EBCD_HOME, where it is not the usual place; else empty."""

    def of_stage(self, environment: Environment, stage: str, *words: str) -> str:
        """A command on the stage of an environment."""
        options = ["-a", environment.application, "-s", stage]
        if environment.region != _USUAL_REGION:
            options += ["--region", environment.region]
        if stage != _USUAL_STAGE:
            options += ["--endpoint-url", self.endpoint_url]
        return self._whole(*words, *options)

    def logs(self, environment: Environment) -> str:
        """The command that shows an environment's logs, whatever made the environment."""
        return self._whole("local", "logs", environment.name)

    def variables(self) -> str:
        """The command that points other clients here, in the shell that it is typed in."""
        return f'eval "$({self._whole("local", "env")})"'

    def _whole(self, *words: str) -> str:
        place = f"EBCD_HOME={shlex.quote(self.home)} " if self.home else ""
        return place + shlex.join(["ebcd", *words])
