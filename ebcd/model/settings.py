"""Option settings: how one is named, and whether an environment has it as it was declared.

DescribeConfigurationSettings does not give back what was set: it sorts lists, adds a security group of Beanstalk's own,
writes JSON anew, and names a resource of the environment beside many options. So values are compared by what they mean.
docs/aws.md has the sources.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

ASG = "aws:autoscaling:asg"
"""The namespace of an environment's sizes."""

SCHEDULED = "aws:autoscaling:scheduledaction"
"""The namespace whose options are told apart by a resource: the name of their action."""

PROPERTIES = frozenset(
    {"aws:elasticbeanstalk:application:environment", "aws:elasticbeanstalk:application:environmentsecrets"}
)
"""The namespaces of environment properties."""

Place: TypeAlias = tuple[str, str, str]
"""What tells an option from every other one: namespace, name, resource."""

_NAMESPACE = "aws:"
"""How every namespace begins."""
_TEMPLATE = "aws:cloudformation:template:parameter"
_VERBATIM = PROPERTIES | {
    _TEMPLATE,
    "aws:elasticbeanstalk:customoption",
    "aws:elasticbeanstalk:environment:proxy:staticfiles",
}
"""Namespaces whose values are the user's own, letter by letter."""
_LAUNCH = "aws:autoscaling:launchconfiguration"
_NAMES = frozenset({(_LAUNCH, "EC2KeyName"), (_LAUNCH, "IamInstanceProfile")})
"""Options that name what somebody made, letter by letter."""
_GROUPS = frozenset(
    {
        (_LAUNCH, "SecurityGroups"),
        ("aws:elb:loadbalancer", "SecurityGroups"),
        ("aws:elbv2:loadbalancer", "SecurityGroups"),
    }
)
"""Lists in which a group of Beanstalk's own stands beside those that were set."""
_NUMBERS = frozenset(
    {
        ("aws:autoscaling:trigger", "LowerThreshold"),
        ("aws:autoscaling:trigger", "UpperThreshold"),
        ("aws:ec2:instances", "SpotMaxPrice"),
    }
)
"""Options that take a fraction, so that one number has several spellings."""
_ORDERED = frozenset({("aws:ec2:instances", "InstanceTypes")})
"""Lists whose order is a priority."""
_TIMES = frozenset({(SCHEDULED, "StartTime"), (SCHEDULED, "EndTime")})
_ALSO = {"aws:elb:listener": "aws:elb:listener:80"}
"""Namespaces whose options come back in another one."""
_HEALTH_DOCUMENT = ("aws:elasticbeanstalk:healthreporting:system", "ConfigDocument")


@dataclass(frozen=True, slots=True, order=True)
class OptionSetting:
    """One Beanstalk option setting."""

    namespace: str
    name: str
    value: str
    resource: str = ""
    """The scheduled action that it belongs to; empty for any other option."""

    @classmethod
    def named(cls, qualified: str, name: str, value: str, resource: str = "") -> OptionSetting:
        """An option setting as AWS and files name it: with its resource beside it, or before its namespace and a dot.

        Every namespace begins with `aws:`, and may have dots of its own, as where it ends in a process's name. Only
        scheduled actions keep theirs. Elsewhere it is a resource of the environment's own, which Beanstalk infers
        from the option, and which is called differently from environment to environment.
        """
        before, namespace = "", qualified
        if not qualified.startswith(_NAMESPACE) and f".{_NAMESPACE}" in qualified:
            before, _, rest = qualified.partition(f".{_NAMESPACE}")
            namespace = _NAMESPACE + rest
        return cls(namespace, name, value, (resource or before) if namespace == SCHEDULED else "")

    @property
    def place(self) -> Place:
        """What tells it from every other option."""
        return self.namespace, self.name, self.resource

    @property
    def title(self) -> str:
        """Its place as people read it, and as files have it."""
        return f"{self.resource}.{self.namespace} {self.name}" if self.resource else f"{self.namespace} {self.name}"

    @property
    def private(self) -> bool:
        """Whether its value is never shown: an environment property's, and a password."""
        return self.namespace in PROPERTIES | {_TEMPLATE} or "password" in self.name.lower()

    def means(self, value: str) -> bool:
        """Whether another spelling of its value means the same to Beanstalk, by the option's type."""
        option = (self.namespace, self.name)
        if value == self.value or self.private or self.namespace in _VERBATIM or option in _NAMES:
            return value == self.value
        if option in _NUMBERS and (numbers := _both(_number, self.value, value)):
            return bool(numbers[0] == numbers[1])
        if option in _TIMES and (times := _both(_time, self.value, value)):
            return bool(times[0] == times[1])
        if documents := _both(_document, self.value, value):
            one, other = (_said(item, health=option == _HEALTH_DOCUMENT) for item in documents)
            return bool(one == other)
        if option in _ORDERED:
            return _items(self.value) == _items(value)
        return _parts(self.value) == _parts(value)

    def may_mean(self, value: str) -> bool:
        """Whether a value that Beanstalk gave back may be this one: it may have sorted a list whose order says
        something.
        """
        items = _items(value)
        is_sorted = (self.namespace, self.name) in _ORDERED and items == sorted(items)
        return self.means(value) or (is_sorted and _parts(self.value) == _parts(value))


def by_place(settings: Iterable[OptionSetting]) -> dict[Place, OptionSetting]:
    """Option settings by their places; the last one of a place wins."""
    return {item.place: item for item in settings}


@dataclass(frozen=True, slots=True)
class PresentSettings:
    """The option settings of an environment, as Beanstalk gives them back."""

    known: Mapping[Place, OptionSetting]

    @classmethod
    def of(cls, settings: Iterable[OptionSetting]) -> PresentSettings:
        """From what Beanstalk gave back."""
        return cls(by_place(settings))

    def has(self, declared: OptionSetting, *, surely: bool = False) -> bool:
        """Whether the environment has an option as it was declared. Beanstalk keeps no empty value.

        surely: not where Beanstalk may only have written it so. An update is sent then; nobody is told of a change.
        """
        actual = self.value(declared.place)
        if (declared.namespace, declared.name) in _GROUPS:
            return self._has_groups(_parts(declared.value), _parts(actual), declared.namespace)
        return declared.means(actual) if surely else declared.may_mean(actual)

    def find(self, place: Place) -> OptionSetting | None:
        """An option as Beanstalk gave it back; None where it has no value."""
        namespace, name, resource = place
        return self.known.get(place) or self.known.get((_ALSO.get(namespace, ""), name, resource))

    def value(self, place: Place) -> str:
        """An option's value; empty where it has none."""
        found = self.find(place)
        return found.value if found else ""

    def _has_groups(self, declared: frozenset[str], actual: frozenset[str], namespace: str) -> bool:
        """Whether the groups are those that were declared, apart from the one that Beanstalk adds. Outside a VPC that
        is known by its name; in one, it has an id like any other.
        """
        others = {group for group in actual - declared if not group.startswith("awseb")}
        own = 0 if namespace == _LAUNCH and self._without_default_group() else 1
        return declared <= actual and len(others) <= own

    def _without_default_group(self) -> bool:
        return self.value((_LAUNCH, "DisableDefaultEC2SecurityGroup", "")).lower() == "true"


@dataclass(frozen=True, slots=True)
class SavedConfiguration:
    """Settings that Beanstalk keeps by a name: those that were set, without what defaults and .ebextensions bring."""

    options: tuple[OptionSetting, ...]
    platform_arn: str = ""


def _parts(value: str) -> frozenset[str]:
    """What a list holds, and any other value as a list of one."""
    return frozenset(_items(value))


def _items(value: str) -> list[str]:
    """The same in its order. Beanstalk's own words may come back in another case."""
    parts = (part.strip() for part in value.split(","))
    return [part.lower() if part.isalpha() else part for part in parts if part]


def _both(read: Callable[[str], T], one: str, other: str) -> tuple[T, T] | None:
    """Both values as `read` understands them; None where one of them is none of its kind."""
    try:
        return read(one), read(other)
    except (ValueError, InvalidOperation, RecursionError):
        return None


def _number(text: str) -> Decimal:
    return Decimal(text)


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _document(text: str) -> Any:
    """A mapping or a list of JSON. Raises ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict | list):
        raise ValueError("no document")
    return found


def _said(document: Any, *, health: bool = False) -> Any:
    """What a document says: Beanstalk writes members that say nothing, null or empty, and the version of health's."""
    if isinstance(document, list):
        return [_said(item) for item in document]
    if not isinstance(document, dict):
        return document
    members = {name: _said(item) for name, item in document.items()}
    said = {name: item for name, item in members.items() if item is not None and item != {}}
    return {"Version": 1} | said if health else said
