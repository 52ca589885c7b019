"""`ship`: from a source bundle to a live release."""

from __future__ import annotations

from functools import partial

from ebcd.errors import AwsRefused, Refused
from ebcd.model import Environment, Family, Stage, Target
from ebcd.model.platforms import family_of
from ebcd.release.commands import delivery
from ebcd.release.commands.delivery import ShipOptions, Subject
from ebcd.release.commands.publish import ensure_bucket, plan_publication
from ebcd.release.execute import preflight
from ebcd.release.execute.context import PlatformNews, Run, Services
from ebcd.release.execute.executor import Executor
from ebcd.release.plan.plan import already_live, settings_digest
from ebcd.release.plan.preflight import refuse, unknown_platform
from ebcd.release.plan.steps import Step
from ebcd.release.state.snapshot import Snapshot, taken_back

__all__ = ["ShipOptions", "plan", "ship"]


def plan(run: Run, services: Services, options: ShipOptions) -> None:
    """What `ship` would do, as planned results. Changes nothing."""
    _refuse_unrunnable(run.stage)

    def publication() -> tuple[Step, ...]:
        return (*ensure_bucket(services), *plan_publication(run, services))

    delivery.plan(run, services, options, partial(_subject, run, services, options), publication)


def ship(run: Run, services: Services, options: ShipOptions) -> None:
    """Release the run's bundle. Raises any EbcdError; what was done is in the run, and recorded."""
    _refuse_unrunnable(run.stage)
    Executor(run, services, run.stage).execute(ensure_bucket(services))
    message = f"ship {run.given_bundle.version_label}"
    publication = partial(plan_publication, run, services)
    delivery.deliver(run, services, options, partial(_subject, run, services, options), publication, message=message)


def _refuse_unrunnable(stage: Stage) -> None:
    """Raises Refused for a platform that the local Beanstalk has not, before anything is made there."""
    if stage.target is Target.LOCAL and family_of(stage.platform) not in (Family.PYTHON, Family.OTHER):
        refuse((unknown_platform(stage),))


def _subject(run: Run, services: Services, options: ShipOptions, snapshot: Snapshot) -> Subject | None:
    """The run's bundle; None where it is live already with the stage's settings, on whichever platform version."""
    bundle = run.given_bundle
    done = already_live(snapshot, bundle.version_label, settings_digest(snapshot.stage))
    if done is None:
        return Subject.of_bundle(bundle)
    run.release_name = done.release
    run.note = f"{done.release} is live with this version and these settings already."
    if options.tells_platform and snapshot.live is not None:
        _tell_platform(run, services, snapshot, snapshot.live)
    return None


def _tell_platform(run: Run, services: Services, snapshot: Snapshot, live: Environment) -> None:
    """Say which platform version is out since the release; nothing where that cannot be read."""
    try:
        newest = preflight.platform_arn(services, snapshot.stage)
    except (AwsRefused, Refused):
        return
    before = taken_back(snapshot, live.version_label, newest)
    run.platform = PlatformNews(live.platform_arn, newest, before.release if before else "")
    if run.platform.out:
        out = run.platform.out[:1].upper() + run.platform.out[1:]
        run.note += f" {out} is out: {run.platform.patch(services.flags)}"
