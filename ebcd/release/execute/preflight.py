"""What is read before a release begins, all at once, and of its instances at its end. What it means is in
`findings`.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from ebcd.aws.session import PERMISSION
from ebcd.errors import AwsRefused, EbcdError
from ebcd.model import Environment, Stage
from ebcd.release.execute.context import Services
from ebcd.release.plan.preflight import UNKNOWN_PLATFORM, UNKNOWN_QUOTAS, PreflightFacts, refuse, unknown_platform
from ebcd.release.state.release import ReleaseRecord

T = TypeVar("T")


def read_facts(services: Services, live: Environment, platform_arn: str) -> PreflightFacts:
    """Look at live, at the platform of the release and at the region's quotas."""
    beanstalk = services.beanstalk
    with ThreadPoolExecutor(max_workers=5) as pool:
        instances = pool.submit(beanstalk.instance_count, live.name)
        settings = pool.submit(beanstalk.settings, live.application, live.name)
        actions = pool.submit(beanstalk.managed_actions, live.name)
        platform = pool.submit(beanstalk.platform, platform_arn)
        quotas = pool.submit(beanstalk.quotas)
        return PreflightFacts(
            live,
            instances.result(),
            settings.result(),
            _allowed(services, "Managed updates", actions, ()),
            _allowed(services, "The platform", platform, UNKNOWN_PLATFORM),
            _allowed(services, "Quotas", quotas, UNKNOWN_QUOTAS),
        )


def platform_arn(services: Services, stage: Stage) -> str:
    """The platform version that the stage's platform means now: the one that it pins, else its branch's. Raises Refused
    where there is no such branch.
    """
    if stage.platform.startswith("arn:"):
        return stage.platform
    arn = services.beanstalk.platform_arn(stage.platform)
    if not arn:
        refuse((unknown_platform(stage),))
    return arn


def with_images(services: Services, record: ReleaseRecord) -> ReleaseRecord:
    """The record with the machine images that its instances run now; without, where they cannot be read."""
    try:
        found = services.beanstalk.image_ids(record.environment)
    except EbcdError as error:  # the release has happened, whatever is known of its images
        services.progress.note(f"Which machine images the instances run is not known: {error.what}")
        return record
    return replace(record, image_id=found[0], image_ids=found) if found else record


def _allowed(services: Services, what: str, answer: Future[T], otherwise: T) -> T:
    """An answer, or what stands for it where it may not be asked for: many may release and not read these."""
    try:
        return answer.result()
    except AwsRefused as error:
        if error.code not in PERMISSION:
            raise
        services.progress.note(f"{what} could not be read: {error.what}")
        return otherwise
