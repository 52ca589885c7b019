"""From a source bundle to an application version: what of it is missing."""

from __future__ import annotations

from ebcd.errors import Refused
from ebcd.model import SourceBundle, Stage
from ebcd.release.plan.steps import AwaitVersion, CreateApplication, CreateVersion, Step, UploadBundle
from ebcd.release.state.snapshot import Publication


def bundle_key(application: str, content_digest: str) -> str:
    """Where in the bucket a source bundle lies: its key is its identity."""
    return f"ebcd/{application}/bundles/{content_digest}.zip"


def plan_publish(stage: Stage, bundle: SourceBundle, publication: Publication, bucket: str) -> tuple[Step, ...]:
    """The steps that make the bundle an application version. Raises Refused when the label means other content."""
    key = bundle_key(stage.application, bundle.content_digest)
    steps: list[Step] = []
    if not publication.stored:
        steps.append(UploadBundle(key, bundle.size))
    if not publication.application_exists:
        steps.append(CreateApplication(stage.application))
    version = publication.version
    if version is None:
        return (*steps, CreateVersion(bundle.version_label, key, bundle.commit.subject))
    if version.container:
        raise Refused(
            f"The version label {version.label} stands for a container image.",
            why="It was made for a Beanstalk Cluster (Amazon EKS), which ebcd does not release to.",
            hint="Release another commit, or delete that application version if nothing uses it.",
            code="cluster",
        )
    if (version.bucket, version.key) != (bucket, key):
        raise Refused(
            f"The version label {version.label} stands for another content.",
            why=f"It was made from s3://{version.bucket}/{version.key}; "
            f"this commit's content digest is {bundle.content_digest}.",
            hint="Release another commit, or delete that application version if nothing uses it.",
            code="digest-mismatch",
        )
    if version.failed:
        raise Refused(
            f"Beanstalk failed to process the application version {version.label}.",
            why="Its bundle did not pass Beanstalk's validation.",
            hint="ebcd check shows what is wrong; commit the correction and ship again.",
            code="version-failed",
        )
    return (*steps, AwaitVersion(version.label)) if version.in_process else tuple(steps)
