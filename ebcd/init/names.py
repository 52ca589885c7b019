"""Names that ebcd and Beanstalk take, made of any text. Pure."""

from __future__ import annotations

import re
import unicodedata

from ebcd.config import read, values
from ebcd.errors import UsageError
from ebcd.model import Target

LOCAL = str(Target.LOCAL)
STAGES = ("production", "prod")
"""Names of the stage on AWS: the second where the application's name is too long for the first."""
_AMAZON_LINUX_2 = ("3.7", "3.8")
"""Pythons that Beanstalk runs on Amazon Linux 2; newer ones run on 2023."""


def fits(application: str, stage: str) -> bool:
    """Whether environments can be named after application and stage."""
    try:
        values.application("application", application)
        read.check_names(application, stage, "stage")
        read.check_names(application, LOCAL, "stage")
    except UsageError:
        return False
    return True


def legal(text: str, stage: str) -> str:
    """A text as an application's name from which environment names can be made; empty where nothing of it can stay."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    most = read.NAME_LIMIT - max(len(f"-{name}-r{read.HIGHEST_RELEASE}") for name in (stage, LOCAL))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: max(most, 0)].rstrip("-")


def cname(name: str, suffix: str) -> str:
    """A name as a CNAME prefix; one that is too short gets a suffix."""
    return name if is_cname(name) else f"{name}-{suffix}"


def is_cname(text: str) -> bool:
    """Whether a text can be a CNAME prefix."""
    try:
        values.cname("cname", text)
    except UsageError:
        return False
    return True


def platform(told: str) -> str:
    """A platform as eb names it, as a platform branch; an ARN stays one. Empty where it names none."""
    if told.startswith("arn:") or re.fullmatch(r".+ running on .+", told):
        return told
    if stack := re.fullmatch(r"(64bit .+?) v\d[\d.]* running (.+)", told):
        return f"{stack[2]} running on {stack[1]}"
    short = re.fullmatch(r"python[- ](3\.\d+)", told.strip().lower())
    return python_branch(short[1]) if short else ""


def python_branch(version: str) -> str:
    """The platform branch of a Python."""
    system = "Amazon Linux 2" if version in _AMAZON_LINUX_2 else "Amazon Linux 2023"
    return f"Python {version} running on 64bit {system}"
