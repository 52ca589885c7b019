"""stdout and stderr that change no exit code: a reader that is gone and an encoding without a sign are no failures.

What a run did is not undone because it cannot be shown. So what cannot be written is left out, and a character that
the stream's encoding does not have becomes one that means the same, or `?`.
"""

from __future__ import annotations

import codecs
import io
import os
import sys

TYPE_CHECKING = False  # typing's own import costs --version a fifth of its time
if TYPE_CHECKING:
    from typing import TextIO

REPLACE = "ebcd.replace"
_SPELLED = {
    "✔": "+",
    "✘": "x",
    "●": "*",
    "○": "o",
    "•": "-",
    "→": "->",
    "←": "<-",
    "…": "...",
    "·": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "─": "-",
    "│": "|",
    "━": "-",
    "█": "#",
    "\N{NO-BREAK SPACE}": " ",
}
"""What ebcd's own signs are written as where an encoding does not have them."""
_STANDARD = (0, 1, 2)


def make_tolerant() -> None:
    """Let sys.stdout and sys.stderr bear closed descriptors, closed pipes, full disks and small encodings."""
    _open_closed()
    codecs.register_error(REPLACE, _spelled)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if os.name == "posix":
            setattr(sys, name, _tolerant(stream, 1 if name == "stdout" else 2))
        elif stream is not None:  # Windows' console writes Unicode through a raw stream of its own
            stream.reconfigure(errors=REPLACE)


def _open_closed() -> None:
    """Open what the caller closed: the first file that ebcd opens would get its number, and what is printed."""
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one


def _tolerant(stream: TextIO | None, number: int) -> TextIO:
    if stream is not None:
        stream.flush()
    encoding = stream.encoding if stream is not None else "utf-8"
    lines = number == 2 or (stream is not None and bool(stream.line_buffering))
    buffer = io.BufferedWriter(_Descriptor(number, "w", closefd=False))
    return io.TextIOWrapper(buffer, encoding, REPLACE, line_buffering=lines)


class _Descriptor(io.FileIO):
    """A descriptor that takes everything: what its reader no longer wants is left out."""

    def write(self, data: object, /) -> int:
        """Write bytes; all of them count as written where nobody can have them."""
        view = memoryview(data)  # type: ignore[arg-type]
        try:
            written = super().write(view)
            while written is None:  # a pipe that somebody else made non-blocking, and that is full
                _await_writable(self.fileno())
                written = super().write(view)
        except OSError:
            return view.nbytes
        return written


def _await_writable(number: int) -> None:
    import select

    select.select([], [number], [])


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What is written instead of characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_sign(letter) for letter in error.object[error.start : error.end]), error.end


def _sign(letter: str) -> str:
    if "\u2800" <= letter <= "\u28ff":  # the dots of a spinner
        return "*"
    return _SPELLED.get(letter, "?")
