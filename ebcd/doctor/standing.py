"""What stands on the account: platform, quotas, and the environment that is live, by the rules of a ship. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ebcd.doctor.check import Answer, Check, ok, refused, warning
from ebcd.doctor.permitted import unseen
from ebcd.doctor.seen import Seen
from ebcd.errors import EbcdError
from ebcd.model import NOT_YET, CommandLine, Environment, Quotas, Strategy
from ebcd.model.platforms import branch_of, is_newer, version_of
from ebcd.release.execute.context import PlatformNews
from ebcd.release.plan.preflight import (
    UNKNOWN_PLATFORM,
    UNKNOWN_QUOTAS,
    Finding,
    Intent,
    PreflightFacts,
    Severity,
    findings,
    unknown_platform,
)
from ebcd.release.state.snapshot import Snapshot, taken_back

T = TypeVar("T")
MANAGED = "aws:elasticbeanstalk:managedactions"
NOBODY = Environment("", "", "", "", "", "", "", "", "", NOT_YET)
"""Stands for live where nothing is: no rule finds anything about it."""
CHECKS: Mapping[str, str] = {
    "attached-database": "database",
    "shared-load-balancer": "load-balancer",
    "managed-update": "managed-updates",
    "managed-update-due": "managed-updates",
    "drift": "drift",
    "quota": "quotas",
    "platform-retired": "platform",
    "unknown-platform": "platform",
    "cname-taken": "cname",
}
"""Which check a finding of a ship belongs to."""


def found(seen: Seen) -> tuple[Finding, ...]:
    """What a ship would find, from what is known."""
    snapshot, live = seen.snapshot, seen.live
    if isinstance(snapshot, EbcdError):
        return ()
    sight = PreflightFacts(
        snapshot.live or NOBODY,
        known(live.instances, 0) if live else 0,
        known(live.settings, ()) if live else (),
        known(live.managed_actions, ()) if live else (),
        known(seen.platform, UNKNOWN_PLATFORM),
        quotas(seen),
    )
    readable = live is not None and not isinstance(live.settings, EbcdError)
    carried = snapshot.record_of(snapshot.live) if readable else None  # without settings, nothing can have drifted
    creates = snapshot.live is None or seen.stage.strategy is Strategy.BLUE_GREEN
    return findings(sight, Intent(seen.stage, seen.now, carried, creates))


def known(answer: Answer[T], otherwise: T) -> T:
    """An answer, or what stands for it."""
    return otherwise if isinstance(answer, EbcdError) else answer


def quotas(seen: Seen) -> Quotas:
    """How much of the quotas is used; an application that is there needs no other."""
    answer, applications = seen.quotas, seen.applications
    if isinstance(answer, EbcdError):
        return UNKNOWN_QUOTAS
    if isinstance(applications, EbcdError) or seen.stage.application in applications:
        return answer
    return replace(answer, applications=len(applications))


def platform(seen: Seen) -> Iterator[Check]:
    """Whether the platform is still looked after, and whether there is a newer one than live's."""
    wanted, newest, snapshot = seen.stage.platform, seen.newest, seen.snapshot
    if isinstance(newest, EbcdError):
        yield unseen(seen, "platform", "The platform is not known.", newest)
        return
    if not wanted:
        return
    if not newest and not wanted.startswith("arn:"):
        yield check_of(unknown_platform(seen.stage))
        return
    if isinstance(seen.platform, EbcdError):
        yield unseen(seen, "platform", "Whether the platform is still looked after is not known.", seen.platform)
    told = list(_told("platform", seen))
    yield from told
    runs = "" if isinstance(snapshot, EbcdError) or snapshot.live is None else snapshot.live.platform_arn
    if is_newer(newest, runs):
        pinned = wanted.startswith("arn:") and wanted != newest
        patch = _patch(snapshot, runs, newest, seen.flags)
        way = f'Set stages.{seen.stage.name}.platform = "{newest}", then: {patch}' if pinned else patch
        yield warning(
            "platform",
            f"Live runs platform version {version_of(runs)}; {version_of(newest)} is out.",
            "Newer ones bring security updates.",
            way,
        )
    elif not told and not isinstance(seen.platform, EbcdError):
        yield ok("platform", f"{branch_of(newest or wanted)}, version {version_of(newest or wanted)}.")


def _patch(snapshot: Snapshot | EbcdError, runs: str, newest: str, flags: CommandLine) -> str:
    """The command that brings a platform version, with --again where live's version was taken back on that one."""
    if isinstance(snapshot, EbcdError) or snapshot.live is None:
        return PlatformNews(runs, newest).patch(flags)
    before = taken_back(snapshot, snapshot.live.version_label, newest)
    return PlatformNews(runs, newest, before.release if before else "").patch(flags)


def used_quotas(seen: Seen) -> Iterator[Check]:
    """How much of the region's quotas is left."""
    if isinstance(seen.quotas, EbcdError):
        yield unseen(seen, "quotas", "How much of the region's quotas is used is not known.", seen.quotas)
        return
    told = list(_told("quotas", seen))
    yield from told
    if not told:
        used = quotas(seen)
        yield ok(
            "quotas",
            f"{used.environments} of {used.environments_limit} environments, "
            f"{used.versions} of {used.versions_limit} application versions.",
        )


def settings(seen: Seen) -> Iterator[Check]:
    """What is wrong with live's settings: a database that would be lost, a balancer that is shared, drift."""
    if seen.live is None:
        return
    if isinstance(seen.live.settings, EbcdError):
        yield unseen(seen, "database", "Whether a database is attached to live is not known.", seen.live.settings)
        yield unseen(seen, "drift", "Whether somebody changed live's settings is not known.", seen.live.settings)
        return
    same = "Live's settings are those that it was released with, or ebcd.toml is newer."
    for check, good in (("database", "No database is attached to live."), ("load-balancer", ""), ("drift", same)):
        told = list(_told(check, seen))
        yield from told
        if good and not told:
            yield ok(check, good)


def managed_updates(seen: Seen) -> Iterator[Check]:
    """Whether Beanstalk updates live's platform by itself, and when."""
    if seen.live is None:
        return
    actions = seen.live.managed_actions
    if isinstance(actions, EbcdError):
        yield unseen(seen, "managed-updates", "Whether a managed update is due is not known.", actions)
        return
    if told := list(_told("managed-updates", seen)):
        yield from told
        return
    options = {item.name: item.value for item in known(seen.live.settings, ()) if item.namespace == MANAGED}
    on = options.get("ManagedActionsEnabled", "").lower() == "true"
    windows = [item.window_start for item in actions if item.window_start]
    when = f"due at {min(windows):%Y-%m-%d %H:%M} UTC" if windows else "none is scheduled"
    if not on and not actions:
        off = not isinstance(seen.live.settings, EbcdError)
        yield ok("managed-updates", "Managed updates are off." if off else "No managed update is scheduled.")
        return
    weekly = f", weekly from {options['PreferredStartTime']} UTC" if options.get("PreferredStartTime") else ""
    yield ok("managed-updates", f"Managed updates are on{weekly}; {when}.")


RULES: tuple[Callable[[Seen], Iterator[Check]], ...] = (platform, used_quotas, settings, managed_updates)


def _told(check: str, seen: Seen) -> Iterator[Check]:
    """A ship's findings that belong to a check."""
    return (check_of(item) for item in found(seen) if CHECKS[item.code] == check)


def check_of(finding: Finding) -> Check:
    """What a ship finds, as a check."""
    make = refused if finding.severity is Severity.ERROR else warning
    return make(CHECKS[finding.code], finding.what, finding.why, finding.hint)
