"""What a release must show, before it is live and after: the gates, as steps."""

from __future__ import annotations

from ebcd.model import Stage
from ebcd.release.journal import ReleaseRecord
from ebcd.release.steps import AwaitEnvironment, Bake, HoldHealth, ProbeTenants, ProveLive, SmokeCandidate, Step

PROMOTION_PATIENCE = 60.0
"""Seconds that a standing environment has to show accepted health: whoever rolls back is waiting."""


def gates(stage: Stage, release: ReleaseRecord, cname: str, *, created: bool = True) -> tuple[Step, ...]:
    """What the release's environment must show. cname: the live CNAME, whole.

    created: it was created for the release, so that all of its events count.
    """
    return (
        AwaitEnvironment(release.environment, release.version_label, events=created),
        HoldHealth(release.environment, stage.accept, stage.stable, stage.timeout),
        smoke(stage, release, cname),
        *tenants(stage, release, cname),
    )


def standing(
    stage: Stage, release: ReleaseRecord, cname: str, *, patience: float, events: bool, seconds: float = 0.0
) -> tuple[Step, ...]:
    """What an environment must show that a recorded release is brought live on.

    patience: seconds that it has to become healthy. events: all of its events count. seconds: how long health holds.
    """
    return (
        AwaitEnvironment(release.environment, release.version_label, events=events),
        HoldHealth(release.environment, stage.accept, seconds, patience),
        smoke(stage, release, cname),
        *tenants(stage, release, cname),
    )


def smoke(stage: Stage, release: ReleaseRecord, cname: str) -> SmokeCandidate:
    """The smoke test at the environment's own address."""
    return SmokeCandidate(release.environment, cname, stage.smoke.path, release.version_label, release.sha)


def tenants(stage: Stage, release: ReleaseRecord, cname: str, *, live: bool = False) -> tuple[Step, ...]:
    """The tenant gate, where the stage has one."""
    return (ProbeTenants(release.environment, cname, live),) if stage.tenants else ()


def watch(stage: Stage, release: ReleaseRecord, cname: str, *, bake: bool) -> tuple[Step, ...]:
    """The proofs of a release that is live."""
    baking = (Bake(release.environment, cname, stage.bake),) if stage.bake and bake else ()
    return (prove(stage, release, cname), *tenants(stage, release, cname, live=True), *baking)


def prove(stage: Stage, release: ReleaseRecord, cname: str) -> ProveLive:
    """The proof that the release answers at the live URL."""
    path = stage.proof.path if stage.proof else stage.smoke.path
    return ProveLive(release.environment, cname, path, release.version_label, release.sha)
