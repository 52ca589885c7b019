"""`preview`: a branch's own environment, brought up and taken down. All of it under the preview's own lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from ebcd.errors import Refused
from ebcd.model import Stage
from ebcd.release.commands import ship as shipping
from ebcd.release.commands import transaction
from ebcd.release.commands.ship import ShipOptions
from ebcd.release.execute.busy import BUSY_PATIENCE
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.environments import stays
from ebcd.release.execute.executor import Executor
from ebcd.release.plan.steps import AwaitTermination, Step, TerminateEnvironment
from ebcd.release.state.names import standing_name
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, leaving, live_cnames
from ebcd.release.store.previews import Preview, Previews


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """The preview that is to be there."""

    branch: str
    base: str
    """The stage that it is made like."""
    ttl: float
    """Seconds that it is to live from now on."""


def plan(run: Run, services: Services, wanted: PreviewRequest, options: ShipOptions) -> None:
    """What `up` would do, as planned results. Changes nothing."""
    _begin(run, services, wanted)
    shipping.plan(run, services, options)
    if run.after is not None:
        refuse_holder(run.after)


def up(run: Run, services: Services, wanted: PreviewRequest, options: ShipOptions) -> None:
    """Ship the run's bundle to the preview. That it is one, and how long it lives, is recorded under the lock, before
    there is an environment: whatever kills the run, nothing stands that never expires.
    """
    kept = _begin(run, services, wanted)
    _await_room(run, services)

    def on_start(snapshot: Snapshot, release: ReleaseRecord) -> None:
        refuse_holder(snapshot)
        known = kept.read(run.stage.name)
        refuse_another(run.stage, wanted, known)
        run.preview = kept.keep(_preview(run.stage, services, wanted, release, known))

    up = replace(run.stage.flags, stage=wanted.base).of("preview", "up", "--branch", wanted.branch)
    again = replace(services, remedy=f"correct the cause, commit and bring it up again: {up}")
    shipping.ship(run, again, replace(options, on_start=on_start))


def down(run: Run, services: Services, declared: Iterable[Stage], *, planned: bool, wait: float) -> None:
    """Terminate the environment of the run's stage, and forget the preview; nothing where neither is there.

    declared: the stages of ebcd.toml: what holds the CNAME of one of them stays.
    """
    kept, others = Previews(services.storage, run.stage.application, services.flags), tuple(declared)
    snapshot = _observe(run, services, kept)
    steps = takedown(snapshot, run.preview, others)
    if planned or (run.preview is None and not steps):
        transaction.planned(run, snapshot, steps)
        return
    with transaction.locked(run, services, "preview down", wait=wait) as lease:
        snapshot = _observe(run, services, kept)
        transaction.performed(run, services, lease, snapshot, takedown(snapshot, run.preview, others))
        lease.assert_ours()
        if run.preview is not None:
            kept.forget(run.preview)


def takedown(snapshot: Snapshot, preview: Preview | None, declared: Iterable[Stage] = ()) -> tuple[Step, ...]:
    """The steps that take a preview's environment away; none where it is gone or going. Pure.

    Raises Refused for any environment that is not surely the preview's own and nothing else: no record says so, or it
    holds another CNAME than its own, or one that a declared stage has.
    """
    stage = snapshot.stage
    found = snapshot.environment(standing_name(stage.application, stage.name))
    if found is None:
        return ()
    if preview is None or preview.environment != found.name:
        raise stays(stage.reach, found, "No record says that it is a preview's.")
    if found.cname not in live_cnames(preview.cname, stage.region, stage.local_domain):
        raise stays(stage.reach, found, f"It holds {found.cname} and not its own CNAME: somebody swapped it.")
    for other in declared:
        if other.cname and found.cname in live_cnames(other.cname, stage.region, stage.local_domain):
            why = f"It holds {found.cname}, which is the live CNAME of the stage {other.name}."
            raise stays(stage.reach, found, why)
    reason = f"it is the preview of {preview.branch}" + (", which has expired" if preview.expired else "")
    return (
        TerminateEnvironment(found.name, found.id, reason, holds=found.cname, patience=BUSY_PATIENCE),
        AwaitTermination(found.name, found.id),
    )


def refuse_another(stage: Stage, wanted: PreviewRequest, known: Preview | None) -> None:
    """Raises Refused where the preview of that name is another branch's, or made like a stage of another CNAME."""
    if known is None or (known.branch, known.cname) == (wanted.branch, stage.cname):
        return
    base = replace(stage.flags, stage=known.base)
    whose = f"of the branch {known.branch}" if known.branch != wanted.branch else f"made like the stage {known.base}"
    raise Refused(
        f"There is a preview {stage.name} already, {whose}.",
        why=f"{known.by} brought it up at {known.cname}; this one would be that of {wanted.branch}, made like "
        f"{wanted.base}, at {stage.cname}.",
        hint=f"Give yours another name: --branch NAME; or end the other: {base.of('preview', 'down', known.branch)}",
        code="another-preview",
    )


def refuse_holder(snapshot: Snapshot) -> None:
    """Raises Refused where what holds the preview's CNAME is not an environment that ebcd made for it."""
    stage, live = snapshot.stage, snapshot.live
    if live is None or (live.name == standing_name(stage.application, stage.name) and snapshot.record_of(live)):
        return
    raise Refused(
        f"{live.name} holds the CNAME {live.cname}.",
        why=f"It is not the environment of {stage.name}, so nothing is deployed on it.",
        hint="Give the branch another name here: --branch NAME",
        code="cname-taken",
    )


def _begin(run: Run, services: Services, wanted: PreviewRequest) -> Previews:
    """Look at the application's previews: is the name free, and which ones have expired?"""
    kept = Previews(services.storage, run.stage.application, services.flags)
    known = {item.stage: item for item in kept.all()}
    refuse_another(run.stage, wanted, known.pop(run.stage.name, None))
    run.expired = tuple(item for item in known.values() if item.expired)
    return kept


def _await_room(run: Run, services: Services) -> None:
    """Wait until an environment that was taken down just now has gone: its name and its CNAME are needed again."""
    name = standing_name(run.stage.application, run.stage.name)
    found = services.beanstalk.environment(run.stage.application, name)
    if found is not None and leaving(found):
        Executor(run, services, run.stage).execute([AwaitTermination(name, found.id, gone=True)])


def _preview(
    stage: Stage, services: Services, wanted: PreviewRequest, release: ReleaseRecord, known: Preview | None
) -> Preview:
    now = services.clock.now()
    return Preview(
        stage=stage.name,
        branch=wanted.branch,
        base=wanted.base,
        environment=standing_name(stage.application, stage.name),
        cname=stage.cname,
        release=release.release,
        version_label=release.version_label,
        sha=release.sha,
        by=services.caller.user,
        since=known.since if known else now,
        expires=now + timedelta(seconds=wanted.ttl),
        ttl=wanted.ttl,
        etag=known.etag if known else "",
    )


def _observe(run: Run, services: Services, kept: Previews) -> Snapshot:
    """What is there of the preview: its record, which is kept in the run, and its environment."""
    run.preview = kept.read(run.stage.name)
    run.after = transaction.observed(run, services)
    return run.after
