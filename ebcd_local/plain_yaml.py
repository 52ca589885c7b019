"""YAML that somebody else wrote: small, of plain values, and without aliases: a few of them can stand for gigabytes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml

FILE_LIMIT = 1_000_000
"""Bytes of a file that is read."""
DEPTH = 64
"""Levels of mappings and lists in each other."""
NODES = 20_000
"""Keys and values: PyYAML reads some ten thousand of them in a second."""
SCALAR_LIMIT = 100
"""Characters of a number or a time: Python needs quadratic time for some of them."""
_SLOW = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"})


def mapping(content: bytes) -> dict[str, Any]:
    """A file's mapping, in YAML or in JSON. Raises ValueError and yaml.YAMLError for what is none."""
    if len(content) > FILE_LIMIT:
        raise ValueError(f"it has more than {FILE_LIMIT:,} bytes")
    try:
        found = _loaded(content.decode())
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError("a value is not what its tag says") from error
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found


def _loaded(text: str) -> Any:
    """A document's value. YAML takes most of JSON, but no tabs."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        if not text.lstrip("\ufeff \t\r\n").startswith("{"):
            raise
        with suppress(ValueError):
            return json.loads(text.removeprefix("\ufeff"))
        raise


class _Loader(yaml.SafeLoader):
    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are refused")
        if self.depth >= DEPTH or self.nodes >= NODES:
            raise ValueError(f"it has more than {DEPTH} levels or {NODES:,} keys and values")
        self.depth += 1
        self.nodes += 1
        try:
            node = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and node.tag in _SLOW and len(node.value) > SCALAR_LIMIT:
            raise ValueError(f"a number has more than {SCALAR_LIMIT} characters")
        return node
