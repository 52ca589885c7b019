"""What is looked at before a release begins, all at once. What it means is in `findings`."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ebcd.aws.session import PERMISSION
from ebcd.errors import AwsRefused
from ebcd.model import Environment
from ebcd.release.findings import UNKNOWN_PLATFORM, UNKNOWN_QUOTAS, Sight
from ebcd.release.run import Services

T = TypeVar("T")


def look(services: Services, live: Environment, platform_arn: str) -> Sight:
    """Look at live, at the platform of the release and at the region's quotas."""
    beanstalk = services.beanstalk
    with ThreadPoolExecutor(max_workers=5) as pool:
        instances = pool.submit(beanstalk.instance_count, live.name)
        settings = pool.submit(beanstalk.settings, live.application, live.name)
        actions = pool.submit(beanstalk.managed_actions, live.name)
        platform = pool.submit(beanstalk.platform, platform_arn)
        quotas = pool.submit(beanstalk.quotas)
        return Sight(
            live,
            instances.result(),
            settings.result(),
            _allowed(services, "Managed updates", actions, ()),
            _allowed(services, "The platform", platform, UNKNOWN_PLATFORM),
            _allowed(services, "Quotas", quotas, UNKNOWN_QUOTAS),
        )


def _allowed(services: Services, what: str, answer: Future[T], otherwise: T) -> T:
    """An answer, or what stands for it where it may not be asked for: many may release and not read these."""
    try:
        return answer.result()
    except AwsRefused as error:
        if error.code not in PERMISSION:
            raise
        services.progress.note(f"{what} could not be looked at: {error.what}")
        return otherwise


def image_id(services: Services, platform_arn: str) -> str:
    """The machine image of a platform version, for the record; empty where it cannot be read now."""
    try:
        return services.beanstalk.platform(platform_arn).image_id
    except AwsRefused:
        return ""
