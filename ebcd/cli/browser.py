"""`open`: the user's browser."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ebcd.cli.choose import choose
from ebcd.cli.inspect import Env, observed
from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.signals import looking
from ebcd.errors import UsageError
from ebcd.report.envelope import head_of

_SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Variables of which one is set where a browser has a screen, or was chosen by the user."""


@shared
def open_url(common: Common, env: Env = "live") -> None:
    """Open the live URL in a browser, and print it."""
    from ebcd.cli.session import open_session
    from ebcd.report import result

    session = open_session(common, looking())
    snapshot = observed(session)
    environment = choose(snapshot, env)
    url = result.url(snapshot, session.services, environment)
    if url is None:
        raise UsageError(
            f"{environment.name} has no URL.",
            why="A worker has no CNAME: it answers no requests.",
            hint=f"ebcd logs {session.flags}",
            code="no-url",
        )
    head = head_of("open", session.stage)
    tell(common, head | {"environment": environment.name, "url": url}, lambda told: told["url"])
    if not common.json and not browse(url, os.environ, sys.platform) and not common.quiet:
        sys.stderr.write("No browser could be opened here: that is the URL.\n")


def browse(url: str, environ: Mapping[str, str], platform: str) -> bool:
    """Open a URL. False where no browser could be opened: without a screen none is tried."""
    if not has_screen(environ, platform):
        return False
    import webbrowser

    sys.stdout.flush()
    with _stdout_as_stderr():
        try:
            return webbrowser.open(url)
        except (webbrowser.Error, OSError):
            return False


def has_screen(environ: Mapping[str, str], platform: str) -> bool:
    """Whether a browser has somewhere to show itself: a text browser would take the terminal from its user."""
    return platform in {"darwin", "win32"} or any(environ.get(name) for name in _SCREENS)


@contextmanager
def _stdout_as_stderr() -> Iterator[None]:
    """A browser that had our stdout would keep `URL=$(ebcd open)` waiting until it is closed."""
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
