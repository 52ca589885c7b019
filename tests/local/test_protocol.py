"""The codec, against botocore's own serialiser and parser, over every operation of the model."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import botocore.parsers
import botocore.serialize
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from ebcd_local import protocol
from ebcd_local.errors import ServiceError

OPERATIONS = list(protocol.model().operation_names)


def example(shape: Shape, *, full: bool, depth: int = 0) -> Any:
    """A value of a shape: with its required members only, or with all."""
    if isinstance(shape, StructureShape):
        # Below the top a structure without required members would be empty, and the protocol has no empty structures.
        whole = full or (depth > 0 and not shape.required_members)
        wanted = shape.members if whole else {name: shape.members[name] for name in shape.required_members}
        return {name: example(member, full=full, depth=depth + 1) for name, member in wanted.items()}
    if isinstance(shape, ListShape):
        return [example(shape.member, full=full, depth=depth + 1)] * 2
    assert not isinstance(shape, MapShape)
    scalars = {
        "boolean": True,
        "integer": 7,
        "long": 7,
        "double": 0.5,
        "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    }
    if shape.type_name in scalars:
        return scalars[shape.type_name]
    return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(4, shape.metadata.get("min", 4))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_requests_are_read_as_botocore_writes_them(name: str, full: bool) -> None:
    operation = protocol.operation(name)
    given = example(operation.input_shape, full=full) if operation.input_shape else {}
    wire = botocore.serialize.create_serializer("query").serialize_to_request(given, operation)["body"]
    parameters = dict(parse_qsl(urlencode(wire), keep_blank_values=True))
    assert (parameters.pop("Action"), parameters.pop("Version")) == (name, "2010-12-01")
    assert protocol.parse(operation, parameters) == given


@pytest.mark.parametrize("key", ["member", "members"])
def test_a_list_is_read_in_both_spellings(key: str) -> None:
    operation = protocol.operation("DescribeEnvironments")
    given = {f"EnvironmentNames.{key}.2": "bbbb", f"EnvironmentNames.{key}.1": "aaaa"}
    assert protocol.parse(operation, given) == {"EnvironmentNames": ["aaaa", "bbbb"]}


@pytest.mark.parametrize("name", OPERATIONS)
def test_lists_that_nothing_is_in_are_sent_empty(name: str) -> None:
    operation = protocol.operation(name)
    if operation.output_shape is None:
        return
    parser = botocore.parsers.create_parser("query")
    body = protocol.serialize(operation, {}, "id-1")
    found = parser.parse({"body": body, "headers": {}, "status_code": 200}, operation.output_shape)
    for member, shape in operation.output_shape.members.items():
        if isinstance(shape, ListShape) and (name, member) != ("DescribeEnvironmentHealth", "Causes"):
            assert found[member] == []


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_in_json_have_every_member(name: str) -> None:
    operation = protocol.operation(name)
    output = example(operation.output_shape, full=True) if operation.output_shape else {}
    (answer,) = json.loads(protocol.serialize_json(operation, output, "id-1")).items()
    assert answer[0] == f"{name}Response"
    assert answer[1].pop("ResponseMetadata") == {"RequestId": "id-1"}
    if operation.output_shape is None:
        assert answer[1] == {}
        return
    assert list(answer[1]) == [operation.output_shape.serialization["resultWrapper"]]
    assert answer[1].popitem()[1] == json.loads(json.dumps(output, default=datetime.timestamp))
    empty = json.loads(protocol.serialize_json(operation, {}, "id-1"))[f"{name}Response"]
    assert empty[operation.output_shape.serialization["resultWrapper"]].keys() == operation.output_shape.members.keys()


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_are_read_by_botocore_as_they_were_given(name: str) -> None:
    operation = protocol.operation(name)
    output = example(operation.output_shape, full=True) if operation.output_shape else {}
    body = protocol.serialize(operation, output, "id-1")
    parser = botocore.parsers.create_parser("query")
    found = parser.parse({"body": body, "headers": {}, "status_code": 200}, operation.output_shape)
    assert found.pop("ResponseMetadata")["RequestId"] == "id-1"
    assert found == output


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    operation = protocol.operation("DescribeEvents")
    body = protocol.serialize(operation, {"Events": [{"Message": "a\x00\x1b[31m<&>\ufffe"}]}, "id")
    assert ET.fromstring(body).findtext(f".//{{{protocol.NAMESPACE}}}Message") == "a[31m<&>"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "MissingParameter"),
        ({"ApplicationName": "a", "VersionLabel": "v", "Process": "perhaps"}, "InvalidParameterValue"),
        ({"ApplicationName.member.1": "a", "VersionLabel": "v"}, "MalformedInput"),
        ({"ApplicationName": "a", "ApplicationName.x": "b"}, "MalformedInput"),
        ({"ApplicationName": "a" * 101, "VersionLabel": "v"}, "InvalidParameterValue"),
        ({"ApplicationName": "a", "VersionLabel": "v", "Tags.member.x.Key": "k"}, "MalformedInput"),
        ({"ApplicationName": "a", "VersionLabel": "v", "Tags.1.Key": "k"}, "MalformedInput"),
        (
            {"ApplicationName": "a", "VersionLabel": "v", "Tags.member.1.Key": "k", "Tags.members.2.Key": "l"},
            "MalformedInput",
        ),
    ],
)
def test_what_does_not_fit_the_model_is_refused(parameters: dict[str, str], code: str) -> None:
    with pytest.raises(ServiceError) as error:
        protocol.parse(protocol.operation("CreateApplicationVersion"), parameters)
    assert (error.value.code, error.value.status) == (code, 400)


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ServiceError) as error:
        protocol.operation("MakeCoffee")
    assert error.value.code == "InvalidAction"


def test_a_refusal_in_json_says_who_erred() -> None:
    for status, kind in ((400, "Sender"), (503, "Receiver")):
        body = json.loads(protocol.serialize_error_json(ServiceError("Throttling", "Too <fast>", status), "id-2"))
        assert body == {
            "Error": {"Code": "Throttling", "Message": "Too <fast>", "Type": kind},
            "RequestId": "id-2",
        }


def test_a_refusal_is_read_by_botocore() -> None:
    body = protocol.serialize_error(ServiceError("Throttling", "Rate <exceeded>"), "id-2")
    parser = botocore.parsers.create_parser("query")
    found = parser.parse({"body": body, "headers": {}, "status_code": 400}, None)
    assert found["Error"] == {"Type": "Sender", "Code": "Throttling", "Message": "Rate <exceeded>"}
