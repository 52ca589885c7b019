"""What a plan is, and which release it is for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from ebcd.model import Environment, Stage
from ebcd.release.plan.steps import CreateEnvironment, Step, UpdateOptions, UpdateVersion
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in order."""

    snapshot: Snapshot
    """What it was made from."""
    release: ReleaseRecord
    """The release that it is for, with its number and environment."""
    live: Environment | None
    """What is live before."""
    steps: tuple[Step, ...]
    """Empty: there is nothing to do."""
    rollback_steps: tuple[Step, ...] = ()
    """What returns to the earlier release when the new one is live and does not hold what it promised."""
    revert_steps: tuple[Step, ...] = ()
    """What restores live when a step fails before that: only where the steps change live's own environment."""
    waits: bool = False
    """The release is proven and left to wait for its swap."""

    @property
    def updates_live(self) -> bool:
        """Whether the steps change live's own environment."""
        return any(isinstance(step, UpdateVersion) and step.live for step in self.steps)


def platform_change(plan: Plan) -> tuple[str, str] | None:
    """The ARNs of the platform versions that live has, and gets by the plan; None where it stays, or is not known."""
    before, after = (plan.live.platform_arn if plan.live else ""), ""
    target = plan.snapshot.environment(plan.release.environment)
    if plan.steps and target is not None:
        after = target.platform_arn
    for step in plan.steps:
        after = _platform_of(step) or after
    return (before, after) if "" not in (before, after) and before != after else None


def _platform_of(step: Step) -> str:
    """The platform version that a step brings an environment to; empty where it brings none."""
    changed = step.settings if isinstance(step, UpdateVersion) else step
    if isinstance(changed, CreateEnvironment):
        return "" if changed.settings_of else changed.platform_arn
    return changed.platform_arn if isinstance(changed, UpdateOptions) else ""


def settings_digest(stage: Stage) -> str:
    """SHA-256, hexadecimal, over the platform and every option setting of a stage. Only options that have a resource
    bring it in: the others' digest is that of earlier versions of ebcd.
    """
    named = ([item.namespace, item.name, item.value, item.resource] for item in sorted(stage.options))
    settings = [stage.platform, *(item if item[-1] else item[:-1] for item in named)]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def already_live(snapshot: Snapshot, label: str, settings: str) -> ReleaseRecord | None:
    """Live's release when it is of that version and those settings and ended well."""
    live = snapshot.live
    record = snapshot.record_of(live)
    if live is None or record is None or record.outcome is not Outcome.LIVE or live.version_label != label:
        return None
    return record if (record.version_label, record.settings_digest) == (label, settings) else None


def leaving_from(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> ReleaseRecord:
    """The release with what it takes the live CNAME from."""
    before = snapshot.record_of(live)
    return replace(
        release,
        from_environment=live.name,
        from_release=before.release if before else "",
        from_version=live.version_label,
    )
