"""What brings an environment that stands to a release: its settings and its version."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ebcd.model import Environment, OptionSetting, PresentSettings
from ebcd.release.plan.steps import Step, UpdateOptions, UpdateVersion
from ebcd.release.state.release import ReleaseRecord, is_patch
from ebcd.release.state.snapshot import Snapshot, deployment_estimate


@dataclass(frozen=True, slots=True)
class Change:
    """An update of settings, and the one that takes it back. Both None where nothing differs."""

    update: UpdateOptions | None = None
    revert: UpdateOptions | None = None


def change(snapshot: Snapshot, environment: Environment, wanted: Iterable[OptionSetting], platform_arn: str) -> Change:
    """What brings a standing environment's options and platform to what is wanted. What is not named stays as it is.

    Its present settings must be in the snapshot.
    """
    present = PresentSettings.of(snapshot.settings[environment.name])
    differing = tuple(item for item in wanted if not present.has(item, surely=True))
    platform = _other_platform(environment, platform_arn)
    if not differing and not platform:
        return Change()
    earlier = tuple(found for item in differing if (found := present.find(item.place)))
    unset = tuple(item.place for item in differing if not present.find(item.place))
    cname = live_unless(snapshot, environment.name)
    return Change(
        UpdateOptions(environment.name, differing, platform_arn=platform, cname=cname),
        UpdateOptions(environment.name, earlier, unset, environment.platform_arn if platform else "", cname),
    )


def bring(environment: Environment, deployment: UpdateVersion, settings: UpdateOptions | None) -> tuple[Step, ...]:
    """The steps of a deployment with a change of settings: one update where both change, so that no instance runs the
    version with other settings than it is made for.
    """
    if settings is None:
        return (deployment,)
    if environment.version_label == deployment.label:
        return (settings, deployment)
    return (replace(deployment, settings=settings),)


def platform_back(environment: Environment, release: ReleaseRecord, replaces: ReleaseRecord | None) -> str:
    """The platform version of a release that a standing environment is to carry again, where the release that it leaves
    is a patch of it, or it of that; empty where it is there, or stays.
    """
    return _other_platform(environment, release.platform_arn) if is_patch(release, replaces) else ""


def _other_platform(environment: Environment, platform_arn: str) -> str:
    """The platform version, where an environment runs another one; empty where it does not."""
    return platform_arn if environment.platform_arn not in ("", platform_arn) else ""


def live_unless(snapshot: Snapshot, environment: str) -> str:
    """The live CNAME, whole, that an environment must not hold when it is changed; empty for live's own."""
    live = snapshot.live
    return live.cname if live is not None and live.name != environment else ""


def deployment(
    snapshot: Snapshot, release: ReleaseRecord, environment: str, *, live: bool, replaces: str = ""
) -> UpdateVersion:
    """The update that brings the release's version. live: the environment is live's own."""
    expected = deployment_estimate(snapshot)
    cname = live_unless(snapshot, environment)
    return UpdateVersion(environment, release.version_label, release.release, live, replaces, expected, cname)
