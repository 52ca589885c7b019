"""What speaks against a release before it begins: each finding says why, and a way out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ebcd.errors import Refused
from ebcd.model import (
    ASG,
    PROPERTIES,
    Environment,
    Family,
    ManagedAction,
    OptionSetting,
    Platform,
    PresentSettings,
    Quotas,
    Stage,
    Strategy,
    Target,
)
from ebcd.model.platforms import branch_of, family_of, nearest_branch
from ebcd.release.plan.plan import settings_digest
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import default_cname

UNKNOWN_PLATFORM = Platform("")
UNKNOWN_QUOTAS = Quotas()
DATABASE = "aws:rds:dbinstance"
ENVIRONMENT = "aws:elasticbeanstalk:environment"
UNDER_WAY = frozenset({"Pending", "Running"})
NEARLY = 0.9
"""Share of a quota from which on it is told."""
DECOUPLE = "https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.db.html"


@dataclass(frozen=True, slots=True)
class PreflightFacts:
    """What is known before a release. What these credentials may not read is left as unknown."""

    environment: Environment
    """The live one."""
    instances: int
    settings: tuple[OptionSetting, ...]
    managed_actions: tuple[ManagedAction, ...] = ()
    platform: Platform = UNKNOWN_PLATFORM
    """The one that the release is for."""
    quotas: Quotas = UNKNOWN_QUOTAS


class Severity(StrEnum):
    """Whether a finding forbids the release."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks against a release."""

    code: str
    what: str
    why: str
    hint: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Intent:
    """The release that is to begin."""

    stage: Stage
    now: datetime
    current_release: ReleaseRecord | None
    """The record of what is live."""
    creates: bool
    """Whether it needs a new environment."""
    accept_drift: bool = False


def findings(facts: PreflightFacts, intent: Intent) -> tuple[Finding, ...]:
    """All that speaks against it, errors first."""
    rules = (_database, _shared_balancer, _managed_updates, _drift, _quotas, _platform)
    found = [finding for rule in rules for finding in rule(facts, intent)]
    return tuple(sorted(found, key=lambda item: item.severity is Severity.WARNING))


def refuse(found: tuple[Finding, ...]) -> None:
    """Raises Refused when a finding forbids the release; what else was found is told with it."""
    errors = [item for item in found if item.severity is Severity.ERROR]
    if errors:
        first, others = errors[0], errors[1:]
        also = "".join(f" Also: {item.what}" for item in others)
        raise Refused(first.what, why=first.why + also, hint=first.hint, code=first.code)


def unknown_platform(stage: Stage) -> Finding:
    """The stage's platform branch is none of those that there are."""
    if stage.target is Target.LOCAL and family_of(stage.platform) not in (Family.PYTHON, Family.OTHER):
        return Finding(
            "unknown-platform",
            f"The local Beanstalk cannot run the stage {stage.name}.",
            f"Its platform is {branch_of(stage.platform)}, and the local Beanstalk runs Python platforms only.",
            f"Ship it to a stage on AWS, or choose a Python platform in stages.{stage.name}.platform.",
        )
    near = nearest_branch(stage.platform)
    meant = f"Did you mean {near!r}? " if near else ""
    return Finding(
        "unknown-platform",
        f"There is no platform branch {stage.platform!r} in {stage.region}.",
        f"stages.{stage.name}.platform names no branch that Beanstalk offers there.",
        f"{meant}Those that there are: {_branches(stage)}",
    )


def _branches(stage: Stage) -> str:
    """The command that shows the platform branches that a stage can have."""
    if stage.target is Target.LOCAL:
        return "ebcd local platform"
    return stage.aws("elasticbeanstalk", "list-platform-branches")


def taken_cname(stage: Stage) -> Finding:
    """Nothing is live, and the stage's CNAME is not free."""
    return Finding(
        "cname-taken",
        f"The CNAME {default_cname(stage)} is taken.",
        "No environment of this application holds it, so it is another application's or another account's.",
        f"Choose another cname for stages.{stage.name} in ebcd.toml.",
    )


def _database(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    """Beanstalk says itself where it knows HasCoupledDatabase; else an engine tells of one."""
    found = {item.name: item.value for item in facts.settings if item.namespace == DATABASE}
    coupled = found.get("HasCoupledDatabase", "").lower()
    attached = coupled == "true" or (not coupled and bool(found.get("DBEngine")))
    if attached and intent.stage.strategy is not Strategy.IN_PLACE:
        yield Finding(
            "attached-database",
            f"The live environment {facts.environment.name} has a database attached.",
            "Beanstalk deletes it with its environment, and a candidate would not have it: data would be lost.",
            f"Decouple it first: {DECOUPLE}",
        )


def _shared_balancer(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    shared = OptionSetting(ENVIRONMENT, "LoadBalancerIsShared", "true")
    if PresentSettings.of(facts.settings).has(shared) and intent.stage.strategy is not Strategy.IN_PLACE:
        yield Finding(
            "shared-load-balancer",
            f"The live environment {facts.environment.name} is behind a shared load balancer.",
            "There the CNAME is a rule of the listener, and what a swap of CNAMEs does to it is not documented.",
            'Release it with strategy = "in-place", or give its environments load balancers of their own.',
        )


def _apply(stage: Stage, environment: str, action: str) -> str:
    """The command that begins a managed update."""
    named = ("--environment-name", environment, "--action-id", action)
    return stage.aws("elasticbeanstalk", "apply-environment-managed-action", *named)


def _managed_updates(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    name, stage = facts.environment.name, intent.stage
    look = stage.aws("elasticbeanstalk", "describe-environment-managed-actions", "--environment-name", name)
    for action in facts.managed_actions:
        if action.status in UNDER_WAY:
            yield Finding(
                "managed-update",
                f"A managed update of {name} is {action.status.lower()}: {action.description}.",
                "It replaces the instances that a swap would leave as the way back.",
                f"Ship again when it is through: {look}",
            )
        elif action.window_start and action.window_start - intent.now < timedelta(seconds=stage.timeout + stage.bake):
            yield Finding(
                "managed-update-due",
                f"A managed update of {name} is due at {action.window_start:%Y-%m-%d %H:%M} UTC: {action.description}.",
                "It may begin before the release has ended, and replaces the instances that are the way back.",
                f"Ship after it, or begin it now: {_apply(stage, name, action.id)}",
            )


def _drift(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    """What somebody changed on live since its release. Where ebcd.toml's own settings changed, nothing can be told."""
    stage, current_release = intent.stage, intent.current_release
    if current_release is None or current_release.settings_digest != settings_digest(stage):
        return
    present = PresentSettings.of(facts.settings)
    lines = [line for declared in stage.options if (line := _difference(declared, present))]
    if lines:
        yield Finding(
            "drift",
            f"The settings of {facts.environment.name} are not those that it was released with.",
            f"Somebody changed them: {'; '.join(lines)}.",
            "Take them over into ebcd.toml, or ship with --accept-drift, which brings ebcd.toml's back.",
            Severity.WARNING if intent.accept_drift else Severity.ERROR,
        )


def _difference(declared: OptionSetting, present: PresentSettings) -> str:
    """How an option differs from what was declared; empty where it does not. MinSize is ebcd's own to move."""
    if (declared.namespace, declared.name) == (ASG, "MinSize") or present.has(declared):
        return ""
    actual = present.value(declared.place)
    if declared.private:
        kind = "the environment property" if declared.namespace in PROPERTIES else declared.namespace
        return f"{kind} {declared.name} is {'another one' if actual else 'gone'}"
    return f"{declared.title} {f'is {actual}' if actual else 'is not set'}, declared is {declared.value}"


def _quotas(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    quotas, flags = facts.quotas, intent.stage.flags
    counts = [("application versions", quotas.versions, quotas.versions_limit, f"ebcd prune {flags}")]
    if intent.creates:
        retire = f"ebcd retire {flags}, or ask AWS for a higher quota"
        counts.append(("environments", quotas.environments, quotas.environments_limit, retire))
        every = intent.stage.aws("elasticbeanstalk", "describe-applications")
        ask = f"Delete one that nobody needs, or ask AWS for a higher quota: {every}"
        counts.append(("applications", quotas.applications, quotas.applications_limit, ask))
    for what, used, limit, hint in counts:
        if limit and used >= NEARLY * limit:
            full = used >= limit
            yield Finding(
                "quota",
                f"The region has {used} of {limit} {what}.",
                "Nothing more can be created." if full else "Soon nothing more can be created.",
                hint,
                Severity.ERROR if full else Severity.WARNING,
            )


def _platform(facts: PreflightFacts, intent: Intent) -> Iterator[Finding]:
    platform = facts.platform
    for what, state in (("platform version", platform.lifecycle), ("platform branch", platform.branch_lifecycle)):
        if state.lower() in {"deprecated", "retired", "retiring"}:
            yield Finding(
                "platform-retired",
                f"The {what} of this release is {state.lower()}.",
                f"{platform.arn} gets no security updates, or soon none any more.",
                f"Choose another in stages.{intent.stage.name}.platform: {_branches(intent.stage)}",
                Severity.WARNING,
            )
