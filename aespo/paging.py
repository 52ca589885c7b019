"""Pages of a list, by the last one's place and not by a count: nothing is shown twice while others write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, or_

from aespo.problems import Invalid

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, newest first, and where the next page begins."""

    items: Sequence[Item]
    next: str = ""
    """Empty: this is the last page."""


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which item a page begins."""

    at: datetime
    id: str

    @classmethod
    def read(cls, text: str) -> Place | None:
        """From an address; empty: the beginning. Raises Invalid."""
        if not text:
            return None
        try:
            at, _, item = base64.urlsafe_b64decode(text.encode("ascii") + b"==").decode("ascii").partition("|")
            when = datetime.fromisoformat(at)
            if when.tzinfo is None or not item.isalnum():
                raise ValueError(text)
            return cls(when, item)
        except (ValueError, binascii.Error, OverflowError):
            raise Invalid({"after": "This is not the beginning of a page: take it from the page before."}) from None

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.at.isoformat()}|{self.id}".encode()).decode().rstrip("=")

    def behind(self, at: Any, item: Any) -> ColumnElement[bool]:
        """The condition for what follows in the order of `at` descending, then id."""
        return or_(at < self.at, and_(at == self.at, item > self.id))


def ordered(statement: Select[Any], table: Table, at: str, place: Place | None, size: int) -> Select[Any]:
    """A page of a statement and one row more, which tells whether there is another page."""
    if place is not None:
        statement = statement.where(place.behind(table.c[at], table.c.id))
    return statement.order_by(table.c[at].desc(), table.c.id).limit(size + 1)


def cut(rows: Sequence[Any], at: str, size: int) -> tuple[Sequence[Any], str]:
    """The page's rows, and the place behind them if there are more."""
    page = rows[:size]
    return page, str(Place(getattr(page[-1], at), page[-1].id)) if len(rows) > size else ""
