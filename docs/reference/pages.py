"""The commands and the keys as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reference.commands import Command, Section
from reference.keys import Table

COMMON = "Common options"
"""The heading of the options that most commands have."""


def index(commands: Sequence[Command]) -> str:
    """The page that lists every command under its topic."""
    lines = ["# Commands", "", "`ebcd help COMMAND` and `man ebcd-COMMAND` (`make man`) say the same as these pages."]
    for topic in dict.fromkeys(command.topic for command in commands):
        below = [item for command in commands if command.topic == topic for item in command.all()]
        lines += ["", f"## {topic}", "", "| command | does |", "|---|---|"]
        lines += [f"| [`{item.name}`]({page_name(item)}{_anchor(item)}) | {_cell(item.summary)} |" for item in below]
    return "\n".join(lines) + "\n"


def page_name(command: Command) -> str:
    """The name of the page that a command stands on: that of its group."""
    return f"{command.words[0]}.md"


def page(command: Command) -> str:
    """The page of a command, with those below it."""
    return "\n".join([f"# {command.name}", "", *_body(command), *_children(command)]) + "\n"


def _anchor(command: Command) -> str:
    return f"#{'-'.join(('ebcd', *command.words))}" if len(command.words) > 1 else ""


def _children(command: Command) -> Iterator[str]:
    for child in command.children:
        yield from ("", f"## {child.name}", "", *_body(child))


def _body(command: Command) -> Iterator[str]:
    yield from (_prose(command.text), "", "```text", command.usage, "```")
    for section in command.sections:
        if section.heading == COMMON:
            yield from ("", "Common options: " + _named(section) + ".")
        else:
            yield from ("", *_table(section))
    if command.table:
        yield from ("", "```text", command.table, "```")
    if command.examples:
        yield from ("", *_table(Section("examples", command.examples)))


def _prose(text: str) -> str:
    """Help's text: an indented part of it is laid out in lines, as a table is."""
    parts = text.split("\n\n")
    return "\n\n".join(f"```text\n{part}\n```" if part.startswith("  ") else _escaped(part) for part in parts)


def _named(section: Section) -> str:
    return ", ".join(f"[`{_first(name)}`](index.md#common-options)" for name, _ in section.rows)


def _first(name: str) -> str:
    """The long form of an option: `--stage` of `-s, --stage <str>`."""
    return next(word for word in name.replace(",", " ").split() if word.startswith("--"))


def common(commands: Iterable[Command]) -> str:
    """The options that most commands have, once."""
    section = next(item for command in commands for item in command.sections if item.heading == COMMON)
    return "\n".join(["", f"## {COMMON}", "", *_table(section)]) + "\n"


def _table(section: Section) -> Iterator[str]:
    yield from (f"| {section.heading.lower()} | |", "|---|---|")
    for name, text in section.rows:
        yield f"| `{name.replace('|', chr(92) + '|')}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return _escaped(text).replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    """A text whose signs mean nothing to Markdown, but for backticks."""
    parts = text.split("`")
    outside = [part.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_") for part in parts[::2]]
    return "`".join(word for pair in zip(outside, [*parts[1::2], ""], strict=False) for word in pair).removesuffix("`")


def keys(tables: Sequence[Table]) -> str:
    """The page of every key of ebcd.toml."""
    lines = [
        "# Keys of ebcd.toml",
        "",
        "Every key, with what ebcd answers where its value is another one. [The file](configuration.md) shows them at",
        "work. Keys that are not here are refused, with the nearest name that there is.",
    ]
    for table in tables:
        heading = f"`{table.name}`" if table.name else "The top of the file"
        lines += ["", f"## {heading}", "", "| key | means | value | default |", "|---|---|---|---|"]
        for key in table.keys:
            default = f"`{key.default}`" if key.default else ""
            default += f"{', ' if default else ''}local: `{key.local}`" if key.local else ""
            meaning = key.meaning[:1].upper() + key.meaning[1:].rstrip(".") + "."
            lines.append(f"| `{key.name}` | {_cell(meaning)} | {_cell(key.value)} | {default} |")
    return "\n".join(lines) + "\n"
