"""Findings in what Beanstalk reads of a bundle. Pure: the files come as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ebcd.check import entry, extensions, migrations
from ebcd.check.extensions import File
from ebcd.check.finding import Finding, Severity
from ebcd.documents import BadDocument
from ebcd.model import Stage

PROCFILE_LINE = re.compile(r"[A-Za-z0-9_-]+:\s*[^\s].*")
"""Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-procfile.html"""
EXTENSION_KEYS = frozenset(
    {"option_settings", "packages", "groups", "users", "sources", "files", "commands", "services",
     "container_commands", "Resources", "Outputs", "Mappings", "Parameters", "Conditions"}
)  # fmt: skip
_PROGRAM = b"\x7fELF"


def check(files: Mapping[str, File], stage: Stage | None, live: frozenset[str] | None = None) -> list[Finding]:
    """All findings but secrets. Contents are looked at only where `reads` says so.

    stage: whose platform and option settings count; None: none is named. live: the paths of what is live; None: not
    known.
    """
    return [
        *entry.check(files.keys(), stage),
        *(_procfile(files) if entry.runs_procfile(stage) else ()),
        *_extensions(files),
        *_hooks(files),
        *migrations.check(files, live),
    ]


def reads(path: str) -> bool:
    """Whether `check` looks into a file of that name."""
    return path == "Procfile" or extensions.is_read(path) or migrations.reads(path) or _is_hook(path)


def _procfile(files: Mapping[str, File]) -> Iterator[Finding]:
    if "Procfile" not in files:
        return
    names = []
    for number, line in enumerate(files["Procfile"].data.decode(errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if PROCFILE_LINE.fullmatch(line):
            names.append(line.partition(":")[0])
        else:
            yield Finding(Severity.ERROR, "procfile", "Procfile", number,
                          "This is no line of a Procfile.", "Write NAME: COMMAND.")  # fmt: skip
    if "web" not in names:
        yield Finding(Severity.WARNING, "procfile-web", "Procfile", None,
                      "There is no web process: nothing answers requests.", "Add a line: web: COMMAND")  # fmt: skip


def _extensions(files: Mapping[str, File]) -> Iterator[Finding]:
    for path, file in files.items():
        if not path.startswith(extensions.FOLDER) or path.count("/") > 1:
            continue
        if not extensions.is_read(path):
            yield Finding(Severity.WARNING, "extension-name", path, None,
                          "Beanstalk reads files that end in .config only.", "Rename it, or move it away.")  # fmt: skip
        else:
            yield from _extension(path, file.data)


def _extension(path: str, data: bytes) -> Iterator[Finding]:
    def wrong(message: str, line: int | None = None) -> Finding:
        return Finding(Severity.ERROR, "extension", path, line, message, "Beanstalk would skip the whole file.")

    try:
        content = extensions.load(data)
    except BadDocument as error:
        yield wrong(f"{error.what[:1].upper()}{error.what[1:]}.", error.line)
        return
    if not isinstance(content, dict):
        yield wrong("It must be a mapping, such as option_settings: …")
        return
    for key in content.keys() - EXTENSION_KEYS:
        yield wrong(f"{key!r} is no key of .ebextensions.")
    try:
        extensions.options_of(content)
    except ValueError as error:
        yield wrong(f"{error}.")


def _hooks(files: Mapping[str, File]) -> Iterator[Finding]:
    """Hooks that no instance can run. The executable bit and the line ends of Windows are the platform's to mend.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
    """
    for path, file in files.items():
        if _is_hook(path) and not file.link and not file.data.startswith((b"#!", _PROGRAM)):
            yield Finding(
                Severity.ERROR,
                "hook-not-runnable",
                path,
                1,
                "The hook is no program, and its first line names no interpreter: the deployment would fail.",
                "Begin it with a line such as: #!/bin/bash",
            )


def _is_hook(path: str) -> bool:
    return path.startswith((".platform/hooks/", ".platform/confighooks/")) and path.count("/") == 3
