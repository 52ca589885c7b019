"""Elastic Beanstalk's API in ebcd's types. One method, one call (or its pages)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ebcd.aws import shapes
from ebcd.aws.account import Account
from ebcd.aws.session import Clients, answering, error_code
from ebcd.errors import AwsRefused
from ebcd.model import (
    ApplicationVersion,
    Environment,
    EnvironmentHealth,
    Event,
    InstanceHealth,
    LogTail,
    ManagedAction,
    Metrics,
    OptionSetting,
    Place,
    Platform,
    Quotas,
    SavedConfiguration,
)
from ebcd.model.hidden import HiddenValues


class Beanstalk:
    """The calls ebcd makes. Each raises AwsRefused or one of its kinds (`ebcd.errors`)."""

    def __init__(self, clients: Clients, account: Account, hidden: HiddenValues | None = None) -> None:
        """hidden: the values of environment properties, which no text that is read here shows; what is read and sent
        of them is learned.
        """
        self._hidden = hidden or HiddenValues()
        self._clients = clients
        self._account = account

    @property
    def _read(self) -> Any:
        return self._clients.beanstalk

    @property
    def _once(self) -> Any:
        return self._clients.beanstalk_once

    # reads: retried by botocore

    def application_exists(self, application: str) -> bool:
        """Whether there is an application of that name in the region."""
        with answering("elasticbeanstalk:DescribeApplications"):
            return bool(self._read.describe_applications(ApplicationNames=[application])["Applications"])

    def applications(self) -> frozenset[str]:
        """The names of all applications in the region."""
        with answering("elasticbeanstalk:DescribeApplications"):
            return frozenset(item["ApplicationName"] for item in self._read.describe_applications()["Applications"])

    def version(self, application: str, label: str) -> ApplicationVersion | None:
        """The application version of that label; None when there is none."""
        with answering("elasticbeanstalk:DescribeApplicationVersions"):
            found = self._read.describe_application_versions(ApplicationName=application, VersionLabels=[label])
        return next((shapes.version(item) for item in found["ApplicationVersions"]), None)

    def versions(self, application: str) -> tuple[ApplicationVersion, ...]:
        """All versions of the application."""
        pages = self._pages(
            "describe_application_versions", "DescribeApplicationVersions", {"ApplicationName": application}
        )
        return tuple(shapes.version(item) for page in pages for item in page["ApplicationVersions"])

    def delete_version(self, application: str, label: str) -> None:
        """Delete an application version; its bundle stays."""
        with answering("elasticbeanstalk:DeleteApplicationVersion"):
            self._once.delete_application_version(ApplicationName=application, VersionLabel=label)

    def environments(self, application: str, names: Sequence[str] = ()) -> tuple[Environment, ...]:
        """The application's environments that are not terminated; names: of these only."""
        named = {"EnvironmentNames": list(names)} if names else {}
        return tuple(self._environments(ApplicationName=application, IncludeDeleted=False, **named))

    def environment(self, application: str, name: str) -> Environment | None:
        """One environment by its name; None when there is none, or only terminated ones."""
        found = self._environments(ApplicationName=application, EnvironmentNames=[name], IncludeDeleted=False)
        return next((item for item in found if item.status != "Terminated"), None)

    def last_environment(self, application: str, name: str) -> Environment | None:
        """The newest environment of a name, though it be terminated: Beanstalk tells of those for about an hour."""
        found = self._environments(ApplicationName=application, EnvironmentNames=[name], IncludeDeleted=True)
        return max(found, key=lambda item: item.created, default=None)

    def _environments(self, **filters: object) -> Iterator[Environment]:
        for page in self._pages("describe_environments", "DescribeEnvironments", filters):
            for item in page["Environments"]:
                self._account.learn(item.get("EnvironmentArn", ""))
                yield shapes.environment(item)

    def events(
        self,
        application: str,
        environment: str | None = None,
        since: datetime | None = None,
        limit: int = 1000,
        *,
        environment_id: str = "",
    ) -> tuple[Event, ...]:
        """Events, newest first. An empty answer may also mean a missing permission."""
        filters: dict[str, object] = {"ApplicationName": application, "MaxRecords": limit}
        if environment_id:
            filters["EnvironmentId"] = environment_id
        if environment:
            filters["EnvironmentName"] = environment
        if since:
            filters["StartTime"] = since
        with answering("elasticbeanstalk:DescribeEvents"):
            found = map(shapes.event, self._read.describe_events(**filters)["Events"])
            return tuple(replace(item, message=self._hidden.hide(item.message)) for item in found)

    def instances(self, environment: str) -> tuple[InstanceHealth, ...]:
        """Each instance's health and deployed version (enhanced health reporting only)."""
        pages = self._pages(
            "describe_instances_health",
            "DescribeInstancesHealth",
            {"EnvironmentName": environment, "AttributeNames": ["All"]},
        )
        found = (shapes.instance(item) for page in pages for item in page.get("InstanceHealthList", []))
        return tuple(replace(item, causes=tuple(map(self._hidden.hide, item.causes))) for item in found)

    def instance_count(self, environment: str) -> int:
        """How many instances the environment runs now."""
        with answering("elasticbeanstalk:DescribeEnvironmentResources"):
            found = self._read.describe_environment_resources(EnvironmentName=environment)
        return len(found["EnvironmentResources"].get("Instances", []))

    def load_balancers(self, environment: str) -> tuple[str, ...]:
        """What Beanstalk calls the environment's load balancer: a classic one's name, the ARN of any other; empty where
        it has none."""
        with answering("elasticbeanstalk:DescribeEnvironmentResources"):
            found = self._read.describe_environment_resources(EnvironmentName=environment)
        return tuple(item["Name"] for item in found["EnvironmentResources"].get("LoadBalancers", []))

    def settings(self, application: str, environment: str) -> tuple[OptionSetting, ...]:
        """The environment's option settings that have a value, wherever they come from."""
        with answering("elasticbeanstalk:DescribeConfigurationSettings"):
            found = self._read.describe_configuration_settings(
                ApplicationName=application, EnvironmentName=environment
            )["ConfigurationSettings"]
        self._hidden.learn(shapes.described_settings(found))  # those of a draft, too: its update may have run code
        return shapes.deployed_settings(found)

    def saved_configuration(self, application: str, template: str) -> SavedConfiguration | None:
        """A saved configuration; None where there is none of that name."""
        with answering("elasticbeanstalk:DescribeConfigurationSettings"):
            try:
                found = self._read.describe_configuration_settings(ApplicationName=application, TemplateName=template)
            except Exception as error:
                if error_code(error) != "InvalidParameterValue":
                    raise
                return None
        described = found["ConfigurationSettings"]
        platform = described[0].get("PlatformArn", "") if described else ""
        settings = shapes.deployed_settings(described)
        self._hidden.learn(settings)
        return SavedConfiguration(settings, platform)

    def managed_actions(self, environment: str) -> tuple[ManagedAction, ...]:
        """The environment's managed updates that are scheduled or under way."""
        with answering("elasticbeanstalk:DescribeEnvironmentManagedActions"):
            found = self._read.describe_environment_managed_actions(EnvironmentName=environment)
        return tuple(
            ManagedAction(
                item["ActionId"],
                item.get("ActionDescription", ""),
                item.get("Status", "Unknown"),
                item.get("WindowStartTime"),
            )
            for item in found.get("ManagedActions", [])
        )

    def platform(self, arn: str) -> Platform:
        """A platform version by its ARN."""
        with answering("elasticbeanstalk:DescribePlatformVersion"):
            return shapes.platform(arn, self._read.describe_platform_version(PlatformArn=arn)["PlatformDescription"])

    def quotas(self) -> Quotas:
        """How much of the region's quotas is used, by every application together."""
        with answering("elasticbeanstalk:DescribeAccountAttributes"):
            limits = self._read.describe_account_attributes().get("ResourceQuotas", {})
        versions = self._pages("describe_application_versions", "DescribeApplicationVersions", {"MaxRecords": 1000})
        return Quotas(
            versions=sum(len(page["ApplicationVersions"]) for page in versions),
            versions_limit=int(limits.get("ApplicationVersionQuota", {}).get("Maximum", 0)),
            environments=sum(1 for _ in self._environments(IncludeDeleted=False)),
            environments_limit=int(limits.get("EnvironmentQuota", {}).get("Maximum", 0)),
            applications_limit=int(limits.get("ApplicationQuota", {}).get("Maximum", 0)),
        )

    def metrics(self, environment: str) -> Metrics:
        """The environment's requests of the last ten seconds. Without enhanced health the service refuses to tell."""
        return shapes.metrics(self._health(environment, ["ApplicationMetrics", "InstancesHealth", "RefreshedAt"]))

    def health(self, environment: str) -> EnvironmentHealth:
        """The environment's health and its causes. Without enhanced health the service refuses to tell."""
        found = shapes.health(self._health(environment, ["All"]))
        return replace(found, causes=tuple(map(self._hidden.hide, found.causes)))

    def _health(self, environment: str, attributes: list[str]) -> dict[str, Any]:
        with answering("elasticbeanstalk:DescribeEnvironmentHealth"):
            found: dict[str, Any] = self._read.describe_environment_health(
                EnvironmentName=environment, AttributeNames=attributes
            )
        return found

    def cname_available(self, prefix: str) -> bool:
        """Whether a CNAME prefix is free in the region."""
        with answering("elasticbeanstalk:CheckDNSAvailability"):
            return bool(self._read.check_dns_availability(CNAMEPrefix=prefix)["Available"])

    def platform_arn(self, branch: str) -> str:
        """The ARN of a platform branch's recommended version, else of its newest; empty when there is none."""
        filters = [{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
        pages = self._pages("list_platform_versions", "ListPlatformVersions", {"Filters": filters})
        return shapes.preferred(item for page in pages for item in page["PlatformSummaryList"])

    def image_ids(self, environment: str) -> tuple[str, ...]:
        """The machine images that an environment's instances run, each once, as EC2 tells: an image of one's own, or of
        another architecture, is not what the platform version says.
        """
        named = {"Name": "tag:elasticbeanstalk:environment-name", "Values": [environment]}
        standing = {"Name": "instance-state-name", "Values": ["pending", "running"]}
        pages = self._pages("describe_instances", "DescribeInstances", {"Filters": [named, standing]}, service="ec2")
        return shapes.images(pages)

    def _pages(
        self, method: str, operation: str, request: Mapping[str, object], service: str = "elasticbeanstalk"
    ) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with answering(f"{service}:{operation}"):  # a client loads its credentials when it is made
                client = self._clients.ec2 if service == "ec2" else self._read
                page = getattr(client, method)(**request, **token)
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def log_tails(self, environment: str) -> tuple[LogTail, ...]:
        """The log tails that instances have delivered by now, those of earlier requests among them; oldest first."""
        with answering("elasticbeanstalk:RetrieveEnvironmentInfo"):
            found = self._read.retrieve_environment_info(EnvironmentName=environment, InfoType="tail")
        tails = (
            LogTail(item["Ec2InstanceId"], item["SampleTimestamp"], item["Message"])
            for item in found["EnvironmentInfo"]
        )
        return tuple(sorted(tails, key=lambda tail: tail.time))

    # mutations: sent once

    def create_storage_location(self) -> str:
        """Create the region's default bucket if it is not there; its name."""
        with answering("elasticbeanstalk:CreateStorageLocation"):
            return str(self._once.create_storage_location()["S3Bucket"])

    def create_application(self, application: str) -> None:
        """Create the application."""
        with answering("elasticbeanstalk:CreateApplication"):
            self._once.create_application(ApplicationName=application, Description="Released by ebcd.")

    def create_version(self, version: ApplicationVersion, application: str) -> None:
        """Create an application version from a bundle in S3 and have Beanstalk validate it."""
        with answering("elasticbeanstalk:CreateApplicationVersion"):
            self._once.create_application_version(
                ApplicationName=application,
                VersionLabel=version.label,
                Description=version.description[:200],
                SourceBundle={"S3Bucket": version.bucket, "S3Key": version.key},
                Process=True,
            )

    def create_environment(
        self,
        *,
        application: str,
        name: str,
        label: str,
        cname_prefix: str | None,
        options: Iterable[OptionSetting],
        tags: Mapping[str, str],
        platform_arn: str = "",
        template: str = "",
        worker: bool = False,
    ) -> None:
        """Begin to create an environment. Without a prefix Beanstalk makes an unguessable CNAME.

        Either a platform's ARN, or a saved configuration (template), which brings its platform with it.
        """
        options = tuple(options)
        self._hidden.learn(options)
        request: dict[str, object] = {
            "ApplicationName": application,
            "EnvironmentName": name,
            "VersionLabel": label,
            "OptionSettings": shapes.wire_options(options),
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            **({"TemplateName": template} if template else {"PlatformArn": platform_arn}),
        }
        if cname_prefix:
            request["CNAMEPrefix"] = cname_prefix
        if worker:
            request["Tier"] = {"Name": "Worker", "Type": "SQS/HTTP"}
        with answering("elasticbeanstalk:CreateEnvironment", self._hidden.hide):
            self._once.create_environment(**request)

    def save_configuration(self, application: str, template: str, environment_id: str) -> None:
        """Save an environment's settings under a name."""
        with answering("elasticbeanstalk:CreateConfigurationTemplate"):
            self._once.create_configuration_template(
                ApplicationName=application, TemplateName=template, EnvironmentId=environment_id
            )

    def delete_configuration(self, application: str, template: str) -> None:
        """Delete a saved configuration; one that is gone is no error."""
        try:
            with answering("elasticbeanstalk:DeleteConfigurationTemplate"):
                self._once.delete_configuration_template(ApplicationName=application, TemplateName=template)
        except AwsRefused as error:
            if error.code != "InvalidParameterValue":
                raise

    def update_options(
        self,
        environment: str,
        options: Iterable[OptionSetting],
        remove: Iterable[Place] = (),
        platform_arn: str = "",
        label: str = "",
    ) -> None:
        """Begin to change option settings, and with them the platform and the version, where they are given."""
        options = tuple(options)
        self._hidden.learn(options)
        request: dict[str, object] = {"EnvironmentName": environment, "OptionSettings": shapes.wire_options(options)}
        if removed := [shapes.wire_place(place) for place in remove]:
            request["OptionsToRemove"] = removed
        if platform_arn:
            request["PlatformArn"] = platform_arn
        if label:
            request["VersionLabel"] = label
        with answering("elasticbeanstalk:UpdateEnvironment", self._hidden.hide):
            self._once.update_environment(**request)

    def update_version(self, environment: str, label: str) -> None:
        """Begin to deploy another version."""
        with answering("elasticbeanstalk:UpdateEnvironment"):
            self._once.update_environment(EnvironmentName=environment, VersionLabel=label)

    def swap_cnames(self, source: str, destination: str) -> None:
        """Begin to exchange two environments' CNAMEs. A repeat undoes it, so it is never retried."""
        with answering("elasticbeanstalk:SwapEnvironmentCNAMEs"):
            self._once.swap_environment_cnames(SourceEnvironmentName=source, DestinationEnvironmentName=destination)

    def terminate(self, environment_id: str) -> None:
        """Begin to terminate an environment, by id: a name could be another's by now."""
        with answering("elasticbeanstalk:TerminateEnvironment"):
            self._once.terminate_environment(EnvironmentId=environment_id)

    def request_log_tail(self, environment: str) -> None:
        """Ask the instances for the last lines of their logs."""
        with answering("elasticbeanstalk:RequestEnvironmentInfo"):
            self._once.request_environment_info(EnvironmentName=environment, InfoType="tail")
