"""From options to what a run works with: configuration, stage, target, AWS clients."""

from __future__ import annotations

import getpass
import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from ebcd import config, folders, local
from ebcd.aws.account import Account
from ebcd.aws.beanstalk import Beanstalk
from ebcd.aws.cloudwatch import CloudWatch
from ebcd.aws.session import Access, Clients, connect
from ebcd.aws.storage import Storage
from ebcd.cli.options import Common
from ebcd.cli.output import console
from ebcd.cli.progress import progress
from ebcd.cli.source import load
from ebcd.clock import AdaptiveInterval, SystemClock
from ebcd.errors import UsageError
from ebcd.model import CommandLine, Configuration, Reach, Stage, Target, Timing
from ebcd.model.command import LOCAL_REGION
from ebcd.model.hidden import HiddenValues
from ebcd.proxies import is_loopback
from ebcd.release.execute.context import Caller, Run, Services, Status
from ebcd.release.execute.http import HttpProber
from ebcd.release.store.hold import Hold
from ebcd.release.store.ledger import Ledger
from ebcd.release.store.lock import Lock

LOCAL_INTERVAL = 0.2
"""Seconds between two looks at a local Beanstalk, which nobody else shares."""
AWS_INTERVAL = 4.0
_START = "start the local Beanstalk"


@dataclass(frozen=True, slots=True)
class Session:
    """One command's configuration, stage and services."""

    configuration: Configuration | None
    stage: Stage
    services: Services
    access: Access
    """How the stage's AWS is reached."""
    clients: Clients
    started: bool = False
    """Whether the command has started the local Beanstalk that the stage is on."""

    @property
    def flags(self) -> CommandLine:
        """The options that name the stage, for a command that is told."""
        return self.stage.flags

    def run(self, command: str) -> Run:
        """A run of a command on the stage."""
        return Run(command, self.stage, time.monotonic())

    def on(self, stage: Stage) -> Session:
        """The same for another stage of the application, in the same place."""
        storage, names, flags = self.services.storage, (stage.application, stage.name), stage.flags
        lock = Lock(storage, *names, self.services.clock, flags)
        ledger, hold = Ledger(storage, *names, flags), Hold(storage, *names, flags)
        self.services.hidden.learn(stage.options)
        services = replace(self.services, ledger=ledger, lock=lock, hold=hold)
        return replace(self, stage=stage, services=services)


def open_session(options: Common, clock: SystemClock) -> Session:
    """All that a command needs to look at a stage and to change it. Starts the local Beanstalk for a local stage."""
    configuration = load(options)
    stage = config.select_stage(
        configuration, name=options.stage, application=options.application, region=options.region, environ=os.environ
    )
    return session_of(options, clock, configuration, stage)


def session_of(options: Common, clock: SystemClock, configuration: Configuration | None, stage: Stage) -> Session:
    """The same for a stage that is known already."""
    access, server, stage = reach(options, stage, os.environ)
    stage = replace(stage, reach=_printed(options, configuration, stage, server, os.environ))
    clients = connect(access)
    account = Account(clients)
    storage = Storage(clients, stage.region, account)
    hidden = HiddenValues(stage.options)
    services = Services(
        beanstalk=Beanstalk(clients, account, hidden),
        storage=storage,
        ledger=Ledger(storage, stage.application, stage.name, stage.flags),
        lock=Lock(storage, stage.application, stage.name, clock, stage.flags),
        hold=Hold(storage, stage.application, stage.name, stage.flags),
        prober=HttpProber(environ=os.environ, hidden=hidden),
        cloudwatch=CloudWatch(clients),
        clock=clock,
        progress=progress(console(options, stderr=True), quiet=options.quiet, verbose=options.verbose),
        caller=_caller(os.environ),
        live_address=server.proxy_address if server else "",
        variables=os.environ,
        hidden=hidden,
        pace=AdaptiveInterval(_interval(server)),
        timing=Timing(server.sample, server.dns_ttl) if server else Timing(),
    )
    return Session(configuration, stage, services, access, clients, started=server is not None and server.started_now)


def _interval(server: local.LocalBeanstalk | None) -> float:
    """Seconds between two looks: as often as nothing but limits of calls allows."""
    if server is None:
        return AWS_INTERVAL
    return AWS_INTERVAL / server.speed if server.like_aws else LOCAL_INTERVAL


def reach(
    options: Common, stage: Stage, environ: Mapping[str, str], *, start: bool = True
) -> tuple[Access, local.LocalBeanstalk | None, Stage]:
    """How the stage's AWS is reached, and the local Beanstalk where it is one. Raises UsageError.

    start: whether the local Beanstalk is started where it is needed and down.
    """
    refuse_malformed(options.endpoint_url)
    server, models = _server(options, stage, environ, start=start), folders.cache(environ, "models")
    if server is None:
        return Access(stage.region, options.profile, options.endpoint_url, models=models), None, stage
    if not stage.region:
        stage = replace(stage, region=_region_of(server, stage.application))
    own = stage.target is Target.LOCAL or not _brings_keys(options, environ)
    stage = replace(stage, target=Target.LOCAL, local_domain=server.domain)  # by --endpoint-url any stage may be on it
    return (
        Access(
            region=stage.region,
            profile=None if own else options.profile,
            endpoint_url=server.endpoint_url,
            access_key_id=server.access_key_id if own else None,
            secret_access_key=server.secret_access_key if own else None,
            models=models,
        ),
        server,
        stage,
    )


def _brings_keys(options: Common, environ: Mapping[str, str]) -> bool:
    """Whether somebody chose whom to act as; the local Beanstalk's own key stands in for whom did not."""
    return bool(options.profile or environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_PROFILE"))


def _printed(
    options: Common,
    configuration: Configuration | None,
    stage: Stage,
    server: local.LocalBeanstalk | None,
    environ: Mapping[str, str],
) -> Reach:
    """What a printed command says of where the stage is. A file's path is of no use where a CI job ends with it."""
    source = configuration.source if configuration and not configuration.foreign else None
    file = str(source.absolute()) if source and not environ.get("CI") else ""
    profile, endpoint = options.profile or "", options.endpoint_url or ""
    return Reach(stage.region, profile, endpoint, file, server.endpoint_url if server else "")


def _server(options: Common, stage: Stage, environ: Mapping[str, str], *, start: bool) -> local.LocalBeanstalk | None:
    """The local Beanstalk that the stage lives on, or that the endpoint is; None for AWS itself."""
    if options.endpoint_url:
        found = local.find(environ)
        return found if found and found.endpoint_url == options.endpoint_url.rstrip("/") else None
    if stage.target is not Target.LOCAL:
        return None
    return _started(options, environ) if start else local.require(environ)


def _started(options: Common, environ: Mapping[str, str]) -> local.LocalBeanstalk:
    """The local Beanstalk; that it is started is shown, for it takes seconds."""
    if found := local.find(environ):
        return found
    shown = progress(console(options, stderr=True), quiet=options.quiet, verbose=options.verbose)
    start = time.monotonic()
    shown.begin(_START)
    try:
        found = local.ensure(environ)
    except UsageError as error:
        shown.end(_START, Status.FAILED, time.monotonic() - start, error.what)
        raise
    shown.end(_START, Status.DONE, time.monotonic() - start, found.endpoint_url)
    return found


def refuse_malformed(endpoint_url: str | None) -> None:
    """Raises UsageError (code `endpoint`) for an endpoint that is no URL of HTTP."""
    if endpoint_url is None:
        return
    with suppress(ValueError):
        place = urlsplit(endpoint_url)
        if place.scheme in {"http", "https"} and place.hostname and place.port != 0:  # .port raises for no number
            return
    scheme = "http" if is_loopback(f"http://{endpoint_url}") else "https"
    bare = re.fullmatch(r"[\w.\-]+(:\d+)?/?", endpoint_url)
    raise UsageError(
        f"{endpoint_url!r} is no endpoint.",
        why="--endpoint-url (AWS_ENDPOINT_URL) is a URL that begins with http:// or https:// and names a host.",
        hint=f"--endpoint-url {scheme}://{endpoint_url}"
        if bare
        else "For example: --endpoint-url http://127.0.0.1:8155",
        code="endpoint",
    )


def _region_of(server: local.LocalBeanstalk, application: str) -> str:
    """The region in which the local Beanstalk runs the application: nobody has to name it for a rollback."""
    regions = [item["region"] for item in server.environments() if item["application"] == application]
    return regions[0] if regions else LOCAL_REGION


def _caller(environ: Mapping[str, str]) -> Caller:
    """Who runs ebcd: in GitHub Actions the actor and the run's URL, elsewhere the user and the machine."""
    url = ""
    if environ.get("GITHUB_RUN_ID"):
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        url = f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return Caller(environ.get("GITHUB_ACTOR") or _user(), socket.gethostname(), url)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name; Windows without a variable for it
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
