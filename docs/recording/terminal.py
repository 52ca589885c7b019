"""Runs a command in a terminal of a width, or piped, and draws what was on the screen.

The terminal is a pseudo terminal whose output pyte reads as xterm does; rich draws the screen as SVG.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Span, Text

ROWS = 100
"""Rows of the terminal: no screen that is shown is longer, so that nothing scrolls away."""
PROMPT = "$ "
NORMAL = ["#161b22", "#ff7b72", "#56d364", "#e3b341", "#79b8ff", "#d2a8ff", "#56d4dd", "#d6dee7"]
BRIGHT = ["#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#b3f0ff", "#ffffff"]
"""Black, red, green, yellow, blue, magenta, cyan, white."""


FAINT = "bright_black"
_SGR = re.compile(rb"\x1b\[([0-9;]*)m")
DRAWING = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
  <style>
    .{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px;
      line-height: {line_height}px; white-space: pre; }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
  </style>
  <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
  </defs>
  {chrome}
  <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
      {matrix}
    </g>
  </g>
</svg>
"""
"""rich's own drawing without the font that it would fetch from a server."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that has run: what its screen showed at the end, and at the moment that was asked for."""

    exit_code: int
    screen: list[Text]
    moment: list[Text]


def in_terminal(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    width: int,
    until: Callable[[str], bool] = lambda _: False,
) -> Run:
    """Run a command in a terminal; a question is answered with the Enter key.

    until: tells from the whole screen's text whether this is the moment to keep; the first such moment counts.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, width, 0, 0))
    settings = {**environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        command, cwd=folder, env=settings, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    )
    os.close(follower)
    screen = pyte.Screen(width, ROWS)
    stream = pyte.ByteStream(screen)
    moment: list[Text] = []
    while output := _read(leader):
        stream.feed(_SGR.sub(_dimmed, output))
        shown = "\n".join(screen.display)
        if not moment and until(shown):
            moment = lines(screen)
        if re.search(rb"(\] ?|: ?|\? ?)$", output) and not output.endswith(b"\n"):
            os.write(leader, b"\n")
    os.close(leader)
    return Run(process.wait(), lines(screen), moment)


def piped(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a command whose output goes into a pipe; its exit code, and both streams as they came."""
    done = subprocess.run(
        command, cwd=folder, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def _dimmed(found: re.Match[bytes]) -> bytes:
    """A change of the style, with grey instead of faint, which pyte does not know."""
    codes = [b"90" if code == b"2" else code for code in found[1].split(b";")]
    return b"\x1b[" + b";".join(codes) + b"m" if b"38" not in codes and b"48" not in codes else found[0]


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the process has closed its side
        return b""


def lines(screen: pyte.Screen) -> list[Text]:
    """The screen's lines with their styles, without the empty ones below."""
    found = [_line(screen, row) for row in range(screen.lines)]
    while found and not found[-1].plain:
        found.pop()
    return found


def plain(shown: Sequence[Text]) -> str:
    """The lines without their styles."""
    return "\n".join(line.plain for line in shown)


def coloured(span: Span) -> bool:
    """Whether a part of a line has a colour; the grey that stands for faint is none."""
    color = span.style.color if isinstance(span.style, Style) else None
    return color is not None and color.name != FAINT


def _line(screen: pyte.Screen, row: int) -> Text:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    text = Text()
    for style, alike in groupby(cells, key=_style):
        text.append("".join(cell.data for cell in alike), style)
    text.rstrip()
    return text


def _style(cell: Char) -> Style:
    return Style(
        color=_color(cell.fg),
        bgcolor=_color(cell.bg),
        bold=cell.bold or None,
        italic=cell.italics or None,
        underline=cell.underscore or None,
        reverse=cell.reverse or None,
    )


def _color(name: str) -> str | None:
    """pyte's name of a colour as rich's."""
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    plain = name.replace("brown", "yellow")
    return plain.replace("bright", "bright_", 1) if plain.startswith("bright") else plain


def _rgb(name: str) -> tuple[int, int, int]:
    red, green, blue = Color.parse(name).get_truecolor()
    return red, green, blue


def _theme() -> TerminalTheme:
    normal, bright = ([_rgb(name) for name in names] for names in (NORMAL, BRIGHT))
    return TerminalTheme(normal[0], normal[7], normal, bright)


def drawing(title: str, width: int, shown: Sequence[Text]) -> str:
    """The lines as a picture of a terminal, in SVG."""
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, color_system="truecolor")
    for line in shown:
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)
    return console.export_svg(title=title, theme=_theme(), code_format=DRAWING, unique_id="terminal")


def typed(words: str) -> Text:
    """The line in which somebody typed a command."""
    return Text.assemble((PROMPT, "bold green"), (words, "bold"))
