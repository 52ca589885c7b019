"""The commands as manual pages, in man's roff. Source of the macros: man(7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ebcd import __version__
from ebcd.errors import EbcdError, ExitCode
from reference.commands import Command

OWN_WORDS = {
    ExitCode.OK: "Done, or there was nothing to do.",
    ExitCode.DEFECT: "A defect in ebcd.",
    ExitCode.TERMINATED: "SIGTERM arrived.",
}
"""Exit codes that no kind of error has to itself."""
FILES = (
    ("ebcd.toml", "The stages of an application. Also [tool.ebcd] in pyproject.toml."),
    (".ebignore", "What stays out of bundles, in the syntax of .gitignore."),
    ("~/.local/state/ebcd", "The local Beanstalk's state; EBCD_HOME names another folder."),
)


def pages(root: Command, commands: Sequence[Command]) -> dict[str, str]:
    """Every manual page by its file's name: `ebcd.1`, `ebcd-ship.1`, `ebcd-preview-up.1`."""
    every = [item for command in commands for item in command.all()]
    return {f"{_title(item)}.1": _page(item) for item in every} | {"ebcd.1": _front(root, every)}


def exit_codes() -> dict[ExitCode, str]:
    """Each exit code, and what it says, from the error that ends with it."""
    kinds = {kind.exit_code: (kind.__doc__ or "").partition("\n")[0] for kind in EbcdError.__subclasses__()}
    return {code: OWN_WORDS.get(code) or kinds[code] for code in ExitCode}


def _title(command: Command) -> str:
    return "-".join(("ebcd", *command.words))


def _front(root: Command, every: Sequence[Command]) -> str:
    lines = [*_head("ebcd", root), *_sections(root), ".SH COMMANDS"]
    for item in every:
        lines += [".TP", f".BR {_title(item)} (1)".replace("-", "\\-"), _text(item.summary)]
    lines.append(".SH EXIT STATUS")
    for code, meaning in exit_codes().items():
        lines += [".TP", f".B {int(code)}", _text(meaning)]
    lines.append(".SH FILES")
    for name, meaning in FILES:
        lines += [".TP", f".I {_text(name)}", _text(meaning)]
    return "\n".join(lines) + "\n"


def _page(command: Command) -> str:
    lines = [*_head(_title(command), command), *_sections(command)]
    if command.table:
        lines += [".SH NOTES", ".nf", *map(_text, command.table.splitlines()), ".fi"]
    if command.examples:
        lines.append(".SH EXAMPLES")
        for typed, what in command.examples:
            lines += [".TP", f".B {_text(typed)}", _text(what)]
    also = [".BR ebcd (1)", *(f".BR {_title(child)} (1)".replace("-", "\\-") for child in command.children)]
    return "\n".join([*lines, ".SH SEE ALSO", ",\n".join(also)]) + "\n"


def _head(title: str, command: Command) -> Iterator[str]:
    yield f'.TH "{title.upper()}" "1" "" "ebcd {__version__}" "ebcd"'
    yield from (".SH NAME", f"{_text(title)} \\- {_text(command.summary.rstrip('.'))}")
    yield from (".SH SYNOPSIS", _text(command.usage), ".SH DESCRIPTION")
    for number, paragraph in enumerate(command.text.split("\n\n")):
        if number:
            yield ".PP"
        laid_out = paragraph.startswith("  ")
        yield from ([".nf"] if laid_out else [])
        yield from map(_text, paragraph.splitlines())
        yield from ([".fi"] if laid_out else [])


def _sections(command: Command) -> Iterator[str]:
    for section in command.sections:
        yield f".SH {section.heading.upper()}"
        for name, text in section.rows:
            yield from (".TP", f".B {_text(name)}", _text(text))


def _text(line: str) -> str:
    """A line that roff prints as it is."""
    plain = line.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{plain}" if plain[:1] in {".", "'"} else plain
