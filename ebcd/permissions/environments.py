"""What Elastic Beanstalk does in the name of whoever calls it, when it makes, changes or ends an environment. Pure.

Its caller must be allowed all of that. The list follows AWS's own policy AdministratorAccess-AWSElasticBeanstalk,
without what ebcd never asks for (databases, clusters, builds, making roles), and in the stack's own region only.
Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/concepts-roles-user.html
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AdministratorAccess-AWSElasticBeanstalk.html
"""

from __future__ import annotations

from collections.abc import Iterator

from ebcd.permissions.grant import ANY, REGION, Grant, here, named

TOPICS = (here("sns", "ElasticBeanstalkNotifications-*"),)
LOG_GROUPS = (here("logs", "log-group:/aws/elasticbeanstalk/*"),)
LOOKS = (
    "acm:Describe*",
    "acm:List*",
    "autoscaling:Describe*",
    "cloudformation:Describe*",
    "cloudformation:Estimate*",
    "cloudformation:Get*",
    "cloudformation:List*",
    "cloudformation:Validate*",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListMetrics",
    "ec2:Describe*",
    "elasticloadbalancing:Describe*",
    "logs:Describe*",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTopics",
    "sqs:ListQueues",
)
GLOBAL_LOOKS = ("iam:ListInstanceProfiles", "iam:ListRoles", "iam:ListServerCertificates")
"""IAM is in no region."""
STACKS = (
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateStack",
    "cloudformation:SignalResource",
    "cloudformation:TagResource",
    "cloudformation:UntagResource",
    "cloudformation:UpdateStack",
)
NETWORK = (
    "ec2:AllocateAddress",
    "ec2:AssociateAddress",
    "ec2:AuthorizeSecurityGroup*",
    "ec2:CreateLaunchTemplate*",
    "ec2:CreateSecurityGroup",
    "ec2:CreateTags",
    "ec2:DeleteLaunchTemplate*",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteTags",
    "ec2:DisassociateAddress",
    "ec2:ReleaseAddress",
    "ec2:RevokeSecurityGroup*",
)


def environments(*, worker: bool) -> list[Grant]:
    """To create or change an environment. Both roles have it."""
    return [*_stack(), *_instances(), *_signals(), *(_worker() if worker else ())]


def endings(*, worker: bool) -> Iterator[Grant]:
    """To terminate one."""
    yield Grant(
        "StackEndings",
        "TerminateEnvironment deletes the environment's stack.",
        ("cloudformation:DeleteStack",),
        named("cloudformation", "stack/{}*"),
    )
    yield Grant("TopicEndings", "And its topic.", ("sns:DeleteTopic", "sns:Unsubscribe"), TOPICS)
    yield Grant("LogEndings", "And its logs, where the environment says so.", ("logs:DeleteLogGroup",), LOG_GROUPS)
    if worker:
        yield Grant("QueueEndings", "And a worker's queue.", ("sqs:DeleteQueue",), named("sqs", "{}*"))
        yield Grant("LeaderEndings", "And its table.", ("dynamodb:DeleteTable",), named("dynamodb", "table/{}*"))


def _stack() -> Iterator[Grant]:
    yield Grant("Looks", "Beanstalk looks at networks, certificates, stacks, groups and balancers.", LOOKS, ANY, REGION)
    yield Grant("GlobalLooks", "And at roles and certificates that IAM has.", GLOBAL_LOOKS, ANY)
    own = tuple(
        f"arn:${{AWS::Partition}}:s3:::elasticbeanstalk-{name}-*/*" for name in ("env-resources", "platform-assets")
    )
    yield Grant("PlatformFiles", "Beanstalk's own templates lie in buckets of its own.", ("s3:GetObject",), own)
    yield Grant("Stacks", "An environment is a stack.", STACKS, named("cloudformation", "stack/{}*"))


def _instances() -> Iterator[Grant]:
    yield Grant(
        "Groups",
        "Its instances are an Auto Scaling group.",
        ("autoscaling:*",),
        (
            *named("autoscaling", "autoScalingGroup:*:autoScalingGroupName/{}*"),
            *named("autoscaling", "launchConfiguration:*:launchConfigurationName/{}*"),
        ),
    )
    kinds = ("loadbalancer/{}*", "loadbalancer/*/{}*", "listener/*/{}*", "listener-rule/*/{}*", "targetgroup/{}*")
    yield Grant(
        "Balancers",
        "Its load balancer, with listeners and target groups.",
        ("elasticloadbalancing:*",),
        tuple(arn for kind in kinds for arn in named("elasticloadbalancing", kind)),
    )
    yield Grant(
        "Network", "Security groups, launch templates, addresses; their ids are not known before.", NETWORK, ANY, REGION
    )
    yield Grant(
        "Launches",
        "Instances start from the environment's launch template.",
        ("ec2:RunInstances",),
        ANY,
        {"ArnLike": {"ec2:LaunchTemplate": here("ec2", "launch-template/*")}, **REGION},
    )
    tag = {"ec2:ResourceTag/aws:cloudformation:stack-id": list(named("cloudformation", "stack/{}*"))}
    yield Grant(
        "Instances",
        "A deployment replaces instances of an environment's own stack.",
        ("ec2:RebootInstances", "ec2:TerminateInstances"),
        (here("ec2", "instance/*"),),
        {"StringLike": tag},
    )


def _signals() -> Iterator[Grant]:
    yield Grant(
        "Alarms",
        "Scaling follows alarms.",
        ("cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"),
        named("cloudwatch", "alarm:{}*"),
    )
    yield Grant(
        "Notifications",
        "An environment tells its topic.",
        ("sns:CreateTopic", "sns:GetTopicAttributes", "sns:Publish", "sns:SetTopicAttributes", "sns:Subscribe"),
        TOPICS,
    )
    yield Grant("Logs", "Logs may go to CloudWatch.", ("logs:CreateLogGroup", "logs:PutRetentionPolicy"), LOG_GROUPS)


def _worker() -> Iterator[Grant]:
    yield Grant(
        "Queues",
        "A worker reads a queue.",
        ("sqs:CreateQueue", "sqs:GetQueueAttributes", "sqs:SendMessage", "sqs:SetQueueAttributes", "sqs:TagQueue"),
        named("sqs", "{}*"),
    )
    yield Grant(
        "Leaders",
        "A worker's periodic tasks elect a leader in a table.",
        ("dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:TagResource"),
        named("dynamodb", "table/{}*"),
    )
