"""The Condition element of a policy: whether what is known of a request fits it. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import TypeAlias

Context: TypeAlias = Mapping[str, Sequence[str]]
"""What is known of a request: condition key in lower case → its values."""
Test: TypeAlias = Callable[[str, str], bool]
"""Whether a request's value fits a policy's. Raises ValueError for a value that is none of the operator's type."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = str.maketrans({"*": "\ue000", "?": "\ue001"})
"""How a wildcard's characters are written where they came from a variable and are no wildcards."""
_PLAIN = str.maketrans({"\ue000": "*", "\ue001": "?"})
_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = [
        ".*" if part == "*" else "." if part == "?" else re.escape(part.translate(_PLAIN))
        for part in re.split(r"([*?])", text)
    ]
    return re.compile("".join(parts), re.DOTALL)


def like(value: str, pattern: str) -> bool:
    """Whether a value fits a pattern in which * stands for any characters and ? for one."""
    return _pattern(pattern).fullmatch(value) is not None


def arn_like(value: str, pattern: str) -> bool:
    """The same for ARNs, part by part: a wildcard does not reach over a colon before the resource's part."""
    values, patterns = value.split(":", 5), pattern.split(":", 5)
    if len(values) < 6 or len(patterns) < 6:
        return like(value, pattern)
    return all(like(found, wanted) for found, wanted in zip(values, patterns, strict=True))


def substituted(text: str, context: Context) -> str | None:
    """A policy's text with its variables (`${aws:username}`) replaced; None where one has no value: nothing fits then.

    A value stands for itself: a wildcard in it is none. Source: reference_policies_variables.html of IAM's user guide.
    """
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = (part.strip() for part in found[1].partition(","))
        if name in {"*", "?", "$"}:
            return name.translate(_LITERAL)
        known = context.get(name.lower(), ())
        missing = missing or not (known or default)
        return (known[0] if known else default.strip("'")).translate(_LITERAL)

    replaced = _VARIABLE.sub(value, text)
    return None if missing else replaced


def fits(condition: Mapping[str, Mapping[str, object]], context: Context) -> bool:
    """Whether every test of a Condition element holds."""
    return all(
        _holds(name, context.get(key.lower(), ()), values(wanted), context)
        for name, keys in condition.items()
        for key, wanted in keys.items()
    )


def values(item: object) -> list[str]:
    """A policy's value or values as text: JSON's true is `true`."""
    found = item if isinstance(item, list | tuple) else [item]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in found]


def _holds(name: str, known: Sequence[str], wanted: Iterable[str], context: Context) -> bool:
    quantifier, _, plain = name.rpartition(":")
    plain, optional = plain.removesuffix("IfExists"), plain.endswith("IfExists")
    if plain == "Null":
        return (not known) == (next(iter(wanted)) == "true")
    test, negated = _test(plain)
    if not known:
        return optional or quantifier == "ForAllValues" or (negated and quantifier != "ForAnyValue")
    texts = [text for text in (substituted(item, context) for item in wanted) if text is not None]
    found = [any(_safely(test, value, text) for text in texts) != negated for value in known]
    every = quantifier == "ForAllValues" or (not quantifier and negated)
    return all(found) if every else any(found)


def _safely(test: Test, value: str, wanted: str) -> bool:
    try:
        return test(value, wanted if test in (like, arn_like) else wanted.translate(_PLAIN))
    except ValueError:  # a value of another type fits nothing
        return False


def _test(name: str) -> tuple[Test, bool]:
    """The test of an operator, and whether its answer is turned round. Raises ValueError for an unknown operator."""
    negated, plain = "Not" in name, name.replace("Not", "")
    if plain in _TESTS:
        return _TESTS[plain], negated
    for kind, number in _NUMBERS.items():
        if plain.startswith(kind) and (order := _ORDER.get(plain.removeprefix(kind))):
            return partial(_compared, order, number), negated
    raise ValueError(f"there is no condition operator {name}")


def _compared(order: Callable[[float, float], bool], number: Callable[[str], float], value: str, wanted: str) -> bool:
    return order(number(value), number(wanted))


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _in_network(value: str, wanted: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)


_NUMBERS: Mapping[str, Callable[[str], float]] = {"Numeric": float, "Date": _seconds}
_TESTS: Mapping[str, Test] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda value, wanted: value.casefold() == wanted.casefold(),
    "StringLike": like,
    "BinaryEquals": operator.eq,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "ArnEquals": arn_like,  # IAM: ArnEquals and ArnLike behave the same
    "ArnLike": arn_like,
    "IpAddress": _in_network,
}
