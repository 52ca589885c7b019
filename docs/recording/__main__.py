"""`make pictures`: tell the story in each kind of terminal, and take pictures of what it showed and of web pages.

`python -m recording 80 pages` makes some of them alone.
"""

from __future__ import annotations

import json
import subprocess
import sys

from recording import pages, story

SCREENS = story.ROOT / "docs/pictures/screens"
PAGES = story.ROOT / "docs/pictures/pages"


def main(wanted: list[str]) -> None:
    """Make the pictures; wanted: the kinds of terminal and `pages`, all of them where none is named."""
    kinds = {
        **{str(width): story.in_terminal(SCREENS, width) for width in story.WIDTHS},
        "no-color": story.without_colour(SCREENS),
        "piped": story.into_pipe(SCREENS, "piped"),
        "c-locale": story.into_pipe(SCREENS, "c-locale", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    }
    for folder in (SCREENS, PAGES):
        folder.mkdir(parents=True, exist_ok=True)
    for kind in wanted or [*kinds, "pages"]:
        print(f"{kind} …", flush=True)
        if kind == "pages":
            pages.application(PAGES)
            continue
        with story.beginning(kinds[kind]) as told:
            told.tell()
            if kind == "80":
                pages.console(_console(told), PAGES)


def _console(told: story.Story) -> str:
    """The address of the local Beanstalk's console."""
    command = ["ebcd", "local", "status", "--json"]
    done = subprocess.run(command, env=dict(told.environ), check=True, capture_output=True, text=True)
    return str(json.loads(done.stdout)["proxy_url"])


main(sys.argv[1:])
