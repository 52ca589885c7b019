"""Previews: stages that no ebcd.toml declares, each made like one that it does, for one branch. Pure."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace

from ebcd.config.read import NAME_LIMIT, check_names, region_of
from ebcd.config.select import PREVIEW, beside, select_stage
from ebcd.errors import UsageError
from ebcd.model import (
    ASG,
    BakeLimits,
    Configuration,
    Notify,
    OptionSetting,
    Stage,
    Strategy,
    Target,
    Tier,
    by_place,
)
from ebcd.model.command import LOCAL

CNAME_LIMIT = 63
"""Characters that a CNAME's prefix may have."""
ENVIRONMENT = "aws:elasticbeanstalk:environment"
SINGLE = (
    OptionSetting(ASG, "MaxSize", "1"),
    OptionSetting(ASG, "MinSize", "1"),
    OptionSetting(ENVIRONMENT, "EnvironmentType", "SingleInstance"),
)
"""One instance, and no load balancer."""

_MARK = 6
"""Hexadecimal digits of the digest that tells two texts apart."""
_TAKEN = re.compile(r"(.*-)?(r\d+|[ab])")
"""How the environments' names end that another stage gives: of a release, of a side of a pair."""
_BALANCED = (
    "aws:autoscaling:scheduledaction",
    "aws:autoscaling:trigger",
    "aws:autoscaling:updatepolicy:rollingupdate",
    "aws:elasticbeanstalk:environment:process:",
    "aws:elb:",
    "aws:elbv2:",
)
"""What namespaces of options begin with that are about a load balancer, or about more instances than one."""
_BALANCED_OPTIONS = {
    (ENVIRONMENT, "LoadBalancerIsShared"),
    (ENVIRONMENT, "LoadBalancerType"),
    ("aws:ec2:vpc", "ELBScheme"),
    ("aws:ec2:vpc", "ELBSubnets"),
    ("aws:elasticbeanstalk:command", "BatchSize"),
    ("aws:elasticbeanstalk:command", "BatchSizeType"),
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"),
}


def preview_of(base: Stage, branch: str) -> Stage:
    """The preview of a branch, made like a stage: one environment of one instance, updated in place.

    Raises UsageError where the application's name leaves no room for it, and for a worker: nobody could look at that.
    """
    if base.tier is Tier.WORKER:
        raise UsageError(
            f"There are no previews of the stage {base.name}.",
            why="It is a worker, which has no URL.",
            hint="Name a stage of the web tier: --stage NAME",
            code="no-preview",
        )
    slug = preview_slug(base.application, branch)
    return replace(
        base,
        name=f"{PREVIEW}-{slug}",
        cname=_within(f"{base.cname}-{slug}", CNAME_LIMIT),
        url="",
        strategy=Strategy.IN_PLACE,
        keep=0.0,
        bake=0.0,
        options=_alone(base.options),
        tenants=None,  # their hosts are live's own
        bake_limits=BakeLimits(),
        notify=Notify(),
    )


def preview_slug(application: str, branch: str) -> str:
    """What a branch is called in names: itself where it can be, else what is left of it and a digest of it all, so
    that two branches never share one.
    """
    room = NAME_LIMIT - len(f"{application}-{PREVIEW}-")
    plain = re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")
    slug = plain if plain == branch and not _TAKEN.fullmatch(plain) else _marked(plain, branch, room)
    slug = slug if len(slug) <= room else _marked(plain, branch, room)
    check_names(application, f"{PREVIEW}-{slug}", "stage", numbered=False)
    return slug


def preview_base(
    configuration: Configuration | None,
    *,
    name: str | None,
    application: str | None,
    region: str | None,
    environ: Mapping[str, str],
) -> Stage:
    """The stage that a preview is made like: the named one, else `preview`, else the default one where it is local.

    Raises UsageError: without being told so, nobody gets the environment properties of a stage on AWS, its database
    among them.
    """
    chosen = name or (PREVIEW if configuration and PREVIEW in configuration.stages else None)
    base = select_stage(configuration, name=chosen, application=application, region=region, environ=environ)
    if base.named_only:
        raise UsageError(
            f"A preview cannot be made like the stage {base.name}.",
            why="No ebcd.toml declares that stage, so nothing is known of it.",
            hint="Name one that it declares: --stage NAME; ebcd init writes an ebcd.toml.",
            code="no-base",
        )
    if chosen is None and base.target is not Target.LOCAL:
        raise UsageError(
            "It is not said which stage a preview is made like.",
            why=f"The default stage {base.name} is on AWS: a preview made like it would use its environment "
            "properties, its database among them.",
            hint=f"Declare [stages.{PREVIEW}] with its own in ebcd.toml, or name the stage: --stage {base.name}",
            code="no-base",
        )
    return base


def preview_place(
    configuration: Configuration | None,
    *,
    name: str | None,
    application: str | None,
    region: str | None,
    environ: Mapping[str, str],
) -> Stage:
    """Where previews are looked for: like the stage that they are made like, of which no more is needed than that."""
    if configuration is None and application and not (name or region or region_of(environ)):
        raise UsageError(
            f"It is not said where the previews of {application} are.",
            why="There is no ebcd.toml here or above, which would tell.",
            hint=f"On AWS add --region, on this machine: ebcd preview list -a {shlex.quote(application)} -s {LOCAL}",
            code="no-region",
        )
    usual = PREVIEW if configuration is None or PREVIEW in configuration.stages else None
    found = select_stage(configuration, name=name or usual, application=application, region=region, environ=environ)
    return beside(found, PREVIEW)


def refuse_declared(configuration: Configuration | None, preview: Stage) -> None:
    """Raises UsageError where a stage that ebcd.toml declares has a preview's name or CNAME: then it is that one's."""
    declared = configuration.stages if configuration else {}
    if preview.name in declared:
        raise UsageError(
            f"The stage {preview.name} is no preview.",
            why="ebcd.toml declares it, and a declared stage comes first.",
            hint=f"Give the branch another name here: --branch NAME; or see the stage: ebcd status {preview.flags}",
            code="declared-stage",
        )
    for stage in declared.values():
        if preview.cname and preview.cname.lower() == stage.cname.lower():
            raise UsageError(
                f"A preview cannot have the CNAME {preview.cname}.",
                why=f"It is the live CNAME of the stage {stage.name}.",
                hint="Give the branch another name here: --branch NAME",
                code="declared-stage",
            )


def _alone(options: tuple[OptionSetting, ...]) -> tuple[OptionSetting, ...]:
    """Option settings for one instance. What is about more, or about a load balancer, Beanstalk would refuse."""
    kept = (
        item
        for item in options
        if not item.namespace.startswith(_BALANCED) and (item.namespace, item.name) not in _BALANCED_OPTIONS
    )
    return tuple(sorted(by_place((*kept, *SINGLE)).values()))


def _within(text: str, room: int) -> str:
    return text if len(text) <= room else _marked(text, text, room)


def _marked(plain: str, whole: str, room: int) -> str:
    """A text, cut where it must be, with a digest of what it stands for."""
    mark = hashlib.sha256(whole.encode(errors="surrogateescape")).hexdigest()[:_MARK]
    return f"{plain[: max(room - _MARK - 1, 0)].rstrip('-')}-{mark}".lstrip("-")
