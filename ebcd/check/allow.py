"""What `[[check.allow]]` lets through: findings of a rule, at a path, for a reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import pathspec

from ebcd.check.finding import RULES, Finding, Severity
from ebcd.model import Allowance


def allowed(found: Iterable[Finding], allowances: Sequence[Allowance], source: str) -> list[Finding]:
    """The findings that are not let through, and the allowances that let nothing through.

    source: the file in which the allowances stand.
    """
    specs = [pathspec.GitIgnoreSpec.from_lines([item.path]) for item in allowances]
    used: set[int] = set()
    kept: list[Finding] = []
    for finding in found:
        matching = [
            number
            for number, item in enumerate(allowances)
            if item.rule == finding.code and specs[number].match_file(finding.path)
        ]
        used.update(matching)
        if not matching:
            kept.append(finding)
    unused = [item for number, item in enumerate(allowances) if number not in used]
    return kept + [_unused(item, source) for item in unused]


def _unused(item: Allowance, source: str) -> Finding:
    if item.rule not in RULES:
        near = get_close_matches(item.rule, RULES, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(RULES)}."
        return Finding(Severity.WARNING, "allow", source, None, f"check.allow names no rule: {item.rule!r}.", hint)
    message = f"check.allow lets nothing through: the rule {item.rule} finds nothing at {item.path}."
    return Finding(Severity.WARNING, "allow", source, None, message, "Take it out, or correct its path.")
