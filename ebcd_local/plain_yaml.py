"""YAML that somebody else wrote: small, of plain values, and without aliases: a few of them can stand for gigabytes."""

from __future__ import annotations

from typing import Any

import yaml

FILE_LIMIT = 1_000_000
"""Bytes of a file that is read."""


def mapping(content: bytes) -> dict[str, Any]:
    """A file's mapping. Raises ValueError and yaml.YAMLError for what is none."""
    if len(content) > FILE_LIMIT:
        raise ValueError(f"it has more than {FILE_LIMIT:,} bytes")
    found = yaml.load(content.decode(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are refused")
        return super().compose_node(parent, index)
