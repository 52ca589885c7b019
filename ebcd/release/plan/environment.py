"""What an environment is made with: option settings, capacity, tags."""

from __future__ import annotations

from ebcd.model import ASG, OptionSetting, Stage, Tier, by_place
from ebcd.release.plan.steps import CreateEnvironment
from ebcd.release.state.release import ReleaseRecord

DEFAULT_OPTIONS = (
    # Without enhanced health there is no proof of what each instance runs.
    OptionSetting("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
    OptionSetting("aws:elasticbeanstalk:environment", "ServiceRole", "aws-elasticbeanstalk-service-role"),
    OptionSetting("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "aws-elasticbeanstalk-ec2-role"),
    OptionSetting("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
)
"""What a new environment gets unless the stage or the bundle's .ebextensions say otherwise. The last is for those that
have a load balancer.

The API's settings win over .ebextensions, so what those set is left out here.
"""
SINGLE_INSTANCE = OptionSetting("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")
"""What an environment without a load balancer says, if it is no worker."""


def environment_options(
    stage: Stage, bundled: tuple[OptionSetting, ...], capacity: int | None
) -> tuple[OptionSetting, ...]:
    """A new environment's option settings: the defaults that nothing else sets, the stage's own, and the capacity.

    capacity: MinSize where it must exceed the configured one.
    """
    set_elsewhere = by_place(bundled)
    balanced = stage.tier is Tier.WEB and SINGLE_INSTANCE not in (*bundled, *stage.options)
    defaults = DEFAULT_OPTIONS if balanced else DEFAULT_OPTIONS[:-1]
    unset = (item for item in defaults if item.place not in set_elsewhere)
    raised = (OptionSetting(ASG, "MinSize", str(capacity)),) if capacity is not None else ()
    return tuple(sorted(by_place((*unset, *stage.options, *raised)).values()))


def create(
    stage: Stage,
    release: ReleaseRecord,
    options: tuple[OptionSetting, ...],
    *,
    first: bool = False,
    settings_of: str = "",
) -> CreateEnvironment:
    """The release's environment. first: the stage's first, which gets the live CNAME.

    settings_of: an environment whose platform and settings it takes over.
    """
    return CreateEnvironment(
        environment=release.environment,
        label=release.version_label,
        platform_arn=release.platform_arn,
        cname_prefix=stage.cname if first and stage.cname else None,
        options=options,
        tags=(
            ("ebcd:stage", stage.name),
            ("ebcd:release", release.release),
            ("ebcd:sha", release.sha),
            ("ebcd:digest", release.content_digest),
        ),
        settings_of=settings_of,
        worker=stage.tier is Tier.WORKER,
    )
