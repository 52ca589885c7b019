"""`ebcd preview`: an environment for a branch, with a time to live."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.durations import seconds
from ebcd.cli.help import Command, Group
from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.release import Dirty, Message, Planned, Rev, Timeout, WaitLock
from ebcd.cli.signals import interruptible
from ebcd.errors import EbcdError, Interrupted, UsageError
from ebcd.report.envelope import envelope

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.model import Configuration, Stage
    from ebcd.release.run import Run

app = typer.Typer(help="An environment for a branch, with a time to live.", no_args_is_help=True, cls=Group,
                  rich_markup_mode=None)  # fmt: skip

TTL = "72h"


@app.command(cls=Command)
@shared
def up(
    common: Common,
    rev: Rev = "HEAD",
    branch: Annotated[str, typer.Option(metavar="NAME", help="The branch, where it is not the one of REV.")] = "",
    ttl: Annotated[str, typer.Option(metavar="DURATION", help="How long it lives from now on.")] = TTL,
    plan: Planned = False,
    message: Message = "",
    wait_lock: WaitLock = "0s",
    timeout: Timeout = None,
    allow_dirty: Dirty = False,
) -> None:
    """Bring a branch's commit to an environment of its own, and let that live on."""
    from ebcd.cli.release import bundled, perform
    from ebcd.config.preview import preview_base, preview_of, refuse_declared
    from ebcd.release import preview as previewing
    from ebcd.release.ship import ShipOptions
    from ebcd.report import preview as report
    from ebcd.report import text

    lives, patience, limit = _lifetime(ttl), seconds(wait_lock) or 0.0, seconds(timeout)
    configuration, base = _found(common, preview_base)
    named = _branch(configuration, branch, rev, os.environ)
    stage = preview_of(base, named)
    refuse_declared(configuration, stage)
    wanted = previewing.Wanted(named, base.name, lives)
    options = ShipOptions(message=message, wait_lock=patience, accept_drift=True)

    def work(session: Session, run: Run) -> None:
        with bundled(session, run, rev, allow_dirty):
            (previewing.plan if plan else previewing.up)(run, session.services, wanted, options)

    session = _session(common, configuration, stage)
    perform(common, "preview up", work, text.plan if plan else report.up, timeout=limit, session=session)


@app.command("list", cls=Command)
@shared
def list_(common: Common) -> None:
    """Show the application's previews, and how long each lives yet."""
    from ebcd.config.preview import preview_place
    from ebcd.release.previews import Previews
    from ebcd.report import preview as report

    session = _session(common, *_found(common, preview_place))
    application, services = session.stage.application, session.services
    environments = services.beanstalk.environments(application)
    found = Previews(services.storage, application).all()
    told = [report.described(item, environments, session.stage, services) for item in found]
    tell(common, envelope("preview list") | {"application": application, "previews": told}, report.listed)


@app.command(cls=Command)
@shared
def down(
    common: Common,
    branch: Annotated[str, typer.Argument(metavar="[BRANCH]", help="The branch; by default as for `up`.")] = "",
    expired: Annotated[bool, typer.Option("--expired", help="All whose time has passed.")] = False,
    plan: Planned = False,
    wait_lock: WaitLock = "0s",
) -> None:
    """Terminate a branch's environment, or every one that has expired."""
    if branch and expired:
        raise UsageError("BRANCH and --expired exclude each other.", why="--expired finds the branches itself.",
                         hint=f"ebcd preview down {branch}, or ebcd preview down --expired", code="usage")  # fmt: skip
    from ebcd.config.preview import preview_place, preview_slug
    from ebcd.config.select import PREVIEW
    from ebcd.release.previews import Previews

    patience = seconds(wait_lock) or 0.0
    configuration, place = _found(common, preview_place)
    named = "" if expired else branch or _branch(configuration, "", "HEAD", os.environ)
    names = [] if expired else [f"{PREVIEW}-{preview_slug(place.application, named)}"]
    session = _session(common, configuration, place)
    if expired:
        known = Previews(session.services.storage, place.application).all()
        names = [item.stage for item in known if item.expired]
    done = [_taken_down(session, name, planned=plan, wait=patience) for name in names]
    _tell_down(common, session, done, planned=plan)


def _taken_down(session: Session, name: str, *, planned: bool, wait: float) -> tuple[Run, EbcdError | None]:
    """Take one preview down; the run, and why it failed if it did: the others must not wait for it."""
    from ebcd.config.preview import refuse_declared
    from ebcd.config.select import beside
    from ebcd.release import preview as previewing

    one = session.on(beside(session.stage, name))
    run, declared = one.run("preview down"), session.configuration.stages if session.configuration else {}
    try:
        refuse_declared(session.configuration, one.stage)
        previewing.down(run, one.services, declared.values(), planned=planned, wait=wait)
    except Interrupted:
        raise
    except EbcdError as error:
        return run, error
    return run, None


def _tell_down(
    common: Common, session: Session, done: Sequence[tuple[Run, EbcdError | None]], *, planned: bool
) -> None:
    """Tell what became of each, then raise what kept the first that stays."""
    from ebcd.report import preview as report

    failures = [error for _, error in done if error is not None]
    told = envelope("preview down", failures[0] if failures else None) | {"application": session.stage.application}
    told |= {"stage": done[0][0].stage.name} if len(done) == 1 else {}
    ended = [report.ended(run, error, planned=planned) for run, error in done]
    tell(common, told | {"previews": ended}, report.down, always=True)
    if failures:
        failures[0].told = True
        raise failures[0]


def _found(common: Common, choose: Callable[..., Stage]) -> tuple[Configuration | None, Stage]:
    """ebcd.toml, and the stage that is chosen by the options and it."""
    from ebcd.cli.source import load

    configuration = load(common)
    return configuration, choose(configuration, name=common.stage, application=common.application,
                                 region=common.region, environ=os.environ)  # fmt: skip


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
        raise UsageError("It is not known which branch this is.", why=f"{rev} names none, and HEAD is detached.",
                         hint="Name one: --branch NAME", code="no-branch")  # fmt: skip
    return found


def _lifetime(text: str) -> float:
    """A time to live, in seconds. Raises BadParameter for none at all."""
    found = seconds(text) or 0.0
    if not found:
        raise typer.BadParameter("A preview lives for some time: --ttl 72h")
    return found
