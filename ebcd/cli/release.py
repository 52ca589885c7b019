"""`ship`, `swap`, `publish`, `retire`, `prune`: the commands that change something."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.completion import releases
from ebcd.cli.durations import seconds
from ebcd.cli.options import Common, shared
from ebcd.cli.output import console, tell, tell_diagnosis
from ebcd.cli.signals import interruptible
from ebcd.errors import EbcdError, UsageError
from ebcd.report.envelope import Json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ebcd.bundle import Repository
    from ebcd.cli.session import Session
    from ebcd.model import Stage
    from ebcd.release.execute.context import Run

WARNINGS = 5
"""Warnings about a bundle that are shown; `check` shows them all."""
Message = Annotated[str, typer.Option("--message", "-m", help="Why, for the record.")]
Why = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Rev = Annotated[str, typer.Argument(help="A commit, tag or branch.")]
Dirty = Annotated[bool, typer.Option("--allow-dirty", help="Ship the work tree as it is; the label says so.")]
Planned = Annotated[bool, typer.Option("--plan", help="Show the steps and change nothing.")]
NoSwap = Annotated[bool, typer.Option("--no-swap", help="Prove the candidate and let it wait.")]
Timeout = Annotated[str | None, typer.Option(metavar="DURATION", help="How long one wait may take.")]
WaitLock = Annotated[
    str | None, typer.Option("--wait-lock", metavar="DURATION", help="Wait that long for the stage's lock.")
]


@shared
def ship(
    common: Common,
    rev: Rev = "HEAD",
    plan: Planned = False,
    no_swap: NoSwap = False,
    message: Message = "",
    wait_lock: WaitLock = None,
    timeout: Timeout = None,
    allow_dirty: Dirty = False,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="Give up settings that somebody changed on live.")
    ] = False,
) -> None:
    """Bring a commit live: bundle, environment, proofs, swap, bake."""
    from ebcd.release.commands import ship as shipping
    from ebcd.report import text

    limit = seconds(timeout, positive=True)
    options = shipping.ShipOptions(not no_swap, message, seconds(wait_lock) or 0.0, accept_drift, limit)

    def work(session: Session, run: Run) -> None:
        _refuse_preview(session.stage)
        require_variables(session)
        _tell_console(common, session)
        with bundled(session, run, rev, allow_dirty):
            _require_cname(session)
            (shipping.plan if plan else shipping.ship)(run, session.services, options)

    perform(common, "ship", work, text.plan if plan else text.shipped, notifies=True)


@shared
def publish(common: Common, rev: Rev = "HEAD", allow_dirty: Dirty = False) -> None:
    """Make a commit an application version, and stop there."""
    from ebcd.release.commands import publish as publishing
    from ebcd.report import text

    def work(session: Session, run: Run) -> None:
        with bundled(session, run, rev, allow_dirty):
            publishing.publish(run, session.services)

    perform(common, "publish", work, text.published)


@shared
def swap(
    common: Common,
    to: Annotated[
        str, typer.Option("--to", metavar="rN", autocompletion=releases, help="The release to bring live.")
    ] = "",
    rollback: Annotated[bool, typer.Option("--rollback", help="Return to the release before.")] = False,
    plan: Planned = False,
    reason: Why = "",
    hold: Annotated[bool, typer.Option("--hold", help="After a rollback: let the stage refuse ships.")] = False,
    wait_lock: WaitLock = None,
) -> None:
    """Bring a waiting candidate live, or go back."""
    if to and rollback:
        raise UsageError(
            "--to and --rollback exclude each other.",
            why="A rollback knows where it goes.",
            hint="Leave one of them out.",
            code="usage",
        )
    if hold and not rollback:
        raise UsageError(
            "--hold goes with --rollback.",
            why="It keeps what was rolled back from being shipped again.",
            hint="Add --rollback. Without it, `hold` keeps ships off.",
            code="usage",
        )
    _swap(common, to, rollback=rollback, plan=plan, reason=reason, hold=hold, wait_lock=wait_lock)


def _swap(
    common: Common, to: str, *, rollback: bool, plan: bool, reason: str, hold: bool, wait_lock: str | None
) -> None:
    from ebcd.release.commands import swap as swapping
    from ebcd.report import text

    options = swapping.SwapOptions(to, rollback, reason, seconds(wait_lock), hold)

    def work(session: Session, run: Run) -> None:
        if not rollback:
            require_variables(session)
        (swapping.plan if plan else swapping.swap)(run, session.services, options)

    perform(common, "swap", work, text.plan if plan else text.swapped, notifies=True)


@shared
def rollback(
    common: Common,
    plan: Planned = False,
    reason: Why = "",
    hold: Annotated[bool, typer.Option("--hold", help="Let the stage refuse ships afterwards.")] = False,
    wait_lock: WaitLock = None,
) -> None:
    """Return to the release before: swap --rollback."""
    _swap(common, "", rollback=True, plan=plan, reason=reason, hold=hold, wait_lock=wait_lock)


@shared
def retire(
    common: Common,
    plan: Planned = False,
    force: Annotated[bool, typer.Option("--force", help="Also those that still get requests.")] = False,
) -> None:
    """Terminate environments that have drained."""
    from ebcd.release.commands import retire as retirement
    from ebcd.report import text

    def work(session: Session, run: Run) -> None:
        retirement.retire(run, session.services, planned=plan, force=force)

    perform(common, "retire", work, text.retired)


@shared
def prune(
    common: Common,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest versions stay, whatever needs them.")] = 20,
    plan: Planned = False,
) -> None:
    """Delete application versions and bundles that nothing needs."""
    from ebcd.release.commands import prune as pruning
    from ebcd.report import text

    def work(session: Session, run: Run) -> None:
        pruning.prune(run, session.services, keep=keep, planned=plan)

    perform(common, "prune", work, text.pruned)


@contextmanager
def bundled(session: Session, run: Run, rev: str, allow_dirty: bool) -> Iterator[None]:
    """A block in which the run has the revision's bundle."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="ebcd-") as folder:
        _bundle_into(session, run, rev, allow_dirty, Path(folder))
        yield


def _bundle_into(session: Session, run: Run, rev: str, allow_dirty: bool, folder: Path) -> None:
    from functools import partial

    from ebcd import words
    from ebcd.cli.source import checked_bundle
    from ebcd.release.execute.context import Status

    session.services.progress.begin(f"bundle {rev}")
    start = time.monotonic()
    try:
        checked = checked_bundle(
            session.configuration,
            session.stage,
            rev,
            allow_dirty=allow_dirty,
            folder=folder,
            live=partial(_live_paths, session),
            transferred=session.services.progress.transferred,
        )
    except EbcdError as error:
        session.services.progress.end(f"bundle {rev}", Status.FAILED, time.monotonic() - start, error.what)
        raise
    run.bundle, run.warnings = checked.bundle, checked.warnings
    size = f"{words.count(run.bundle.entries, 'file')}, {run.bundle.size:,} bytes"
    done = f"bundle {run.bundle.version_label}"
    session.services.progress.end(done, Status.DONE, time.monotonic() - start, size)
    _warn(session, run, rev)


def _warn(session: Session, run: Run, rev: str) -> None:
    """Show what `check` finds in the bundle that does not stop a release, shortly."""
    from ebcd.report.text import place

    for item in run.warnings[:WARNINGS]:
        session.services.progress.note(f"! {place(item.path, item.line)}  {item.message} ({item.code})")
    if len(run.warnings) > WARNINGS:
        every = session.flags.of("check", rev)
        session.services.progress.note(f"! {len(run.warnings) - WARNINGS} more: {every}")


def _live_paths(session: Session, repository: Repository, bundled: frozenset[str]) -> frozenset[str] | None:
    """The paths of live's files; all of the bundle's where nothing is live, None where live's commit is not known."""
    from ebcd.cli.inspect import observed
    from ebcd.cli.source import paths_of

    snapshot = observed(session)
    if snapshot.live is None:
        return bundled
    record = snapshot.record_of(snapshot.live)
    try:
        return paths_of(repository, record.sha) if record else None
    except UsageError:
        told = "The commit that is live is not in this clone: all migrations count, not the new ones."
        session.services.progress.note(told)
        return None


def _tell_console(common: Common, session: Session) -> None:
    """Say where the local Beanstalk shows what becomes of the release: to a person, and in a log once it is started."""
    if session.services.live_address and (session.started or console(common, stderr=True).is_terminal):
        session.services.progress.note(f"Watch it at http://{session.services.live_address}/")


def _refuse_preview(stage: Stage) -> None:
    """Raises UsageError for a preview: what `ship` brought up would never expire."""
    from ebcd.config.select import is_preview

    if stage.named_only and is_preview(stage.name):
        raise UsageError(
            f"The stage {stage.name} is a preview, or would be one.",
            why="ebcd.toml declares no such stage, and what ship brought up there would never expire.",
            hint="Bring a preview up, or up to date, with `preview up`.",
            code="preview",
        )


def _require_cname(session: Session) -> None:
    """Raises UsageError where nothing tells the stage's live CNAME: neither ebcd.toml nor a release's record."""
    from ebcd.cli.inspect import observed

    if session.stage.named_only and not observed(session).releases:
        raise UsageError(
            f"What users of the stage {session.stage.name} reach is not known.",
            why="No ebcd.toml declares the stage, and it has no release whose record tells its CNAME.",
            hint="ebcd init writes an ebcd.toml; --config names one that is elsewhere.",
            code="undeclared-stage",
        )


def require_variables(session: Session) -> None:
    """Raises UsageError where the stage needs a variable that is not set: before anything is done."""
    from ebcd.release.commands.notify import require_urls
    from ebcd.release.execute.tenants import require_token

    require_token(session.services, session.stage)
    require_urls(session.stage, session.services.variables)


def perform(
    common: Common,
    command: str,
    work: Callable[[Session, Run], None],
    show: Callable[[Json], RenderableType],
    *,
    notifies: bool = False,
    session: Session | None = None,
) -> None:
    """Run a command on a stage and tell its result, whether it ended well or not. notifies: tell `notify.urls`, too.

    session: where it is not that of the stage which the options name.
    """
    from ebcd.cli.inspect import note_doubts
    from ebcd.cli.session import open_session
    from ebcd.report import result, text
    from ebcd.report.headline import left_to_do

    session = session or open_session(common, interruptible())
    run, failure = session.run(command), None
    try:
        work(session, run)
    except EbcdError as error:
        failure = error
    if run.after is not None:
        note_doubts(session, run.after)
    told = result.of_run(run, session.services, failure, time.monotonic() - run.started)
    tell(common, told, show)
    if "diagnosis" in told and not common.json:
        tell_diagnosis(common, text.diagnosis(told["diagnosis"], session.services.progress.noted))
    if notifies and session.stage.notify.urls:
        _notify(session, told)
    if failure is not None:
        for left, does in left_to_do(told):
            failure.add_note(f"Left to do: {left} {does}")
        failure.told = True
        raise failure


def _notify(session: Session, told: Json) -> None:
    """Post how the run ended. Who could not be told is told here, and nothing fails because of it."""
    from ebcd.release.commands.notify import notify
    from ebcd.report.notice import notice

    services = session.services
    message = notice(told, services.caller.user, services.caller.run_url)
    if message:
        for failure in notify(session.stage, services.variables, message):
            services.progress.note(f"Nobody was told at {failure}.")
