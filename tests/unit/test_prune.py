"""What may be pruned: nothing that anything needs."""

from __future__ import annotations

from datetime import timedelta

from stages import NOW, environment, record, snapshot

from ebcd.model import ApplicationVersion
from ebcd.release.prune import prunable
from ebcd.release.steps import DeleteVersion

OWN = "ebcd/shop/bundles/"


def version(number: int, key: str = "", bucket: str = "b") -> ApplicationVersion:
    return ApplicationVersion(f"v{number}", "Processed", bucket, key or f"{OWN}d{number}.zip",
                              created=NOW - timedelta(days=100 - number))  # fmt: skip


def labels(found: tuple[DeleteVersion, ...]) -> list[str]:
    return [step.label for step in found]


def test_the_oldest_go_and_the_newest_stay() -> None:
    versions = [version(number) for number in range(1, 7)]
    assert labels(prunable(snapshot(), versions, "b", 2)) == ["v1", "v2", "v3", "v4"]
    assert prunable(snapshot(), versions, "b", 6) == ()


def test_what_runs_anywhere_and_what_a_rollback_returns_to_stay() -> None:
    stage = snapshot(environment(5, live=True), environment(2), releases=(
        record(5, live_since=10, from_=3), record(3, live_since=100, left=10), record(2)))  # fmt: skip
    versions = [version(number) for number in range(1, 9)]
    assert labels(prunable(stage, versions, "b", 1)) == ["v1", "v4", "v6", "v7"]


def test_what_a_preview_carries_stays() -> None:
    preview = environment(2, name="shop-preview-fix", cname="shop-fix.eu-central-1.elasticbeanstalk.com")
    stage = snapshot(environment(5, live=True), preview, releases=(record(5, live_since=10),))
    assert labels(prunable(stage, [version(number) for number in range(1, 7)], "b", 1)) == ["v1", "v3", "v4"]


def test_what_ebcd_did_not_make_stays() -> None:
    versions = [version(1, key="console/upload.zip"), version(2, bucket="another"), version(3), version(4)]
    assert labels(prunable(snapshot(), versions, "b", 1)) == ["v3"]


def test_a_bundle_that_another_version_uses_stays() -> None:
    shared = f"{OWN}same.zip"
    versions = [version(1, key=shared), version(2), version(3, key=shared)]
    assert prunable(snapshot(), versions, "b", 1) == (DeleteVersion("v1", ""), DeleteVersion("v2", f"{OWN}d2.zip"))
