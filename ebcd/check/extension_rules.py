"""Findings in .ebextensions: what the service would refuse, skip or read in another way than it looks. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from ebcd.check import extensions, sections
from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.check.sections import Section
from ebcd.documents import BadDocument, YamlPlace

_SKIPPED = "Beanstalk would skip the whole file, or refuse the version."
_LEADING_ZERO = re.compile("0[0-7]+")
_SHAPES = {
    "files": 'Write a path, and below it mode: "000644" and content: | … (or source: URL).',
    "commands": "Write a name, and below it: command: WORDS",
    "container_commands": "Write a name, and below it: command: WORDS",
    sections.SETTINGS: "Write a namespace, and below it OPTION: VALUE; or a list of namespace, option_name and value.",
}
"""How to write what may be wrong."""

Path = tuple[str, ...]
"""The keys that lead to a value."""


def check(tree: Tree) -> Iterator[Finding]:
    """Findings in all files."""
    folder = extensions.FOLDER.rstrip("/")
    if folder in tree.links:
        yield Finding(
            Severity.WARNING,
            "extension-link",
            folder,
            None,
            f"{folder} is a symbolic link: Beanstalk reads the bundle's own {folder}, so nothing of it is read.",
            f"Make it a folder: git rm {folder} && git mv {tree.links[folder]} {folder}",
        )
    for path in tree.files:
        if not path.startswith(extensions.FOLDER) or path.count("/") > 1:
            continue
        if not extensions.is_read(path):
            message = "Beanstalk reads files that end in .config only."
            yield Finding(Severity.WARNING, "extension-name", path, None, message, "Rename it, or move it away.")
        elif path in tree.links:
            message = f"It is a symbolic link, and Beanstalk reads the words {tree.links[path]!r} in its place."
            yield Finding(Severity.ERROR, "extension-link", path, None, message, "Commit the file itself.")
        else:
            yield from _file(path, tree.files[path].data)


def _file(path: str, data: bytes) -> Iterator[Finding]:
    try:
        content = extensions.load(data)
    except BadDocument as error:
        message = f"{error.what[:1].upper()}{error.what[1:]}."
        yield Finding(Severity.ERROR, "extension", path, error.line, message, f"Correct it. {_SKIPPED}")
        return
    if not isinstance(content, dict):
        message = f"It is {sections.kind_of(content)} and must be a mapping, such as option_settings: …"
        yield Finding(Severity.ERROR, "extension", path, None, message, f"Write one, or delete the file. {_SKIPPED}")
        return
    yield from _Content(path, content, data).findings()


class _Content:
    """The content of one file."""

    def __init__(self, path: str, content: Mapping[Any, Any], data: bytes) -> None:
        self._path, self._content, self._data = path, content, data

    @property
    def _places(self) -> Mapping[Path, YamlPlace]:
        return extensions.places(self._data)

    def findings(self) -> Iterator[Finding]:
        """All of it."""
        for name, value in self._content.items():
            if name == sections.SETTINGS:
                yield from self._settings()
            elif name in sections.SECTIONS:
                yield from self._section(str(name), value, sections.SECTIONS[name])
            else:
                known = [*sections.SECTIONS, sections.SETTINGS]
                near = get_close_matches(str(name), known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
                yield self._wrong((str(name),), f"{name!r} is no key of .ebextensions.", hint)

    def _settings(self) -> Iterator[Finding]:
        try:
            extensions.options_of(self._content)
        except extensions.BadSetting as error:
            place = error.place if error.place in self._places else error.place[:1]
            yield self._wrong(place, f"{error}.", _SHAPES[sections.SETTINGS])

    def _section(self, name: str, value: Any, section: Section) -> Iterator[Finding]:
        if value is None:
            return
        shape = _SHAPES.get(name, "Write names, and below each what it is.")
        if not isinstance(value, dict):
            yield self._wrong((name,), f"{name} is {sections.kind_of(value)}, not a mapping of names.", shape)
            return
        for entry, item in value.items():
            place = (name, str(entry))
            if not sections.fits(item, section.entry):
                wanted = " or ".join(section.entry)
                yield self._wrong(place, f"{name}: {entry} is {sections.kind_of(item)}, not {wanted}.", shape)
            elif isinstance(item, dict) and section.keys:
                yield from self._entry(place, item, section, shape)
                yield from self._mode(place, item) if name == "files" else ()

    def _entry(self, place: Path, item: Mapping[Any, Any], section: Section, shape: str) -> Iterator[Finding]:
        told = ": ".join(place)
        if section.one_of and not any(key in item for key in section.one_of):
            yield self._wrong(place, f"{told} has no {' or '.join(section.one_of)}.", shape)
        for key, value in item.items():
            kinds = section.keys.get(str(key))
            if kinds is None:
                near = get_close_matches(str(key), section.keys, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(section.keys)}."
                message = f"{told}: {key} is no key of {place[0]}: nothing reads it."
                yield self._found(Severity.WARNING, "extension-key", (*place, str(key)), message, hint)
            elif not sections.fits(value, kinds):
                message = f"{told}: {key} is {sections.kind_of(value)}, not {' or '.join(kinds)}."
                yield self._wrong((*place, str(key)), message, shape)

    def _mode(self, place: Path, item: Mapping[Any, Any]) -> Iterator[Finding]:
        """A file's mode and content. YAML reads 000644 without quotes as 420, and the instance that as octal digits.

        Source: https://github.com/awsdocs/elastic-beanstalk-samples/issues/74
        """
        at, mode = (*place, "mode"), item.get("mode", "000644")
        plain = self._places[at].plain if at in self._places else ""
        if isinstance(mode, int) and _LEADING_ZERO.fullmatch(plain):
            message = f"{place[1]}: mode {plain} has no quotes: YAML makes {mode} of it, and the file another mode."
            yield self._found(Severity.ERROR, "file-mode", at, message, f'Write "{plain}".')
        elif not re.fullmatch(sections.MODE, str(mode)):
            message = f"{place[1]}: the mode {mode!r} is not made of octal digits."
            yield self._found(Severity.ERROR, "file-mode", at, message, 'Write one such as "000644".')
        encoding = str(item.get("encoding", "plain"))
        if encoding not in sections.ENCODINGS:
            message = f"{place[1]}: there is no encoding {encoding!r}."
            yield self._wrong((*place, "encoding"), message, f"There are: {', '.join(sections.ENCODINGS)}.")
        elif encoding == "base64" and not _is_base64(item.get("content")):
            yield self._wrong((*place, "content"), f"{place[1]}: the content is no base64.", "Encode it again.")

    def _wrong(self, place: Path, message: str, hint: str) -> Finding:
        return self._found(Severity.ERROR, "extension", place, message, f"{hint} {_SKIPPED}")

    def _found(self, severity: Severity, rule: str, place: Path, message: str, hint: str) -> Finding:
        line = self._places[place].line if place in self._places else None
        return Finding(severity, rule, self._path, line, message, hint)


def _is_base64(content: object) -> bool:
    if content is None or isinstance(content, dict | list):
        return True
    try:
        base64.b64decode("".join(str(content).split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
