"""`check`: what would fail on Beanstalk, found with its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bundles import GOOD, codes, found
from stages import STAGE

from ebcd.check import Severity
from ebcd.check.extensions import option_settings
from ebcd.check.files import File
from ebcd.check.finding import RULES
from ebcd.check.lint import check
from ebcd.model import OptionSetting

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0buVwTQvUgkQwAn5QBNxSqW5Nw\n"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz9aQ0abcd"


def test_a_good_bundle_has_no_findings() -> None:
    assert found() == []


def test_something_must_say_what_to_run() -> None:
    (finding,) = check({"requirements.txt": File(b"")}, STAGE)
    assert (finding.severity, finding.code) == (Severity.ERROR, "no-entry-point")
    wsgi = OptionSetting("aws:elasticbeanstalk:container:python", "WSGIPath", "shop.wsgi")
    shop = {"requirements.txt": File(b""), "shop/wsgi.py": File(b"application = 1")}
    assert check(shop, replace(STAGE, options=(wsgi,))) == []


@pytest.mark.parametrize(
    ("files", "code", "place"),
    [
        ({"Procfile": "web: run\nwhat is this\n"}, "procfile", ("Procfile", 2)),
        ({"Procfile": "web: run\nrelease: migrate\n"}, "procfile-release", ("Procfile", 2)),
        ({".ebextensions/a.config": "a: b\nc: [\n"}, "extension", (".ebextensions/a.config", 3)),
        ({".ebextensions/a.config": "unknown_key: 1"}, "extension", (".ebextensions/a.config", 1)),
        ({".ebextensions/a.config": "option_settings: text"}, "extension", (".ebextensions/a.config", 1)),
        ({".ebextensions/a.config": "x: &x [1]\ny: *x"}, "extension", (".ebextensions/a.config", 2)),
        ({".ebextensions/a.config": b"\xff\xfe"}, "extension", (".ebextensions/a.config", 1)),
        ({".platform/hooks/predeploy/a.sh": "x"}, "hook-not-runnable", (".platform/hooks/predeploy/a.sh", 1)),
        ({"key.pem": f"x\n{PEM}"}, "secret", ("key.pem", 2)),
        ({"s.ini": f"a\nb\naws_secret_access_key = {KEY}\n"}, "secret", ("s.ini", 3)),
    ],
)
def test_errors_have_their_place(files: dict[str, str | bytes], code: str, place: tuple[str, int | None]) -> None:
    (finding,) = found(**files)
    assert (finding.severity, finding.code, (finding.path, finding.line)) == (Severity.ERROR, code, place)
    assert finding.message
    assert finding.hint


@pytest.mark.parametrize(
    ("files", "code"),
    [({"Procfile": "worker: run"}, "procfile-web"), ({".ebextensions/a.yml": "a: b"}, "extension-name")],
)
def test_warnings_do_not_stop_a_release(files: dict[str, str], code: str) -> None:
    (finding,) = found(**files)
    assert (finding.severity, finding.code) == (Severity.WARNING, code)


@pytest.mark.parametrize("content", ["#!/bin/bash\n", "#!/bin/bash\r\n", "\x7fELF\0"])
def test_a_hook_without_its_exec_bit_or_with_line_ends_of_windows_is_no_finding(content: str) -> None:
    assert found(**{".platform/hooks/predeploy/a.sh": content}) == []


def test_a_secret_is_never_shown() -> None:
    (finding,) = found(**{"s.ini": f"aws_secret_access_key = {KEY}"})
    assert KEY not in repr(finding)


def test_what_cloudformation_allows_is_no_finding() -> None:
    text = "Resources:\n  Queue: {Type: 'AWS::SQS::Queue'}\noption_settings:\n  aws:x:\n    A: !GetAtt Queue.Arn\n"
    assert found(**{".ebextensions/a.config": text}) == []
    listed = "option_settings:\n  - {namespace: a, option_name: b, value: c}\n"
    assert found(**{".ebextensions/a.config": listed}) == []


def test_option_settings_are_read_as_beanstalk_reads_them() -> None:
    files = {
        ".ebextensions/02.config": "option_settings: {aws:x: {A: second, B: true}}",
        ".ebextensions/01.config": "option_settings: [{option_name: C, value: 1}, {namespace: x, option_name: A, value: }]",  # noqa: E501
        ".ebextensions/03.config": "option_settings: [",
        ".ebextensions/04.yml": "option_settings: {aws:x: {A: never}}",
        "other/05.config": "option_settings: {aws:x: {A: never}}",
    }
    assert option_settings({name: File(text.encode()) for name, text in files.items()}) == (
        OptionSetting("aws:elasticbeanstalk:application:environment", "C", "1"),
        OptionSetting("aws:x", "A", "second"),
        OptionSetting("aws:x", "B", "true"),
        OptionSetting("x", "A", ""),
    )


def test_every_rule_is_named_and_no_other_one() -> None:
    """What `[[check.allow]]` may name."""
    import re
    from pathlib import Path

    package = Path(__file__).resolve().parents[2] / "ebcd" / "check"
    used = set()
    for path in package.glob("*.py"):
        used |= set(re.findall(r'Severity\.(?:ERROR|WARNING),\s*"([a-z-]+)"', path.read_text()))
    assert used <= set(RULES), used - set(RULES)
    assert codes(**GOOD) == []
