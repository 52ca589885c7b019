"""All that `doctor` asks of AWS: reads, and IAM's simulation. Nothing is changed.

What needs no other answer is asked at once; then what is about the environment that is live, at once again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ebcd.aws import identity
from ebcd.aws.session import Clients
from ebcd.doctor.at_once import Reads, at_once
from ebcd.doctor.check import Answer
from ebcd.doctor.seen import Live, Seen
from ebcd.errors import AwsRefused, EbcdError
from ebcd.model import Platform, Stage, Target
from ebcd.model.platforms import branch_of
from ebcd.permissions import actions, secrets
from ebcd.release.execute.context import Services
from ebcd.release.execute.polling import BASIC_HEALTH
from ebcd.release.plan.environment import environment_options
from ebcd.release.plan.preflight import UNKNOWN_PLATFORM
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.observe import observe

DEADLINE = 25.0
"""Seconds that each of two rounds of questions may take."""
SERVICE_ROLE = ("aws:elasticbeanstalk:environment", "ServiceRole")
INSTANCE_PROFILE = ("aws:autoscaling:launchconfiguration", "IamInstanceProfile")


def look(
    services: Services,
    clients: Clients,
    stage: Stage,
    operations: Mapping[str, Iterable[str]],
    *,
    profile: str = "",
    deadline: float = DEADLINE,
) -> Seen:
    """Look at a stage and its account. operations: which ebcd calls, by service."""
    first = at_once(_of_the_account(services, clients, stage), deadline)
    found = first["snapshot"]
    if isinstance(found, Snapshot):  # where no ebcd.toml told the stage, its records do
        stage = found.stage
    second = at_once(_of_the_stage(services, clients, stage, first, operations), deadline)
    live = (
        Live(**{name.removeprefix("live_"): second.pop(name) for name in list(second) if name.startswith("live_")})
        if _live(found)
        else None
    )
    return Seen(stage=stage, now=services.clock.now(), profile=profile, live=live, **first, **second)


def _of_the_account(services: Services, clients: Clients, stage: Stage) -> Reads:
    beanstalk, storage = services.beanstalk, services.storage
    return {
        "bucket_name": lambda: storage.bucket,
        "identity": lambda: identity.identity(clients),
        "ahead": lambda: identity.ahead(clients, services.clock.now),
        "bucket": storage.bucket_exists,
        "snapshot": lambda: observe(stage, beanstalk, services.ledger, services.clock.now()),
        "applications": beanstalk.applications,
        "version": lambda: beanstalk.version(stage.application, "-"),
        "newest": lambda: beanstalk.platform_arn(branch_of(stage.platform)) if stage.platform else "",
        "quotas": beanstalk.quotas,
        "lock": services.lock.state,
        "hold": services.hold.state,
    }


def _of_the_stage(
    services: Services,
    clients: Clients,
    stage: Stage,
    first: Mapping[str, Any],
    operations: Mapping[str, Iterable[str]],
) -> Reads:
    beanstalk, live = services.beanstalk, _live(first["snapshot"])
    reads: dict[str, Any] = {
        "platform": lambda: _platform(services, stage, first["newest"]),
        "cname_free": lambda: not stage.cname or beanstalk.cname_available(stage.cname),
        "changes": lambda: _simulation(clients, stage, first, operations),
        "profile_there": lambda: identity.instance_profile_exists(clients, option(stage, INSTANCE_PROFILE)),
        "role_there": lambda: identity.role_exists(clients, option(stage, SERVICE_ROLE)),
        "secrets": lambda: _secrets(clients, stage),
        "ledger_writes": lambda: _ledger_writes(clients, stage, first),
    }
    if stage.target is Target.LOCAL:  # it simulates no permissions, and its environments need no roles
        reads |= {
            "changes": lambda: identity.Simulation(frozenset()),
            "profile_there": lambda: True,
            "role_there": lambda: True,
            "secrets": lambda: identity.Simulation(frozenset()),
            "ledger_writes": lambda: False,
        }
    if live is not None:
        reads |= {
            "live_instances": lambda: beanstalk.instance_count(live.name),
            "live_settings": lambda: beanstalk.settings(live.application, live.name),
            "live_managed_actions": lambda: beanstalk.managed_actions(live.name),
            "live_health": lambda: _health(services, live.name),
            "live_events": lambda: len(beanstalk.events(live.application, live.name, limit=1)),
        }
    return reads


def _live(snapshot: object) -> Any:
    return snapshot.live if isinstance(snapshot, Snapshot) else None


def option(stage: Stage, place: tuple[str, str]) -> str:
    """An option that an environment of the stage gets; what .ebextensions say is not known here."""
    found = environment_options(stage, (), None)
    return next((item.value for item in found if (item.namespace, item.name) == place), "")


def _platform(services: Services, stage: Stage, newest: Answer[str]) -> Platform:
    """The platform version that the next release gets. Raises EbcdError."""
    arn = stage.platform if stage.platform.startswith("arn:") else newest
    if isinstance(arn, EbcdError):
        raise arn
    return services.beanstalk.platform(arn) if arn else UNKNOWN_PLATFORM


def _health(services: Services, environment: str) -> object:
    """Each instance's health; nothing where only basic health is reported, which a ship bears. Raises EbcdError."""
    try:
        return services.beanstalk.instances(environment)
    except AwsRefused as error:
        if error.code in BASIC_HEALTH:
            return ()
        raise


def _simulation(
    clients: Clients, stage: Stage, first: Mapping[str, Any], operations: Mapping[str, Iterable[str]]
) -> identity.Simulation:
    """All calls that change something, each on a resource of the kind that it is about. Raises EbcdError."""
    for name in ("identity", "bucket_name"):
        if isinstance(first[name], EbcdError):
            raise first[name]
    who, bucket = first["identity"], first["bucket_name"]
    source = identity.principal(clients, who)
    answers = [
        identity.simulate(clients, source, names, resource, _context(stage))
        for resource, names in questions(stage, who, bucket, operations)
    ]
    return identity.Simulation(
        frozenset().union(*(item.denied for item in answers)), frozenset().union(*(item.undecided for item in answers))
    )


def _secrets(clients: Clients, stage: Stage) -> identity.Simulation:
    """What IAM's simulation says of the instances' role and each declared secret: ARNs in the place of actions. Raises
    EbcdError. Nothing is told of a role that is not there.
    """
    declared = set(stage.secrets.values())
    role = identity.profile_role(clients, option(stage, INSTANCE_PROFILE)) if declared else ""
    answers = {arn: _fetch(clients, role, stage, arn) for arn in sorted(declared)} if role else {}
    return identity.Simulation(
        frozenset(arn for arn, answer in answers.items() if answer.denied),
        frozenset(arn for arn, answer in answers.items() if answer.undecided),
    )


def _fetch(clients: Clients, role: str, stage: Stage, arn: str) -> identity.Simulation:
    action, resource = secrets.ACTIONS[secrets.service_of(arn)][0], secrets.resources(arn)[-1].replace("?", "x")
    return identity.simulate(clients, role, [action], resource, _context(stage))


def _ledger_writes(clients: Clients, stage: Stage, first: Mapping[str, Any]) -> bool:
    """Whether IAM's simulation lets the instances' role write the stage's lock, which stands for the ledger. Raises
    EbcdError.
    """
    for name in ("identity", "bucket_name"):
        if isinstance(first[name], EbcdError):
            raise first[name]
    role = identity.profile_role(clients, option(stage, INSTANCE_PROFILE))
    lock = _lock(stage, first["identity"], first["bucket_name"])
    return bool(role) and identity.simulate(clients, role, ["s3:PutObject"], lock, _context(stage)).allowed


def _lock(stage: Stage, who: identity.Identity, bucket: str) -> str:
    """The ARN of the stage's lock."""
    return f"arn:{who.arn.split(':')[1]}:s3:::{bucket}/ebcd/{stage.application}/{stage.name}/lock.json"


def _context(stage: Stage) -> Mapping[str, str]:
    """What conditions know of a request that ebcd makes for a stage."""
    tag = "ebcd:stage"
    return {
        "aws:RequestedRegion": stage.region,
        f"aws:RequestTag/{tag}": stage.name,
        f"aws:ResourceTag/{tag}": stage.name,
    }


def questions(
    stage: Stage, who: identity.Identity, bucket: str, operations: Mapping[str, Iterable[str]]
) -> list[tuple[str, list[str]]]:
    """Resources, and the actions that a ship needs on each: the stage's lock stands for all objects. Pure."""
    partition = who.arn.split(":")[1]
    home = f"arn:{partition}:elasticbeanstalk:{stage.region}:{who.account}:"
    asked = [
        (home + kind.format(application=stage.application).replace("*", "ebcd-doctor") if kind else "*", names)
        for kind, names in actions.changes(operations["elasticbeanstalk"]).items()
    ]
    _, objects = actions.of_s3(operations["s3"])
    return [*asked, (_lock(stage, who, bucket), objects)]
