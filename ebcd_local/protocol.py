"""The AWS query protocol, generic over botocore's own model of Elastic Beanstalk.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import botocore.loaders
from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

from ebcd_local.errors import ServiceError

NAMESPACE = "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/"
_OF_EB = {
    "TemplateSource": {
        "EnvironmentName": "EnvironmentName",
        "SolutionStackName": "SolutionStackName",
        "PlatformArn": "PlatformArn",
        "SourceContents": "String",
    },
    "TemplateSnippet": {"SnippetName": "String", "Order": "Integer", "SourceUrl": "String"},
    "TemplateSpecification": {"TemplateSource": "TemplateSource", "TemplateSnippets": "TemplateSnippets"},
    "CreateEnvironmentMessage": {"TemplateSpecification": "TemplateSpecification"},
    "CreateConfigurationTemplateMessage": {"TemplateSpecification": "TemplateSpecification"},
    "UpdateEnvironmentMessage": {"TemplateSpecification": "TemplateSpecification"},
    "ValidateConfigurationSettingsMessage": {"TemplateSpecification": "TemplateSpecification"},
    "ConfigurationSettingsDescription": {"Tier": "EnvironmentTier"},
}
"""Shape → member → its shape. Source: ebcli/lib/elasticbeanstalk.py in awsebcli 3.27."""
_OPTIONAL_FOR_EB = {"ValidateConfigurationSettingsMessage": "OptionSettings"}
"""Shape → the member that `eb` leaves out though botocore's model requires it."""
_NOT_SENT_EMPTY = frozenset(
    {
        ("ConfigurationOptionDescription", "ValueOptions"),
        ("SingleInstanceHealth", "Causes"),
        ("DescribeEnvironmentHealthResult", "Causes"),
    }
)
"""Lists that are not there where they have no meaning; every other one is sent empty."""
_LIST_KEYS = ("member", "members")
"""What stands before an item's number; some of AWS's own samples write the second."""
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@cache
def model() -> ServiceModel:
    """botocore's model of the service, with the members that the official `eb` sends and reads besides."""
    found = botocore.loaders.Loader().load_service_model("elasticbeanstalk", "service-2")
    shapes = found["shapes"]
    for shape, members in _OF_EB.items():
        known = shapes.setdefault(shape, {"type": "structure", "members": {}})["members"]
        shapes[shape] = shapes[shape] | {"members": known | {name: {"shape": kind} for name, kind in members.items()}}
    shapes["TemplateSnippets"] = {"type": "list", "member": {"shape": "TemplateSnippet"}}
    for shape, member in _OPTIONAL_FOR_EB.items():
        shapes[shape] = shapes[shape] | {"required": [name for name in shapes[shape]["required"] if name != member]}
    return ServiceModel(found, "elasticbeanstalk")


def operation(name: str) -> OperationModel:
    """An operation's model. Raises ServiceError (InvalidAction) for one that there is not."""
    if name not in model().operation_names:
        raise ServiceError("InvalidAction", f"Could not find operation {name} for version 2010-12-01")
    return model().operation_model(name)


@cache
def error(name: str) -> tuple[str, int]:
    """The code on the wire and the HTTP status of an error, by the name of its shape or by its code."""
    for shape in map(model().shape_for, model().shape_names):
        if shape.metadata.get("exception"):
            told = shape.metadata.get("error", {})
            code = told.get("code", shape.name)
            if name in {shape.name, code}:
                return code, told.get("httpStatusCode", 400)
    return name, 400


def parse(found: OperationModel, parameters: Mapping[str, str]) -> dict[str, Any]:
    """An operation's input from a request's parameters. Raises ServiceError for what does not fit the model."""
    if found.input_shape is None:
        return {}
    tree: dict[str, Any] = {}
    for name, value in parameters.items():
        node = tree
        *parents, last = name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise ServiceError("MalformedInput", f"{name} is both a value and a structure.")
        node[last] = value
    return _structure(found.input_shape, tree, "")


def _structure(shape: StructureShape, tree: Any, path: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise ServiceError("MalformedInput", f"{path} is no structure.")
    for name in shape.required_members:
        if name not in tree:
            raise ServiceError("MissingParameter", f"The request must contain the parameter {path}{name}.")
    return {name: _value(member, tree[name], f"{path}{name}") for name, member in shape.members.items() if name in tree}


def _value(shape: Shape, found: Any, path: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, found, f"{path}.")
    if isinstance(shape, ListShape):
        return _list(shape, found, path)
    if not isinstance(found, str):
        raise ServiceError("MalformedInput", f"{path} is no value.")
    return _scalar(shape, found, path)


def _list(shape: ListShape, found: Any, path: str) -> list[Any]:
    if found == "":
        return []
    items = next((found[key] for key in _LIST_KEYS if key in found), None) if isinstance(found, dict) else None
    if not isinstance(items, dict) or len(found) > 1 or not all(re.fullmatch("[0-9]{1,9}", key) for key in items):
        raise ServiceError("MalformedInput", f"{path} is no list.")
    return [_value(shape.member, items[key], f"{path}.member.{key}") for key in sorted(items, key=int)]


def _scalar(shape: Shape, found: str, path: str) -> Any:
    try:
        match shape.type_name:
            case "boolean":
                return {"true": True, "false": False}[found.lower()]
            case "integer" | "long":
                return int(found)
            case "double" | "float":
                return float(found)
            case "timestamp":
                return parse_timestamp(found).astimezone(UTC)
    except (ValueError, KeyError, OverflowError, RuntimeError) as error:
        raise ServiceError("InvalidParameterValue", f"{found[:200]!r} is no {shape.type_name} for {path}.") from error
    _check_text(shape, found, path)
    return found


def _check_text(shape: Shape, found: str, path: str) -> None:
    allowed, limits = getattr(shape, "enum", None), shape.metadata
    if allowed and found not in allowed:
        raise invalid_value(found, path, f"Value must be one of: {', '.join(allowed)}")
    if not limits.get("min", 0) <= len(found) <= limits.get("max", len(found)):
        raise invalid_value(found, path, f"its length must be {limits.get('min', 0)} to {limits.get('max', '…')}")


def invalid_value(found: str, path: str, why: str) -> ServiceError:
    """The refusal of a value that the model does not allow."""
    return ServiceError(
        "InvalidParameterValue", f"Value '{found[:200]}' at '{path}' failed to satisfy constraint: {why}"
    )


def serialize(found: OperationModel, output: Mapping[str, Any], request_id: str) -> bytes:
    """An operation's answer."""
    body = ""
    if found.output_shape is not None:
        wrapper = _wrapper(found)
        body = f"<{wrapper}>{_members(found.output_shape, output)}</{wrapper}>"
    return (
        f'<{found.name}Response xmlns="{NAMESPACE}">{body}<ResponseMetadata><RequestId>{request_id}</RequestId>'
        f"</ResponseMetadata></{found.name}Response>"
    ).encode()


def serialize_json(found: OperationModel, output: Mapping[str, Any], request_id: str) -> bytes:
    """An operation's answer in JSON: what is not there is null, and a time is its seconds since 1970.

    Source: boto 2's beanstalk/layer1.py and response.py, and the first `eb`, which asked for JSON.
    """
    body: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
    if found.output_shape is not None:
        body = {_wrapper(found): _plain(found.output_shape, output), **body}
    return json.dumps({f"{found.name}Response": body}).encode()


def serialize_error(error: ServiceError, request_id: str) -> bytes:
    """A refusal."""
    return (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{_fault(error)}</Type><Code>{_text(error.code)}</Code>'
        f"<Message>{_text(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()


def serialize_error_json(error: ServiceError, request_id: str) -> bytes:
    """A refusal in JSON."""
    told = {"Code": error.code, "Message": error.message, "Type": _fault(error)}
    return json.dumps({"Error": told, "RequestId": request_id}).encode()


def _fault(error: ServiceError) -> str:
    """Whose fault it is."""
    return "Sender" if error.status < 500 else "Receiver"


def _wrapper(found: OperationModel) -> str:
    assert found.output_shape is not None
    return str(found.output_shape.serialization.get("resultWrapper", f"{found.name}Result"))


def sent_empty(shape: StructureShape, name: str, member: Shape) -> bool:
    """Whether a member of a structure is a list that is there even when nothing is in it."""
    return isinstance(member, ListShape) and (shape.name, name) not in _NOT_SENT_EMPTY


def _told(shape: StructureShape, found: Mapping[str, Any]) -> Iterator[tuple[str, Shape, Any]]:
    """Name, shape and value of each member of a structure; None where there is no value."""
    unknown = found.keys() - shape.members.keys()
    assert not unknown, f"{shape.name} has no {unknown}"
    for name, member in shape.members.items():
        value = found.get(name)
        yield name, member, [] if value is None and sent_empty(shape, name, member) else value


def _members(shape: StructureShape, found: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_render(member, value)}</{name}>" for name, member, value in _told(shape, found) if value is not None
    )


def _render(shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return _members(shape, value)
    if isinstance(shape, ListShape):
        return "".join(f"<member>{_render(shape.member, item)}</member>" for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    return _text(str(value))


def _plain(shape: Shape, value: Any) -> Any:
    """A value as JSON has it."""
    if value is None:
        return None
    if isinstance(shape, StructureShape):
        return {name: _plain(member, item) for name, member, item in _told(shape, value)}
    if isinstance(shape, ListShape):
        return [_plain(shape.member, item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value


def _text(value: str) -> str:
    return escape(_NO_XML.sub("", value))
