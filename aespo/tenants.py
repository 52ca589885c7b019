"""The tenants: which workspaces there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

EXAMPLES = "acme:Acme,globex:Globex"
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One customer's workspace."""

    slug: str
    """Its label in the host name."""
    name: str
    """Its name as people read it."""


class Tenants(Protocol):
    """Where tenants are looked up."""

    def find(self, slug: str) -> Tenant | None:
        """The tenant of this slug, or None."""

    def examples(self) -> Sequence[Tenant]:
        """Those that the site may show to everybody."""


class InMemoryTenants:
    """Tenants given when the process starts, all of them examples."""

    def __init__(self, tenants: Iterable[Tenant]) -> None:
        self._by_slug = {tenant.slug: tenant for tenant in tenants}

    @classmethod
    def parse(cls, text: str) -> InMemoryTenants:
        """Tenants from `slug:Name,slug:Name`, as in AESPO_TENANTS."""
        return cls(_parse_one(entry) for entry in text.split(",") if entry.strip())

    def find(self, slug: str) -> Tenant | None:
        """The tenant of this slug, or None."""
        return self._by_slug.get(slug)

    def examples(self) -> Sequence[Tenant]:
        """All of them, in the order given."""
        return tuple(self._by_slug.values())


def _parse_one(entry: str) -> Tenant:
    slug, _, name = (part.strip() for part in entry.partition(":"))
    if not _SLUG.fullmatch(slug) or not name:
        raise ValueError(f"AESPO_TENANTS: {entry.strip()!r} is not slug:Name")
    return Tenant(slug, name)
