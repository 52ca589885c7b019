"""AWS's partitions: what a region's ARNs begin with, and under which domain its services live.

moto knows which region is whose. Source of the domains: botocore's endpoints.json (`dnsSuffix`).
"""

from __future__ import annotations

import re

from moto.utilities.utils import get_partition

_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def partition(region: str) -> str:
    """The partition that a region belongs to: aws, aws-cn, aws-us-gov …"""
    found: str = get_partition(region)
    return found


def suffix(region: str) -> str:
    """The domain of a partition's services: principals of some services end with it (`ec2.amazonaws.com.cn`)."""
    return _SUFFIXES.get(partition(region), "amazonaws.com")


def named(template: str, region: str) -> str:
    """A CloudFormation template in JSON with the partition's names in the place of the pseudo parameters for them."""
    for name, value in (("AWS::Partition", partition(region)), ("AWS::URLSuffix", suffix(region))):
        template = re.sub(rf'\{{\s*"Ref"\s*:\s*"{name}"\s*\}}', f'"{value}"', template.replace(f"${{{name}}}", value))
    return template


def arn(service: str, region: str, account: str, resource: str) -> str:
    """The ARN of something in a region and account; of a global service, the region only tells the partition."""
    place = "" if service in {"iam", "s3"} else region
    return f"arn:{partition(region)}:{service}:{place}:{'' if service == 's3' else account}:{resource}"
