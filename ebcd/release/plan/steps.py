"""What a run can do, as data: a plan is a tuple of these steps, by topic and in the order of a release.

A new step is a class here and a member of `Mutation` (it changes something: before it the lock is proven and the intent
journaled, after it the result) or of `Check` (it waits, asks and judges, and changes nothing). The type checker then
names what must know it: `execute/executor.py` or `execute/checks.py`, which do it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from ebcd import words
from ebcd.model import OptionSetting, Place
from ebcd.release.state.names import saved_configuration

NAMED = 3
"""Option settings that a step names in its text."""


# Publication


@dataclass(frozen=True, slots=True)
class CreateBucket:
    """Create the region's default bucket."""

    bucket: str

    def __str__(self) -> str:
        return f"create the bucket {self.bucket}"


@dataclass(frozen=True, slots=True)
class UploadBundle:
    """Send the source bundle to S3."""

    key: str
    size: int
    """Bytes."""

    def __str__(self) -> str:
        return f"upload the source bundle ({words.size(self.size)})"


@dataclass(frozen=True, slots=True)
class CreateApplication:
    """Create the application."""

    application: str

    def __str__(self) -> str:
        return f"create the application {self.application}"


@dataclass(frozen=True, slots=True)
class CreateVersion:
    """Create the application version and wait until Beanstalk has processed it."""

    label: str
    key: str
    description: str

    def __str__(self) -> str:
        return f"create the application version {self.label}"


@dataclass(frozen=True, slots=True)
class AwaitVersion:
    """Wait until the application version is processed."""

    label: str

    def __str__(self) -> str:
        return f"wait until {self.label} is processed"


# Environments


@dataclass(frozen=True, slots=True)
class CreateEnvironment:
    """Create the release's environment."""

    environment: str
    label: str
    platform_arn: str
    cname_prefix: str | None
    """The live CNAME's prefix for a stage's first environment, else None: Beanstalk makes an unguessable one."""
    options: tuple[OptionSetting, ...] = field(repr=False)
    tags: tuple[tuple[str, str], ...] = ()
    settings_of: str = ""
    """The environment whose platform and settings it takes over, instead of `platform_arn`; empty: none."""
    worker: bool = False
    """Of the worker tier, which has no CNAME."""

    def __str__(self) -> str:
        like = f" with the settings of {self.settings_of}" if self.settings_of else ""
        return f"create the {'worker ' if self.worker else ''}environment {self.environment}{like}"


@dataclass(frozen=True, slots=True)
class AwaitEnvironment:
    """Wait until the environment is Ready with the version on every instance and no failure event."""

    environment: str
    label: str
    events: bool = True
    """Whether an ERROR or FATAL event since its creation counts: not for one that has been live since."""

    def __str__(self) -> str:
        return f"wait until {self.environment} is Ready and every instance runs {self.label}"


@dataclass(frozen=True, slots=True)
class SaveConfiguration:
    """Save the settings that live's own environment has before a release changes them: where the run dies, the next
    one knows what to come back to.
    """

    environment: str
    environment_id: str

    @property
    def template(self) -> str:
        """The saved configuration's name."""
        return saved_configuration(self.environment)

    def __str__(self) -> str:
        return f"save the settings of {self.environment}"


@dataclass(frozen=True, slots=True)
class DeleteSavedConfiguration:
    """Delete the saved configuration of an environment: it holds environment properties as plain text, and a run that
    died may have left it.
    """

    environment: str

    @property
    def template(self) -> str:
        """The saved configuration's name."""
        return saved_configuration(self.environment)

    def __str__(self) -> str:
        return f"delete the saved configuration {self.template}"


@dataclass(frozen=True, slots=True)
class UpdateOptions:
    """Change option settings, and maybe the platform, of an environment that stands; wait until it is Ready again."""

    environment: str
    options: tuple[OptionSetting, ...] = field(repr=False)
    remove: tuple[Place, ...] = ()
    """What is to be unset."""
    platform_arn: str = ""
    """Empty: the platform stays."""
    cname: str = ""
    """The live CNAME, whole: what holds it by now stays as it is; empty: it may be live's own."""

    @property
    def what(self) -> str:
        """What it changes, by name."""
        names = [*(item.name for item in self.options), *(name for _, name, _ in self.remove)]
        named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
        return " and ".join(filter(None, ("the platform" if self.platform_arn else "", named)))

    def __str__(self) -> str:
        return f"update {self.what} of {self.environment}"


@dataclass(frozen=True, slots=True)
class UpdateVersion:
    """Deploy a version on an environment that stands, maybe with other settings, as one update; wait until it is Ready
    with it.
    """

    environment: str
    label: str
    release: str
    """The release whose version it is."""
    live: bool
    """The environment is live's own, so that its users get the release by this."""
    replaces: str = ""
    """The release that was live there before; empty: none that is recorded."""
    expected: float | None = None
    """Seconds that the last deployment took; None: none is recorded."""
    cname: str = ""
    """The live CNAME, whole: what holds it by now stays as it is; empty: it may be live's own."""
    settings: UpdateOptions | None = None
    """The settings that change with the version; None: they stay."""

    def __str__(self) -> str:
        about = f" (took {self.expected:g} s the last time)" if self.expected is not None else ""
        also = f" and update {self.settings.what}" if self.settings else ""
        return f"deploy {self.label} on {self.environment}{also}{about}"


# Capacity


@dataclass(frozen=True, slots=True)
class MatchCapacity:
    """Bring an environment that is not live to a number of instances, and keep it there: MinSize is raised."""

    environment: str
    instances: int
    like: str = ""
    """The environment whose MaxSize it takes over where its own is smaller; empty: its own stays."""
    cname: str = ""
    """The live CNAME, whole: what holds it by now stays as it is."""
    release: str = ""
    """The release that the environment carries; empty: none that is recorded."""
    awaited: bool = True
    """Whether the instances are waited for, and a refusal ends the run. Not where the release is live already."""

    def __str__(self) -> str:
        return f"keep {self.environment} at {words.count(self.instances, 'instance')}, as many as live runs"


@dataclass(frozen=True, slots=True)
class SetMinimum:
    """Bring the MinSize of a release that has baked, raised to meet live's capacity, back to the configured one. It is
    the one change that is made to live's own environment: no instance is replaced by it, or taken away at once.
    """

    environment: str
    minimum: int
    release: str = ""
    """The release that the environment carries."""

    def __str__(self) -> str:
        return f"set MinSize of {self.environment} back to {self.minimum}"


@dataclass(frozen=True, slots=True)
class ScaleDown:
    """Bring a standing environment that nothing needs now to one instance."""

    environment: str
    reason: str
    cname: str = ""
    """The live CNAME, whole: what holds it by now stays as it is."""
    left: datetime | None = None
    """When it left live: it stays while clients remember where the live CNAME led. None: nobody asks."""
    patience: float = 0.0
    """Seconds that it is waited for while it is busy; 0: it is left then."""

    def __str__(self) -> str:
        return f"scale {self.environment} down to 1 instance: {self.reason}"


# Gates of a candidate


@dataclass(frozen=True, slots=True)
class HoldHealth:
    """Wait until the health has been accepted for `seconds` on end."""

    environment: str
    accept: tuple[str, ...]
    seconds: float
    timeout: float
    """Seconds until it counts as never turning healthy."""

    def __str__(self) -> str:
        held = f" held for {self.seconds:g} s" if self.seconds else ""
        return f"see {' or '.join(self.accept)} health{held} on {self.environment}"


@dataclass(frozen=True, slots=True)
class SmokeCandidate:
    """Send the smoke test, and the proof where there is one, to the candidate's own address."""

    environment: str
    cname: str
    """The live CNAME, whole: the Host that the candidate is asked as."""
    path: str
    label: str
    sha: str
    address: str = ""
    """The environment's own address where it is known already."""

    def __str__(self) -> str:
        return f"smoke test {self.path} on {self.environment}"


@dataclass(frozen=True, slots=True)
class ProbeTenants:
    """Probe the tenants' hosts: on the candidate before the swap, on live after it."""

    environment: str
    cname: str
    """The live CNAME, whole."""
    live: bool = False
    address: str = ""
    """The candidate's own address where it is known already."""

    def __str__(self) -> str:
        return f"probe the tenants on {'live' if self.live else self.environment}"


# The swap, and live after it


@dataclass(frozen=True, slots=True)
class MeasureLive:
    """Measure what live's users get before another release takes its place."""

    environment: str

    def __str__(self) -> str:
        return f"measure what the users of {self.environment} get"


@dataclass(frozen=True, slots=True)
class SwapCnames:
    """Exchange the CNAMEs of candidate and live, once, and read both back."""

    candidate: str
    live: str
    label: str
    """The candidate's version label; empty: whatever it carries."""
    cname: str
    """The live CNAME, whole."""
    release: str
    """The release that the candidate becomes live with."""
    replaces: str = ""
    """The release that it takes the live CNAME from; empty: none that is recorded."""
    accept: tuple[str, ...] = ()
    """Health that the candidate must have at that moment; empty: any."""
    events: bool = False
    """Whether an ERROR or FATAL event since the candidate's creation forbids it."""
    proven: datetime | None = None
    """When every instance was seen to run the version; None, or long ago: it is read again."""
    capacity: int | None = None
    """How many of live's instances the candidate was made to replace; where live has grown since, it is not swapped.
    None: nobody asks, on a way back, or where the candidate can have no more.
    """

    def __str__(self) -> str:
        return f"swap the CNAMEs of {self.live} and {self.candidate}"


@dataclass(frozen=True, slots=True)
class ProveLive:
    """See the live URL answered by the release."""

    environment: str
    cname: str
    """The live CNAME, whole."""
    path: str
    label: str
    sha: str
    earlier: str = ""
    """The environment that held the CNAME before, and that resolvers may still lead to; empty: none."""

    def __str__(self) -> str:
        return f"prove that the live URL is answered by {self.label}"


@dataclass(frozen=True, slots=True)
class Bake:
    """Watch the release on live."""

    environment: str
    cname: str
    """The live CNAME, whole; empty for a worker, of which only the health is watched."""
    seconds: float

    def __str__(self) -> str:
        return f"bake for {self.seconds:g} s"


# Retirement


@dataclass(frozen=True, slots=True)
class AwaitDrain:
    """Wait until no client can have an old DNS answer that leads to an environment."""

    environment: str
    seconds: float

    def __str__(self) -> str:
        return f"wait {self.seconds:.0f} s until clients have left {self.environment}"


@dataclass(frozen=True, slots=True)
class TerminateEnvironment:
    """Retire an environment that nothing needs."""

    environment: str
    environment_id: str
    reason: str
    cname: str = ""
    """The live CNAME, whole: what holds it by now stays."""
    left: datetime | None = None
    """When it left live: it stays while clients remember where the live CNAME led. None: nobody asks."""
    holds: str = ""
    """The CNAME, whole, that it must hold still: a preview goes only while it is nothing else; empty: any."""
    patience: float = 0.0
    """Seconds that it is waited for while it is busy; 0: it is left then."""

    def __str__(self) -> str:
        return f"terminate {self.environment}: {self.reason}"


@dataclass(frozen=True, slots=True)
class AwaitTermination:
    """See an environment on its way out."""

    environment: str
    environment_id: str
    gone: bool = False
    """Whether it must have gone: then its name and its CNAME are free."""

    def __str__(self) -> str:
        return f"wait until {self.environment} is gone" if self.gone else f"see {self.environment} terminating"


@dataclass(frozen=True, slots=True)
class DeleteVersion:
    """Delete an application version that nothing needs, and its bundle."""

    label: str
    key: str
    """Its bundle's key; empty: another version uses the bundle."""

    def __str__(self) -> str:
        return f"delete the application version {self.label}"


@dataclass(frozen=True, slots=True)
class DeleteBundle:
    """Delete a source bundle that no application version names."""

    key: str

    def __str__(self) -> str:
        return f"delete the bundle {self.key.rpartition('/')[2][:12]}…, of which there is no version"


Mutation: TypeAlias = (
    CreateBucket
    | UploadBundle
    | CreateApplication
    | CreateVersion
    | CreateEnvironment
    | SaveConfiguration
    | DeleteSavedConfiguration
    | UpdateOptions
    | UpdateVersion
    | MatchCapacity
    | SetMinimum
    | ScaleDown
    | SwapCnames
    | TerminateEnvironment
    | DeleteVersion
    | DeleteBundle
)
"""Steps that change something."""

Check: TypeAlias = (
    AwaitVersion
    | AwaitEnvironment
    | HoldHealth
    | SmokeCandidate
    | ProbeTenants
    | MeasureLive
    | ProveLive
    | Bake
    | AwaitDrain
    | AwaitTermination
)
"""Steps that wait, ask and judge, and change nothing."""

Step: TypeAlias = Mutation | Check

READYING = (CreateEnvironment, AwaitEnvironment, HoldHealth, SmokeCandidate)
"""The steps from an environment's creation to its smoke test."""
