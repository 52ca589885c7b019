"""`ebcd preview`: an environment for a branch, with a time to live."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.durations import seconds
from ebcd.cli.help import SETTINGS, Command, Group
from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.release import Dirty, Message, Planned, Rev, Timeout, WaitLock, bundled, perform
from ebcd.cli.signals import interruptible
from ebcd.errors import EbcdError, Interrupted, UsageError
from ebcd.report.envelope import Json, head_of

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.model import Configuration, Stage
    from ebcd.release.execute.context import Run
    from ebcd.release.store.previews import Previews

app = typer.Typer(
    help="An environment for a branch, with a time to live.",
    no_args_is_help=True,
    cls=Group,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)

TTL = "72h"
LONGEST = 365 * 24 * 3600.0
"""Seconds that a preview may live."""


@app.command(cls=Command)
@shared
def up(
    common: Common,
    rev: Rev = "HEAD",
    branch: Annotated[str, typer.Option(metavar="NAME", help="The branch, where it is not the one of REV.")] = "",
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="How long it lives from now on.")] = TTL,
    plan: Planned = False,
    message: Message = "",
    wait_lock: WaitLock = None,
    timeout: Timeout = None,
    allow_dirty: Dirty = False,
) -> None:
    """Bring a branch up in an environment of its own, or bring that to its newest commit."""
    from ebcd.config.preview import preview_base, preview_of, refuse_declared
    from ebcd.release.commands import preview as previewing
    from ebcd.release.commands.ship import ShipOptions
    from ebcd.report import preview as report
    from ebcd.report import text

    lives, limit = _lifetime(ttl), seconds(timeout, positive=True)
    configuration, base = _found(common, preview_base)
    named = _branch(configuration, branch, rev, os.environ)
    stage = preview_of(base, named)
    refuse_declared(configuration, stage)
    wanted = previewing.PreviewRequest(named, base.name, lives)
    options = ShipOptions(
        message=message,
        wait_lock=seconds(wait_lock) or 0.0,
        accept_drift=True,
        timeout=limit,
        tells_platform=False,  # a preview is not patched
    )

    def work(session: Session, run: Run) -> None:
        with bundled(session, run, rev, allow_dirty):
            (previewing.plan if plan else previewing.up)(run, session.services, wanted, options)

    session = _session(common, configuration, stage)
    perform(common, "preview up", work, text.plan if plan else report.up, session=session)


@app.command("list", cls=Command)
@shared
def list_(common: Common) -> None:
    """Show the application's previews, and how long each lives yet."""
    from ebcd.config.preview import preview_place
    from ebcd.release.store.previews import Previews
    from ebcd.report import preview as report

    session = _session(common, *_found(common, preview_place))
    application, services = session.stage.application, session.services
    environments = services.beanstalk.environments(application)
    known = Previews(services.storage, application, session.flags)
    told = [report.described(item, environments, session.stage, services) for item in known.all()]
    _note_damaged(session, known)
    following = {} if told else {"next": _first(session)}
    tell(common, _head("preview list", session) | {"previews": told} | following, report.listed)


def _first(session: Session) -> str:
    """The command that brings a first preview up: it takes a branch's commits, so it needs their repository."""
    from ebcd.model.command import completed

    config = session.stage.reach.config
    if not config:
        return "`preview up` makes one, in the application's repository."
    return completed(("preview", "up"), "", config)


@app.command(cls=Command)
@shared
def down(
    common: Common,
    branch: Annotated[str, typer.Argument(metavar="[BRANCH]", help="The branch; by default as for `up`.")] = "",
    expired: Annotated[bool, typer.Option("--expired", help="All whose time has passed.")] = False,
    plan: Planned = False,
    wait_lock: WaitLock = None,
) -> None:
    """Terminate a branch's environment, or every one that has expired."""
    if branch and expired:
        raise UsageError(
            "BRANCH and --expired exclude each other.",
            why="--expired finds the branches itself.",
            hint="Leave one of them out.",
            code="usage",
        )
    from ebcd.config.preview import preview_place, preview_slug
    from ebcd.config.select import PREVIEW
    from ebcd.release.store.previews import Previews

    patience = seconds(wait_lock) or 0.0
    configuration, place = _found(common, preview_place)
    named = "" if expired else branch or _branch(configuration, "", "HEAD", os.environ)
    chosen = {} if expired else {f"{PREVIEW}-{preview_slug(place.application, named)}": named}
    session = _session(common, configuration, place)
    if expired:
        known = Previews(session.services.storage, place.application, session.flags)
        chosen = {item.stage: item.branch for item in known.all() if item.expired}
        _note_damaged(session, known)
    ended = [_taken_down(session, stage, whose, planned=plan, wait=patience) for stage, whose in chosen.items()]
    _tell_down(common, session, ended)


def _note_damaged(session: Session, known: Previews) -> None:
    for item in known.damaged:
        session.services.progress.note(f"Passed over: {item}")


def _taken_down(
    session: Session, stage: str, branch: str, *, planned: bool, wait: float
) -> tuple[Json, EbcdError | None]:
    """Take one preview down; what became of it, and why it stays if it does: the others must not wait for it."""
    from ebcd.config.preview import refuse_declared
    from ebcd.config.select import beside
    from ebcd.release.commands import preview as previewing
    from ebcd.report import preview as report

    one = session.on(beside(session.stage, stage))
    run, failure = one.run("preview down"), None
    declared = session.configuration.stages if session.configuration else {}
    try:
        refuse_declared(session.configuration, one.stage)
        previewing.down(run, one.services, declared.values(), planned=planned, wait=wait)
    except Interrupted:
        raise
    except EbcdError as error:
        failure = error
    return report.ended(run, branch, failure, planned=planned), failure


def _tell_down(common: Common, session: Session, ended: Sequence[tuple[Json, EbcdError | None]]) -> None:
    """Tell what became of each, then raise what kept the first that stays."""
    from ebcd.report import preview as report

    previews = [told for told, _ in ended]
    failure = next((error for _, error in ended if error), None)
    told = _head("preview down", session, failure)
    told |= {"stage": previews[0]["stage"]} if len(previews) == 1 else {}
    tell(common, told | {"previews": previews}, report.down, always=len(previews) > 1)
    if failure:
        failure.told = True
        raise failure


def _head(command: str, session: Session, failure: EbcdError | None = None) -> Json:
    """The keys of a result about an application's previews: no one of them is its stage."""
    head = head_of(command, session.stage, failure)
    del head["stage"]
    return head


def _found(common: Common, choose: Callable[..., Stage]) -> tuple[Configuration | None, Stage]:
    """ebcd.toml, and the stage that is chosen by the options and it."""
    from ebcd.cli.source import load

    configuration = load(common)
    return configuration, choose(
        configuration, name=common.stage, application=common.application, region=common.region, environ=os.environ
    )


def _session(common: Common, configuration: Configuration | None, stage: Stage) -> Session:
    from ebcd.cli.session import session_of

    return session_of(common, interruptible(), configuration, stage)


def _branch(configuration: Configuration | None, given: str, rev: str, environ: Mapping[str, str]) -> str:
    """The branch that is meant: as it is named, else as GitHub Actions tells, else as git does. Raises UsageError."""
    named = given or environ.get("GITHUB_HEAD_REF") or environ.get("GITHUB_REF_NAME")
    if named:
        return named
    from ebcd.bundle.branch import branch_of
    from ebcd.cli.source import repository_of

    found = branch_of(repository_of(configuration), rev)
    if not found:
        raise UsageError(
            "It is not known which branch this is.",
            why=f"{rev} names none, and HEAD is detached.",
            hint="Name one: --branch NAME",
            code="no-branch",
        )
    return found


def _lifetime(text: str) -> float:
    """A time to live, in seconds. Raises BadParameter for none at all, and for one that is none."""
    found = seconds(text) or 0.0
    if not 0 < found <= LONGEST:
        raise typer.BadParameter(f"A preview lives for some time, and for {LONGEST / 3600:g}h at most: --ttl {TTL}")
    return found
