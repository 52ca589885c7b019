"""How many instances each side of a swap has: capacity never falls while users arrive.

An environment without users stands in ALARM of Beanstalk's default trigger, and Auto Scaling goes on taking instances
away from it down to MinSize. So MinSize is what holds them:

    before the swap   the candidate's, at as many instances as live runs then: where live has grown, all is planned anew
    once it is seen   that of the earlier side too: a way back finds it whole
    after the bake    the candidate's comes back to the configured one: from then on users' load decides
"""

from __future__ import annotations

from dataclasses import replace

from ebcd.model import ASG, Environment, OptionSetting, Stage
from ebcd.release.plan.steps import AwaitEnvironment, MatchCapacity, SetMinimum, Step
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot


def sizes(options: tuple[OptionSetting, ...], live: int) -> tuple[int, int]:
    """The configured MinSize, and the one that meets live's capacity now (within MaxSize). The last setting wins."""
    minimum, maximum = _limits(options)
    return minimum, max(minimum, min(live, maximum))


def replaces(options: tuple[OptionSetting, ...], raised: int) -> int | None:
    """How many of live's instances a candidate of that MinSize can replace; None where it could have no more."""
    return raised if raised < _limits(options)[1] else None


def _limits(options: tuple[OptionSetting, ...]) -> tuple[int, int]:
    """The configured MinSize and MaxSize, or Beanstalk's own."""
    configured = {item.name: int(item.value) for item in options if item.namespace == ASG and item.value.isdigit()}
    minimum = configured.get("MinSize", 1)
    return minimum, configured.get("MaxSize", max(4, minimum))


def with_raised(release: ReleaseRecord, minimum: int, raised: int) -> ReleaseRecord:
    """The release, whose environment has a MinSize for the swap, or the configured one."""
    return replace(release, raised=raised if raised > minimum else None)


def raised_again(
    snapshot: Snapshot, release: ReleaseRecord, candidate: Environment, live: Environment, wanted: int
) -> tuple[Step, ...]:
    """What a candidate lacks that was made while live had fewer instances. It may be launching still. One whose MinSize
    is not known may lack some: its step reads it, and changes nothing where it is enough.
    """
    if (snapshot.size(candidate, "MinSize") or 0) >= wanted:
        return ()
    ready = AwaitEnvironment(candidate.name, release.version_label)
    return (ready, MatchCapacity(candidate.name, wanted, cname=live.cname, release=release.release))


def held(stage: Stage, earlier: Environment, release: str, cname: str, instances: int, floor: int) -> tuple[Step, ...]:
    """The earlier side keeps its instances, as long as there may be a way back. Nobody waits for it: it has them still.

    release: the one that it carries. cname: the live CNAME, whole. floor: the MinSize that it has.
    """
    if not (stage.bake or stage.keep) or instances <= floor:
        return ()
    return (MatchCapacity(earlier.name, instances, cname=cname, release=release, awaited=False),)


def lowered(stage: Stage, release: ReleaseRecord, minimum: int, raised: int) -> tuple[Step, ...]:
    """The release's own MinSize comes back after the bake. Without a bake users may be arriving still, and `retire`
    brings it back later.
    """
    needed = stage.bake and raised > minimum
    return (SetMinimum(release.environment, minimum, release.release),) if needed else ()
