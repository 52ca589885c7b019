"""CloudFormation resources of `.ebextensions`: a stack for each environment, in moto's CloudFormation.

Option settings refer to them in backticks, as "`{"Ref": "Queue"}`", or as a mapping.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-resources.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ebcd_local.ebextensions import Extensions
from ebcd_local.records import Environment

_REFERENCE = re.compile(r"`(\{.*?\})`", re.DOTALL)
_OF_BEANSTALK = "AWSEB"
"""What the logical names of the service's own resources begin with: those are not there to be changed."""


class StackFailed(Exception):
    """The stack cannot be made; the message says why."""


class Stacks:
    """The environments' stacks. endpoint: where AWS is served, known once the server listens."""

    def __init__(self, endpoint: Callable[[], str]) -> None:
        self._endpoint = endpoint

    def bring(self, environment: Environment, extensions: Extensions) -> dict[str, str]:
        """Create or change an environment's stack; reference → value. Raises StackFailed."""
        resources = {name: item for name, item in extensions.resources.items() if not name.startswith(_OF_BEANSTALK)}
        if not resources:
            return {}
        if find_spec("openapi_spec_validator") is None:
            raise StackFailed("Resources need moto's CloudFormation: pip install 'ebcd[cloudformation]'")
        asked = sorted(set(references(extensions.options.values())))
        outputs = {f"Reference{number}": {"Value": json.loads(item)} for number, item in enumerate(asked)}
        template = json.dumps({"Resources": resources, "Outputs": {**extensions.outputs, **outputs}})
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
        session = boto3.Session("local", "local", region_name=environment.region)
        client = session.client("cloudformation", endpoint_url=self._endpoint())
        try:
            yield client
        except (ClientError, BotoCoreError, KeyError, IndexError) as error:
            raise StackFailed(f"The environment's CloudFormation stack failed: {error}") from error
        except ResponseParserError as error:
            raise StackFailed("The environment's CloudFormation stack failed; the server's log says why.") from error
        finally:
            client.close()


def references(values: Iterable[str]) -> Iterator[str]:
    """The references in option settings' values, each as JSON."""
    for value in values:
        yield from (_canonical(found) for found in _REFERENCE.findall(value))


def resolved(value: str, known: Mapping[str, str]) -> str:
    """An option setting's value with its references replaced by what they stand for, where that is known."""
    return _REFERENCE.sub(lambda found: known.get(_canonical(found[1]), found[0]), value)


def _canonical(reference: str) -> str:
    try:
        return json.dumps(json.loads(reference), sort_keys=True)
    except ValueError:
        return json.dumps({"Ref": reference})  # no JSON: it refers to nothing that there is


def _update(client: Any, environment: Environment, template: str) -> None:
    try:
        client.update_stack(StackName=_name(environment), TemplateBody=template)
    except ClientError as error:
        if "No updates" not in str(error):
            raise


def _name(environment: Environment) -> str:
    return f"awseb-{environment.id}-stack"
