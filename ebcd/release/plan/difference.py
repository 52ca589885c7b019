"""What two releases differ in, apart from their commits: platform and option settings. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ebcd.model import OptionSetting, Stage, by_place
from ebcd.release.plan.plan import settings_digest
from ebcd.release.state.release import ReleaseRecord


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things that are compared: a release, or a commit that is none yet."""

    name: str
    """r7, or the revision."""
    sha: str
    version_label: str
    record: ReleaseRecord | None = None
    stage: Stage | None = None
    """The stage as its commit's ebcd.toml has it; None where that does not tell."""

    @property
    def settings(self) -> tuple[OptionSetting, ...] | None:
        """Its option settings; None where they are not known: only their digest is recorded, and its commit's ebcd.toml
        is another one (it was shipped with another file, or as a work tree was).
        """
        if self.stage is None:
            return None
        if self.record is not None and self.record.settings_digest != settings_digest(self.stage):
            return None
        return self.stage.options


@dataclass(frozen=True, slots=True)
class Change:
    """An option setting that is not the same on both sides."""

    namespace: str
    name: str
    before: str | None
    """Its value; None where it is not set, empty for one that is private."""
    after: str | None
    resource: str = ""
    """The scheduled action that it belongs to; empty for any other option."""

    @property
    def title(self) -> str:
        """Its place as people read it."""
        return OptionSetting(self.namespace, self.name, "", self.resource).title


def changes(before: Iterable[OptionSetting], after: Iterable[OptionSetting]) -> tuple[Change, ...]:
    """The option settings that do not mean the same, by namespace and name."""
    old, new = by_place(before), by_place(after)
    return tuple(
        Change(namespace, name, _shown(old.get(place)), _shown(new.get(place)), resource)
        for place in sorted(old.keys() | new.keys())
        if not _same(old.get(place), new.get(place))
        for namespace, name, resource in [place]
    )


def _same(old: OptionSetting | None, new: OptionSetting | None) -> bool:
    return old is not None and new is not None and old.means(new.value)


def _shown(setting: OptionSetting | None) -> str | None:
    return None if setting is None else "" if setting.private else setting.value


def differs(before: Side, after: Side) -> bool | None:
    """Whether platform or settings differ; None where that is not known. Digests differ by a value's spelling, too."""
    old, new = before.settings, after.settings
    if old is not None and new is not None and before.stage and after.stage:
        return before.stage.platform != after.stage.platform or bool(changes(old, new))
    if before.record is not None and after.record is not None:
        return before.record.settings_digest != after.record.settings_digest
    return None
