"""What GitHub Actions is told: hostile texts first, for a report may quote a log that anybody wrote."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ebcd.report import github

R1 = {
    "release": "r1",
    "environment": "aespo-local-r1",
    "version_label": "aaaaaaaaaaaa",
    "url": "http://aespo.localhost:8156",
}
R2 = {
    "release": "r2",
    "environment": "aespo-local-r2",
    "version_label": "bbbbbbbbbbbb",
    "url": "http://aespo.localhost:8156",
}
SHIPPED: dict[str, Any] = {
    "schema": 1,
    "command": "ship",
    "ok": True,
    "exit_code": 0,
    "application": "aespo",
    "stage": "local",
    "release": "r2",
    "version_label": "bbbbbbbbbbbb",
    "sha": "b" * 40,
    "environment": {"name": "aespo-local-r2", "id": "e-2", "cname": "aespo-local-r2.localhost"},
    "live": R2,
    "previous": R1,
    "steps": [
        {"step": "HoldHealth", "status": "done", "seconds": 75.4, "reason": ""},
        {"step": "SwapCnames", "status": "done", "seconds": 0.84, "reason": "both ready"},
    ],
    "seconds": 119.8,
}
FAILED = SHIPPED | {
    "ok": False,
    "exit_code": 6,
    "live": R1,
    "previous": None,
    "error": {"code": "gate-failed", "what": "The smoke test failed.", "why": "500\n500", "hint": "Look: ebcd logs"},
}
HOSTILE = [
    "line\nEOF\nebcd_\nname=value",
    "a\r\nb\rc",
    "a|b||c",
    "`a` ``b`` ```c```",
    "```\n\n# no heading\n```",
    "100% %0A %25",
    "</details><script>alert(1)</script><img src=x>",
    "[link](https://evil.example) ![image](https://evil.example/x.png)",
    "**bold** _it_ ~~gone~~ $math$ :smile: @everyone #1",
    "::error::x\n::add-mask::a\n::stop-commands::t",
    "- item\n1. item\n> quote\n---\n===",
    "\x1b[31mred\x1b[0m \x07\x00 \u202eright to left \u200b",
    "\ud800 alone",
    "\\",
    "x" * 100_000,
    "\U0001f6a2" * 100_000,
]


def everywhere(text: str) -> dict[str, Any]:
    """A failed report with the text wherever a text can be."""
    environment = {"release": text, "environment": text, "version_label": text, "url": text}
    return SHIPPED | {
        "ok": False,
        "exit_code": 6,
        "application": text,
        "stage": text,
        "release": text,
        "sha": text,
        "environment": {"name": text},
        "live": environment,
        "previous": environment,
        "steps": [{"step": text, "text": text, "status": text, "seconds": 1, "reason": text}] * 500,
        "note": text,
        "left": text,
        "error": {"what": text, "why": text, "hint": text},
        "diagnosis": {"events": [{"severity": text, "message": text}] * 3, "causes": [text], "log_tail": text},
    }


def without_fences(markdown: str) -> str:
    """The Markdown outside of its code blocks, which end at a line of as many backticks."""
    return re.sub(r"^(`{3,})text\n.*?^\1$", "", markdown, flags=re.S | re.M)


def parse(file: str) -> dict[str, str]:
    """The output file as the runner reads it: `name<<delimiter`, lines, the delimiter."""
    found, lines = {}, iter(file.split("\n"))
    for line in lines:
        if line:
            name, delimiter = line.split("<<")
            value = []
            while (line := next(lines)) != delimiter:
                value.append(line)
            found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_the_outputs(tmp_path: Path, text: str) -> None:
    file = tmp_path / "output"
    github.write(everywhere(text), {"GITHUB_OUTPUT": str(file)})
    found = parse(file.read_bytes().decode())
    assert list(found) == [
        "release",
        "version-label",
        "sha",
        "environment",
        "live-release",
        "live-url",
        "outcome",
    ]
    assert found["release"] == text.encode(errors="replace").decode()
    assert json.loads(found["outcome"])["exit_code"] == 6


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_the_summary(text: str) -> None:
    shown = without_fences(github.summary(everywhere(text)))
    lines = [line for line in shown.split("\n") if line]
    heads = [line for line in lines if line.startswith("#")]
    assert len(heads) == 1
    assert heads[0].startswith("### ❌ ")
    tables = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {4, 5}
    assert not re.search(r"(?<!\\)<(?!/?details|/?summary|http)", re.sub(r"(`+)[^\n]*?\1", "", shown))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b\u202e]", shown)
    assert len(github.summary(everywhere(text)).encode()) < github.SUMMARY_LIMIT


@pytest.mark.parametrize("text", HOSTILE)
def test_an_annotation_is_one_workflow_command(text: str) -> None:
    shown = github.annotation(everywhere(text))
    match = re.fullmatch(r"::error title=([^:,\r\n]*)::([^\r\n]*)", shown)
    assert match
    assert not re.search(r"%(?!25|0A|3A|2C)", shown)
    assert len(match[2]) < 20_000


def test_an_annotation_says_what_why_and_what_next() -> None:
    assert github.annotation(FAILED) == (
        "::error title=ebcd ship aespo local::The smoke test failed.%0A500%0A500%0ALook: ebcd logs"
    )
    assert github.annotation(FAILED | {"stage": "a:b,c%"}).startswith("::error title=ebcd ship aespo a%3Ab%2Cc%25::")


def test_success_has_no_annotation() -> None:
    assert github.annotation(SHIPPED) == ""


def test_nothing_is_written_outside_of_actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    github.write(SHIPPED, {})
    github.write(SHIPPED, {"GITHUB_OUTPUT": "", "GITHUB_STEP_SUMMARY": ""})
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_the_files_stays(tmp_path: Path) -> None:
    output, page = tmp_path / "output", tmp_path / "summary"
    output.write_text("earlier=1\n")
    page.write_text("earlier\n")
    github.write(SHIPPED, {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(page)})
    assert output.read_text().startswith("earlier=1\nrelease<<ebcd_")
    assert page.read_text() == "earlier\n" + github.summary(SHIPPED)


def test_a_delimiter_is_never_used_twice(tmp_path: Path) -> None:
    file = tmp_path / "output"
    for _ in range(2):
        github.write(SHIPPED, {"GITHUB_OUTPUT": str(file)})
    delimiters = re.findall("<<(ebcd_[0-9a-f]{32})$", file.read_text(), flags=re.M)
    assert len(delimiters) == len(set(delimiters)) == 14


@pytest.mark.parametrize(
    ("room", "written"),
    [
        (len(github.summary(SHIPPED).encode()), github.summary(SHIPPED)),
        (len(github.summary(SHIPPED).encode()) - 1, "### ✅ aespo local: r2 is live\n"),
        (5, ""),
    ],
)
def test_a_full_summary_gets_the_headline_or_nothing(tmp_path: Path, room: int, written: str) -> None:
    page = tmp_path / "summary"
    page.write_bytes(b"x" * (github.SUMMARY_LIMIT - room))
    github.write(SHIPPED, {"GITHUB_STEP_SUMMARY": str(page)})
    assert page.read_bytes().lstrip(b"x").decode() == written


def test_the_outputs_of_a_release() -> None:
    found = github.outputs(SHIPPED)
    outcome = json.loads(found.pop("outcome"))
    assert found == {
        "release": "r2",
        "version-label": "bbbbbbbbbbbb",
        "sha": "b" * 40,
        "environment": "aespo-local-r2",
        "live-release": "r2",
        "live-url": "http://aespo.localhost:8156",
    }
    assert outcome == {key: value for key, value in SHIPPED.items() if key != "steps"}


def test_a_report_that_stopped_early_has_empty_outputs_and_still_a_summary() -> None:
    report = {"schema": 1, "command": "ship", "ok": False, "exit_code": 2, "error": {"what": "No such stage."}}
    found = github.outputs(report)
    assert {value for name, value in found.items() if name != "outcome"} == {""}
    assert github.summary(report) == "### ❌ ebcd: failed\n\n**No such stage.**\n"
    assert github.annotation(report) == "::error title=ebcd ship::No such stage."


@pytest.mark.parametrize("report", [{}, {"steps": "x", "live": "y", "environment": 7, "error": []}, {"ok": True}])
def test_no_report_is_too_odd(report: dict[str, object]) -> None:
    assert github.summary(report).startswith("### ")
    assert set(github.outputs(report)) == set(github.outputs(SHIPPED))


def test_the_summary_of_a_release() -> None:
    assert (
        github.summary(SHIPPED)
        == """\
### ✅ aespo local: r2 is live

|  | Before | Live |
| --- | --- | --- |
| Release | r1 | **r2** |
| Version | `aaaaaaaaaaaa` | `bbbbbbbbbbbb` |
| Environment | `aespo-local-r1` | `aespo-local-r2` |

Live at <http://aespo.localhost:8156>

Undo: `ebcd swap --rollback -a aespo -s local`

<details><summary>2 steps, 2 min 0 s</summary>

| Step | Status | Time |  |
| --- | --- | --- | --- |
| HoldHealth | done | 1 min 15 s | — |
| SwapCnames | done | 0.8 s | both ready |

</details>
"""
    )


def test_the_summary_of_a_rollback_tells_what_it_left() -> None:
    back = {"command": "swap", "release": "r1", "live": R1, "previous": None, "left": R2, "note": "Went back."}
    page = github.summary(SHIPPED | back)
    assert page.startswith(
        "### ✅ aespo local: r1 is live\n\nWent back.\n\n"
        "|  | Before | Live |\n| --- | --- | --- |\n| Release | r2 | **r1** |\n"
        "| Version | `bbbbbbbbbbbb` | `aaaaaaaaaaaa` |\n"
    )


def test_the_summary_of_a_rollback_has_its_reason_and_the_commits_that_it_took_back(tmp_path: Path) -> None:
    left = R2 | {"sha": "b" * 40, "reason": "checkout *fails*"}
    back = SHIPPED | {"command": "swap", "release": "r1", "sha": "a" * 40, "live": R1, "previous": None, "left": left}
    page = github.summary(back)
    assert "\n\nReason: checkout \\*fails\\*\n\n" in page
    assert "Commits taken back: `git log aaaaaaaaaaaa..bbbbbbbbbbbb`" in page
    file = tmp_path / "summary"
    place = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/shop"}
    github.write(back, {"GITHUB_STEP_SUMMARY": str(file), **place})
    assert f"<https://github.com/acme/shop/compare/{'a' * 40}...{'b' * 40}>" in file.read_text()
    promoted = back | {"left": left | {"reason": ""}}
    for other in (back | {"sha": "b" * 40}, back | {"sha": "<script>"}, promoted, SHIPPED):
        assert "Commits taken back" not in github.summary(other), "a patch, a forged commit, no rollback"


@pytest.mark.parametrize("name", ["acme/shop>\n# x", "acme", "", "a/b/c"])
def test_a_repository_of_an_odd_name_is_no_link(tmp_path: Path, name: str) -> None:
    file = tmp_path / "summary"
    left = R2 | {"sha": "b" * 40, "reason": "slow"}
    back = SHIPPED | {"release": "r1", "sha": "a" * 40, "live": R1, "left": left}
    github.write(back, {"GITHUB_STEP_SUMMARY": str(file), "GITHUB_SERVER_URL": "https://g", "GITHUB_REPOSITORY": name})
    assert "/compare/" not in file.read_text()


def test_the_summary_of_a_failure_has_the_diagnosis() -> None:
    found = {
        "events": [{"time": "…", "severity": "ERROR", "message": "Failed to deploy application."}],
        "causes": ["i-1: Severe"],
        "log_tail": "Traceback\nKeyError: 'x'",
    }
    page = github.summary(FAILED | {"diagnosis": found})
    assert "<summary>Causes</summary>\n\n```text\ni-1: Severe\n```\n\n</details>" in page
    assert "<summary>Events</summary>\n\n```text\nERROR Failed to deploy application.\n```\n\n</details>" in page
    assert "<summary>The end of its log</summary>\n\n```text\nTraceback\nKeyError: 'x'\n```\n\n</details>" in page


def test_the_summary_of_a_failure_shows_the_cause_and_no_undo() -> None:
    page = github.summary(FAILED)
    assert page.startswith(
        "### ❌ aespo local: r2 failed and no user has seen it, r1 is live\n\n"
        "**The smoke test failed.**\n\n```text\n500\n500\n```\n\nLook\\: ebcd logs\n\n"
        "|  | Live | Candidate |\n| --- | --- | --- |\n| Release | r1 | **r2** |\n"
    )
    assert "<details open>" in page
    assert "Undo" not in page


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ({"live": R1}, "### ⏸️ aespo local: r2 waits for its swap, r1 is live"),
        ({"steps": [{"step": "SwapCnames", "status": "planned"}]}, "### 📋 aespo local: a plan, nothing was changed"),
        (
            {"ok": False, "exit_code": 7, "live": R1},
            "### ❌ aespo local: r2 failed its bake and was swapped back, r1 is live",
        ),
        ({"ok": False, "exit_code": 8, "live": None}, "### ❌ aespo local: the outcome is unknown"),
        ({"ok": False, "exit_code": 4, "live": R1}, "### ❌ aespo local: another run holds the lock, r1 is live"),
        ({"ok": False, "exit_code": 1}, "### ❌ aespo local: failed, r2 is live"),
    ],
)
def test_headlines(change: dict[str, object], headline: str) -> None:
    assert github.summary(SHIPPED | change).split("\n")[0] == headline


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ({}, "ebcd swap --rollback -a aespo -s local"),
        (
            {"command": "swap", "release": "r1", "live": R1, "previous": None, "left": R2},
            "ebcd swap --to r2 -a aespo -s local",
        ),
        ({"stage": "a b"}, "ebcd swap --rollback -a aespo -s 'a b'"),
        ({"previous": None}, None),
        ({"live": R1}, None),
        ({"steps": [{"status": "planned"}]}, None),
    ],
)
def test_undo(change: dict[str, object], undo: str | None) -> None:
    found = re.search("^Undo: `(.*)`$", github.summary(SHIPPED | change), flags=re.M)
    assert (found and found[1]) == undo
