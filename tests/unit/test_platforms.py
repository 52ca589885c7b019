"""Platforms: what their names tell, which version of a branch is taken, what each family needs in a bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from stages import STAGE, environment, record, snapshot

from ebcd.aws import shapes
from ebcd.check.extensions import File
from ebcd.check.finding import Severity
from ebcd.check.lint import check
from ebcd.config.platform import pythons
from ebcd.errors import AwsRefused, Refused
from ebcd.model import Family, OptionSetting, Stage, Target
from ebcd.model.platforms import branch_of, family_of, is_newer, version_of
from ebcd.release.commands import ship
from ebcd.release.execute import preflight
from ebcd.release.execute.context import Run
from ebcd.release.plan.preflight import unknown_platform
from ebcd.report.record import _images

AL2023 = "running on 64bit Amazon Linux 2023"
ARN = f"arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11 {AL2023}"


def summary(version: str, state: str = "", status: str = "Ready") -> dict[str, Any]:
    """A platform version as ListPlatformVersions tells of it."""
    found = {"PlatformArn": f"{ARN}/{version}", "PlatformVersion": version, "PlatformStatus": status}
    return found | ({"PlatformLifecycleState": state} if state else {})


@pytest.mark.parametrize(
    ("summaries", "taken"),
    [
        ([summary("4.8.0"), summary("4.7.1", "Recommended"), summary("4.7.0")], "4.7.1"),
        ([summary("4.7.1", "recommended"), summary("4.8.0")], "4.7.1"),
        ([summary("4.9.0"), summary("4.10.0"), summary("4.8.12")], "4.10.0"),
        ([summary("4.9.0", "Recommended"), summary("4.10.0", "Recommended")], "4.10.0"),
        ([summary("4.9.0"), summary("4.10.0", "Recommended", "Creating")], "4.9.0"),
        ([], ""),
    ],
)
def test_of_a_branch_the_recommended_version_is_taken_else_the_newest(
    summaries: list[dict[str, Any]], taken: str
) -> None:
    assert version_of(shapes.preferred(summaries)) == taken


def test_a_version_is_newer_by_its_numbers_and_within_its_branch() -> None:
    assert is_newer(f"{ARN}/4.10.0", f"{ARN}/4.9.3")
    assert not is_newer(f"{ARN}/4.9.3", f"{ARN}/4.10.0")
    assert not is_newer(f"{ARN}/4.9.3", f"{ARN}/4.9.3")
    assert not is_newer(f"{ARN.replace('3.11', '3.12')}/4.10.0", f"{ARN}/4.9.3")
    assert not is_newer("", f"{ARN}/4.9.3")
    assert (branch_of(f"{ARN}/4.9.3"), version_of(f"{ARN}/4.9.3")) == (f"Python 3.11 {AL2023}", "4.9.3")
    assert (branch_of(ARN), version_of(ARN)) == (f"Python 3.11 {AL2023}", "")
    assert branch_of("Docker") == "Docker"


@pytest.mark.parametrize(
    ("platform", "family"),
    [
        (f"{ARN}/4.7.1", Family.PYTHON),
        (f"Python 3.14 {AL2023}", Family.PYTHON),
        (f"Docker {AL2023}", Family.DOCKER),
        (f"arn:aws-cn:elasticbeanstalk:cn-north-1::platform/Docker {AL2023}/4.3.0", Family.DOCKER),
        (f"ECS {AL2023}", Family.ECS),
        (f"Node.js 22 {AL2023}", Family.NODE),
        (f"node.js 22 {AL2023}", Family.NODE),
        (f"Go 1 {AL2023}", Family.GO),
        (f"Ruby 3.4 {AL2023}", Family.RUBY),
        (f"PHP 8.4 {AL2023}", Family.PHP),
        (f"Corretto 21 {AL2023}", Family.JAVA),
        (f"Tomcat 11 Corretto 21 {AL2023}", Family.TOMCAT),
        (f".NET 9 {AL2023}", Family.DOTNET),
        ("IIS 10.0 running on 64bit Windows Server 2022", Family.WINDOWS),
        ("arn:aws:elasticbeanstalk:eu-central-1:123456789012:platform/mine/1.0.0", Family.OTHER),
        ("", Family.OTHER),
    ],
)
def test_a_platform_s_family_is_told_by_its_branch(platform: str, family: Family) -> None:
    assert family_of(platform) is family


def found(platform: str, *paths: str) -> list[tuple[Severity, str]]:
    """What `check` finds in a bundle of empty files, for a stage of that platform."""
    return [
        (item.severity, item.code)
        for item in check({path: File(b"") for path in paths}, replace(STAGE, platform=platform))
    ]


@pytest.mark.parametrize(
    ("family", "paths"),
    [
        ("Docker", ["Dockerfile"]),
        ("Docker", ["Dockerrun.aws.json"]),
        ("Docker", ["docker-compose.yml"]),
        ("ECS", ["Dockerrun.aws.json"]),
        ("Node.js 22", ["package.json"]),
        ("Node.js 22", ["app.js"]),
        ("Node.js 22", ["server.js"]),
        ("Go 1", ["application.go"]),
        ("Go 1", ["bin/application"]),
        ("Go 1", ["Buildfile"]),
        ("Ruby 3.4", ["config.ru"]),
        ("Corretto 21", ["shop.jar"]),
        (".NET 9", ["Shop.runtimeconfig.json"]),
        ("PHP 8.4", ["index.php"]),
        ("Tomcat 11 Corretto 21", ["index.jsp"]),
        ("Nobody's 1", ["anything"]),
    ],
)
def test_another_platform_is_not_asked_for_what_python_needs(family: str, paths: list[str]) -> None:
    assert found(f"{family} {AL2023}", *paths) == []


@pytest.mark.parametrize(
    ("family", "severity"),
    [
        ("Docker", Severity.ERROR),
        ("ECS", Severity.ERROR),
        ("Node.js 22", Severity.WARNING),
        ("Go 1", Severity.WARNING),
        ("Ruby 3.4", Severity.WARNING),
        ("Corretto 21", Severity.WARNING),
        (".NET 9", Severity.WARNING),
    ],
)
def test_what_a_platform_needs_is_asked_for(family: str, severity: Severity) -> None:
    assert found(f"{family} {AL2023}", "application.py", "requirements.txt", "deep/Dockerfile", "deep/shop.jar") == [
        (severity, "no-entry-point")
    ]


def test_a_procfile_is_checked_where_the_platform_starts_it() -> None:
    lines = {"Procfile": File(b"what is this\n"), "Dockerfile": File(b""), "config.ru": File(b"")}
    codes = {
        family: [item.code for item in check(lines, replace(STAGE, platform=f"{family} {AL2023}"))]
        for family in ("Docker", "Ruby 3.4")
    }
    assert codes == {"Docker": [], "Ruby 3.4": ["procfile", "procfile-web"]}


def test_wheels_are_for_the_pythons_of_the_stages_that_have_one() -> None:
    docker, python = replace(STAGE, platform=f"Docker {AL2023}"), replace(STAGE, platform=f"Python 3.12 {AL2023}")
    assert [item.version for item in pythons([docker, python])] == ["3.12"]


class Unlucky:
    """Services that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_the_local_beanstalk_s_refusal_of_another_platform_comes_first() -> None:
    stage = replace(STAGE, target=Target.LOCAL, platform=f"Docker {AL2023}")
    for act in (ship.ship, ship.plan):
        with pytest.raises(Refused) as refusal:
            act(Run("ship", stage, 0.0), Unlucky(), ship.ShipOptions())  # type: ignore[arg-type]
        assert "runs Python platforms only" in refusal.value.why
    misspelt = unknown_platform(replace(stage, platform="Pyhton 3.11"))
    assert "There is no platform branch 'Pyhton 3.11'" in misspelt.what


def test_an_environment_on_eks_is_refused_by_its_cname_and_by_its_name() -> None:
    ours = environment(1, live=True, name="somebody-s", tier="Cluster")
    for item in (ours, environment(1, tier="Cluster"), environment(1, name="shop-prod-a", tier="Cluster")):
        with pytest.raises(Refused) as refusal:
            snapshot(item, releases=(record(1),))
        assert refusal.value.code == "cluster"
        assert "Amazon EKS" in refusal.value.what
    others = environment(1, name="another-r1", tier="Cluster")
    leaving = environment(1, tier="Cluster", status="Terminating")
    assert snapshot(others, leaving).live is None


def test_images_are_each_told_once_and_unknown_where_they_may_not_be_read() -> None:
    def reservation(*images: str) -> dict[str, Any]:
        return {"Instances": [{"ImageId": image} for image in images]}

    pages: list[dict[str, Any]] = [
        {"Reservations": [reservation("ami-2", "ami-1")]},
        {"Reservations": [reservation("ami-2")]},
        {},
    ]
    assert shapes.images(pages) == ("ami-1", "ami-2")
    assert _images({"image_ids": ["ami-1", "ami-2"], "image_id": "ami-1"}) == "ami-1, ami-2"
    assert _images({"image_ids": [], "image_id": "ami-9"}) == "unknown (its platform's: ami-9)"
    assert _images({"image_id": ""}) == "unknown"


class Images:
    """Services whose EC2 refuses, or answers."""

    def __init__(self, answer: tuple[str, ...] | AwsRefused) -> None:
        self.answer, self.notes = answer, list[str]()
        self.beanstalk = self.progress = self

    def image_ids(self, _: str) -> tuple[str, ...]:
        if isinstance(self.answer, AwsRefused):
            raise self.answer
        return self.answer

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_release_is_recorded_with_the_images_that_run_and_without_them_where_ec2_refuses() -> None:
    denied = Images(AwsRefused("AWS refused ec2:DescribeInstances.", code="UnauthorizedOperation"))
    assert preflight.with_images(denied, record(1)) == record(1)  # type: ignore[arg-type]
    assert denied.notes == ["Which machine images the instances run is not known: AWS refused ec2:DescribeInstances."]
    seen = preflight.with_images(Images(("ami-1", "ami-2")), record(1))  # type: ignore[arg-type]
    assert (seen.image_id, seen.image_ids) == ("ami-1", ("ami-1", "ami-2"))


def test_an_option_of_python_counts_for_python_only() -> None:
    wsgi = OptionSetting("aws:elasticbeanstalk:container:python", "WSGIPath", "shop.wsgi")
    stage: Stage = replace(STAGE, platform=f"Docker {AL2023}", options=(wsgi,))
    assert [item.code for item in check({}, stage)] == ["no-entry-point"]


def test_check_says_as_ship_does_that_the_local_beanstalk_runs_python_only() -> None:
    local, aws = (replace(STAGE, target=target, platform=f"Docker {AL2023}") for target in (Target.LOCAL, Target.AWS))
    files = {"Dockerfile": File(b"")}
    assert [item.code for item in check(files, local)] == ["local-platform"]
    assert list(check(files, aws)) == []
