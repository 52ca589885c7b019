"""A command of ebcd as it is printed: ready to be pasted into a shell, in any folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

OF_A_REPOSITORY = frozenset({"bootstrap", "bundle", "check", "diff", "doctor", "patch", "preview", "publish", "ship"})
"""Commands that read ebcd.toml, or the commits beside it; every other one finds a stage by its names."""


LOCAL = "local"
"""The name of a stage that lives on the local Beanstalk, wherever it is named."""
LOCAL_REGION = "eu-central-1"
"""The region of a local stage where nothing names one."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How whoever ran ebcd reached a stage, as far as its names do not tell: what a printed command repeats."""

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    """The endpoint that was named; empty: none was."""
    config: str = ""
    """The whole path of the file that declares the stage; empty where no other command could read it."""
    local_endpoint: str = ""
    """The local Beanstalk's endpoint, where the stage is on that one; empty: it is not."""

    def options(self, stage: str) -> tuple[str, ...]:
        """The options that say so of a stage in that place, without the file. A stage named `local` is found by its
        name, whatever port the local Beanstalk has by then.
        """
        region, endpoint = self.region, self.endpoint_url
        if self.local_endpoint and stage == LOCAL:
            region = "" if region == LOCAL_REGION else region
        elif self.local_endpoint:
            endpoint = endpoint or self.local_endpoint
        given = {"--region": region, "--profile": self.profile, "--endpoint-url": endpoint}
        return tuple(word for name, value in given.items() if value for word in (name, value))

    def aws(self, *words: str) -> str:
        """A command of the AWS CLI in the same place. On the local Beanstalk it gets that one's key, in a shell of its
        own.
        """
        if self.local_endpoint:
            return f'(eval "$(ebcd local env)"; {shlex.join(["aws", *words, "--region", self.region])})'
        return shlex.join(["aws", *words, *self.options("")])


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What names a stage on a command line; `str` is the options, `of` a whole command with them."""

    application: str
    stage: str
    reach: Reach = Reach()

    def __str__(self) -> str:
        return shlex.join(["-a", self.application, "-s", self.stage, *self.reach.options(self.stage)])

    def of(self, *words: str) -> str:
        """The command of these words on the stage: `ebcd ship 1f3c9a -a shop -s production`."""
        return completed(words, str(self), self.reach.config)


def completed(words: Sequence[str], options: str, config: str) -> str:
    """A command with the options that name its stage; with the file where the command reads one."""
    file = ["--config", config] if config and words[0] in OF_A_REPOSITORY else []
    return " ".join(filter(None, (shlex.join(["ebcd", *words]), options, shlex.join(file))))
