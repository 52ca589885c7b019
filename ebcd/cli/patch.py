"""`ebcd patch`: what is live once more, on the newest platform version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.durations import seconds
from ebcd.cli.options import Common, shared
from ebcd.cli.release import Message, NoSwap, Planned, Timeout, WaitLock, perform, require_variables
from ebcd.errors import UsageError

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.model import Stage
    from ebcd.release.execute.context import Run


@shared
def patch(
    common: Common,
    plan: Planned = False,
    no_swap: NoSwap = False,
    message: Message = "",
    wait_lock: WaitLock = None,
    timeout: Timeout = None,
    accept_drift: Annotated[
        bool, typer.Option("--accept-drift", help="Give up settings that somebody changed on live.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also to a platform version that was taken back before.")
    ] = False,
) -> None:
    """Release the live commit again on the newest platform version."""
    from ebcd.release.commands import patch as patching
    from ebcd.release.commands.ship import ShipOptions
    from ebcd.report import text

    limit = seconds(timeout, positive=True)
    shipping = ShipOptions(not no_swap, message, seconds(wait_lock) or 0.0, accept_drift, limit)
    options = patching.PatchOptions(shipping, again)

    def work(session: Session, run: Run) -> None:
        _refuse_preview(session.stage)
        require_variables(session)
        (patching.plan if plan else patching.patch)(run, session.services, options)

    perform(common, "patch", work, text.plan if plan else text.patched, notifies=True)


def _refuse_preview(stage: Stage) -> None:
    """Raises UsageError for a preview: it ends before a platform version is old."""
    from ebcd.config.select import is_preview

    if stage.named_only and is_preview(stage.name):
        raise UsageError(
            f"The stage {stage.name} is a preview, which is not patched.",
            why="It expires soon, and its next commit brings the newest platform version.",
            hint=f"Taken down and brought up again, it has the newest one. It is shown by: ebcd status {stage.flags}",
            code="preview",
        )
