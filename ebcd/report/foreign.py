"""Texts of any origin, made harmless before anything shows them: a commit's subject, an event, a log, a document of S3.

None of their control characters reaches a terminal or a pipe, and none of their lines is a workflow command of GitHub
Actions. Pure.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?")
"""A terminal's escape sequence: one that sets something (CSI), one with a text (OSC, DCS), any other.

Source: ECMA-48, 5.3 to 5.6; https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
"""
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Unicode's categories of control, formatting (directions among them) and surrogate characters."""
_COMMAND = re.compile(r"^([^\S\n]*)::", re.MULTILINE)
"""How a workflow command begins; Actions takes it behind spaces, too.

Source: https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs
"""


def plain(text: str) -> str:
    """Without escape sequences and control, direction and surrogate characters; line ends and tabs stay."""
    if text.isprintable():
        return text
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSEEN)


def line(text: str) -> str:
    """In one line."""
    return " ".join(plain(text).split())


def inert(text: str) -> str:
    """Plain, and without a line that GitHub Actions would take for a command."""
    return _COMMAND.sub(r"\1: :", plain(text)).replace("##[", "# #[")
