"""What plans cost and how one is bought, as the operator words it: what a plan contains is in `plans`."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from aespo.plans import PLANS, TRIAL, Plan

_FIELDS = {"workspace", "plan", "email"}
_SCHEMES = {"https", "http", "mailto"}
_LONGEST_PRICE = 60


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan with its price."""

    plan: Plan
    price: str
    """As it is shown; empty: the operator has set none."""


def offers(prices: Mapping[str, str]) -> tuple[Offer, ...]:
    """Every plan, the smallest first."""
    free = {"trial": f"Free for {TRIAL.days} days"}
    return tuple(Offer(plan, (free | dict(prices)).get(plan.key, "")) for plan in PLANS.values())


def upgrade_url(template: str, *, workspace: str, plan: Plan, email: str) -> str:
    """Where a workspace's owner buys a plan; empty where the operator has connected nothing."""
    values = {"workspace": workspace, "plan": plan.key, "email": email}
    return template.format(**{name: quote(value, safe="") for name, value in values.items()})


def checked_url(template: str) -> str:
    """The template of that address. Raises ValueError that says what is wrong with it."""
    if not template:
        return ""
    try:
        fields = {
            f"{name}{form}{conversion or ''}"
            for _, name, form, conversion in string.Formatter().parse(template)
            if name is not None
        }
        parts = urlsplit(template)
    except ValueError as error:
        raise ValueError(f"{template!r} is no template of a URL: {error}") from None
    if unknown := fields - _FIELDS:
        raise ValueError(f"{{{unknown.pop()}}} means nothing: write {{workspace}}, {{plan}} or {{email}}")
    if parts.scheme not in _SCHEMES or "{" in parts.netloc or not (parts.netloc or parts.scheme == "mailto"):
        raise ValueError(f"{template!r} is not the URL of a page, and no mailto: either")
    if any(letter.isspace() or not letter.isprintable() for letter in template):
        raise ValueError("a URL has no spaces: write them as %20")
    return template


def checked_prices(text: str) -> dict[str, str]:
    """Prices by plan, of `team: 19 € a month; company: 190 € a month`. Raises ValueError."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, colon, price = (word.strip() for word in part.partition(":"))
        if not (colon and price) or key not in PLANS:
            raise ValueError(f"{part!r} is no price: write PLAN: PRICE, with a plan of {', '.join(PLANS)}")
        if len(price) > _LONGEST_PRICE:
            raise ValueError(f"the price of {key} has more than {_LONGEST_PRICE} characters")
        found[key] = price
    return found
