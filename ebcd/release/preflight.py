"""What forbids a release before it begins. Each finding has a way out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ebcd.errors import AwsRefused, Refused
from ebcd.model import Environment, ManagedAction, OptionSetting, Strategy
from ebcd.release.run import Services

DATABASE = "aws:rds:dbinstance"
UNDER_WAY = frozenset({"Pending", "Running"})


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of live before a release."""

    environment: Environment
    instances: int
    settings: tuple[OptionSetting, ...]
    managed_actions: tuple[ManagedAction, ...]


def look(services: Services, live: Environment) -> Sight:
    """Look at live, all at once."""
    beanstalk = services.beanstalk
    with ThreadPoolExecutor(max_workers=3) as pool:
        instances = pool.submit(beanstalk.instance_count, live.name)
        settings = pool.submit(beanstalk.settings, live.application, live.name)
        actions = pool.submit(_managed_actions, services, live.name)
        return Sight(live, instances.result(), settings.result(), actions.result())


def _managed_actions(services: Services, name: str) -> tuple[ManagedAction, ...]:
    """Managed updates; none where they cannot be read: many may release and not ask for them."""
    try:
        return services.beanstalk.managed_actions(name)
    except AwsRefused as error:
        services.progress.note(f"Managed updates could not be read: {error.what}")
        return ()


def refuse(sight: Sight, strategy: Strategy) -> None:
    """Raises Refused when a release must not begin. Pure."""
    name = sight.environment.name
    if strategy is not Strategy.IN_PLACE and _has_database(sight.settings):
        raise Refused(
            f"The live environment {name} has a database attached.",
            why="Beanstalk deletes it with its environment, and a candidate would not have it: data would be lost.",
            hint="Decouple it first: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.db.html",
            code="attached-database",
        )
    for action in sight.managed_actions:
        if action.status in UNDER_WAY:
            raise Refused(
                f"A managed update of {name} is {action.status.lower()}: {action.description}.",
                why="It replaces the instances that a swap would leave as the way back.",
                hint="Ship again when it is through: aws elasticbeanstalk describe-environment-managed-actions "
                f"--environment-name {name}",
                code="managed-update",
            )


def _has_database(settings: tuple[OptionSetting, ...]) -> bool:
    """Whether a database belongs to the environment. Beanstalk says so itself where it knows HasCoupledDatabase."""
    found = {item.name: item.value for item in settings if item.namespace == DATABASE}
    coupled = found.get("HasCoupledDatabase", "").lower()
    return coupled == "true" or (not coupled and bool(found.get("DBEngine")))
