"""`make pictures`: tell the story in each kind of terminal, and keep what it showed in docs/pictures/screens."""

from __future__ import annotations

import sys

from recording import story

FOLDER = story.ROOT / "docs/pictures/screens"


def main(wanted: list[str]) -> None:
    """Make the screens; wanted: the kinds of terminal, all of them where none is named."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    kinds = {
        **{str(width): story.in_terminal(FOLDER, width) for width in story.WIDTHS},
        "no-color": story.without_colour(FOLDER),
        "piped": story.into_pipe(FOLDER, "piped"),
        "c-locale": story.into_pipe(FOLDER, "c-locale", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    }
    for kind in wanted or kinds:
        print(f"{kind} …", flush=True)
        with story.beginning(kinds[kind]) as told:
            told.tell()


main(sys.argv[1:])
