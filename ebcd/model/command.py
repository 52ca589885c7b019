"""A command of ebcd as it is printed: ready to be pasted into a shell, in any folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

OF_A_REPOSITORY = frozenset({"bootstrap", "bundle", "check", "diff", "doctor", "patch", "preview", "publish", "ship"})
"""Commands that read ebcd.toml, or the commits beside it; every other one finds a stage by its names."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How whoever ran ebcd reached a stage, as far as its names do not tell: what a printed command repeats."""

    region: str = ""
    profile: str = ""
    endpoint_url: str = ""
    config: str = ""
    """The whole path of the file that declares the stage; empty where no other command could read it."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options that say so, without the file."""
        given = {"--region": self.region, "--profile": self.profile, "--endpoint-url": self.endpoint_url}
        return tuple(word for name, value in given.items() if value for word in (name, value))


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What names a stage on a command line; `str` is the options, `of` a whole command with them."""

    application: str
    stage: str
    reach: Reach = Reach()

    def __str__(self) -> str:
        return shlex.join(["-a", self.application, "-s", self.stage, *self.reach.options])

    def of(self, *words: str) -> str:
        """The command of these words on the stage: `ebcd ship 1f3c9a -a shop -s production`."""
        return completed(words, str(self), self.reach.config)


def completed(words: Sequence[str], options: str, config: str) -> str:
    """A command with the options that name its stage; with the file where the command reads one."""
    file = ["--config", config] if config and words[0] in OF_A_REPOSITORY else []
    return " ".join(filter(None, (shlex.join(["ebcd", *words]), options, shlex.join(file))))
