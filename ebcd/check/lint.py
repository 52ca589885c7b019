"""All findings in a bundle's files, in what Beanstalk, pip and Python read of them. Pure: the files come as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ebcd.check import entry, extension_rules, hooks, migrations, procfile, pythons, reach, serving, settings
from ebcd.check.files import File, Tree, tree_of
from ebcd.check.finding import Finding, Severity
from ebcd.check.inspection import Inspection
from ebcd.check.syntax import Fault
from ebcd.model import Family, Stage, Target, Tier


def check(
    files: Mapping[str, File],
    stage: Stage | None,
    live: frozenset[str] | None = None,
    faults: Mapping[str, Fault] | None = None,
) -> list[Finding]:
    """All findings but those of each file by itself.

    stage: whose platform and option settings count; None: none is named. live: the paths of what is live; None: not
    known. faults: the files that are no Python of the stage's version.
    """
    tree = tree_of(files)
    return [
        *entry.check(tree, stage),
        *(procfile.check(tree) if entry.runs_procfile(stage) else ()),
        *extension_rules.check(tree),
        *settings.overridden(tree, stage),
        *hooks.check(tree),
        *migrations.check(files, live, faults or {}),
        *(_python(tree, stage, faults or {}) if entry.platform_family(stage) is Family.PYTHON else ()),
    ]


def findings(
    files: Mapping[str, File], inspection: Inspection, stage: Stage | None, live: frozenset[str] | None = None
) -> list[Finding]:
    """All findings in a bundle: those of each file by itself, and those in what is read of them."""
    return inspection.findings() + check(files, stage, live, inspection.faults())


def ordered(found: list[Finding]) -> list[Finding]:
    """Findings as they are told: errors first, then by their place."""
    return sorted(found, key=lambda item: (item.severity is Severity.WARNING, item.path, item.line or 0))


def _python(tree: Tree, stage: Stage | None, faults: Mapping[str, Fault]) -> Iterator[Finding]:
    """What matters to the Python platforms alone."""
    version, known = entry.python_version(stage), settings.effective(tree, stage)
    local = stage is not None and stage.target is Target.LOCAL
    yield from pythons.check(tree, version)
    web = serving.web_of(tree, known)
    if stage is None or stage.tier is Tier.WEB:
        yield from serving.check(tree, known, local=local)
    yield from reach.check(tree, faults, web, version)
