"""A stage's first release: its environment is created with the live CNAME. There is nothing to swap and no way back."""

from __future__ import annotations

from ebcd.errors import Refused
from ebcd.model import OptionSetting
from ebcd.release.plan import gates
from ebcd.release.plan.environment import create, environment_options
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.retirement import failed_candidates
from ebcd.release.plan.steps import Step
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, default_cname


def begin(snapshot: Snapshot, release: ReleaseRecord, bundled: tuple[OptionSetting, ...]) -> Plan:
    """Nothing is live: create the environment. Raises Refused where it stands and cannot take the CNAME."""
    stage, existing = snapshot.stage, snapshot.environment(release.environment)
    if existing is not None:
        raise Refused(
            f"Nothing holds the live CNAME of the stage {stage.name}, and {existing.name} cannot take it.",
            why="An environment gets a CNAME when it is created or by a swap, and there is nothing to swap with.",
            hint=f"Terminate {existing.name}, then ship again.",
            code="no-live",
        )
    created = create(stage, release, environment_options(stage, bundled, None), first=True)
    cleared = failed_candidates(snapshot, keep={release.environment})
    return Plan(snapshot, release, None, (*cleared, created, *_shown(snapshot, release, default_cname(stage))))


def finish(snapshot: Snapshot, release: ReleaseRecord) -> Plan:
    """Its environment holds the live CNAME already, and the release did not end."""
    live = snapshot.live
    assert live is not None
    return Plan(snapshot, release, live, _shown(snapshot, release, live.cname))


def _shown(snapshot: Snapshot, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    stage = snapshot.stage
    return (*gates.candidate_gates(stage, release, cname), *gates.prove(stage, release, cname))
