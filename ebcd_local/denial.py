"""Launches that the service gives up at once: something was denied to it, and it has nothing to keep.

The environment is Terminated seconds after CreateEnvironment was answered; only its events tell why.
"""

from __future__ import annotations

CAUSES = {
    "s3": "Service:Amazon S3, Message:Access Denied",
    "s3-acl": "Service:Amazon S3, Message:The bucket does not allow ACLs",
    "instance-profile": "Environment must have instance profile associated with it.",
    "stack": "Service:AmazonCloudFormation, Message:Limit for stack has been exceeded",
}
"""What can be denied → the event that tells it.

Sources: https://github.com/hashicorp/terraform-provider-aws/issues/1995 (s3),
https://github.com/aws/aws-elastic-beanstalk-cli/issues/388 (s3-acl),
https://github.com/hashicorp/terraform-provider-aws/pull/15158 (instance-profile). That of the stack is put together: of
CloudFormation's own message (https://github.com/aws-amplify/amplify-cli/issues/5221) and the form in which Beanstalk
tells CloudFormation's (https://github.com/cloudposse/terraform-aws-elastic-beanstalk-environment/pull/37).
"""
FAILED = "Failed to launch environment."
"""The event behind it, the last one. Source: as `s3-acl`, and ebcli/resources/strings.py (event.failedlaunch)."""
SECONDS = 2.0
"""From the first event to the last one; the reports above show two or three."""
