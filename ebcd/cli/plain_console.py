"""A console that prints no control character and no workflow command, whatever the text it is given says, and that
splits no word at the terminal's edge.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ebcd.report.foreign import inert, plain
from ebcd.report.layout import folded


class PlainConsole(Console):
    """rich's console, whose own colours and movements stay."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of what is printed, their texts made plain; in GitHub Actions none of them is a command."""
        clean = inert if "GITHUB_ACTIONS" in os.environ else plain
        given = options or self.options
        if isinstance(renderable, str):
            renderable = self.render_str(renderable, markup=given.markup, highlight=given.highlight)
        if isinstance(renderable, Text) and self.is_terminal and given.overflow == "ignore":  # printed, not drawn
            renderable = folded(renderable, given.max_width)
        for piece in super().render(renderable, options):
            yield piece if piece.control else piece._replace(text=clean(piece.text))
