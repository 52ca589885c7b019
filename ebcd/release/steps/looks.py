"""Steps that wait, ask and judge, and change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class AwaitVersion:
    """Wait until the application version is processed."""

    label: str

    def __str__(self) -> str:
        return f"wait until {self.label} is processed"


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


@dataclass(frozen=True, slots=True)
class AwaitDrain:
    """Wait until no client can have an old DNS answer that leads to an environment."""

    environment: str
    seconds: float

    def __str__(self) -> str:
        return f"wait {self.seconds:.0f} s until clients have left {self.environment}"


@dataclass(frozen=True, slots=True)
class MeasureLive:
    """Measure what live's users get before another release takes its place."""

    environment: str

    def __str__(self) -> str:
        return f"measure what the users of {self.environment} get"


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


@dataclass(frozen=True, slots=True)
class AwaitTermination:
    """See an environment on its way out."""

    environment: str
    environment_id: str
    gone: bool = False
    """Whether it must have gone: then its name and its CNAME are free."""

    def __str__(self) -> str:
        return f"wait until {self.environment} is gone" if self.gone else f"see {self.environment} terminating"


Look: TypeAlias = (
    AwaitVersion
    | AwaitEnvironment
    | HoldHealth
    | SmokeCandidate
    | ProbeTenants
    | AwaitDrain
    | MeasureLive
    | ProveLive
    | Bake
    | AwaitTermination
)
