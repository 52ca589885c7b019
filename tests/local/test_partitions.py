"""China and GovCloud: regions of other partitions, whose ARNs are others."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from running import Local, running

from ebcd_local.partitions import named

REGIONS = {"eu-central-1": "aws", "cn-north-1": "aws-cn", "cn-northwest-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}


def client(local: Local, service: str, region: str) -> Any:
    made = boto3.client(service, endpoint_url=local.told["endpoint_url"], region_name=region, **local.keys)
    local.clients.append(made)
    return local.clients[-1]


@pytest.mark.parametrize(("region", "partition"), REGIONS.items())
def test_a_region_s_arns_are_its_partition_s(local: Local, region: str, partition: str) -> None:
    beanstalk = client(local, "elasticbeanstalk", region)
    name = f"parted-{region}"
    made = beanstalk.create_application(ApplicationName=name)["Application"]
    assert made["ApplicationArn"] == f"arn:{partition}:elasticbeanstalk:{region}:123456789012:application/{name}"
    assert beanstalk.list_tags_for_resource(ResourceArn=made["ApplicationArn"])["ResourceTags"] == []
    platforms = beanstalk.list_platform_versions()["PlatformSummaryList"]
    assert {item["PlatformArn"].split(":")[1] for item in platforms} == {partition}
    assert client(local, "sts", region).get_caller_identity()["Arn"].split(":")[1] == partition
    beanstalk.delete_application(ApplicationName=name)


@pytest.mark.parametrize("region", REGIONS)
def test_a_bucket_is_read_and_written_in_any_partition(local: Local, region: str) -> None:
    beanstalk, s3 = client(local, "elasticbeanstalk", region), client(local, "s3", region)
    bucket = beanstalk.create_storage_location()["S3Bucket"]
    assert bucket == f"elasticbeanstalk-{region}-123456789012"
    s3.put_object(Bucket=bucket, Key="parted/one", Body=b"1", ExpectedBucketOwner="123456789012")
    assert s3.get_object(Bucket=bucket, Key="parted/one")["Body"].read() == b"1"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parted/two")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="parted/two", UploadId=upload)
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="parted/")["Contents"]] == ["parted/one"]
    s3.delete_object(Bucket=bucket, Key="parted/one")


def test_what_was_stored_in_another_partition_is_there_after_a_restart() -> None:
    with running() as local:
        bucket = client(local, "elasticbeanstalk", "cn-north-1").create_storage_location()["S3Bucket"]
        client(local, "s3", "cn-north-1").put_object(Bucket=bucket, Key="one.zip", Body=b"kept")
        local.run("down")
        local.run("up")
        s3 = client(local, "s3", "cn-north-1")
        assert s3.get_object(Bucket=bucket, Key="one.zip")["Body"].read() == b"kept"
        assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "cn-north-1"


def test_a_template_s_partition_is_its_region_s() -> None:
    """moto's CloudFormation resolves these two to `aws` and `amazonaws.com` everywhere."""
    template = '{"A": {"Fn::Sub": "arn:${AWS::Partition}:ec2.${AWS::URLSuffix}"}, "B": {"Ref": "AWS::Partition"}}'
    assert named(template, "cn-north-1") == '{"A": {"Fn::Sub": "arn:aws-cn:ec2.amazonaws.com.cn"}, "B": "aws-cn"}'
    assert (
        named(template, "us-gov-west-1") == '{"A": {"Fn::Sub": "arn:aws-us-gov:ec2.amazonaws.com"}, "B": "aws-us-gov"}'
    )
