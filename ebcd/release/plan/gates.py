"""What a release must show, before it is live and after: the gates, as steps."""

from __future__ import annotations

from ebcd.model import Environment, Stage, Tier
from ebcd.release.plan.steps import (
    AwaitEnvironment,
    Bake,
    HoldHealth,
    MeasureLive,
    ProbeTenants,
    ProveLive,
    SmokeCandidate,
    Step,
)
from ebcd.release.state.release import ReleaseRecord

PROMOTION_PATIENCE = 60.0
"""Seconds that a standing environment has to show accepted health: whoever rolls back is waiting."""


def candidate_gates(stage: Stage, release: ReleaseRecord, cname: str, *, created: bool = True) -> tuple[Step, ...]:
    """What the release's environment must show. cname: the live CNAME, whole.

    created: it was created for the release, so that all of its events count.
    """
    return (
        AwaitEnvironment(release.environment, release.version_label, events=created),
        HoldHealth(release.environment, stage.accept, stage.stable, stage.timeout),
        *probes(stage, release, cname),
    )


def probes(stage: Stage, release: ReleaseRecord, cname: str, address: str = "") -> tuple[Step, ...]:
    """Smoke test and tenant gate at the environment's own address, which is read where it is not known.

    A worker answers nobody's requests: its health is what there is to see.
    """
    if stage.tier is Tier.WORKER:
        return ()
    name = release.environment
    smoke = SmokeCandidate(name, cname, stage.smoke.path, release.version_label, release.sha, address)
    return (smoke, ProbeTenants(name, cname, address=address)) if stage.tenants else (smoke,)


def baseline(stage: Stage, live: Environment) -> tuple[Step, ...]:
    """What live's users get before the swap: the bake holds the release to it."""
    return (MeasureLive(live.name),) if stage.bake else ()


def watch(
    stage: Stage,
    release: ReleaseRecord,
    cname: str,
    *,
    bake: bool,
    earlier: str = "",
    seen: tuple[Step, ...] = (),
) -> tuple[Step, ...]:
    """The proofs of a release that is live. earlier: the environment that held the CNAME before, where the record of
    the release names another one. seen: what is done as soon as it is seen to be.
    """
    baking = (Bake(release.environment, cname, stage.bake),) if stage.bake and bake else ()
    tenants = (ProbeTenants(release.environment, cname, live=True),) if stage.tenants else ()
    return (*prove(stage, release, cname, earlier), *seen, *tenants, *baking)


def prove(stage: Stage, release: ReleaseRecord, cname: str, earlier: str = "") -> tuple[Step, ...]:
    """The proof that the release answers at the live URL; a worker has none. earlier: as for `watch`."""
    if stage.tier is Tier.WORKER:
        return ()
    path = stage.proof.path if stage.proof else stage.smoke.path
    earlier = earlier or release.from_environment
    earlier = earlier if earlier != release.environment else ""
    return (ProveLive(release.environment, cname, path, release.version_label, release.sha, earlier),)
