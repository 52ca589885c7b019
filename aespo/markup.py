"""Markdown as people write it, as HTML that does nothing but show. Showing it takes a bounded time for any text."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from aespo import checklist

MARK_START, MARK_END = "\x02", "\x03"
"""What a search puts around its hits: no text that people write has them."""
MOST_MARKS = 8_000
"""Lines and marks that are rendered of one text; a mark costs about 10 µs, a line of a list 50 µs. What follows them is
shown as it was written.
"""
MOST_CHARACTERS = 100_000
"""Characters that are rendered of one text."""
EXCERPTED = 2_000
"""Characters of a text that its excerpt is made of."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
checklist.install(_MARKDOWN)
_ELEMENTS = "a p br hr h1 h2 h3 h4 h5 h6 em strong s code pre blockquote ul ol li table thead tbody tr th td"
_TAGS = set(_ELEMENTS.split()) | checklist.TAGS
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, **checklist.ATTRIBUTES}
# No pattern here repeats a repetition, or what the text before it could have matched too: each is linear in the text.
_MARK = re.compile(r"[\n\[\]()<>*_`~|!&\\]")
_RULE = re.compile(r"^[ \t|:-]+$", re.MULTILINE)
_SIGN = re.compile(
    r"^[ \t]{0,8}[-+*][ \t]\[[ xX]\]|\]\([^()\n]{0,300}\)|^[ \t]{0,8}[-+][ \t]|[#*_`>|~\[]", re.MULTILINE
)


@lru_cache(maxsize=256)
def to_html(text: str, ticks: bool = False) -> Markup:
    """Markdown as HTML. Two fences: the parser passes no HTML through, and the result is held to a list of tags.

    Of a text with more than MOST_MARKS marks the end is shown as it was written. ticks: the boxes of a list are buttons
    of the form around it.
    """
    head, rest = _split(text)
    html = nh3.clean(
        _MARKDOWN.render(head, {"ticks": ticks}),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    if rest:
        html += f"<p><em>What follows is shown as it was written.</em></p>\n<pre>{escape(rest)}</pre>\n"
    return Markup(html)  # cleaned or escaped in the lines above  # noqa: S704


def ticked(text: str, line: int, *, done: bool) -> str | None:
    """The text with the item of a list in that line ticked or not; None where it has no such box."""
    head, rest = _split(text)
    found = checklist.ticked(_MARKDOWN, head, line, done=done)
    return None if found is None else found + rest


def excerpt(text: str, length: int = 140) -> str:
    """The beginning of a note, without its marks."""
    words = _plain(text[:EXCERPTED])
    return words if len(words) <= length else words[:length].rsplit(" ", 1)[0] + " …"


def hits(text: str) -> Markup:
    """A search's excerpt, without the note's marks, its hits marked."""
    safe = str(escape(_plain(text[:EXCERPTED]))).replace(MARK_START, "<mark>").replace(MARK_END, "</mark>")
    return Markup(safe)  # escaped in the line above  # noqa: S704


def _split(text: str) -> tuple[str, str]:
    """The part of a text that is rendered, up to the end of a line where there is one, and the rest."""
    end = min(len(text), MOST_CHARACTERS)
    for count, mark in enumerate(_MARK.finditer(text, 0, end)):
        if count == MOST_MARKS:
            end = mark.start()
            break
    if end == len(text):
        return text, ""
    line = text.rfind("\n", 0, end) + 1
    return text[: line or end], text[line or end :]


def _plain(text: str) -> str:
    return " ".join(_SIGN.sub("", _RULE.sub("", text)).replace("]", "").split())
