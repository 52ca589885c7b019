"""CloudFormation resources of `.ebextensions`: a stack for each environment, in moto's CloudFormation.

Option settings refer to them in backticks, as "`{"Ref": "Queue"}`", or as a mapping.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-resources.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ebcd_local import references
from ebcd_local.ebextensions import Extensions
from ebcd_local.own_clients import OwnClients
from ebcd_local.records import Environment

_GROUPS = {
    "AWSEBSecurityGroup": "VPC Security Group",
    "AWSEBLoadBalancerSecurityGroup": "Load Balancer Security Group",
}
"""The service's own security groups, and how it describes them."""
_OWN_NAME = re.compile(rf'"({references.OWN}\w+)(?:"|\.\w)')


class StackFailed(Exception):
    """The stack cannot be made; the message says why."""


class Stacks:
    """The environments' stacks."""

    def __init__(self, clients: OwnClients) -> None:
        self._clients = clients

    def bring(self, environment: Environment, extensions: Extensions) -> dict[str, str]:
        """Create or change an environment's stack; function → value, of those that only it can answer.

        The service's own resources are not there to be changed. Raises StackFailed.
        """
        asked = asked_of_stack(environment, extensions)
        resources = _resources(environment, extensions)
        if not resources:
            if asked:
                raise StackFailed(f"Template error: no resource of the environment answers {', '.join(asked)}.")
            return {}
        if find_spec("openapi_spec_validator") is None:
            raise StackFailed("Resources need moto's CloudFormation: pip install 'ebcd[cloudformation]'")
        outputs = {f"Reference{number}": {"Value": json.loads(item)} for number, item in enumerate(asked)}
        own = references.substituted(extensions.outputs, references.names(environment))
        template = json.dumps({"Resources": resources, "Outputs": {**own, **outputs}})
        with self._client(environment) as client:
            try:
                client.create_stack(StackName=_name(environment), TemplateBody=template)
            except client.exceptions.AlreadyExistsException:
                _update(client, environment, template)
            found = client.describe_stacks(StackName=_name(environment))["Stacks"][0]
        told = {item["OutputKey"]: item["OutputValue"] for item in found.get("Outputs", [])}
        return {item: told[f"Reference{number}"] for number, item in enumerate(asked)}

    def delete(self, environment: Environment) -> None:
        """Delete an environment's stack, if it has one. Raises StackFailed."""
        if environment.references is None:
            return
        with self._client(environment) as client:
            client.delete_stack(StackName=_name(environment))

    @contextmanager
    def _client(self, environment: Environment) -> Iterator[Any]:
        client = self._clients.client("cloudformation", environment.region)
        try:
            yield client
        except (ClientError, BotoCoreError, KeyError, IndexError) as error:
            raise StackFailed(f"The environment's CloudFormation stack failed: {error}") from error
        except ResponseParserError as error:
            raise StackFailed("The environment's CloudFormation stack failed; the server's log says why.") from error
        finally:
            client.close()


def asked_of_stack(environment: Environment, extensions: Extensions) -> list[str]:
    """The functions in settings and files of .ebextensions that only the environment's own stack answers, as JSON."""
    known = references.names(environment)
    contents = [file.content for file in extensions.files if isinstance(file.content, str)]
    texts = [*extensions.options.values(), *contents]
    found = {item for text in texts for item in references.unknown(text, known)}
    documents = [references.substituted(file.document, known) for file in extensions.files]
    return sorted(found | {json.dumps(item, sort_keys=True) for item in references.functions(documents)})


def _resources(environment: Environment, extensions: Extensions) -> dict[str, Any]:
    """The resources of a stack, with what they name of the service's own put in. Its security groups are resources of
    the stack, for rules are made in them. Raises StackFailed for a name that stands for nothing.
    """
    known = {
        name: value for name, value in references.names(environment).items() if name.partition(".")[0] not in _GROUPS
    }
    own = {name: item for name, item in extensions.resources.items() if not name.startswith(references.OWN)}
    found = {name: _independent(references.substituted(item, known)) for name, item in own.items()}
    named = set(_OWN_NAME.findall(json.dumps([item.get("Properties") for item in found.values()])))
    if unknown := named - _GROUPS.keys():
        raise StackFailed(f"Resources refer to {', '.join(sorted(unknown))}, which the local Beanstalk does not have.")
    groups = {
        name: {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": _GROUPS[name]}}
        for name in sorted(named)
    }
    return {**groups, **found}


def _independent(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource that waits for none of the service's own: those are there."""
    waits = resource.get("DependsOn", [])
    others = [name for name in ([waits] if isinstance(waits, str) else waits) if not name.startswith(references.OWN)]
    return {name: item for name, item in resource.items() if name != "DependsOn"} | (
        {"DependsOn": others} if others else {}
    )


def _update(client: Any, environment: Environment, template: str) -> None:
    try:
        client.update_stack(StackName=_name(environment), TemplateBody=template)
    except ClientError as error:
        if "No updates" not in str(error):
            raise


def _name(environment: Environment) -> str:
    return f"awseb-{environment.id}-stack"
