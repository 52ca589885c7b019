"""What all environments share: state, load balancer, folders, and what a version's bundle says."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from ebcd_local import home, options, python_environment, references, sample
from ebcd_local.balancer import LoadBalancer
from ebcd_local.database import Databases, DatabaseUnavailable, Wanted
from ebcd_local.ebextensions import Extensions, read
from ebcd_local.errors import ServiceError
from ebcd_local.faults import Faults
from ebcd_local.instance import Deployment
from ebcd_local.records import Environment, Version
from ebcd_local.simulation import Simulation
from ebcd_local.stacks import Stacks
from ebcd_local.state import State, now
from ebcd_local.worker.queues import Queues
from ebcd_local.workflow import DeploymentFailed

ENVIRONMENTS = "environments"
"""The folder of all instances, in the server's."""
BUNDLES = "bundles"
"""That of the bundles that were fetched."""


@dataclass(frozen=True, slots=True)
class Site:
    """The ground that environments stand on."""

    state: State
    balancer: LoadBalancer
    folder: Path
    fetch: Callable[[str, str, Path], None]
    """Copies a bundle (bucket, key) to a file. Raises ServiceError when it is gone."""
    exists: Callable[[str, str], bool]
    """Whether a bundle (bucket, key) is there."""
    faults: Faults
    stacks: Stacks
    databases: Databases
    queues: Queues
    simulation: Simulation = field(default_factory=Simulation)
    """How long what the cloud does takes, and whether it enforces IAM."""
    domain: str = home.DOMAIN
    """What new CNAMEs end in."""
    clock: Callable[[], datetime] = now
    """What time of day it is."""

    @property
    def speed(self) -> float:
        """Divides the durations that option settings name."""
        return self.simulation.speed

    @property
    def cache(self) -> Path:
        """Where virtual environments are shared."""
        return self.folder / "python"

    def root(self, key: str) -> Path:
        """The folder of an environment's instances."""
        return self.folder / ENVIRONMENTS / key.replace("/", "-")

    def effective(self, environment: Environment, label: str = "") -> options.Options:
        """The option settings that hold for an environment, or would with another version."""
        bundle = self.bundle(environment, label or environment.version_label)
        found = options.effective(environment.options, extensions(bundle).options if bundle else {})
        if not any("`" in value for value in found.values()):
            return found
        known, own = references.names(environment), environment.references or {}
        return {name: references.in_text(value, known, own) for name, value in found.items()}

    def scheduled(self, environment: Environment, label: str = "") -> dict[str, dict[str, str]]:
        """The options of each scheduled action that an environment has, or would with another version, by its name."""
        bundle = self.bundle(environment, label or environment.version_label)
        return options.scheduled(environment.options, extensions(bundle).scheduled if bundle else {})

    def deployment(self, environment: Environment, label: str, *, leader: bool, fetched: bool = False) -> Deployment:
        """A version with the environment's settings. Raises DeploymentFailed when its bundle is gone.

        fetched: whether an instance has it already. Another one gets it from S3, where it may be no more.
        """
        bundle = self.bundle(environment, label)
        version = self.state.versions.get(f"{environment.region}/{environment.application}/{label}")
        if bundle is None or (version and not fetched and not self.exists(version.bucket, version.s3_key)):
            raise DeploymentFailed("The source bundle is not in S3.")
        found = self.effective(environment, label)
        coupled = self._coupled(environment, found)
        properties = {
            **self._database(environment, found),
            **coupled,
            **options.properties(found),
            **self._secrets(environment, found),
        }
        return Deployment(
            bundle=bundle,
            version_label=label,
            properties=properties,
            options=found,
            leader=leader,
            timeout=options.timeout(found),
            environment_name=environment.name,
            worker=environment.tier == "Worker",
            database=coupled,
            known=references.names(environment),
            resources=environment.references or {},
        )

    def _database(self, environment: Environment, found: options.Options) -> dict[str, str]:
        """The environment properties of the application's database, if there is to be one. Raises DeploymentFailed."""
        if not options.database(found):
            return {}
        try:
            two_roles = options.two_roles(found)
            return self.databases.properties(environment.region, environment.application, two_roles=two_roles)
        except DatabaseUnavailable as error:
            raise DeploymentFailed(f"The environment's database is not there. {error}") from error

    def _coupled(self, environment: Environment, found: options.Options) -> dict[str, str]:
        """The environment properties of a database of the environment's own, if it asks for one. Raises
        DeploymentFailed.
        """
        wanted = Wanted.of(found)
        if wanted is None:
            return {}
        if why := wanted.refusal():
            raise DeploymentFailed(why)
        try:
            return self.databases.coupled.properties(environment.id, wanted)
        except DatabaseUnavailable as error:
            raise DeploymentFailed(f"The environment's database is not there. {error}") from error

    def _secrets(self, environment: Environment, found: options.Options) -> dict[str, str]:
        """The environment properties that are secrets, fetched as an instance does. Raises DeploymentFailed."""
        wanted = options.secrets(found)
        if not wanted:
            return {}
        from ebcd_local.access.secrets import fetch  # moto's IAM takes time to import

        profile = options.instance_profile(found)
        fetched, told = fetch(wanted, profile, environment.region, enforced=self.simulation.enforce_iam)
        if told:
            self.state.say(environment, told, severity="WARN")
        return fetched

    def bundle(self, environment: Environment, label: str) -> Path | None:
        """A version's source bundle as a file, fetched once; None when there is no such version, or it has none."""
        version = self.state.versions.get(f"{environment.region}/{environment.application}/{label}")
        if version is None:
            return self._kept("sample", sample.write) if label == sample.LABEL else None
        bucket, key = version.bucket, version.s3_key
        try:
            return self._kept(_name(version), lambda draft: self.fetch(bucket, key, draft))
        except ServiceError:
            return None

    def _kept(self, name: str, write: Callable[[Path], None]) -> Path:
        """A bundle's file, written once and whole."""
        path = self.folder / BUNDLES / f"{name}.zip"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{secrets.token_hex(4)}")
            write(draft)
            draft.replace(path)
        return path

    def tidy(self) -> None:
        """Before anything runs: delete the bundles of versions that are gone, and what python_environment says."""
        kept = {f"{_name(version)}.zip" for version in self.state.versions.values()}
        for path in [item for item in (self.folder / BUNDLES).glob("*") if item.name not in kept]:
            path.unlink()
        python_environment.tidy(self.cache, (self.folder / ENVIRONMENTS).glob("*/*/current"))


def _name(version: Version) -> str:
    """A label that was deleted and made again is another version: its creation is part of the name."""
    return hashlib.sha256(f"{version.key}/{version.created.isoformat()}".encode()).hexdigest()[:24]


@lru_cache(maxsize=64)
def extensions(bundle: Path) -> Extensions:
    """What a bundle's .ebextensions say; its path stands for its content."""
    return read(bundle)
