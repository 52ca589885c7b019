"""Items of a Markdown list that can be ticked: `- [ ] open`, `- [x] done`, as boxes, and ticked in the text itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_BOX = re.compile(r"\[([ xX])\](?=[ \t\n]|$)[ \t]*")
_NEWLINE = re.compile(r"(\r\n?|\n)")
_LONGEST_LABEL = 120
TAGS = {"input", "button"}
ATTRIBUTES = {
    "input": {"type", "checked", "disabled", "aria-label"},
    "button": {"id", "class", "name", "value", "role", "aria-checked", "aria-label"},
    "li": {"class"},
}
"""What boxes are made of. No text can bring them: the parser passes no HTML through."""


def install(markdown: MarkdownIt) -> None:
    """Let a parser know boxes. With `ticks` in the environment they are buttons of a form, else they only show."""
    markdown.core.ruler.before("inline", "checklist", _mark)
    markdown.core.ruler.after("inline", "checklist_boxes", _place)
    markdown.add_render_rule("checklist_box", _render)


def ticked(markdown: MarkdownIt, text: str, line: int, *, done: bool) -> str | None:
    """The text with one item ticked or not, whatever it was; None where that line has no item that can be ticked."""
    parts = _NEWLINE.split(text)  # lines at even places, what ends them at odd ones
    for token in _boxes(markdown.parse(text)):
        source = token.meta["source"]
        if token.meta["line"] != line or 2 * line >= len(parts):
            continue
        written = parts[2 * line]
        place = len(written.rstrip()) - len(source)
        if not written.startswith(source, max(place, 0)):
            return None
        parts[2 * line] = f"{written[:place]}[{'x' if done else ' '}]{written[place + 3 :]}"
        return "".join(parts)
    return None


def _boxes(tokens: Sequence[Token]) -> Iterator[Token]:
    return (child for token in tokens for child in token.children or () if child.type == "checklist_box")


def _mark(state: StateCore) -> None:
    """Take the box from the text of each list item that begins with one, before anything else is made of it."""
    for item, paragraph, inline in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type, inline.type) != ("list_item_open", "paragraph_open", "inline"):
            continue
        found = _BOX.match(inline.content)
        if found and inline.map:
            source = inline.content.split("\n", 1)[0].rstrip()
            inline.content = inline.content[found.end() :]
            inline.meta = {"line": inline.map[0], "source": source, "done": found[1] != " "}
            item.attrSet("class", "todo")


def _place(state: StateCore) -> None:
    """Put the box in front of what the text has become."""
    for token in state.tokens:
        if token.type == "inline" and "source" in token.meta:
            token.children = [Token("checklist_box", "", 0, meta=token.meta), *(token.children or ())]


def _render(_: Any, tokens: Sequence[Token], index: int, __: Any, env: dict[str, Any]) -> str:
    line, done = tokens[index].meta["line"], tokens[index].meta["done"]
    words = "".join(token.content for token in tokens[index + 1 :] if token.type in ("text", "code_inline"))
    label = escapeHtml(words[:_LONGEST_LABEL]) or "Item"
    if not env.get("ticks"):
        return f'<input type="checkbox" disabled{" checked" if done else ""} aria-label="{label}"> '
    state, other = ("true", "open") if done else ("false", "done")
    return (
        f'<button id="line-{line}" class="box{" on" if done else ""}" name="tick" value="{line}:{other}" '
        f'role="checkbox" aria-checked="{state}" aria-label="{label}"></button> '
    )
