"""YAML or JSON that somebody else wrote: small, of plain values, with CloudFormation's short tags (`!Ref x` is
`{"Ref": "x"}`), and without aliases: a few of them can stand for gigabytes.
"""

from __future__ import annotations

import json
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
    text = content.decode("utf-8-sig")
    try:
        found = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError("a value is not what its tag says") from error
    except yaml.YAMLError:
        if "\t" not in text or not text.lstrip().startswith("{"):
            raise
        found = json.loads(text)  # YAML takes all of JSON but its tabs
    if not isinstance(found, dict):
        raise ValueError("it is no mapping")
    return found


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


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    """A function of CloudFormation, whose tag is its short name."""
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if tag == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)
