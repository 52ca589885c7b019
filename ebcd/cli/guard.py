"""`lock`, `hold`, `unhold`, `abort`, `wait`: who may change a stage, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ebcd.cli.durations import seconds
from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.signals import interruptible, looking
from ebcd.errors import OutcomeUnknown, UsageError
from ebcd.report.envelope import Json, head_of

if TYPE_CHECKING:
    from ebcd.cli.session import Session

ABORT_PATIENCE = 120.0
"""Seconds that a run has to end in order once it was asked to stop."""

Reason = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


@shared
def lock(
    common: Common,
    break_: Annotated[bool, typer.Option("--break", help="Take it from its holder.")] = False,
    reason: Reason = "",
) -> None:
    """Show who holds the stage's lock, or break it."""
    if break_:
        _require(reason, "A lock is broken for a reason.", 'Say it: --reason "its run was cancelled"')
    from dataclasses import asdict

    from ebcd.cli.session import open_session
    from ebcd.report import guard as text
    from ebcd.report import result

    session = open_session(common, interruptible() if break_ else looking())
    held = session.services.lock.break_() if break_ else session.services.lock.state()
    if break_ and held:
        _journal(session, "lock-broken", reason, asdict(held))
    tell(common, _head(session, "lock") | {"lock": result.lock(held), "broken": break_ and held is not None}, text.lock)


@shared
def hold(common: Common, reason: Reason = "") -> None:
    """Let the stage refuse every ship, until `unhold`."""
    _require(reason, "A stage is held for a reason.", 'Say it: --reason "r12 loses orders"')
    from ebcd.cli.session import open_session
    from ebcd.report import guard as text
    from ebcd.report import result

    session = open_session(common, interruptible())
    services = session.services
    services.require_bucket()
    state = services.hold.set(services.caller.user, reason, services.clock.now())
    tell(common, _head(session, "hold") | {"hold": result.hold(state)}, text.hold)


@shared
def unhold(common: Common) -> None:
    """Let ships through again."""
    from ebcd.cli.session import open_session
    from ebcd.report import guard as text
    from ebcd.report import result

    session = open_session(common, interruptible())
    state = session.services.hold.release()
    tell(common, _head(session, "unhold") | {"hold": None, "released": result.hold(state)}, text.unhold)


@shared
def abort(common: Common, reason: Reason = "") -> None:
    """Ask the run that holds the stage's lock to stop, and wait until it has."""
    from ebcd.cli.session import open_session
    from ebcd.report import guard as text
    from ebcd.report import result

    session = open_session(common, interruptible())
    services = session.services
    asked = services.lock.ask_to_stop(services.caller.user, reason or "aborted")
    if asked:
        services.progress.note(f"Asked {asked.owner} on {asked.host} to stop: {asked.message}.")
    if asked and not services.lock.await_free(ABORT_PATIENCE):
        raise OutcomeUnknown(
            f"The run of {asked.owner} on {asked.host} did not stop within {ABORT_PATIENCE:g} s.",
            why="It was asked to, and still holds the lock: it is in a step that cannot be left.",
            hint=f"ebcd wait {session.flags}, or, when it is surely dead: "
            f"ebcd lock --break --reason 'its run is gone' {session.flags}",
            code="deadline",
        )
    tell(common, _head(session, "abort") | {"aborted": result.lock(asked)}, text.aborted)


@shared
def wait(
    common: Common,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long at most.")] = "30m",
) -> None:
    """Wait until no run changes the stage."""
    from ebcd.cli.session import open_session
    from ebcd.report import guard as text

    session = open_session(common, interruptible())
    patience = seconds(timeout) or 0.0
    if not session.services.lock.await_free(patience):
        state = session.services.lock.state()
        raise OutcomeUnknown(
            f"The stage {session.stage.name} is still locked after {patience:g} s.",
            why=f"{state.owner} on {state.host}: {state.message}." if state else "Run after run took it.",
            hint=f"Wait longer with --timeout, or ebcd abort {session.flags}",
            code="deadline",
        )
    tell(common, _head(session, "wait") | {"lock": None}, text.lock)


def _head(session: Session, command: str) -> Json:
    return head_of(command, session.stage)


def _require(reason: str, what: str, hint: str) -> None:
    if not reason.strip():
        raise UsageError(what, why="--reason is missing.", hint=hint, code="usage")


def _journal(session: Session, name: str, reason: str, holder: dict[str, Any]) -> None:
    """Write into the newest release's entries: it is about the run that was at work."""
    from ebcd.release.store.observe import NEWEST

    services = session.services
    read = map(services.ledger.read, reversed(services.ledger.numbers()[-NEWEST:]))
    record = next((found for found in read if found is not None), None)
    if record is not None:
        told = {"reason": reason, "by": services.caller.user, "holder": {**holder, "token": "…"}}
        services.ledger.entry(record, name, told, services.clock.now())
