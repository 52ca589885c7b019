"""Every operation of botocore's model against a server: answers fit the model, refusals are known ones."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import botocore.parsers
import botocore.serialize
import pytest
from botocore.exceptions import ClientError
from botocore.model import ListShape, Shape, StructureShape
from botocore.session import Session
from running import BUCKET, PLATFORM, Local, bundle

from ebcd_local import operations, protocol

PUBLIC = Session().get_service_model("elasticbeanstalk")
OPERATIONS = list(PUBLIC.operation_names)
UNDECLARED = {
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "MissingRequiredParameter",
    "MissingParameter",
    "ConfigurationValidationException",
}
"""Codes that the service answers though the model declares them nowhere."""
REAL_VALUES = {
    ".ValueType": {"Boolean", "CommaSeparatedList", "KeyValueList", "Json"},
    "DescribeEnvironmentHealth.Status": {"Ready", "Updating", "Launching", "Terminating", "Aborting"},
    "ApplicationVersionStatus": {"UNPROCESSED", "PROCESSING", "PROCESSED", "FAILED"},
}
"""Values that the service answers, as AWS's own examples show, and that the model's enumerations lack."""
KNOWN: dict[str, Any] = {
    "ApplicationName": "model",
    "EnvironmentName": "model-r1",
    "SourceEnvironmentName": "model-r1",
    "DestinationEnvironmentName": "model-r2",
    "VersionLabel": "v1",
    "VersionLabels": ["v1"],
    "TemplateName": "kept",
    "PlatformArn": PLATFORM,
    "SolutionStackName": "64bit Amazon Linux 2023 v4.7.1 running Python 3.11",
    "S3Bucket": BUCKET,
    "S3Key": "model/v1.zip",
    "CNAMEPrefix": "model-free",
    "Namespace": "aws:autoscaling:asg",
    "OptionName": "MinSize",
    "Value": "1",
    "ResourceArn": "arn:aws:elasticbeanstalk:eu-central-1:123456789012:application/model",
    "OptionSettings": [{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "1"}],
    "OperationsRole": "arn:aws:iam::123456789012:role/eb",
    "InfoType": "tail",
    "MaxRecords": 5,
    "MaxItems": 5,
    "NextToken": "0",
    "Filters": [],
}
"""Members whose values name what the server has."""


@pytest.fixture(scope="module")
def model(local: Local) -> Local:
    local.publish("model", "v1", bundle())
    local.launch("model", "model-r1", "v1")
    local.launch("model", "model-r2", "v1")
    eb = local.client("elasticbeanstalk")
    eb.create_configuration_template(ApplicationName="model", TemplateName="kept", PlatformArn=PLATFORM)
    return local


def filled(shape: Shape, name: str, *, full: bool) -> Any:
    """A value of a shape that fits the model, and the server's state where the member's name tells how."""
    if name in KNOWN:
        return KNOWN[name]
    if isinstance(shape, StructureShape):
        wanted = shape.members if full else shape.required_members or list(shape.members)[:1]
        return {key: filled(shape.members[key], key, full=full) for key in wanted}
    if isinstance(shape, ListShape):
        return [filled(shape.member, name, full=full)]
    if shape.type_name == "timestamp":
        return datetime.now(UTC) - timedelta(days=1)
    if shape.type_name in {"integer", "long", "boolean"}:
        return {"integer": 5, "long": 5, "boolean": True}[shape.type_name]
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return "some/value"[: shape.metadata.get("max", 10)]


def check(shape: Shape, value: Any, path: str) -> None:
    """Fail for what does not fit the model."""
    if isinstance(shape, StructureShape):
        assert isinstance(value, dict), path
        assert value.keys() <= shape.members.keys(), f"{path}: {value.keys() - shape.members.keys()}"
        assert set(shape.required_members) <= value.keys(), path
        for key, item in value.items():
            check(shape.members[key], item, f"{path}.{key}")
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), path
        for item in value:
            check(shape.member, item, f"{path}[]")
    else:
        check_scalar(shape, value, path)


def check_scalar(shape: Shape, value: Any, path: str) -> None:
    kinds = {"boolean": bool, "integer": int, "long": int, "double": float, "timestamp": datetime, "string": str}
    assert isinstance(value, kinds[shape.type_name]), f"{path}: {value!r}"
    allowed = set(getattr(shape, "enum", []) or []) | REAL_VALUES.get(path.rpartition("[]")[2], set())
    allowed |= REAL_VALUES.get(shape.name, set())
    if getattr(shape, "enum", None):
        assert value in allowed, f"{path}: {value!r}"
    if isinstance(value, str):
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", len(value))
        assert least <= len(value) <= most, f"{path}: {value!r}"


def members(name: str, *, full: bool) -> dict[str, Any]:
    """The input of an operation's call. Full: every member, as far as they go together."""
    shape = PUBLIC.operation_model(name).input_shape
    if shape is None:
        return {}
    given: dict[str, Any] = (
        filled(shape, "", full=True)
        if full
        else {key: filled(shape.members[key], key, full=False) for key in shape.required_members}
    )
    exclude = {
        "EnvironmentId",
        "SourceEnvironmentId",
        "DestinationEnvironmentId",
        "SolutionStackName",
        "BuildConfiguration",
        "SourceBuildInformation",
        "ImageConfiguration",
        "SourceConfiguration",
        "EnvironmentIds",
        "Severity",
        "RequestId",
    }
    return {key: value for key, value in given.items() if key not in exclude}


def asked(call: Callable[..., dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
    """The answer to a call, a refusal too."""
    try:
        return call(**given)
    except ClientError as error:
        return dict(error.response)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_answers_as_the_model_says(model: Local, name: str, full: bool) -> None:
    operation = PUBLIC.operation_model(name)
    client = model.client("elasticbeanstalk")
    given = members(name, full=full)
    for key in ("EnvironmentName", "ApplicationName"):  # what is ended here must not be what the others ask for
        if name.startswith(("Terminate", "Delete")) and key in given and name != "DeleteEnvironmentConfiguration":
            given[key] = "nobody"
    method = {value: key for key, value in client.meta.method_to_api_mapping.items()}[name]
    answer = asked(getattr(client, method), given)
    if "Error" in answer:
        declared = {shape.metadata.get("error", {}).get("code", shape.name) for shape in operation.error_shapes}
        assert answer["Error"]["Code"] in declared | UNDECLARED, answer
        assert answer["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}
        return
    answer.pop("ResponseMetadata")
    assert (operation.output_shape is None) == (answer == {}) or name in {"DescribeEvents"}
    if operation.output_shape is not None:
        check(operation.output_shape, answer, name)


def test_every_operation_is_served() -> None:
    assert all(operations.find(name) for name in OPERATIONS)


READS = [name for name in OPERATIONS if name.startswith(("Describe", "List", "Check", "Retrieve", "Validate"))]


@pytest.mark.parametrize("name", READS)
def test_each_reading_operation_succeeds_with_known_names(model: Local, name: str) -> None:
    client = model.client("elasticbeanstalk")
    method = {value: key for key, value in client.meta.method_to_api_mapping.items()}[name]
    given = members(name, full=False)
    shape = PUBLIC.operation_model(name).input_shape
    wanted = {"DescribePlatformVersion": ["PlatformArn"]}.get(name, ["EnvironmentName"])
    given |= {key: KNOWN[key] for key in wanted if shape and key in shape.members}
    answer = getattr(client, method)(**given)
    answer.pop("ResponseMetadata")
    check(PUBLIC.operation_model(name).output_shape, answer, name)


def anything(shape: Shape, chance: random.Random, depth: int = 0) -> Any:
    """A random value of a shape, with the text that breaks careless codecs."""
    if isinstance(shape, StructureShape):
        keys = [key for key in shape.members if key in shape.required_members or chance.random() < 0.7]
        keys = keys or list(shape.members)[:1]
        return {key: anything(shape.members[key], chance, depth + 1) for key in keys}
    if isinstance(shape, ListShape):
        return [anything(shape.member, chance, depth + 1) for _ in range(chance.randint(1, 12))]
    match shape.type_name:
        case "boolean":
            return chance.random() < 0.5
        case "integer" | "long":
            return chance.randint(shape.metadata.get("min", -(2**31)), shape.metadata.get("max", 2**31 - 1))
        case "double" | "float":
            return chance.uniform(-1e6, 1e6)
        case "timestamp":
            return datetime.fromtimestamp(chance.randint(0, 4_000_000_000), UTC)
    if getattr(shape, "enum", None):
        return chance.choice(shape.enum)
    length = chance.randint(max(1, shape.metadata.get("min", 1)), min(30, shape.metadata.get("max", 30)))
    inner = "".join(chance.choices(string.ascii_letters + " &<>\"'%+=;é漢😀\n\t", k=length))
    return f"x{inner}"[:length]


def with_empty_lists(shape: Shape, value: Any) -> Any:
    """An answer as a client reads it: with the lists that nothing is in."""
    if isinstance(shape, ListShape):
        return [with_empty_lists(shape.member, item) for item in value]
    if not isinstance(shape, StructureShape):
        return value
    own = {name: with_empty_lists(shape.members[name], item) for name, item in value.items()}
    return {name: [] for name, member in shape.members.items() if protocol.sent_empty(shape, name, member)} | own


@pytest.mark.parametrize("seed", range(20))
def test_random_requests_and_answers_go_round(seed: int) -> None:
    chance = random.Random(seed)
    for name in OPERATIONS:
        operation = protocol.operation(name)
        if operation.input_shape is not None:
            given = anything(operation.input_shape, chance)
            wire = botocore.serialize.create_serializer("query").serialize_to_request(given, operation)["body"]
            parameters = dict(parse_qsl(urlencode(wire), keep_blank_values=True))
            del parameters["Action"], parameters["Version"]
            assert protocol.parse(operation, parameters) == given
        if operation.output_shape is not None:
            output = anything(operation.output_shape, chance)
            body = protocol.serialize(operation, output, "id")
            parser = botocore.parsers.create_parser("query")
            found = parser.parse({"body": body, "headers": {}, "status_code": 200}, operation.output_shape)
            del found["ResponseMetadata"]
            assert found == with_empty_lists(operation.output_shape, output)
