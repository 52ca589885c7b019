"""What is there, by the server's own account, and somebody who changes it beside ebcd."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from products import Product

SETTLED = 60.0
"""Seconds that everything has to come to rest."""
BUSY = frozenset({"Launching", "Updating", "Terminating", "Aborting"})


@dataclass(frozen=True)
class Seen:
    """An environment, as the server tells of it."""

    name: str
    id: str
    cname: str
    status: str
    health: str
    version_label: str


class Person:
    """Looks at a product's environments and changes them by hand; each change is waited for."""

    def __init__(self, product: Product) -> None:
        self._product = product
        keys = product.cloud.keys()
        endpoint = product.cloud.endpoint_url
        self.beanstalk: Any = boto3.client("elasticbeanstalk", endpoint_url=endpoint, **keys)
        self.s3: Any = boto3.client("s3", endpoint_url=endpoint, **keys)

    def close(self) -> None:
        self.beanstalk.close()
        self.s3.close()

    def standing(self) -> dict[str, Seen]:
        """The application's environments by name."""
        found = self._product.cloud.control("GET", "status")["environments"]
        return {
            item["name"]: Seen(**{name: item[name] for name in Seen.__dataclass_fields__})
            for item in found
            if item["application"] == self._product.name
        }

    def live(self) -> Seen | None:
        """What holds the live CNAME."""
        holders = [item for item in self.standing().values() if item.cname == self._product.host]
        assert len(holders) < 2, holders
        return holders[0] if holders and holders[0].status != "Terminating" else None

    def settle(self, wanted: Callable[[dict[str, Seen]], bool] = lambda standing: True) -> dict[str, Seen]:
        """Wait until nothing is under way, and all is as wanted."""
        deadline = time.monotonic() + SETTLED
        while True:
            standing = self.standing()
            if not any(item.status in BUSY for item in standing.values()) and wanted(standing):
                return standing
            assert time.monotonic() < deadline, standing
            time.sleep(0.01)

    def swap(self, one: Seen, other: Seen) -> None:
        self.beanstalk.swap_environment_cnames(SourceEnvironmentName=one.name, DestinationEnvironmentName=other.name)
        self.settle()

    def terminate(self, environment: Seen) -> None:
        self.beanstalk.terminate_environment(EnvironmentId=environment.id)
        self.settle(lambda standing: environment.name not in standing)

    def deploy(self, environment: Seen, label: str) -> None:
        self.beanstalk.update_environment(EnvironmentName=environment.name, VersionLabel=label)
        self._settle_green(environment)

    def set_option(self, environment: Seen, namespace: str, name: str, value: str) -> None:
        option = {"Namespace": namespace, "OptionName": name, "Value": value}
        self.beanstalk.update_environment(EnvironmentName=environment.name, OptionSettings=[option])
        self._settle_green(environment)

    def kill_instance(self, environment: Seen) -> None:
        """Kill an instance, and wait until another one has taken its place."""
        count = self._instances(environment)
        killed = self._product.cloud.control("POST", "kill", environment=environment.name)["killed"]
        deadline = time.monotonic() + SETTLED
        while killed in (found := self._instances(environment)) or len(found) < len(count):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        self._settle_green(environment)

    def _instances(self, environment: Seen) -> list[str]:
        found = self.beanstalk.describe_environment_resources(EnvironmentName=environment.name)
        return [item["Id"] for item in found["EnvironmentResources"]["Instances"]]

    def _settle_green(self, environment: Seen) -> None:
        self.settle(lambda standing: standing[environment.name].health == "Green" or environment.health != "Green")

    def running(self, environment: str) -> list[tuple[str, str]]:
        """Each instance's version label and deployment status."""
        found = self.beanstalk.describe_instances_health(EnvironmentName=environment, AttributeNames=["All"])
        deployments = [item["Deployment"] for item in found["InstanceHealthList"]]
        return [(item["VersionLabel"], item["Status"]) for item in deployments]

    def versions(self) -> dict[str, tuple[str, str]]:
        """Version label → bucket and key of its bundle."""
        found = self.beanstalk.describe_application_versions(ApplicationName=self._product.name)
        return {
            item["VersionLabel"]: (item["SourceBundle"]["S3Bucket"], item["SourceBundle"]["S3Key"])
            for item in found["ApplicationVersions"]
        }

    def has_object(self, bucket: str, key: str) -> bool:
        return bool(self.s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"))
