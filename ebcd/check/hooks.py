"""Hooks that no instance can run. The executable bit and the line ends of Windows are the platform's to mend. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity

_FOLDERS = (".platform/hooks/", ".platform/confighooks/")
_PROGRAM = b"\x7fELF"
_MARK = b"\xef\xbb\xbf"


def check(tree: Tree) -> Iterator[Finding]:
    """Hooks that are no program and name no interpreter."""
    for path in tree.files:
        if not path.startswith(_FOLDERS) or path.count("/") != 3:
            continue
        data = tree.read(path)
        if data is None or data.startswith((b"#!", _PROGRAM)):
            continue
        message = "The hook is no program, and its first line names no interpreter: the deployment would fail."
        hint = "Begin it with a line such as: #!/bin/bash"
        if data.startswith(_MARK + b"#!"):
            message = (
                "The hook begins with a byte-order mark, so the system does not see its #!: the deployment would fail."
            )
            hint = "Save it as UTF-8 without a BOM."
        yield Finding(Severity.ERROR, "hook-not-runnable", path, 1, message, hint)
