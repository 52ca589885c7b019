"""What comes in from forms and JSON, checked field by field before anything else sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from aespo.problems import Invalid

Role = Literal["owner", "member", "reader"]
State = Literal["open", "doing", "done"]
Scope = Literal["read", "write"]
LARGEST_NOTE = 200_000
LARGEST_VERSION = 999_999_999

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Email = Annotated[str, Meta(max_length=254, pattern=r"^[^\s@\x00-\x1f]+@[^\s@.\x00-\x1f]+(\.[^\s@.\x00-\x1f]+)+$")]
Password = Annotated[str, Meta(min_length=10, max_length=200)]

Input = TypeVar("Input", bound=msgspec.Struct)
_VERBATIM = {"password", "body", "detail"}
_MESSAGES = (
    (re.compile(r"length >= 1\b"), "Please fill this in."),
    (re.compile(r"length >= (\d+)"), r"Use at least \1 characters."),
    (re.compile(r"length <= (\d+)"), r"Use at most \1 characters."),
    (re.compile("matching regex"), "This does not look like an e-mail address."),
    (re.compile("Invalid RFC3339|`date`"), "This is not a date: write it as 2026-11-30."),
    (re.compile("Invalid enum value"), "Choose one of the values offered."),
)


class SignUp(msgspec.Struct):
    """Somebody who wants a workspace."""

    workspace: Name
    name: Name
    email: Email
    password: Password
    slug: str = ""


class SignIn(msgspec.Struct):
    """Somebody who says to be a member."""

    email: Annotated[str, Meta(max_length=254)]
    password: Annotated[str, Meta(max_length=200)]


class Invite(msgspec.Struct):
    """Somebody to be asked in."""

    email: Email
    role: Role = "member"


class Join(msgspec.Struct):
    """Somebody who takes an invitation."""

    name: Name
    password: Password


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A note's content; the body is Markdown."""

    title: Title
    body: Annotated[str, Meta(max_length=LARGEST_NOTE)] = ""


class Task(msgspec.Struct, forbid_unknown_fields=True):
    """A task's content."""

    title: Title
    detail: Annotated[str, Meta(max_length=20_000)] = ""
    state: State = "open"
    assignee: Annotated[str, Meta(max_length=40)] | None = None
    due: date | None = None


class Token(msgspec.Struct):
    """An API token to be made."""

    name: Name
    scope: Scope = "read"


def read(kind: type[Input], content: Mapping[str, Any], *, strict: bool = False) -> Input:
    """The input as its type. strict: as in JSON, where text is no number and unknown fields are refused.

    Raises Invalid with a message for each field that cannot be taken.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name, field in fields.items():
        raw = _cleaned(name, content.get(name), strict)
        if raw is None and not _optional(field.type):
            if field.required or (strict and name in content):
                problems[name] = "Please fill this in."
            continue
        try:
            values[name] = msgspec.convert(_storable(name, raw), field.type, strict=strict)
        except (msgspec.ValidationError, UnicodeError) as error:
            problems[name] = _message(str(error))
    if strict:
        problems |= dict.fromkeys(content.keys() - fields.keys(), "There is no such field.")
    if problems:
        raise Invalid(problems)
    return kind(**values)


def whole(text: str, least: int, most: int) -> int | None:
    """A whole number in plain digits; None: it is none, or out of bounds. Long texts are not even counted."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if least <= number <= most else None


def _optional(kind: Any) -> bool:
    return type(None) in get_args(kind)


def _cleaned(name: str, raw: Any, strict: bool) -> Any:
    if not isinstance(raw, str):
        return raw
    text = raw.replace("\r\n", "\n") if name in _VERBATIM else raw.strip()
    return None if not strict and not text and name not in _VERBATIM else text


def _storable(name: str, raw: Any) -> Any:
    """The same. Raises UnicodeError for text that PostgreSQL cannot keep, and for lines where one line is asked for."""
    if isinstance(raw, str):
        raw.encode()
        if "\0" in raw or (name not in _VERBATIM and any(letter < " " or letter == "\x7f" for letter in raw)):
            raise UnicodeError("It has a character that cannot be kept.")
    return raw


def _message(text: str) -> str:
    for pattern, message in _MESSAGES:
        if match := pattern.search(text):
            return match.expand(message)
    return text if text.startswith("It has") else f"{text.partition(' - at')[0]}."
