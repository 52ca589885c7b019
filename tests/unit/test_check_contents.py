"""What is found in a file by itself: secrets, and what git has in the place of a file. And what is let through."""

from __future__ import annotations

import pytest
from bundles import found

from ebcd.check import Finding, Severity, allowed
from ebcd.check.finding import RULES
from ebcd.model import Allowance

HEADER = "-----BEGIN PRIVATE KEY-----"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz9aQ0abcd"
TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"

NONE = [
    f'def is_key(text):\n    return text.startswith("{HEADER}")\n',
    f"{HEADER}\n...\n-----END PRIVATE KEY-----\n",
    f"{HEADER}\nYOUR PRIVATE KEY HERE\n-----END PRIVATE KEY-----\n",
    f"{HEADER}\n{'x' * 64}\n-----END PRIVATE KEY-----\n",
    f"{HEADER}\nMIIEvQ...\n",
    f'PATTERNS = ["{HEADER}", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----"]\n',
    f"re.compile(r'{HEADER}[A-Za-z0-9+/=\\s]+-----END PRIVATE KEY-----')\n",
    f"<textarea placeholder='{HEADER}\\n...'></textarea>",
    "-----BEGIN PUBLIC KEY-----\n" + BODY,
    "-----BEGIN CERTIFICATE-----\n" + BODY,
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\naws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    f"aws_secret_access_key = {'x' * 40}\n",
    f"aws_secret_access_key: {'A1' * 20}\n",
    "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']\n",
    "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}\n",
    f"token = 'ghp_{'x' * 36}'\n",
    f"ghp_{'0' * 36}",
]
SECRETS = [
    f"{HEADER}\n{BODY}\n",
    f"\n{HEADER}\r\n{BODY}\r\n",
    f'"private_key": "{HEADER}\\n{BODY}\\n",',
    f"key: |\n    {HEADER}\n    {BODY}\n",
    f"KEY = '''{HEADER}\n{BODY}\n'''",
    f'KEY = ("{HEADER}\\n"\n       "{BODY}\\n")',
    f"KEY = '{HEADER}' + \\\n  '{BODY}'",
    f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n{BODY}\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz\n",
    f"# {HEADER}\n# {BODY}\n",
    f"{HEADER}\n...\n{HEADER}\n{BODY}\n",
    f"aws_secret_access_key = {KEY}\n",
    f'"AWS_SECRET_ACCESS_KEY": "{KEY}"',
    f"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\naws_secret_access_key = {KEY}\n",
    f"token = '{TOKEN}'",
]


@pytest.mark.parametrize("text", NONE)
def test_what_looks_like_a_secret_and_is_none(text: str) -> None:
    assert found(**{"notes.txt": text}) == []


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_found_and_never_shown(text: str) -> None:
    (finding,) = found(**{"notes.txt": text})
    assert (finding.code, finding.severity) == ("secret", Severity.ERROR)
    assert not any(secret in repr(finding) for secret in (BODY, KEY, TOKEN))
    assert "[[check.allow]]" in finding.hint


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\0GITCRYPT\0" + bytes(range(64)), "git-crypt"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "lfs-pointer"),
        (b"/annex/objects/SHA256E-s5--abc.bin\n", "git-annex"),
    ],
)
def test_what_git_has_in_the_place_of_a_file(content: bytes, code: str) -> None:
    for name in ("data.bin", "settings_secret.py", "docs/a.md"):
        (finding,) = found(**{name: content})
        assert (finding.severity, finding.code, finding.path) == (Severity.ERROR, code, name)
        assert ".ebignore" in finding.hint


def test_a_password_may_open_a_file_at_the_deployment() -> None:
    (finding,) = found(**{"secrets.enc": "U2FsdGVkX1+8kqVZ1x2k3l4m5n6o7p8q9r0s\n"})
    assert (finding.severity, finding.code) == (Severity.WARNING, "encrypted")


@pytest.mark.parametrize(
    "content",
    [
        b"It begins with U2FsdGVkX1 and goes on",
        b"U2FsdGVkX1 is what openssl begins with",
        b"# version https://git-lfs.github.com/spec/v1\n",
        b"GITCRYPT",
        b"\0GITCRYPT is a word",
        b"/annex/objects/a\n/annex/objects/b\n",
        b"/var/annex/objects/a\n",
    ],
)
def test_what_only_speaks_of_it(content: bytes) -> None:
    assert found(**{"notes.txt": content}) == []


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        (".git/annex/objects/Mx/1f/SHA256E-s5--abc.bin/SHA256E-s5--abc.bin", ["git-annex"]),
        ("../../.git/annex/objects/Mx/1f/a/a", ["git-annex"]),
        ("annex/objects/a", []),
        ("data/real.bin", []),
    ],
)
def test_a_link_into_git_annex(target: str, codes: list[str]) -> None:
    assert [item.code for item in found(None, {"a/b/data.bin": target})] == codes


FOUND = [
    Finding(Severity.ERROR, "secret", "tests/data/example.pem", 1, "This looks like a private key."),
    Finding(Severity.ERROR, "secret", "app.py", 3, "This looks like a private key."),
    Finding(Severity.ERROR, "port", "Procfile", 1, "…"),
]


@pytest.mark.parametrize(
    ("allowances", "left"),
    [
        ([], ["tests/data/example.pem", "app.py", "Procfile"]),
        ([("secret", "tests/data/example.pem")], ["app.py", "Procfile"]),
        ([("secret", "*.pem")], ["app.py", "Procfile"]),
        ([("secret", "tests/**")], ["app.py", "Procfile"]),
        ([("secret", "tests/")], ["app.py", "Procfile"]),
        ([("secret", "/app.py"), ("secret", "*.pem"), ("port", "Procfile")], []),
        ([("port", "*")], ["tests/data/example.pem", "app.py"]),
    ],
)
def test_what_is_let_through(allowances: list[tuple[str, str]], left: list[str]) -> None:
    given = [Allowance(rule, path, "a reason") for rule, path in allowances]
    assert [item.path for item in allowed(FOUND, given, "ebcd.toml")] == left


@pytest.mark.parametrize(
    ("rule", "path", "words"),
    [
        ("secret", "docs/**", "finds nothing at docs/**"),
        ("secrets", "app.py", "names no rule"),
        ("port", "x", "nothing"),
    ],
)
def test_an_allowance_that_lets_nothing_through_is_told(rule: str, path: str, words: str) -> None:
    *others, last = allowed(FOUND, [Allowance(rule, path, "a reason")], "ebcd.toml")
    assert others == FOUND
    assert (last.severity, last.code, last.path) == (Severity.WARNING, "allow", "ebcd.toml")
    assert words in last.message
    assert last.hint
    assert last.code in RULES
