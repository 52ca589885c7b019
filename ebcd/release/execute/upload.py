"""The bundle's way into the bucket: in one request, or in parts of which an earlier bundle may have most already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebcd import words
from ebcd.errors import AwsRefused
from ebcd.model import SourceBundle, UploadPart
from ebcd.release.execute.context import Services, Status, StepOutcome
from ebcd.release.execute.polling import Heartbeat
from ebcd.release.plan.steps import UploadBundle

if TYPE_CHECKING:
    from ebcd.aws.ranges import Source

LARGE = 16 * 1024**2
"""Bytes from which a bundle is sent in parts."""


def upload(services: Services, heartbeat: Heartbeat, step: UploadBundle, bundle: SourceBundle) -> StepOutcome:
    """Send the bundle under the key that its content names. The same content is never sent twice."""
    parts, source = _planned(services, step.key, bundle)
    sent = services.storage.upload(
        step.key,
        bundle.path,
        sha256=bundle.sha256,
        metadata={
            "ebcd-content-digest": bundle.content_digest,
            "ebcd-sha": bundle.commit.sha,
            "ebcd-sha256": bundle.sha256,
        },
        heartbeat=heartbeat,
        progress=lambda done: services.progress.transferred(done, bundle.size),
        parts=parts,
        source=source,
    )
    if sent is None:
        return StepOutcome("it was there already", Status.SKIPPED)
    return StepOutcome(
        f"{words.size(sent.sent)} sent, {words.size(sent.copied)} copied inside S3" if sent.copied else ""
    )


def _planned(services: Services, key: str, bundle: SourceBundle) -> tuple[tuple[UploadPart, ...], Source | None]:
    """The parts of a large bundle, and the object that unchanged ones are copied from: the application's newest bundle.

    The newest, not the live one: it is the likeliest to be of the same week and so to have the same headers. That it
    may be pruned meanwhile costs no more than sending what could not be copied.
    """
    if bundle.size < LARGE:
        return (), None
    import zipfile

    from ebcd.aws.ranges import Source
    from ebcd.bundle import delta

    try:
        earlier = services.storage.newest(key.rpartition("/")[0] + "/", ".zip")
        if earlier is None:
            return delta.parts(bundle.size), None
        with services.storage.open(earlier) as stored, bundle.path.open("rb") as file:
            planned = delta.parts(bundle.size, delta.entries(file), delta.entries(stored))
            return planned, Source(earlier, stored.etag)
    except (AwsRefused, zipfile.BadZipFile) as error:
        services.progress.note(f"No earlier bundle can be read, so all is sent: {error}")
        return delta.parts(bundle.size), None
