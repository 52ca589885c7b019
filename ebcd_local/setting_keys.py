"""How an option setting is named: by namespace and option, those of scheduled actions by the action, too.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-autoscaling-scheduledactions.html
"""

from __future__ import annotations

ENVIRONMENT = "aws:elasticbeanstalk:application:environment"
SCHEDULED = "aws:autoscaling:scheduledaction"
_SEPARATOR = "\x1f"


def of_resource(qualified: str, resource: str = "") -> tuple[str, str]:
    """Namespace and resource of `RESOURCE.NAMESPACE`, or of a namespace and a resource given beside it.

    Only scheduled actions are told apart by it: elsewhere it says which resource of the environment's own an option
    is about, which the namespace says already.
    """
    before, _, namespace = qualified.rpartition(".")
    return namespace, (resource or before) if namespace == SCHEDULED else ""


def key(namespace: str, name: str, resource: str = "") -> str:
    """An option setting's key as it is stored."""
    namespace, resource = of_resource(namespace, resource)
    return _SEPARATOR.join([namespace, name, *([resource] if resource else [])])


def split(stored: str) -> tuple[str, str, str]:
    """Namespace, name and resource of a stored key."""
    namespace, name, *resource = stored.split(_SEPARATOR)
    return namespace, name, resource[0] if resource else ""
