"""From a version to a live release: what `ship` and `patch` have in common. The lock is taken, what is there observed,
what is missing planned and done, and the outcome recorded, whatever it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from ebcd.model import Environment, OptionSetting, SourceBundle, Stage
from ebcd.release.commands import transaction
from ebcd.release.commands.ending import ending_of
from ebcd.release.execute import preflight
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.promotion import record_swap
from ebcd.release.plan.capacity import sizes
from ebcd.release.plan.plan import Plan, platform_change, settings_digest
from ebcd.release.plan.preflight import Intent, findings, refuse, taken_cname
from ebcd.release.plan.steps import Step
from ebcd.release.plan.strategies import environment_of, plan_ship, resumable
from ebcd.release.state.reconciliation import reconciled
from ebcd.release.state.release import Outcome, ReleaseRecord, verification
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.observe import observe, with_saved, with_settings


@dataclass(frozen=True, slots=True)
class ShipOptions:
    """What the caller chose."""

    swap: bool = True
    message: str = ""
    wait_lock: float = 0.0
    """Seconds to wait for the lock."""
    accept_drift: bool = False
    """Whether settings that somebody changed on live are given up."""
    timeout: float | None = None
    """Seconds that one wait of this run may take; None: the stage's own."""
    tells_platform: bool = True
    """Whether a platform version is told of that is out since the release."""
    on_start: Callable[[Snapshot, ReleaseRecord], None] | None = None
    """Told under the lock what is there and which release it is, before the stage is changed: it may refuse, and write
    down what must be there first.
    """


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be released: a version, and where it is to run."""

    version_label: str
    sha: str
    tree: str
    content_digest: str
    message: str
    """What its record says where the caller gave no message."""
    options: tuple[OptionSetting, ...] = ()
    """What its bundle's .ebextensions set."""
    platform_arn: str = ""
    """The platform version; empty: the one that the stage's platform means now."""

    @classmethod
    def of_bundle(cls, bundle: SourceBundle) -> Subject:
        """A bundle that is at hand."""
        commit = bundle.commit
        return cls(bundle.version_label, commit.sha, commit.tree, bundle.content_digest, commit.subject, bundle.options)


Choose: TypeAlias = Callable[[Snapshot], Subject | None]
"""What is to be released, from what is there; None where nothing is to be done, which the run then tells."""
Publication: TypeAlias = Callable[[], tuple[Step, ...]]
"""The steps that make the subject an application version. It may refuse."""


def plan(run: Run, services: Services, options: ShipOptions, choose: Choose, publication: Publication) -> None:
    """What a delivery would do, as planned results. Changes nothing."""
    services.hold.refuse()
    snapshot = transaction.observed(run, services)
    subject = choose(snapshot)
    steps: tuple[Step, ...] = ()
    if subject is not None:
        prepared = _prepare(run, services, snapshot, subject, options)
        steps = (*publication(), *prepared.steps)
    transaction.planned(run, snapshot, steps)


def deliver(
    run: Run, services: Services, options: ShipOptions, choose: Choose, publication: Publication, *, message: str
) -> None:
    """Release what is chosen. Raises any EbcdError; what was done is in the run, and recorded.

    message: what the lock tells others of this run.
    """
    with transaction.locked(run, services, message, wait=options.wait_lock, preemptible=True) as lease:
        services.hold.refuse()
        snapshot = record_swap(services.ledger, transaction.observed(run, services))
        run.records = {record.release: record for record in snapshot.releases}
        subject = choose(snapshot)
        prepared = _prepare(run, services, snapshot, subject, options) if subject else None
        if options.on_start:
            options.on_start(snapshot, run.records[run.release_name])
        if subject is None or prepared is None:
            return
        steps = publication()  # it may be refused, and then no number is taken
        release = _allocate(run, services, prepared)
        _reconcile(run, services, snapshot)
        transaction.release(
            run,
            services,
            lease,
            plan_ship(prepared.snapshot, release, swap=options.swap, bundled=subject.options),
            partial(_plan_again, run, services, subject, options),
            ending_of(run, services),
            publication=steps,
            watch_live=True,
        )


def _prepare(run: Run, services: Services, snapshot: Snapshot, subject: Subject, options: ShipOptions) -> Plan:
    """The plan of the subject's release."""
    snapshot = replace(snapshot, dns_ttl=services.timing.dns_ttl)
    stage = snapshot.stage
    services.hidden.learn((*stage.options, *subject.options))
    taken_up = resumable(snapshot, subject.version_label, settings_digest(stage), subject.platform_arn)
    release = taken_up or _new_release(services, snapshot, subject, options)
    if stage.cname and snapshot.live is None and snapshot.environment(release.environment) is None:
        _refuse_taken_cname(services, stage)
    if snapshot.live is not None:
        snapshot = _with_facts(run, services, snapshot, snapshot.live, release, options)
    prepared = plan_ship(_hurried(snapshot, options), release, swap=options.swap, bundled=subject.options)
    run.records[prepared.release.release] = prepared.release
    run.release_name = prepared.release.release
    run.platform_change = platform_change(prepared)
    return prepared


def _hurried(snapshot: Snapshot, options: ShipOptions) -> Snapshot:
    """With the caller's limit of a wait, which is this run's and not the release's."""
    if options.timeout is None:
        return snapshot
    return replace(snapshot, stage=replace(snapshot.stage, timeout=options.timeout))


def _plan_again(run: Run, services: Services, subject: Subject, options: ShipOptions) -> Plan:
    """The plan of a release that is under way, from what is there by now."""
    snapshot = observe(run.stage, services.beanstalk, services.ledger, services.clock.now())
    snapshot = replace(_hurried(snapshot, options), dns_ttl=services.timing.dns_ttl)
    release, live = run.records[run.release_name], snapshot.live
    for name in filter(None, (live.name if live else "", release.environment)):
        snapshot = with_settings(snapshot, services.beanstalk, name)
    prepared = plan_ship(
        replace(snapshot, live_instances=run.live_instances), release, swap=options.swap, bundled=subject.options
    )
    run.records[release.release] = services.ledger.update(prepared.release)
    return prepared


def _with_facts(
    run: Run, services: Services, snapshot: Snapshot, live: Environment, release: ReleaseRecord, options: ShipOptions
) -> Snapshot:
    """With what a plan must know of live, and of a standing environment that the release gets. Raises Refused."""
    facts = preflight.read_facts(services, live, release.platform_arn)
    current_release = snapshot.record_of(live)
    if current_release is None or current_release.number != release.number:
        creates = snapshot.environment(release.environment) is None
        intent = Intent(snapshot.stage, snapshot.taken, current_release, creates, options.accept_drift)
        run.findings = findings(facts, intent)
        refuse(run.findings)
        for item in run.findings:
            services.progress.note(f"{item.severity}: {item.what} {item.why} → {item.hint}")
    snapshot = replace(snapshot, live_instances=facts.instances, settings={live.name: facts.settings})
    if live.name != release.environment:
        return with_settings(snapshot, services.beanstalk, release.environment)
    return with_saved(snapshot, services.beanstalk)


def _new_release(services: Services, snapshot: Snapshot, subject: Subject, options: ShipOptions) -> ReleaseRecord:
    stage = snapshot.stage
    number = snapshot.next_number
    return ReleaseRecord(
        number=number,
        application=stage.application,
        stage=stage.name,
        region=stage.region,
        cname=stage.cname,
        version_label=subject.version_label,
        sha=subject.sha,
        tree=subject.tree,
        content_digest=subject.content_digest,
        settings_digest=settings_digest(stage),
        platform_arn=subject.platform_arn or preflight.platform_arn(services, stage),
        environment=environment_of(snapshot, number),
        outcome=Outcome.RUNNING,
        verification=verification(stage),
        minimum=sizes((*subject.options, *stage.options), 0)[0],
        since=services.clock.now(),
        by=services.caller.user,
        host=services.caller.host,
        run_url=services.caller.run_url,
        message=options.message or subject.message,
    )


def _refuse_taken_cname(services: Services, stage: Stage) -> None:
    if not services.beanstalk.cname_available(stage.cname):
        refuse((taken_cname(stage),))


def _allocate(run: Run, services: Services, prepared: Plan) -> ReleaseRecord:
    """Store the release's record: a new number for a new one, over its earlier state for one taken up again."""
    record = replace(prepared.release, outcome=Outcome.RUNNING, reason="")
    run.records.pop(record.release, None)

    def named(number: int) -> str:
        return environment_of(prepared.snapshot, number)

    stored = services.ledger.update(record) if record.etag else services.ledger.allocate(record, named)
    run.records[stored.release] = stored
    run.release_name = stored.release
    return stored


def _reconcile(run: Run, services: Services, snapshot: Snapshot) -> None:
    """Write down how the releases ended whose runs died: the lock is ours, so no other run is at work."""
    for record in snapshot.releases:
        ended = reconciled(record, snapshot)
        if record.release != run.release_name and ended != record:
            run.records[record.release] = services.ledger.update(ended)
