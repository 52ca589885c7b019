"""The service's default quotas. Source: https://docs.aws.amazon.com/general/latest/gr/elasticbeanstalk.html"""

from __future__ import annotations

from collections.abc import Iterable

from ebcd_local.errors import ServiceError
from ebcd_local.operations.call import Call, Operation, Structure

APPLICATIONS, VERSIONS, ENVIRONMENTS, TEMPLATES, PLATFORMS = 75, 1000, 200, 2000, 50


def describe_account_attributes(_: Call, __: Structure) -> Structure:
    """DescribeAccountAttributes."""
    quotas = {
        "ApplicationQuota": APPLICATIONS,
        "ApplicationVersionQuota": VERSIONS,
        "EnvironmentQuota": ENVIRONMENTS,
        "ConfigurationTemplateQuota": TEMPLATES,
        "CustomPlatformQuota": PLATFORMS,
    }
    return {"ResourceQuotas": {name: {"Maximum": value} for name, value in quotas.items()}}


def refuse_more(call: Call, what: str, records: Iterable[str], most: int) -> None:
    """Refuse another record in a region that has as many as it may. Raises ServiceError (TooMany…Exception).

    records: keys, each with its region in front.
    """
    if sum(key.startswith(f"{call.region}/") for key in records) >= most:
        raise ServiceError(f"TooMany{what}Exception", f"You have reached the maximum of {most} for {what} in a region.")


SERVED: dict[str, Operation] = {"DescribeAccountAttributes": describe_account_attributes}
