"""No log and no file of a repository holds `ebcd` up: what it searches for takes time in proportion to a text."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ebcd.check import ddl, lint, pythons, serving
from ebcd.check.files import File
from ebcd.check.secrets import secrets_in
from ebcd.init import serve
from ebcd.model import Event
from ebcd.release.judge import logs, verdict

LENGTH = 1_000_000
"""Characters. Quadratic time is hours of them."""
SECONDS = 15.0
"""Of the processor, also on a slow machine; a second is usual."""
DASHES = "-----"
LINES = {
    "web.stdout.log": (
        "running on ",
        "sh: a",
        "Failed to find attribute '",
        'File "',
        "passwordtoken",
        "a: ",
        "://a:b",
    ),
    "nginx/error.log": ("Connection refused) while connecting to upstream ", 'upstream: "http://a'),
    "nginx/access.log": ('"GET x HTTP/1" 200 ', '"A ', '"GET '),
    "eb-engine.log": (
        "An error occurred during execution of command [x] - [y]. ",
        "Error occurred during build: Command a ",
        "No matching distribution found for ",
        " .platform/",
    ),
}
HEADER = b"-----BEGIN PRIVATE KEY-----\n"


def within_bounds(work: Callable[[], object]) -> None:
    def stop(*_: object) -> None:
        raise AssertionError(f"more than {SECONDS} s of the processor")

    before = signal.signal(signal.SIGPROF, stop)  # a search lets signals through
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def judged(name: str, text: str) -> object:
    seen = logs.read(f"{DASHES}\n/var/log/{name}\n{DASHES}\n{text}\n")
    failure = Event(datetime.now(UTC), "ERROR", "Command failed on instance. Return code: 1")
    found = verdict.Evidence((failure,), (), seen, verdict.Down(ends=3, long=True), steady=20)
    return verdict.judge(found), logs.excerpt("\n".join(line for log in seen for line in log.lines), 30)


def hostile_lines() -> list[tuple[str, str]]:
    return [(name, piece) for name, pieces in LINES.items() for piece in pieces]


@pytest.mark.parametrize(("name", "piece"), hostile_lines())
def test_a_log_s_hostile_line_is_judged_in_time(name: str, piece: str) -> None:
    within_bounds(lambda: judged(name, piece * (LENGTH // len(piece))))


@pytest.mark.parametrize("text", [f"{DASHES}\n/var/log/{'a' * LENGTH}\nx", f"{DASHES}\n" * (LENGTH // 6), "-" * LENGTH])
def test_a_tail_s_hostile_headers_are_read_in_time(text: str) -> None:
    within_bounds(lambda: logs.read(text))


@pytest.mark.parametrize("piece", ["password", "secret ", "token'", "a=", "token= ", "://a", "://a@", "\t", "=:"])
def test_secrets_are_hidden_in_time(piece: str) -> None:
    within_bounds(lambda: logs.without_secrets(piece * (LENGTH // len(piece))))


@pytest.mark.parametrize("piece", [b" ", b"Proc-Type: a \n", b"DEK-Info:\n", b"/", b"\\n", HEADER, b"A", b"\n\t"])
def test_a_file_s_hostile_key_is_searched_in_time(piece: bytes) -> None:
    content = HEADER + b"Proc-Type:" + piece * (LENGTH // len(piece))
    within_bounds(lambda: secrets_in("a", [content]))


@pytest.mark.parametrize(
    "piece", ["DROP TABLE x;", "ALTER TABLE x ADD a,", "ADD a ,", "IF EXISTS ", "'", "{", "/*", "$a"]
)
def test_hostile_sql_is_searched_in_time(piece: str) -> None:
    text = "ALTER TABLE x " + piece * (LENGTH // len(piece))
    within_bounds(lambda: list(ddl.taken_by_sql(text)))


@pytest.mark.parametrize(
    "pattern", [pythons._OWN_PROJECT, pythons._PINNED, serving._OPTION, serving._LOCAL_INSTALL, serve._WSGI_PATH]
)
@pytest.mark.parametrize("piece", ["\n", " \n", "\t", "a", ". ", "a[", "-r "])
def test_hostile_requirements_are_searched_in_time(pattern: re.Pattern[str], piece: str) -> None:
    within_bounds(lambda: list(pattern.finditer(piece * (LENGTH // len(piece)))))


def test_lines_of_statements_are_counted_from_the_text_s_beginning() -> None:
    text = "SELECT 1;\n\nDROP TABLE a;\nSELECT 2; DROP TABLE\n b;\n/* x\n */ DROP TABLE c"
    assert list(ddl.taken_by_sql(text)) == [
        (2, "drops the table a"),
        (4, "drops the table b"),
        (6, "drops the table c"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ValueError: password=abc", "ValueError: password=…"),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("{'DB_PASSWORD': 'a b c', 'x': 1}", "{'DB_PASSWORD': '…', 'x': 1}"),
        ("postgres://u:p@ss@h/db", "postgres://…@h/db"),
        ("git+https://ghp_abc@github.com/x", "git+https://…@github.com/x"),
        ("PASSWORD=a PASSWORD=b", "PASSWORD=… PASSWORD=…"),
        ("No module named 'secrets'", "No module named 'secrets'"),
        ("http://h:80/x a@b", "http://h:80/x a@b"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_whole(text: str, told: str) -> None:
    assert logs.without_secrets(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "web: gunicorn " + "a" * LENGTH,
        "web: " + "A=1 " * (LENGTH // 4) + "gunicorn app:application",
        "web: " + "a && " * (LENGTH // 5) + "gunicorn app:application",
        "web: gunicorn " + '"' * LENGTH,
        "".join(f"p{number}: x\n" for number in range(LENGTH // 10)),
        "".join(f"p{number % 10_000}: x\n" for number in range(LENGTH // 10)),
    ],
    ids=["word", "assignments", "commands", "quotes", "processes", "twice"],
)
def test_a_hostile_procfile_is_checked_in_time(text: str) -> None:
    files = {"Procfile": File(text.encode()), "app.py": File(b"application = 1\n")}
    within_bounds(lambda: lint.check(files, None))
