"""The YAML reader of `ebcd.documents`, in a module of its own: most commands read no YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from ebcd.documents import DEPTH, NODES, SCALAR_LIMIT, BadDocument

_SLOW = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"})
_MERGES = frozenset({"tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"})
_HASHED = (str, int, float, bool, type(None))


class Loader(yaml.SafeLoader):
    """Safe, without aliases and repeated keys, to a depth, and with CloudFormation's short tags."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node. Refused here, the rest of a deep document is not even scanned."""
        if self.check_event(yaml.AliasEvent):
            raise self._refused("aliases are refused")
        if self.depth >= DEPTH:
            raise self._refused(f"it has more than {DEPTH} levels")
        if self.nodes >= NODES:
            raise self._refused(f"it has more than {NODES:,} keys and values")
        self.depth += 1
        self.nodes += 1
        try:
            node = super().compose_node(parent, index)
        finally:
            self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and node.tag in _SLOW and len(node.value) > SCALAR_LIMIT:
            raise _refused(f"a number has more than {SCALAR_LIMIT} characters", node)
        return node

    def _refused(self, what: str) -> BadDocument:
        return BadDocument(what, self.line + 1)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises BadDocument where a key is there twice, of which YAML would take the last."""
        seen = set()
        for key, _ in node.value:
            if key.tag in _MERGES:
                continue
            name = self.construct_object(key, deep=True)
            if isinstance(name, _HASHED) and name in seen:
                raise _refused(f"the key {str(name)[:SCALAR_LIMIT]!r} is there twice", key)
            seen.add(name if isinstance(name, _HASHED) else id(key))
        return super().construct_mapping(node, deep)


def walked(node: yaml.Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Each value below a node: the keys that lead to it, its key's line, its text where it is plain."""
    if isinstance(node, yaml.MappingNode):
        pairs = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(str(number), value, value) for number, value in enumerate(node.value)]
    else:
        return
    for name, at, value in pairs:
        plain = value.value if isinstance(value, yaml.ScalarNode) and value.style is None else ""
        yield (*path, name), at.start_mark.line + 1 if at.start_mark else 1, plain
        yield from walked(value, (*path, name))


def _refused(what: str, at: yaml.Node) -> BadDocument:
    return BadDocument(what, at.start_mark.line + 1 if at.start_mark else None)


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {tag: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {tag: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _intrinsic)
