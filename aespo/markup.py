"""Markdown as people write it, as HTML that does nothing but show."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

MARK_START, MARK_END = "\x02", "\x03"
"""What a search puts around its hits: no text that people write has them."""

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_ELEMENTS = "a p br hr h1 h2 h3 h4 h5 h6 em strong s code pre blockquote ul ol li table thead tbody tr th td"
_TAGS = set(_ELEMENTS.split())
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


@lru_cache(maxsize=256)
def to_html(text: str) -> Markup:
    """Markdown as HTML. Two fences: the parser passes no HTML through, and the result is held to a list of tags."""
    html = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(html)  # cleaned in the line above  # noqa: S704


def excerpt(text: str, length: int = 140) -> str:
    """The beginning of a note, without its marks."""
    words = _plain(text)
    return words if len(words) <= length else words[:length].rsplit(" ", 1)[0] + " …"


def hits(text: str) -> Markup:
    """A search's excerpt, without the note's marks, its hits marked."""
    safe = str(escape(_plain(text))).replace(MARK_START, "<mark>").replace(MARK_END, "</mark>")
    return Markup(safe)  # escaped in the line above  # noqa: S704


def _plain(text: str) -> str:
    text = re.sub(r"^[\s|:-]+$", "", text, flags=re.MULTILINE)
    plain = re.sub(r"[#*_`>|~]|\[|\]\([^)]*\)|^\s*[-+]\s", "", text, flags=re.MULTILINE)
    return " ".join(plain.split())
