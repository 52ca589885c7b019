"""What stands beside an environment's instances: a worker's queues, and a database that is coupled to it."""

from __future__ import annotations

from ebcd_local.database import Wanted
from ebcd_local.database.coupled import NAMESPACE as RDS
from ebcd_local.fleet.site import Site
from ebcd_local.fleet.telling import Telling
from ebcd_local.worker.queues import DEAD, QueueFailed
from ebcd_local.worker.settings import Settings
from ebcd_local.workflow import DeploymentFailed


class Resources:
    """Those of all environments. Instances make the database themselves, when one first needs it."""

    def __init__(self, site: Site, tell: Telling) -> None:
        self._site = site
        self._tell = tell

    def bring(self, key: str) -> None:
        """Make a worker's queues, or bring them up to its option settings. Raises DeploymentFailed."""
        environment = self._site.state.environments[key]
        if environment.tier != "Worker":
            return
        try:
            queues = self._site.queues.bring(environment, Settings.of(self._site.effective(environment)))
        except QueueFailed as error:
            raise DeploymentFailed(str(error)) from error
        if queues != environment.queues:
            self._site.state.change(key, queues=queues)
            for url in queues.values() if DEAD in queues else ():
                self._tell.say(key, "", f"Created SQS queue named: {url}")

    def delete(self, key: str, request_id: str) -> None:
        """Delete an environment's queues and its database."""
        try:
            self._site.queues.delete(self._site.state.environments[key])
        except QueueFailed as error:
            self._tell.say(key, request_id, str(error), "ERROR")
        self.delete_database(key, request_id)

    def delete_database(self, key: str, request_id: str) -> None:
        """End the database that is coupled to an environment, if one is, by its DBDeletionPolicy."""
        environment, coupled = self._site.state.environments[key], self._site.databases.coupled
        if coupled.has(environment.id):
            policy = self._site.effective(environment).get((RDS, "DBDeletionPolicy")) or "Delete"
            kept = coupled.remove(environment.id, policy)
            ended = f"kept, as DBDeletionPolicy {policy} says, in {kept}" if kept else "deleted"
            self._tell.say(key, request_id, f"The database of the environment was {ended}.")

    def decouple(self, key: str, request_id: str) -> None:
        """End the database of an environment whose settings ask for none any more."""
        if Wanted.of(self._site.effective(self._site.state.environments[key])) is None:
            self.delete_database(key, request_id)

    def tell_of_database(self, key: str) -> None:
        """Tell what the settings say of a database and cannot be had as they say it."""
        found = self._site.effective(self._site.state.environments[key])
        wanted, engine = Wanted.of(found), found.get((RDS, "DBEngine"))
        if wanted is None and engine:
            why = f"DBEngine is {engine}, and HasCoupledDatabase is not true: there is no database."
            self._tell.say(key, "", why, "WARN")
        elif wanted and wanted.version:
            why = f"DBEngineVersion {wanted.version} is not to be had: it is the local Beanstalk's PostgreSQL."
            self._tell.say(key, "", why, "WARN")
