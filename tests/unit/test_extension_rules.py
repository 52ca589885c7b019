"""What .ebextensions may hold: `check` and the local Beanstalk have the same rules, and refuse the same files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from bundles import GOOD, codes, found, found_alone

from ebcd.check import Severity, sections
from ebcd_local import ebextensions
from ebcd_local import sections as local_sections

A = ".ebextensions/a.config"


def test_both_sides_have_the_same_rules() -> None:
    names = [name for name in vars(sections) if name.isupper()]
    assert "SECTIONS" in names
    for name in names:
        assert repr(getattr(sections, name)) == repr(getattr(local_sections, name)), name


def refused_locally(text: str | bytes, tmp_path: Path) -> bool:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(A, text)
    return bool(ebextensions.read(tmp_path / "b.zip").problems)


FINE = [
    "{}",
    "option_settings:\n  aws:x:\n    A: b\n",
    "option_settings:\n",
    "option_settings: {aws:x: }",
    "option_settings: {aws:x: {A: , B: 1, C: true, D: 2026-01-01, E: {a: [1]}}}",
    "option_settings: []",
    "option_settings:\n- {option_name: A, value: b}\n- {namespace: n, option_name: A, value: , resource_name: r}",
    'option_settings:\n  aws:x:\n    A: !Ref AWSEBSecurityGroup\n    B: \'`{"Ref": "X"}`\'\n',
    "\ufeffoption_settings: {aws:x: {A: b}}",
    "option_settings:\r\n  aws:x:\r\n    A: b\r\n",
    '{\n\t"option_settings": {\n\t\t"aws:x": {"A": "b"}\n\t}\n}',
    '\ufeff{\n\t"commands": {"a": {"command": "true"}}}',
    "commands:\n  a:\n    command: 'true'\n    ignoreErrors: true\n    cwd: /tmp\n    env: {A: 1}\n    test: x",
    "commands:\n  01: {command: [a, b, 1]}",
    "container_commands:\n  01_migrate:\n    command: python manage.py migrate\n    leader_only: true\n",
    "container_commands:\n  a:\n    command: |\n      one\n      two\n",
    "container_commands:",
    "files:\n  /a:\n    content: x\n",
    "files:\n  /a:\n    content: ''\n    mode: '000644'\n    owner: root\n    group: root\n",
    'files:\n  /a:\n    mode: "000755"\n    source: https://example.com/x\n',
    "files:\n  /a: {content: x, mode: 644}\n",
    "files:\n  /a: {content: x, mode: 755}\n",
    "files:\n  /a: {content: /b, mode: '120644'}\n",
    "files:\n  /a:\n    content: {a: 1, b: !Ref X}\n",
    "files:\n  /a: {content: 12}\n",
    "files:\n  /a:\n    encoding: base64\n    content: |\n      aGVs\n      bG8=\n",
    "files:\n  /a: {encoding: plain, content: 'a=b'}\n",
    "packages:\n  yum:\n    git: []\n    gcc: ['1']\n  rpm: {epel: 'http://x'}",
    "packages: {yum: }",
    "groups: {a: , b: {gid: 5}}\nusers: {u: {groups: [a], uid: 5, homeDir: /x}}",
    "sources: {/a: 'https://example.com/x.zip'}",
    "services:\n  sysvinit:\n    nginx: {enabled: true, ensureRunning: true}\n",
    "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\nOutputs: {X: {Value: !GetAtt Q.Arn}}\n",
    "Resources:\n  A:\n    Type: X\n    Properties: {N: !Sub '${AWS::Region}-x', M: !Join ['', [a, b]]}\n",
    "Parameters: {P: {Type: String}}\nConditions: {C: {'Fn::Equals': [a, b]}}\nMappings: {M: {a: {b: c}}}",
]
REFUSED: list[tuple[str | bytes, int | None]] = [
    ("[1]", None),
    ("text", None),
    ("a: b: c", 1),
    ("a: [", 1),
    ("\toption_settings: {}", 1),
    ('{\n\t"option_settings": {,}}', 2),
    (b"\xff\xfeo\x00", 1),
    ("option_setting: {}", 1),
    ("# x\nOptionSettings: {}", 2),
    ("option_settings: text", 1),
    ("option_settings: 5", 1),
    ("option_settings:\n  A: b", 2),
    ("option_settings:\n  aws:x:\n    - A: b", 2),
    ("option_settings:\n  - A", 2),
    ("option_settings:\n  - option_name: A", 2),
    ("option_settings:\n  - {option_name: A, value: b}\n  - {namespace: n, value: b}", 3),
    ("container_commands:\n  01_migrate: 'true'", 2),
    ("container_commands:\n  - command: 'true'", 1),
    ("container_commands:\n  a:\n    leader_only: true", 2),
    ("container_commands:\n  a:\n    command:", 3),
    ("container_commands:\n  a:\n    command: true", 3),
    ("container_commands:\n  a:\n    command: {b: c}", 3),
    ("container_commands: text", 1),
    ("container_commands:\n  a:", 2),
    ("commands:\n  a:\n    cwd: /tmp", 2),
    ("commands:\n  a:\n    command: x\n    env: A=b", 4),
    ("commands:\n  a:\n    command: x\n    test: [x]", 4),
    ("commands: false", 1),
    ("files:\n  /a:\n    mode: '000755'", 2),
    ("files:\n  /a: text", 2),
    ("files:\n  - /a", 1),
    ("files:\n  /a:\n    content:", 3),
    ("files:\n  /a:\n    content: x\n    mode: 000755", 4),
    ("files:\n  /a:\n    content: x\n    mode: rwx", 4),
    ("files:\n  /a:\n    content: x\n    mode: '0000644'", 4),
    ("files:\n  /a:\n    content: x\n    mode: '888'", 4),
    ("files:\n  /a:\n    content: x\n    encoding: gzip", 4),
    ("files:\n  /a:\n    content: '*'\n    encoding: base64", 3),
    ("packages: [git]", 1),
    ("sources:\n  /a: [x]", 2),
    ("services:\n  sysvinit: nginx", 2),
    ("Resources:\n  Q:", 2),
    ("Resources: []", 1),
    ("Outputs:\n  X: text", 2),
    ("x: &x [1]\ny: *x", 2),
]


@pytest.mark.parametrize("text", FINE)
def test_what_may_be_there_is_taken_by_both(text: str, tmp_path: Path) -> None:
    assert found(**{A: text}) == []
    assert not refused_locally(text, tmp_path)


@pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n"])
def test_an_empty_file_is_none_for_either(text: str, tmp_path: Path) -> None:
    (finding,) = found(**{A: text})
    assert (finding.code, "delete the file" in finding.hint) == ("extension", True)
    assert refused_locally(text, tmp_path)


@pytest.mark.parametrize(("text", "line"), REFUSED)
def test_what_the_local_beanstalk_refuses_is_an_error_with_its_line(
    text: str | bytes, line: int | None, tmp_path: Path
) -> None:
    assert refused_locally(text, tmp_path)
    finding = found(**{A: text})[0]
    assert finding.severity is Severity.ERROR
    assert finding.code in ("extension", "file-mode")
    assert (finding.path, finding.line) == (A, line)
    assert finding.message.endswith((".", "…"))
    assert finding.hint


def test_a_mode_without_quotes_is_another_mode(tmp_path: Path) -> None:
    """420 is made of octal digits, so that nothing refuses it: the file's mode would be 0420."""
    text = "files:\n  /a:\n    content: x\n    mode: 000644\n"
    assert not refused_locally(text, tmp_path)
    (finding,) = found(**{A: text})
    assert (finding.code, finding.severity, finding.line) == ("file-mode", Severity.ERROR, 4)
    assert '"000644"' in finding.hint


def test_a_key_that_is_there_twice_loses_the_first(tmp_path: Path) -> None:
    text = "container_commands:\n  a: {command: x}\ncontainer_commands:\n  b: {command: y}\n"
    assert not refused_locally(text, tmp_path), "the last one counts there"
    (finding,) = found(**{A: text})
    assert (finding.code, finding.severity, finding.line) == ("extension", Severity.ERROR, 3)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("commands:\n  a:\n    command: x\n    leader_only: true", 4, "There are"),
        ("container_commands:\n  a:\n    command: x\n    ignore_errors: true", 4, "ignoreErrors"),
        ("container_commands:\n  a: {command: x, leaderonly: true}", 2, "leader_only"),
        ("files:\n  /a:\n    content: x\n    permissions: '0644'", 4, "There are"),
    ],
)
def test_what_nothing_reads_is_a_warning(text: str, line: int, hint: str, tmp_path: Path) -> None:
    assert not refused_locally(text, tmp_path)
    (finding,) = found(**{A: text})
    assert (finding.code, finding.severity, finding.line) == ("extension-key", Severity.WARNING, line)
    assert hint in finding.hint


def test_links_are_not_followed_there() -> None:
    """The service reads the bundle itself, where a link is a file with a path in it."""
    files = {**GOOD, "deploy/a.config": "option_settings: {aws:x: {A: b}}"}
    (finding,) = found_alone(None, {A: "../deploy/a.config"}, **files)
    assert (finding.code, finding.severity, finding.path) == ("extension-link", Severity.ERROR, A)
    (finding,) = found_alone(None, {".ebextensions": "deploy"}, **files)
    assert (finding.code, finding.severity, finding.path) == ("extension-link", Severity.WARNING, ".ebextensions")
    assert codes(None, {"other": "deploy"}, **files) == []
