"""What each configuration option is: the table in options.toml, read when it is first asked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

ANY = "*"
"""An option name that stands for all, and the last part of a namespace that does."""
_LISTS = frozenset({"CommaSeparatedList", "List"})
_TUPLES = frozenset({"SSHSourceRestriction"})
"""Options of several fields in a fixed order: those lose their spaces, too."""
_HEALTH_DOCUMENT = {"Version": 1, "CloudWatchMetrics": {"Instance": {}, "Environment": {}}}
"""What the service adds to a document that does not say it."""

COUPLED = "HasCoupledDatabase"
"""The option about a database that every environment has."""


@dataclass(frozen=True, slots=True)
class Option:
    """One configuration option, as ConfigurationOptionDescription tells of it."""

    name: str
    default: str | None = None
    type: str = "Scalar"
    severity: str = "NoInterruption"
    values: tuple[str, ...] = ()
    min: int | None = None
    max: int | None = None
    decimal: bool = False
    """Whether a number may have a fraction."""
    length: int | None = None
    pattern: str = ""
    label: str = ""
    resource: str = ""
    """The logical name of the environment's own resource that it is about, where the service tells one."""

    def given_back(self, value: str) -> str:
        """A value as DescribeConfigurationSettings gives it back: lists sorted and without spaces, JSON written anew.

        Sources: hashicorp/terraform issues 4691 and 8950.
        """
        if self.type in _LISTS:
            return ",".join(sorted({part.strip() for part in value.split(",")} - {""}))
        if self.type == "Json":
            return _rewritten(value)
        return re.sub(r"\s*,\s*", ",", value) if self.name in _TUPLES else value

    def refusal(self, value: str) -> str:
        """Why the option cannot have a value, as the service words it; empty when it can."""
        if not value and not (self.default and (self.pattern or self.min is not None)):
            return ""
        if self.values and value not in self.values:
            return f"Value is not one of the allowed values: [{', '.join(self.values)}]"
        if self.type == "Boolean" and value.lower() not in {"true", "false"}:
            return "Value is not one of the allowed values: [true, false]"
        if self.length is not None and len(value) > self.length:
            return f"Value is longer than the maximum length: {self.length}"
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"Value does not satisfy regex: '^{self.pattern}$' [{self.label}]"
        return self._out_of_bounds(value)

    def _out_of_bounds(self, value: str) -> str:
        if self.min is None and self.max is None:
            return ""
        if not re.fullmatch(r"-?[0-9]{1,12}" + (r"(\.[0-9]+)?" if self.decimal else ""), value):
            return "Value is not a number"
        number = float(value)
        if self.min is not None and number < self.min:
            return f"Value is less than minimum allowed value: {self.min}"
        if self.max is not None and number > self.max:
            return f"Value is greater than maximum allowed value: {self.max}"
        return ""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace and its options."""

    name: str
    options: dict[str, Option]
    kind: str = ""
    """The kind of environment that has it: classic, elbv2, worker, database; empty: every one; local: the one that has
    asked for it."""


def find(namespace: str, name: str) -> Option | None:
    """The option of a name; None when there is no such one."""
    found = _namespace(namespace)
    return (found.options.get(name) or found.options.get(ANY)) if found else None


def resource(namespace: str, name: str) -> str:
    """The environment's own resource that an option is about; empty where the service tells none."""
    found = find(namespace, name)
    return found.resource if found else ""


def named(load_balancer: str, tier: str) -> Iterator[tuple[str, Option]]:
    """Namespace and option of everything that an environment with a kind of load balancer (or none) has."""
    balancer = "" if tier == "Worker" or not load_balancer else "classic" if load_balancer == "classic" else "elbv2"
    kinds = {"", balancer, "worker" if tier == "Worker" else ""}
    for space in _table().values():
        if space.kind in kinds and (not space.name.endswith(ANY) or space.kind == "elbv2"):
            name = space.name.replace(ANY, "default")
            yield from (
                (name, option) for option in space.options.values() if option.name != ANY and "listenerrule" not in name
            )
        elif space.kind == "database":
            yield space.name, space.options[COUPLED]


def _namespace(name: str) -> Namespace | None:
    table = _table()
    return table.get(name) or table.get(f"{name.rpartition(':')[0]}:{ANY}")


@cache
def _table() -> dict[str, Namespace]:
    read = tomllib.loads((files("ebcd_local") / "options.toml").read_text())
    return {name: _parse(name, dict(entries)) for name, entries in read.items()}


def _parse(name: str, entries: dict[str, Any]) -> Namespace:
    kind, usual = entries.pop("for", ""), {"resource": entries.pop("resource", "")}
    options = {
        key: Option(key, **{**usual, **entry, "values": tuple(entry.get("values", ()))})
        for key, entry in entries.items()
    }
    return Namespace(name, options, kind)


def _rewritten(document: str) -> str:
    """A document of JSON, with what the service adds, in its own order and without spaces; as it is if it is none."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        return document
    if isinstance(found, dict):
        metrics = found.get("CloudWatchMetrics")
        found = _HEALTH_DOCUMENT | dict(sorted(found.items()))
        if isinstance(metrics, dict):
            found["CloudWatchMetrics"] = {"Instance": {}, "Environment": {}} | metrics
    return json.dumps(found, separators=(",", ":"))
