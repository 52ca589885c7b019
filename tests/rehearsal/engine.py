"""ebcd's engine in the test's own process: what a command does, without what starting a process costs.

What a process adds (the command line, signals, a kill) is shown by the tests that start one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from products import Cloud, Product

from ebcd import config
from ebcd.aws.account import Account
from ebcd.aws.beanstalk import Beanstalk
from ebcd.aws.cloudwatch import CloudWatch
from ebcd.aws.session import Access, Clients, connect
from ebcd.aws.storage import Storage
from ebcd.cli.progress import SilentProgress
from ebcd.cli.source import checked_bundle
from ebcd.clock import AdaptiveInterval, Clock
from ebcd.errors import EbcdError
from ebcd.model import SourceBundle, Stage, Timing
from ebcd.release.commands import ship as shipping
from ebcd.release.commands import swap as swapping
from ebcd.release.commands.prune import prune
from ebcd.release.commands.retire import retire
from ebcd.release.execute.context import Caller, Progress, Run, Services
from ebcd.release.execute.http import HttpProber
from ebcd.release.store.hold import Hold
from ebcd.release.store.ledger import Ledger
from ebcd.release.store.lock import Lock
from ebcd.release.store.observe import observe
from ebcd.report import result

Json = dict[str, Any]
PACE = 5.0
"""Divides the pauses between two looks."""
READS = ("Describe", "List", "Check", "Get", "Head", "Retrieve")
"""What an operation that changes nothing begins with."""


class QuickClock:
    """The machine's clock. It waits a part of the time between two looks; deadlines are as long as ever."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / PACE)

    def check(self) -> None:
        return

    def uninterrupted(self, *, even_twice: bool = False) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True)
class Sent:
    """A call as a run made it."""

    operation: str
    given: Json

    @property
    def changes(self) -> bool:
        return not self.operation.startswith(READS)


class Wire(AbstractContextManager["Wire"]):
    """Clients of a local Beanstalk, which tell of each call before it is sent."""

    def __init__(self, cloud: Cloud, read_timeout: float = 20.0) -> None:
        models = cloud.home / "models"  # EC2's takes a second to read whole
        told = cloud.told
        keys = told["access_key_id"], told["secret_access_key"]
        access = Access("eu-central-1", None, cloud.endpoint_url, *keys, read_timeout, models)
        self.clients: Clients = connect(access)
        self.sent: list[Sent] = []
        """Every call so far, in order."""
        self.before: Callable[[Sent], None] = lambda sent: None
        """Told of each call before it is sent."""
        for client in self._all:
            client.meta.events.register("provide-client-params", self._tell)

    def __exit__(self, *_: object) -> None:
        for client in self._all:
            client.close()

    @property
    def _all(self) -> tuple[Any, ...]:
        clients = self.clients
        many = (clients.beanstalk, clients.beanstalk_once, clients.cloudwatch, clients.ec2)
        return (*many, clients.s3, clients.s3_bulk, clients.sts)

    def _tell(self, params: Json, model: Any, **_: object) -> None:
        sent = Sent(model.name, params)
        self.before(sent)
        self.sent.append(sent)


@dataclass
class Engine:
    """Runs commands on a product's stage."""

    product: Product
    wire: Wire
    progress: Progress = field(default_factory=SilentProgress)
    changes: Json = field(default_factory=dict)
    """What the stage is to have other than ebcd.toml says."""
    clock: Clock = field(default_factory=QuickClock)

    def json(self, *words: str) -> Json:
        """What the command would tell with --json."""
        match words:
            case "ship", *rest:
                return self.ship(self.bundle(), swap="--no-swap" not in rest)
            case "swap", "--rollback":
                return self.swap(rollback=True)
            case "swap", "--to", release:
                return self.swap(to=release)
            case ("swap",):
                return self.swap()
            case "retire", *rest:
                force = "--force" in rest
                return self.perform("retire", lambda run, services: retire(run, services, planned=False, force=force))
            case "prune", "--keep", count:
                return self.perform("prune", lambda run, services: prune(run, services, keep=int(count), planned=False))
            case ("status",):
                return self.status()
            case "releases", *rest:
                return self.releases(*rest)
        raise AssertionError(f"{words} has no place here")

    def ship(self, bundle: SourceBundle, *, swap: bool = True) -> Json:
        def work(run: Run, services: Services) -> None:
            run.bundle = bundle
            shipping.ship(run, services, shipping.ShipOptions(swap=swap))

        return self.perform("ship", work)

    def swap(self, *, to: str = "", rollback: bool = False) -> Json:
        options = swapping.SwapOptions(to=to, rollback=rollback)
        return self.perform("swap", lambda run, services: swapping.swap(run, services, options))

    def status(self) -> Json:
        services = self.services()
        snapshot = observe(self.stage(), services.beanstalk, services.ledger, services.clock.now())
        return result.status(snapshot, services, services.lock.state(), services.hold.state())

    def releases(self, release: str = "") -> Json:
        """All records as `releases` shows them, or one as it is stored, and its entries."""
        services = self.services()
        if not release:
            snapshot = observe(self.stage(), services.beanstalk, services.ledger, services.clock.now())
            return {"releases": result.releases(snapshot)}
        record = services.ledger.read(int(release[1:]))
        assert record is not None, release
        return {"record": asdict(record), "entries": services.ledger.entries(record.number)}

    def perform(self, command: str, work: Callable[[Run, Services], None]) -> Json:
        """Run a command. What is no EbcdError is a defect, and raised."""
        services, stage = self.services(), self.stage()
        run, failure = Run(command, stage, time.monotonic()), None
        try:
            work(run, services)
        except EbcdError as error:
            failure = error
        return result.of_run(run, services, failure, time.monotonic() - run.started)

    def bundle(self) -> SourceBundle:
        """The source bundle of the product's newest commit."""
        folder = self.product.folder.parent / f"{self.product.name}-bundles"
        folder.mkdir(exist_ok=True)
        configuration = config.load(self.product.folder, explicit=None, environ={})
        return checked_bundle(configuration, self.stage(), "HEAD", allow_dirty=False, folder=folder).bundle

    def stage(self) -> Stage:
        """The stage as ebcd.toml has it now."""
        configuration = config.load(self.product.folder, explicit=None, environ={})
        stage = config.select_stage(configuration, name=None, application=None, region=None, environ={})
        return replace(stage, **self.changes)

    def services(self) -> Services:
        stage, clients, clock, told = self.stage(), self.wire.clients, self.clock, self.product.cloud.told
        account = Account(clients)
        storage = Storage(clients, stage.region, account)
        return Services(
            beanstalk=Beanstalk(clients, account),
            storage=storage,
            ledger=Ledger(storage, stage.application, stage.name),
            lock=Lock(storage, stage.application, stage.name, clock),
            hold=Hold(storage, stage.application, stage.name),
            prober=HttpProber(),
            cloudwatch=CloudWatch(clients),
            clock=clock,
            progress=self.progress,
            caller=Caller("test", "here"),
            live_address=f"127.0.0.1:{self.product.cloud.live_port}",
            pace=AdaptiveInterval(0.25),
            timing=Timing(told["sample"], told["dns_ttl"]),
        )
