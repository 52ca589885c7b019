"""What documents show is there: pages, pictures, commands, options, keys and exit codes; and nobody else's server."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from documents import OLD, ROOT, WRITTEN, links, sessions, shown_commands
from printed import parses
from reference import commands, keys, manual, site

from ebcd.__main__ import run
from ebcd.cli.app import COMMANDS, app
from ebcd.config import schema
from ebcd.errors import ExitCode, UsageError
from ebcd_local.__main__ import parser as local_parser

EVERY = [item for command in commands.commands() for item in command.all()]
MADE = site.generated()
COMMON = MADE["commands/index.md"].partition("## Common options")[2]
MANUAL = manual.pages(commands.root(), commands.commands())


def squeezed(text: str) -> str:
    """A text without what lines and columns add to it."""
    return re.sub(r"\s", "", text)


def unroffed(page: str) -> str:
    """What man shows of a page: its text without the requests."""
    lines = [re.sub(r"^\.[A-Z]+ ?", "", line) for line in page.splitlines()]
    return "\n".join(lines).replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def options(command: Any) -> Iterator[tuple[str, list[str]]]:
    """Every command that Typer has, and its options, without the data that the pages are made of."""
    for name in COMMANDS:
        found = command.get_command(None, name).loaded()
        below = {"": found, **getattr(found, "commands", {})}
        for word, item in below.items():
            opts = [opt for parameter in item.params for opt in (*parameter.opts, *parameter.secondary_opts)]
            yield f"ebcd {name} {word}".strip(), [opt for opt in opts if opt.startswith("-")]


def help_of(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """What `--help` prints."""
    if words[:1] == ("local",) and len(words) == 2:  # the local Beanstalk prints it
        with pytest.raises(SystemExit):
            local_parser().parse_args([words[1], "--help"])
    else:
        assert run([*words, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "opts"), list(options(typer.main.get_command(app))))
def test_every_command_and_option_is_in_the_site_and_in_the_manual(name: str, opts: list[str]) -> None:
    page = MADE[f"commands/{name.split()[1]}.md"]
    heading = f"# {name}\n"
    assert page.count(f"\n#{heading}") + page.startswith(heading) == 1
    assert f"`{name}`" in MADE["commands/index.md"]
    shown = unroffed(MANUAL[f"{name.replace(' ', '-')}.1"])
    for opt in opts:
        assert re.search(rf"[`,\s]{re.escape(opt)}[`,\s]", page + COMMON), f"{name} {opt}"
        assert re.search(rf"(^|\s){re.escape(opt)}([,\s]|$)", shown), f"{name} {opt}"


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_help_the_site_and_the_manual_say_the_same(
    command: commands.Command, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = squeezed(help_of(command.words, capsys))
    shown = squeezed(unroffed(MANUAL[f"{'-'.join(('ebcd', *command.words))}.1"]))
    rows = [row for section in command.sections for row in section.rows]
    texts = [part for row in (*rows, *command.examples) for part in row]
    if command.words[:1] != ("local",):
        texts.append(command.text)
    assert len(rows) >= 1
    for text in texts:
        assert squeezed(text).lower() in printed.lower(), text
        assert squeezed(text) in shown, text


def test_every_key_is_in_the_site() -> None:
    page = MADE["keys.md"]
    for prefix, known in (("", schema.TOP), ("bundle", schema.BUNDLE), ("stages.NAME", schema.STAGE)):
        section = page.partition(f"`[{prefix}]`" if prefix else "The top")[2].partition("\n## ")[0]
        for key in known:
            assert f"| `{key.name}` |" in section, key.name
    for table in keys.reference():
        for key in table.keys:
            assert key.meaning, f"{table.name} {key.name} says not what it is for"


@pytest.mark.parametrize("key", [key for key in schema.STAGE if keys.members(key.parse)], ids=lambda key: key.name)
def test_the_members_of_a_table_are_those_that_it_takes(key: schema.Key) -> None:
    with pytest.raises(UsageError) as error:
        key.parse(key.name, {"zzz": 1})
    taken = error.value.hint.removeprefix("Known here: ").rstrip(".").split(", ")
    assert taken == sorted(field.name for field in fields(keys.members(key.parse)))


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for path in links(page):
        target = (page.parent / path).resolve()
        made = target.is_relative_to(site.DOCS) and str(target.relative_to(site.DOCS)) in MADE
        assert target.exists() or made, path


OF_NONE = ([], ["local"], ["preview"], ["--version"], ["--help"], ["--install-completion"])
ALONE = [["ebcd", *words] for words in OF_NONE]
"""What is no command line of a command, and shows something all the same."""


def taken(words: list[str]) -> bool:
    if words[1:2] == ["local"] and len(words) > 2:
        try:
            local_parser().parse_args(words[2:])
        except SystemExit as ended:
            return ended.code == 0
        return True
    return words in ALONE or parses(words)


@pytest.mark.parametrize("page", [page for page in WRITTEN if page.name not in OLD], ids=lambda page: page.name)
def test_every_command_that_a_document_shows_is_one(page: Path) -> None:
    for words in shown_commands(page):
        assert taken(words), shlex.join(words)


def test_the_commands_of_documents_are_found() -> None:
    found = [words for page in WRITTEN for words in shown_commands(page)]
    assert ["ebcd", "doctor", "-s", "production"] in found
    assert ["ebcd", "rollback"] in found
    assert len(sessions()) >= 6


def test_every_exit_code_is_explained() -> None:
    headings = re.findall(r"^### (\d+): ", (site.DOCS / "on-call.md").read_text(), flags=re.M)
    assert headings == [str(int(code)) for code in sorted(ExitCode)]
    front = unroffed(MANUAL["ebcd.1"])
    assert all(f"\n{int(code)}\n" in front for code in ExitCode)
    assert set(manual.exit_codes()) == set(ExitCode)


def test_the_navigation_names_every_page_once(tmp_path: Path) -> None:
    site.write(tmp_path)
    nav = tomllib.loads((tmp_path / "zensical.toml").read_text())["project"]["nav"]
    listed = re.findall(r"[\w./-]+\.md", repr(nav))
    pages = {str(path.relative_to(tmp_path / "pages")) for path in (tmp_path / "pages").rglob("*.md")}
    assert sorted(listed) == sorted(pages)


def test_the_site_is_built_without_a_warning_and_asks_no_other_server(tmp_path: Path) -> None:
    site.write(tmp_path)
    command = [Path(sys.executable).with_name("zensical"), "build", "--strict", "-f", tmp_path / "zensical.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    built = list((tmp_path / "site").rglob("*.html"))
    assert len(built) > len(MADE)
    for path in built:
        text = path.read_text()
        assert not re.findall(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"?(?:https?:)?//[^>]*>", text), path
        assert not re.findall(r"<link[^>]*rel=\"?(?:stylesheet|preconnect|preload)[^>]*(?:https?:)?//[^>]*>", text), (
            path
        )
        assert 'class="mermaid"' not in text, f"{path}: mermaid would be fetched"


def test_before_a_commit_runs_what_make_check_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    check = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    wanted = re.findall(r"\$\(BIN\)/(.*?)(?: \.)?$", check, flags=re.M)
    assert [hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "") for hook in hooks] == wanted
