"""What Beanstalk does in the name of whoever calls it: its caller must be allowed that, too.

AWS publishes no list for each operation. This one is of what AWS's own policies for Beanstalk's callers hold
(AdministratorAccess-AWSElasticBeanstalk, AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy) and of what people were
refused:
https://github.com/codeship/documentation/issues/338 https://github.com/jenkinsci/aws-beanstalk-publisher-plugin/issues/27
https://github.com/aws/aws-toolkit-azure-devops/issues/124 https://github.com/aws/aws-elastic-beanstalk-cli/issues/82
"""

from __future__ import annotations

from collections.abc import Iterator

from ebcd_local import options
from ebcd_local.access.beanstalk import environment_of
from ebcd_local.access.callers import profile_role
from ebcd_local.access.statements import Asked
from ebcd_local.operations.call import Call, Structure
from ebcd_local.partitions import arn, suffix
from ebcd_local.records import Environment
from ebcd_local.state import ACCOUNT, storage_bucket

ROLES = {
    ("aws:elasticbeanstalk:environment", "ServiceRole"): "elasticbeanstalk.amazonaws.com",
    ("aws:autoscaling:launchconfiguration", "IamInstanceProfile"): "ec2",
}
"""Option settings that hand over a role, and to which service."""
_BUCKET = ("CreateBucket", "GetBucketLocation", "GetBucketPolicy", "ListBucket", "PutBucketPolicy")
"""What a change of an environment does to the default bucket, be it there or not."""
_LOOKS = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeScalingActivities",
    "cloudformation:DescribeStackResources",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeLoadBalancers",
)


def asked(call: Call, operation: str, given: Structure) -> list[Asked]:
    """All that Beanstalk will do in the caller's name for a request that the caller itself may make."""
    match operation:
        case "CreateStorageLocation":
            return [
                _s3(call, name)
                for name in (
                    "CreateBucket",
                    "PutBucketOwnershipControls",
                    "PutBucketPolicy",
                    "PutBucketPublicAccessBlock",
                )
            ]
        case "CreateApplicationVersion":
            source = given.get("SourceBundle") or {}
            return [_object(call, "GetObject", f"{source.get('S3Bucket')}/{source.get('S3Key')}")] if source else []
        case "CreateConfigurationTemplate" | "UpdateConfigurationTemplate" | "DeleteConfigurationTemplate":
            return _templates(call, operation, given)
        case "RequestEnvironmentInfo" | "RetrieveEnvironmentInfo":
            return [_kept(call, name, "environments/logs/any") for name in ("PutObject", "GetObject", "DeleteObject")]
        case "DescribeEnvironmentResources" | "DescribeConfigurationSettings":
            return [Asked(name) for name in _LOOKS] if _named(given) else []
        case "CreateEnvironment" | "RebuildEnvironment":
            return [*_bucket(call), *_roles(call, given), *_creation(call, given)]
        case "UpdateEnvironment" | "RestartAppServer" | "AbortEnvironmentUpdate" | "ApplyEnvironmentManagedAction":
            return [*_bucket(call), *_roles(call, given), *_update(call, given)]
        case "TerminateEnvironment":
            return [*_ending(call, environment_of(call, given))]
    return []


def _named(given: Structure) -> bool:
    return bool(given.get("EnvironmentName") or given.get("EnvironmentId"))


def _s3(call: Call, name: str) -> Asked:
    return Asked(f"s3:{name}", arn("s3", call.region, "", storage_bucket(call.region)))


def _object(call: Call, name: str, path: str) -> Asked:
    return Asked(f"s3:{name}", arn("s3", call.region, "", path))


def _kept(call: Call, name: str, path: str) -> Asked:
    """Something below `resources` in the default bucket, where Beanstalk keeps what it needs."""
    return _object(call, name, f"{storage_bucket(call.region)}/resources/{path}")


def _templates(call: Call, operation: str, given: Structure) -> list[Asked]:
    names = ("DeleteObject",) if operation.startswith("Delete") else ("PutObject", "GetObject")
    return [_kept(call, name, f"templates/{given['ApplicationName']}/{given['TemplateName']}") for name in names]


def _bucket(call: Call) -> Iterator[Asked]:
    yield from (_s3(call, name) for name in _BUCKET)
    yield _object(call, "PutObject", f"{storage_bucket(call.region)}/.elasticbeanstalk")
    yield _object(call, "GetObject", f"elasticbeanstalk-env-resources-{call.region}/stack")
    yield from (Asked(name) for name in _LOOKS)


def _roles(call: Call, given: Structure) -> Iterator[Asked]:
    """The roles that option settings hand over."""
    for item in given.get("OptionSettings") or []:
        service = ROLES.get((item.get("Namespace", ""), item.get("OptionName", "")))
        if service and item.get("Value"):
            name = item["Value"].rpartition("/")[2]
            to = service if "." in service else f"{service}.{suffix(call.region)}"
            yield Asked("iam:PassRole", _role_arn(call, name, item["OptionName"]), {"iam:passedtoservice": [to]})


def _role_arn(call: Call, name: str, option: str) -> str:
    """The ARN of the role that an option hands over; of a profile that is not there, by its name."""
    role = profile_role(name, call.region) if option == "IamInstanceProfile" else None
    return role.arn if role else arn("iam", call.region, ACCOUNT, f"role/{name}")


def _stack(call: Call, environment_id: str) -> str:
    return arn("cloudformation", call.region, ACCOUNT, f"stack/awseb-{environment_id}-stack/any")


def _group(call: Call, environment_id: str) -> str:
    name = f"awseb-{environment_id}-stack-AWSEBAutoScalingGroup-any"
    return arn("autoscaling", call.region, ACCOUNT, f"autoScalingGroup:any:autoScalingGroupName/{name}")


def _alarm(call: Call, environment_id: str) -> str:
    return arn("cloudwatch", call.region, ACCOUNT, f"alarm:awseb-{environment_id}-stack-AWSEBCloudwatchAlarmHigh-any")


def _bundle(call: Call, application: str, label: str) -> Iterator[Asked]:
    version = call.state.versions.get(f"{call.region}/{application}/{label}")
    if version is not None:
        yield _object(call, "GetObject", f"{version.bucket}/{version.s3_key}")


def _creation(call: Call, given: Structure) -> Iterator[Asked]:
    """An environment's stack, and all that CloudFormation makes of it with the caller's rights."""
    new = "e-new"
    yield from _bundle(call, given.get("ApplicationName", ""), given.get("VersionLabel", ""))
    yield from (_kept(call, name, f"environments/{new}/any") for name in ("PutObject", "GetObject"))
    yield Asked("cloudformation:CreateStack", _stack(call, new))
    yield from _network(call)
    yield from (
        Asked(f"autoscaling:{name}", _group(call, new))
        for name in ("CreateAutoScalingGroup", "PutScalingPolicy", "PutNotificationConfiguration")
    )
    yield Asked("cloudwatch:PutMetricAlarm", _alarm(call, new))
    yield from (_balanced(call, name, new) for name in ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener"))
    if (given.get("Tier") or {}).get("Name") == "Worker":
        queue = arn("sqs", call.region, ACCOUNT, f"awseb-{new}-stack-AWSEBWorkerQueue-any")
        yield from (Asked(f"sqs:{name}", queue) for name in ("CreateQueue", "SetQueueAttributes"))


def _network(call: Call) -> Iterator[Asked]:
    template = arn("ec2", call.region, ACCOUNT, "launch-template/lt-0")
    yield from (
        Asked(f"ec2:{name}")
        for name in ("CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "CreateLaunchTemplate", "CreateTags")
    )
    yield Asked("ec2:RunInstances", arn("ec2", call.region, ACCOUNT, "instance/*"), {"ec2:launchtemplate": [template]})


def _balanced(call: Call, name: str, environment_id: str) -> Asked:
    kinds = {
        "CreateTargetGroup": "targetgroup/awseb-{}/0",
        "CreateListener": "listener/app/awseb-{}/0/0",
        "RegisterTargets": "targetgroup/awseb-{}/0",
        "DeregisterTargets": "targetgroup/awseb-{}/0",
        "DeleteTargetGroup": "targetgroup/awseb-{}/0",
    }
    place = kinds.get(name, "loadbalancer/app/awseb-{}/0").format(environment_id)
    return Asked(f"elasticloadbalancing:{name}", arn("elasticloadbalancing", call.region, ACCOUNT, place))


def _update(call: Call, given: Structure) -> Iterator[Asked]:
    environment = environment_of(call, given)
    if environment is None:
        return
    yield from _bundle(call, environment.application, given.get("VersionLabel") or environment.version_label)
    yield from (_kept(call, name, f"environments/{environment.id}/any") for name in ("PutObject", "GetObject"))
    yield from (
        Asked(f"autoscaling:{name}", _group(call, environment.id))
        for name in ("SuspendProcesses", "ResumeProcesses", "PutNotificationConfiguration")
    )
    if options.load_balancer(call.fleet.effective(environment)):
        yield from (_balanced(call, name, environment.id) for name in ("RegisterTargets", "DeregisterTargets"))
    if any(given.get(name) for name in ("OptionSettings", "OptionsToRemove", "TemplateName", "PlatformArn")):
        yield Asked("cloudformation:UpdateStack", _stack(call, environment.id))
        yield Asked("autoscaling:UpdateAutoScalingGroup", _group(call, environment.id))
        yield from _network(call)


def _ending(call: Call, environment: Environment | None) -> Iterator[Asked]:
    if environment is None:
        return
    yield Asked("cloudformation:DeleteStack", _stack(call, environment.id))
    yield _kept(call, "DeleteObject", f"environments/{environment.id}/any")
    yield Asked("autoscaling:DeleteAutoScalingGroup", _group(call, environment.id))
    yield Asked("cloudwatch:DeleteAlarms", _alarm(call, environment.id))
    yield from (_balanced(call, name, environment.id) for name in ("DeleteLoadBalancer", "DeleteTargetGroup"))
    yield from (Asked(f"ec2:{name}") for name in ("DeleteSecurityGroup", "DeleteLaunchTemplate"))
