"""What a run can do, as data. A plan is a tuple of these; `execute` is the one place that acts on them. A new step is a
class in `mutations` or `looks`, and a member of the union there: the type checker then names what must know it.
"""

from typing import TypeAlias

from ebcd.release.steps.looks import (
    AwaitDrain,
    AwaitEnvironment,
    AwaitTermination,
    AwaitVersion,
    Bake,
    HoldHealth,
    Look,
    MeasureLive,
    ProbeTenants,
    ProveLive,
    SmokeCandidate,
)
from ebcd.release.steps.mutations import (
    CreateApplication,
    CreateBucket,
    CreateEnvironment,
    CreateVersion,
    DeleteBundle,
    DeleteSavedConfiguration,
    DeleteVersion,
    MatchCapacity,
    Mutation,
    SaveConfiguration,
    ScaleDown,
    SetMinimum,
    SwapCnames,
    TerminateEnvironment,
    UpdateOptions,
    UpdateVersion,
    UploadBundle,
)

Step: TypeAlias = Mutation | Look

READYING = (CreateEnvironment, AwaitEnvironment, HoldHealth, SmokeCandidate)
"""The steps from an environment's creation to its smoke test."""

__all__ = [
    "READYING",
    "AwaitDrain",
    "AwaitEnvironment",
    "AwaitTermination",
    "AwaitVersion",
    "Bake",
    "CreateApplication",
    "CreateBucket",
    "CreateEnvironment",
    "CreateVersion",
    "DeleteBundle",
    "DeleteSavedConfiguration",
    "DeleteVersion",
    "HoldHealth",
    "Look",
    "MatchCapacity",
    "MeasureLive",
    "Mutation",
    "ProbeTenants",
    "ProveLive",
    "SaveConfiguration",
    "ScaleDown",
    "SetMinimum",
    "SmokeCandidate",
    "Step",
    "SwapCnames",
    "TerminateEnvironment",
    "UpdateOptions",
    "UpdateVersion",
    "UploadBundle",
]
