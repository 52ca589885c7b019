"""From a source bundle to an application version: upload it unless it is there, and have Beanstalk process it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ebcd.model import SourceBundle, Stage
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.executor import Executor
from ebcd.release.plan.publication import bundle_key, plan_publish
from ebcd.release.plan.steps import CreateBucket, Step, UploadBundle
from ebcd.release.state.snapshot import Publication


def publish(run: Run, services: Services) -> None:
    """Make the run's bundle an application version. Needs no lock: the same content has the same key."""
    executor = Executor(run, services, run.stage)
    executor.execute(ensure_bucket(services))
    executor.execute(plan_publication(run, services))


def ensure_bucket(services: Services) -> tuple[Step, ...]:
    """The step that makes the bucket; none where it is there."""
    return () if services.storage.bucket_exists() else (CreateBucket(services.storage.bucket),)


def plan_publication(run: Run, services: Services) -> tuple[Step, ...]:
    """The steps that make the run's bundle an application version. Raises Refused, as `plan_publish` does."""
    bundle = run.given_bundle
    publication = _observe_publication(services, run.stage, bundle)
    steps = plan_publish(run.stage, bundle, publication, services.storage.bucket)
    run.bundle_reused = not any(isinstance(step, UploadBundle) for step in steps)
    return steps


def _observe_publication(services: Services, stage: Stage, bundle: SourceBundle) -> Publication:
    """What of the bundle is on AWS already, asked at once."""
    key = bundle_key(stage.application, bundle.content_digest)
    with ThreadPoolExecutor(max_workers=3) as pool:
        stored = pool.submit(services.storage.exists, key)
        application = pool.submit(services.beanstalk.application_exists, stage.application)
        version = pool.submit(services.beanstalk.version, stage.application, bundle.version_label)
        return Publication(stored.result(), application.result(), version.result())
