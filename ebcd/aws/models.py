"""What botocore reads of a service, cut down to what ebcd calls and kept from run to run.

A service's model describes every operation it has, and botocore makes a method of each: for S3 that is a megabyte of
JSON and a hundred methods, of which ebcd calls thirteen. The parts that are needed lie in the user's cache folder, each
under a name that the model's own path, size and time decide, with a checksum. A cache that is missing, damaged or not
writable costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader

OPERATIONS: Mapping[str, frozenset[str]] = {
    "cloudformation": frozenset({"CreateStack", "DescribeStackEvents", "DescribeStacks", "UpdateStack"}),
    "cloudwatch": frozenset({"GetMetricStatistics"}),
    "ec2": frozenset({"DescribeInstances"}),
    "elasticbeanstalk": frozenset(
        {
            "CheckDNSAvailability",
            "CreateApplication",
            "CreateApplicationVersion",
            "CreateConfigurationTemplate",
            "CreateEnvironment",
            "CreateStorageLocation",
            "DeleteApplicationVersion",
            "DeleteConfigurationTemplate",
            "DescribeAccountAttributes",
            "DescribeApplicationVersions",
            "DescribeApplications",
            "DescribeConfigurationSettings",
            "DescribeEnvironmentHealth",
            "DescribeEnvironmentManagedActions",
            "DescribeEnvironmentResources",
            "DescribeEnvironments",
            "DescribeEvents",
            "DescribeInstancesHealth",
            "DescribePlatformVersion",
            "ListPlatformVersions",
            "RequestEnvironmentInfo",
            "RetrieveEnvironmentInfo",
            "SwapEnvironmentCNAMEs",
            "TerminateEnvironment",
            "UpdateEnvironment",
        }
    ),
    "iam": frozenset({"GetInstanceProfile", "GetRole", "SimulatePrincipalPolicy"}),
    "s3": frozenset(
        {
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CreateMultipartUpload",
            "DeleteObject",
            "GetObject",
            "HeadBucket",
            "HeadObject",
            "ListMultipartUploads",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
            "UploadPart",
            "UploadPartCopy",
        }
    ),
}
"""Every operation that ebcd calls. Services that are not named stay whole: botocore calls them for credentials."""
ENDPOINTS = frozenset(
    {"cloudformation", "ec2", "elasticbeanstalk", "iam", "monitoring", "s3", "sts", "oidc", "portal.sso", "signin"}
)
"""Services whose endpoints are looked up: ebcd's own, and those that credentials come from."""
_VERSION = hashlib.sha256(
    repr([(name, sorted(found)) for name, found in sorted(OPERATIONS.items())]).encode()
    + repr(sorted(ENDPOINTS)).encode()
    + b"2"
).hexdigest()
_CHECKSUM = 64
_OLD = 7 * 86_400
"""Seconds after which what another version of botocore left is deleted when something new is kept."""


class ModelFiles(JSONFileLoader):  # type: ignore[misc]
    """botocore's reader of model files; those that can be cut down are."""

    def __init__(self, folder: Path | None) -> None:
        """folder: where what was cut down is kept; None: nowhere."""
        self._folder = folder

    def load_file(self, file_path: str) -> Any:
        """The data of a file, named without its ending; None where there is none."""
        path = Path(file_path)
        kind, service = path.name, path.parent.parent.name
        cut = _endpoints if kind == "endpoints" else _operations if kind == "service-2" else None
        if cut is None or (cut is _operations and service not in OPERATIONS):
            return super().load_file(file_path)
        kept = self._place(file_path)
        if kept is not None and (found := _read(kept)) is not None:
            return found
        whole = super().load_file(file_path)
        if whole is None:
            return None
        found = cut(service, whole)
        if kept is not None:
            _keep(kept, found)
        return found

    def _place(self, file_path: str) -> Path | None:
        """Where the part of a file is kept. Another version of botocore has other files."""
        for ending in (".json", ".json.gz"):
            with contextlib.suppress(OSError):
                seen = Path(file_path + ending).stat()
                key = f"{file_path}\0{seen.st_size}\0{seen.st_mtime_ns}\0{_VERSION}".encode()
                name = "-".join((*Path(file_path).parts[-3:], hashlib.sha256(key).hexdigest()[:16]))
                return self._folder / f"{name}.json" if self._folder else None
        return None


def _read(path: Path) -> Any:
    """What is kept; None where there is nothing, or something else than was kept."""
    with contextlib.suppress(OSError, ValueError):
        data = path.read_bytes()
        checksum, content = data[:_CHECKSUM], data[_CHECKSUM:]
        if hashlib.sha256(content).hexdigest().encode() == checksum:
            return json.loads(content)
    return None


def _keep(path: Path, found: object) -> None:
    content = json.dumps(found, separators=(",", ":")).encode()
    draft = path.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
        draft.replace(path)
        for other in path.parent.glob(f"{path.stem.rpartition('-')[0]}-*.json"):
            if other != path and time.time() - other.stat().st_mtime > _OLD:
                other.unlink()


def _operations(service: str, model: Mapping[str, Any]) -> Any:
    """A service's model with the operations that ebcd calls, and the shapes that they lead to."""
    operations = {name: item for name, item in model["operations"].items() if name in OPERATIONS[service]}
    shapes: Mapping[str, Any] = model["shapes"]
    wanted: set[str] = set()
    waiting = list(_shapes(operations))
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += _shapes(shapes[name])
    return _undocumented(
        {**model, "operations": operations, "shapes": {name: item for name, item in shapes.items() if name in wanted}}
    )


def _undocumented(item: Any) -> Any:
    """A part of a model without its texts."""
    match item:
        case Mapping():
            return {
                name: "" if name == "documentation" and isinstance(value, str) else _undocumented(value)
                for name, value in item.items()
            }
        case list():
            return [_undocumented(value) for value in item]
        case _:
            return item


def _shapes(item: object) -> Iterator[str]:
    """The shapes that a part of a model names."""
    match item:
        case Mapping():
            for name, value in item.items():
                if name == "shape" and isinstance(value, str):
                    yield value
                else:
                    yield from _shapes(value)
        case list():
            for value in item:
                yield from _shapes(value)


def _endpoints(_: str, data: Mapping[str, Any]) -> Any:
    """Every partition with its regions, and the endpoints of some services."""
    partitions = [
        {**item, "services": {name: value for name, value in item["services"].items() if name in ENDPOINTS}}
        for item in data["partitions"]
    ]
    return {**data, "partitions": partitions}
