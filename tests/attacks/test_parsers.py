"""Documents that somebody else wrote end in a value or in an error of their reader's own, and in bounded time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forged_ledger import deadline
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ebcd.bundle.select import rules
from ebcd.check import lint
from ebcd.check.extensions import option_settings
from ebcd.check.files import File
from ebcd.config.read import NAME, eb_config, find, load, saved_settings
from ebcd.documents import LIMIT, BadDocument, json_of, python_of, toml_of, yaml_of
from ebcd.errors import EbcdError, ExitCode
from ebcd.release.execute.http import ProbeResult
from ebcd.release.execute.tenants import hosts_of
from ebcd.release.state.documents import Unreadable, typed
from ebcd.release.state.release import ReleaseRecord
from ebcd.report import foreign
from ebcd.requirements import lines, pylock
from ebcd_local import plain_yaml

DEEP = 10_000
JSON = (
    "",
    "[" * DEEP,
    "[" * 100 + "]" * 100,
    '{"a":' * DEEP,
    "1" * 100_000,
    "NaN",
    '{"a": 1, "a": 2}',
    '"\\ud800"',
    "\ufeff{}",
    '"\\u0000"',
    "-",
    "1e999999",
    '{"a": Infinity}',
)
TOML = (
    "a = " + "[" * DEEP,
    "a = " + "{a = " * DEEP,
    "a." * DEEP + "a = 1",
    '"a".' * DEEP + "a = 1",
    "[" + "a." * DEEP + "a]",
    "a = " + "1" * 100_000,
    "a = 9999-99-99",
    "a = " + "1," * 10,
    "a = [" + "1," * 400_000 + "]",
    'a = "\\ud800"',
    "a = 1\na = 2",
    "a = 99999-01-01T00:00:00Z",
    "\x00",
    "a = 0x" + "f" * 100_000,
    "a = inf",
    'a = "\\u0000"',
)
YAML = (
    "[" * DEEP,
    "- " * DEEP,
    "{a: " * DEEP,
    "? " * DEEP,
    "a: 1" + ":1" * 100_000,
    "a: " + "1" * 100_000,
    "a: 1e99999999",
    "a: &a [x]\nb: [*a, *a]",
    "a: 1\na: 2",
    "<<: {a: 1}\nb: 2",
    "a: !!int x",
    "a: !!int ''",
    "a: !!float ''",
    "a: !!timestamp x",
    "a: !!bool x",
    "a: !!binary é",
    "a: !!set [a]",
    "a: !!omap x",
    "a: !!python/name:os.system",
    'a: "\\uD800"',
    'a: "\\UFFFFFFFF"',
    'a: "\\0"',
    "a: \x00",
    "[" + "a," * 100_000 + "]",
    "? [a]\n: b",
    "a: 2001-99-99",
    "!Ref [x]",
    "!<tag:yaml.org,2002:int> 1:1",
    "%YAML 9.9\n---\na",
    "a: 1" + ":1" * 100_000 + ".5",
    "? {a: b}\n: c",
    "!!map [a]",
    "!!seq {a: b}",
    "? !!seq [a]\n: b",
    "a: 0b" + "1" * 100_000,
    "- &a a\n" * 1000,
    "\ud7ff\ufffe",
)
PYTHON = (
    "revision = " + "(" * DEEP,
    "revision = " + "-" * DEEP + "1",
    "revision = a" + ".a" * DEEP,
    "revision = 1" + "+1" * DEEP,
    "revision\0",
    "revision = " + "lambda: " * DEEP,
    "revision = " + "1" * 100_000,
    "# coding: foo\nrevision = 1",
    "revision = '" + "a" * 100 + "' " * DEEP,
    "revision = f'{" * 1000,
    "revision = 'x'\ndef upgrade(): x('" + "/*" * DEEP + "')",
    "revision = 'x'\ndef upgrade(): x('ALTER TABLE a ADD " + "a" * 100_000 + "')",
)
REQUIREMENTS = (
    "a==1; " + "(" * DEEP,
    " " * 300_000,
    "a==1 " + "--hash=sha256:a " * 20_000,
    "a==1 \\\n" * DEEP,
    "-r requirements.txt",
    "-e",
    "--hash",
    "'",
    "a[" * DEEP,
    "a==" + "1." * DEEP,
    "\ufeff",
    "-r \0",
    "-r ../../../etc/passwd",
    "a @ " + "x" * DEEP,
)
PATTERNS = ("*a" * 40 + "b", "**/" * 40 + "b", "[" * DEEP, "!", "\\", "[z-a]", "[[:alpha:]", "a" * DEEP, "**", "///")
LINES = ("web: run", "web:", "::error::x", ": x", "web: \x1b[2J", "w" * DEEP + ":", "-" * DEEP)


def read_config(folder: Path, name: str, content: bytes) -> None:
    """ebcd.toml, pyproject.toml, what `eb` left and a saved configuration, as every command reads them."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    match name:
        case "saved.cfg.yml":
            saved_settings(path, "stages.production")
        case ".elasticbeanstalk/config.yml":
            eb_config(folder)
        case _:
            find(folder)
            load(folder, explicit=path, environ={})


def refused(read: Callable[[], object]) -> None:
    """Read; what comes of it is a value, or a refusal that says why."""
    try:
        with deadline():
            read()
    except EbcdError as error:
        refusal = error
        assert refusal.exit_code is ExitCode.USAGE
        assert refusal.why


def checked(path: str, content: bytes) -> None:
    """A file of a bundle, as `check` sees it."""
    files = {path: File(content)}
    for item in lint.check(files, None):
        assert item.message
    option_settings(files)


def required(content: bytes) -> None:
    lines.read("requirements.txt", lambda path: content if path == "requirements.txt" else None)


def ignored(content: bytes) -> None:
    rules(content, ()).spec.match_file("a" * 200 + "/" + "a/" * 100 + "a")


def recorded(content: bytes) -> None:
    found = json_of(content)
    if isinstance(found, dict):
        typed(ReleaseRecord, found)


READERS: dict[str, tuple[Callable[[bytes], object], tuple[type[Exception], ...], tuple[str, ...]]] = {
    "json": (json_of, (BadDocument,), JSON),
    "toml": (toml_of, (BadDocument,), TOML),
    "yaml": (yaml_of, (BadDocument,), YAML),
    "python": (python_of, (BadDocument,), PYTHON),
    "extension": (lambda data: checked(".ebextensions/a.config", data), (), YAML + JSON),
    "migration": (lambda data: checked("db/versions/a.py", data), (), PYTHON),
    "procfile": (lambda data: checked("Procfile", data), (), LINES),
    "requirements": (required, (), REQUIREMENTS),
    "pylock": (pylock.read, (), TOML),
    "ebignore": (ignored, (EbcdError,), PATTERNS),
    "record": (recorded, (BadDocument, Unreadable), JSON),
    "tenants": (lambda data: hosts_of(ProbeResult(200, data, 0.0), "/tenants"), (), JSON),
    "printed": (
        lambda data: foreign.inert(data.decode(errors="replace")),
        (),
        ("\n" * DEEP * 10, " " * DEEP * 10, "\x1b]" * DEEP),
    ),
    "local": (lambda data: plain_yaml.mapping(data), (ValueError, plain_yaml.yaml.YAMLError), YAML),
}
"""Each reader, its own errors, and documents that are known to be hard."""
CONFIGURED = {
    NAME: TOML,
    "pyproject.toml": TOML,
    ".elasticbeanstalk/config.yml": YAML,
    "saved.cfg.yml": YAML,
}


def encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


@pytest.mark.parametrize("name", sorted(READERS))
def test_what_is_known_to_be_hard_is_read_or_refused(name: str) -> None:
    read, own, hard = READERS[name]
    for text in hard:
        try:
            with deadline():
                read(encoded(text))
        except own:
            pass
        except Exception as error:
            error.add_note(repr(text[:100]))
            raise


@pytest.mark.parametrize("name", sorted(CONFIGURED))
def test_configuration_that_is_known_to_be_hard_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    for text in CONFIGURED[name]:
        refused(lambda text=text: read_config(tmp_path, name, encoded(text)))


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (NAME, "a = 1\nb = [", "ebcd.toml:2"),
        ("saved.cfg.yml", "a: 1\n" + "- " * DEEP, "saved.cfg.yml:2"),
        ("pyproject.toml", "a = 1\nb" + ".b" * DEEP + "=1", "pyproject.toml:2"),
        (".elasticbeanstalk/config.yml", "a: 1\na: 2", "config.yml:2"),
    ],
)
def test_a_refusal_names_the_file_and_the_line(tmp_path: Path, name: str, text: str, place: str) -> None:
    with pytest.raises(EbcdError) as error:
        read_config(tmp_path, name, text.encode())
    assert place in error.value.why
    assert error.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("read", [json_of, toml_of, yaml_of, python_of])
def test_no_more_than_the_limit_is_read(read: Callable[[bytes], Any]) -> None:
    with pytest.raises(BadDocument, match="more than"):
        read(b" " * (LIMIT + 1))


def documents(hard: tuple[str, ...]) -> st.SearchStrategy[bytes]:
    """Hard documents cut, joined and mixed with others; and bytes of any kind."""
    whole = st.sampled_from([encoded(text)[:2000] for text in hard])
    piece = st.builds(lambda text, start, end: text[start:end], whole, st.integers(0, 50), st.integers(1, 200))
    other = st.one_of(
        st.binary(max_size=60),
        st.text(max_size=60).map(encoded),
        st.sampled_from(
            [
                b"\n",
                b": ",
                b"- ",
                b"[",
                b"]",
                b"{",
                b"}",
                b'"',
                b"'",
                b"#",
                b"=",
                b"!",
                b"&",
                b"*",
                b"|",
                b">",
                b"%",
                b"\t",
            ]
        ),
    )
    return st.lists(st.one_of(whole, piece, other), max_size=12).map(b"".join)


@pytest.mark.parametrize("name", sorted(READERS))
def test_any_document_is_read_or_refused(name: str) -> None:
    fuzz(name, examples=60)


def fuzz(name: str, *, examples: int) -> None:
    read, own, hard = READERS[name]

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(documents(hard))
    def trial(document: bytes) -> None:
        try:
            with deadline():
                read(document)
        except own:
            pass

    trial()


@pytest.mark.parametrize("name", sorted(CONFIGURED))
def test_any_configuration_is_read_or_refused(name: str, tmp_path: Path) -> None:
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(documents(CONFIGURED[name]))
    def trial(document: bytes) -> None:
        refused(lambda: read_config(tmp_path, name, document))

    trial()


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(READERS))
def test_any_document_is_read_or_refused_for_minutes(name: str) -> None:
    """As many documents as the time allows: EBCD_FUZZ_SECONDS, ten minutes without."""
    end = time.monotonic() + float(os.environ.get("EBCD_FUZZ_SECONDS", "600"))
    while time.monotonic() < end:
        fuzz(name, examples=50)
