"""What `check` tells: one thing that is wrong, with its place and a way out; and the names of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a finding stops a release."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    severity: Severity
    code: str
    """The rule's name."""
    path: str
    line: int | None
    message: str
    """What is wrong, and why."""
    hint: str = ""
    """What to do."""


RULES: Mapping[str, str] = {
    "allow": "what is let through is found, and by a rule that there is",
    "encrypted": "a file is no ciphertext that only a password opens",
    "extension": "a file in .ebextensions can be read, and its sections have their shapes",
    "extension-key": "an entry of .ebextensions says only what is read",
    "extension-link": ".ebextensions are files, not links",
    "extension-name": "files in .ebextensions end in .config",
    "file-mode": "the mode of a file in .ebextensions is made of octal digits, in quotes",
    "git-annex": "a file is not one that git-annex keeps elsewhere",
    "git-crypt": "a file is not encrypted by git-crypt",
    "hook-not-runnable": "a platform hook is a program, or names its interpreter",
    "lfs-pointer": "a file is not a pointer of Git LFS",
    "local-platform": "a local stage runs Python",
    "migration-declaration": "works_since names an earlier migration",
    "migration-takes-away": "a migration takes nothing away that live may use",
    "migration-too-early": "what a migration takes away is used by live no more",
    "migration-unreadable": "a migration is Python",
    "no-entry-point": "the platform finds what to run",
    "no-module": "the module that the web process starts is in the bundle",
    "no-object": "the module has the object that the web process starts",
    "no-requirements": "there is a requirements.txt",
    "no-wheel": "each requirement has a wheel, where wheels are bundled",
    "overridden": "no option of .ebextensions is set by the stage, too",
    "port": "the web process listens where the platform's proxy asks",
    "procfile": "the Procfile's lines are NAME: COMMAND",
    "procfile-name": "the Procfile is called so",
    "procfile-release": "the Procfile has no release phase of Heroku's",
    "procfile-twice": "each process of the Procfile has a name of its own",
    "procfile-web": "the Procfile has a web process",
    "requires-python": "what the bundle requires of Python is what the stage runs",
    "secret": "there is no secret in a file",
    "syntax": "what the application imports is Python of the stage's version",
    "syntax-elsewhere": "so are its other files",
    "unlocked": "the requirements are locked",
    "wsgi-path": "WSGIPath names a module",
}
"""Each rule by its name: what holds where nothing is found."""
