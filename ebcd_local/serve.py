"""The server process: put together, run until it is told to stop, taken apart."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer

from ebcd_local import home, jail, keys, page, state_folder
from ebcd_local.access import secret_keys
from ebcd_local.access.sessions import Sessions
from ebcd_local.balancer import LoadBalancer
from ebcd_local.call_limits import CallLimits
from ebcd_local.call_log import CallLog
from ebcd_local.control import Control
from ebcd_local.daemon import DATABASES
from ebcd_local.database import Databases
from ebcd_local.faults import Faults
from ebcd_local.fleet import Fleet, life, upkeep
from ebcd_local.fleet.site import Site
from ebcd_local.keys import Key
from ebcd_local.log_stream import LogStreams
from ebcd_local.monitor import Monitor
from ebcd_local.object_store import ObjectStore
from ebcd_local.operations import versions
from ebcd_local.own_clients import OwnClients
from ebcd_local.processes import start_time
from ebcd_local.server import Endpoint, listen
from ebcd_local.signatures import Signatures
from ebcd_local.simulation import Simulation
from ebcd_local.stacks import Stacks
from ebcd_local.state import State, now
from ebcd_local.worker.daemon import Daemons
from ebcd_local.worker.queues import Queues

if TYPE_CHECKING:
    from ebcd_local.access.enforcement import Enforcement

log = logging.getLogger(__name__)


class PortTaken(Exception):
    """A port is another program's."""

    def __init__(self, what: str, port: int) -> None:
        super().__init__(f"{what} port {port} is taken")
        self.what = what
        self.port = port


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server is started."""

    folder: Path
    port: int
    """Of the endpoint; 0: a free one."""
    lb_port: int
    """Of the load balancer; 0: a free one."""
    simulation: Simulation = field(default_factory=Simulation)
    """How long what the cloud does takes, and whether it enforces IAM."""
    domain: str = home.DOMAIN
    """What new CNAMEs end in."""
    open: bool = False
    """Whether any key pair is good."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is put together."""

    endpoint: Endpoint
    """With all that it answers from."""
    daemons: Daemons
    server: BaseWSGIServer
    balancer: LoadBalancer
    key: Key

    @property
    def proxy_url(self) -> str:
        """Where the load balancer is."""
        return f"http://127.0.0.1:{self.balancer.port}"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or a control call. Raises PortTaken, home.Taken where another server runs, and
    state_folder.Unsafe.
    """
    os.umask(state_folder.PRIVATE)
    state_folder.secure(settings.folder)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with home.taken(settings.folder):
        _run(_compose(settings, stop), settings, stop)


def _compose(settings: Settings, stop: threading.Event) -> Running:
    """Put a server together. Raises PortTaken."""
    balancer, faults, key = _balancer(settings), Faults(), keys.kept(settings.folder)
    state, objects = State(settings.folder / "state.db"), ObjectStore(settings.folder / "s3", key)
    clients = OwnClients(key, lambda: endpoint.url)
    databases, queues = Databases(settings.folder / DATABASES), Queues(clients)
    fleet = Fleet(
        Site(
            state,
            balancer,
            settings.folder,
            objects.copy_to,
            objects.exists,
            faults,
            Stacks(clients),
            databases,
            queues,
            settings.simulation,
            domain=settings.domain,
        )
    )
    monitor = Monitor(fleet, LogStreams(clients))
    control = Control(
        token=secrets.token_urlsafe(24),
        status=lambda: {
            "environments": environments(state, running.proxy_url),
            "unjailed": jail.unavailable(),
            "database": databases.status(),
        },
        kill=lambda name, instance: upkeep.kill(fleet, name, instance),
        shutdown=stop.set,
        faults=faults,
        calls=CallLog(),
        state=state,
    )
    endpoint = _endpoint(settings, key, fleet, monitor, objects, control)
    _set_page(settings, endpoint, balancer, databases)
    running = Running(endpoint, Daemons(fleet, queues), _listening(endpoint, settings.port, balancer), balancer, key)
    return running


def _endpoint(
    settings: Settings, key: Key, fleet: Fleet, monitor: Monitor, objects: ObjectStore, control: Control
) -> Endpoint:
    """What answers AWS's calls, with the limits and the judges of callers that were asked for."""
    sessions = Sessions()
    return Endpoint(
        control.state,
        fleet,
        monitor,
        objects,
        control,
        CallLimits(settings.simulation.calls_per_second, settings.simulation.calls_at_once),
        enforcement=_enforcement(settings, sessions),
        signatures=None if settings.open else Signatures(secret_keys.of(key, sessions)),
        sessions=sessions,
    )


def _set_page(settings: Settings, endpoint: Endpoint, balancer: LoadBalancer, databases: Databases) -> None:
    """Serve the console at the load balancer's own address."""
    sources = page.Sources(
        endpoint.state,
        balancer,
        endpoint.monitor.sample,
        lambda: endpoint.url,
        jail.unavailable(),
        databases.status,
        settings.folder,
        home.unusual(settings.folder, os.environ),
    )
    balancer.set_bare(page.Page(lambda: page.tell(sources), lambda found: page.tell_logs(sources, found)))


def _run(running: Running, settings: Settings, stop: threading.Event) -> None:
    """Bring back what ran before, serve until the end is asked for, and end everything."""
    endpoint = running.endpoint
    versions.recover(endpoint.state, endpoint.objects)
    life.recover(endpoint.fleet)
    endpoint.monitor.start()
    running.daemons.start()
    threading.Thread(target=running.server.serve_forever, name="endpoint", daemon=True).start()
    told = _told(settings, endpoint.url, running.proxy_url, endpoint.control.token, running.key)
    home.write(settings.folder, told)
    threading.Thread(target=lambda: endpoint.objects.application, name="services", daemon=True).start()
    log.info("serving %s, load balancer %s", endpoint.url, running.proxy_url)
    log.info("instances are %s", f"not jailed: {jail.unavailable()}" if jail.unavailable() else "jailed by bubblewrap")
    stop.wait()
    log.info("stopping")
    running.server.shutdown()
    endpoint.monitor.stop()
    running.daemons.stop()
    life.stop(endpoint.fleet)
    running.balancer.stop()
    endpoint.state.close()


def _enforcement(settings: Settings, sessions: Sessions) -> Enforcement | None:
    if not settings.simulation.enforce_iam:
        return None
    from ebcd_local.access.enforcement import Enforcement  # moto's IAM takes time to import

    return Enforcement(sessions)


def environments(state: State, proxy_url: str) -> list[dict[str, Any]]:
    """What runs, for `status`."""
    port = proxy_url.rpartition(":")[2]
    return [
        {
            "application": item.application,
            "name": item.name,
            "id": item.id,
            "region": item.region,
            "cname": item.cname,
            "url": f"http://{item.cname}:{port}",
            "status": item.status,
            "health": item.health,
            "version_label": item.version_label,
            "instances": len(item.instances),
        }
        for item in sorted(state.living(), key=lambda item: item.created)
    ]


def _balancer(settings: Settings) -> LoadBalancer:
    balancer = LoadBalancer(settings.lb_port, settings.simulation.dns_ttl)
    try:
        balancer.start()
    except OSError as error:
        raise PortTaken("The load balancer's", settings.lb_port) from error
    return balancer


def _listening(endpoint: Endpoint, port: int, balancer: LoadBalancer) -> BaseWSGIServer:
    try:
        return listen(endpoint, port)
    except (OSError, SystemExit) as error:
        balancer.stop()
        raise PortTaken("The endpoint's", port) from error


def _told(settings: Settings, url: str, proxy_url: str, token: str, key: Key) -> home.Server:
    pid, simulation = os.getpid(), settings.simulation
    return home.Server(
        endpoint_url=url,
        proxy_url=proxy_url,
        pid=pid,
        start_time=start_time(pid) or 0,
        state_dir=str(settings.folder),
        started=now().isoformat(),
        access_key_id=key.id,
        secret_access_key=key.secret,
        token=token,
        open=settings.open,
        domain=settings.domain,
        speed=simulation.speed,
        like_aws=simulation.like_aws,
        sample=simulation.sample,
        dns_ttl=simulation.dns_ttl,
    )
