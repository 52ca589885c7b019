"""What `status` and a rollback cost where there is much: environments, versions, releases; and a tenant gate's hosts.

    python benchmarks/scale.py [--runs 5]

ebcd's engine runs in this process; below botocore's clients, in the place of the network, are answers as AWS makes
them. So the time is ebcd's and botocore's own, and every call is counted. Tenants are probed over loopback.
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse

sys.path.append(str(Path(__file__).parents[1] / "tests" / "unit"))
from stages import STAGE, environment, record
from timing import Row, table

from ebcd.aws.account import Account
from ebcd.aws.beanstalk import Beanstalk
from ebcd.aws.session import Access, connect
from ebcd.aws.storage import Storage
from ebcd.cli.progress import SilentProgress
from ebcd.clock import AdaptiveInterval, SystemClock
from ebcd.model import Environment, Tenants
from ebcd.release.commands import swap as swapping
from ebcd.release.execute.context import Caller, Run, Services
from ebcd.release.execute.http import HttpProber, ProbeResult
from ebcd.release.execute.tenants import AT_ONCE, tenants_failure
from ebcd.release.store.hold import Hold
from ebcd.release.store.ledger import Ledger, _encode
from ebcd.release.store.lock import Lock
from ebcd.release.store.observe import observe
from ebcd.report import result

SIZES = {"environments": (2, 20, 200), "versions": (10, 100, 1_000), "releases": (100, 1_000, 10_000)}
TENANTS = (100, 1_000, 10_000)
EXTRA = 0.1
"""Seconds that the largest may take more than the smallest: the answers are longer, and are read."""
ACCOUNT, PAGE = "123456789012", 1_000


class Answers:
    """An application of some size, as AWS would tell of it. S3 gives out pages of 1,000 keys."""

    def __init__(self, environments: int = 2, versions: int = 10, releases: int = 100) -> None:
        self.calls: Counter[str] = Counter()
        live, previous = releases, releases - 1
        made = [environment(live, live=True), environment(previous)]
        others = (replace(environment(10_000_000 + number), name=f"other-{number}") for number in itertools.count())
        self.environments = {item.name: item for item in (*made, *itertools.islice(others, environments - 2))}
        self.objects: dict[str, bytes] = {}
        for number in range(1, releases + 1):
            told = record(
                number,
                live_since=10.0 * (releases - number + 1),
                from_=number - 1 or None,
                stage=_stage(),
                left=None if number == live else 10.0 * (releases - number),
            )
            self.objects[f"ebcd/shop/prod/releases/{number:06d}.json"] = _encode(told)
        names = (f"{number:06d}" for number in range(1, releases + 1))
        self.listed = [(f"ebcd/shop/prod/releases/{name}{ending}") for name in names for ending in (".json", "/")]
        """The records, and the folders with their entries, in S3's order."""
        self.versions = versions

    def send(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        """In the place of the network."""
        operation = event_name.rpartition(".")[2]
        self.calls[operation] += 1
        parts = urlsplit(request.url)
        content = getattr(self, f"_{operation}")(request, unquote(parts.path), parse_qs(parts.query))
        status, body = content if isinstance(content, tuple) else (200, content)
        headers = {
            "ETag": '"1"',
            "Date": "Fri, 02 Jan 2026 12:00:00 GMT",
            "Content-Length": str(len(body)),
            "Last-Modified": "Fri, 02 Jan 2026 12:00:00 GMT",
        }
        return AWSResponse(request.url, status, headers, _Raw(body))

    def _DescribeEnvironments(self, request: Any, *_: object) -> bytes:
        given = parse_qs(_text(request.body))
        names = [value[0] for key, value in given.items() if key.startswith("EnvironmentNames.")]
        members = "".join(_member(self.environments[name]) for name in names or self.environments)
        return _answer("DescribeEnvironments", f"<Environments>{members}</Environments>")

    def _DescribeInstancesHealth(self, request: Any, *_: object) -> bytes:
        name = parse_qs(_text(request.body))["EnvironmentName"][0]
        label = self.environments[name].version_label
        told = (
            f"<member><InstanceId>i-1</InstanceId><Color>Green</Color><Deployment><VersionLabel>{label}"
            "</VersionLabel><Status>Deployed</Status></Deployment></member>"
        )
        return _answer("DescribeInstancesHealth", f"<InstanceHealthList>{told}</InstanceHealthList>")

    def _SwapEnvironmentCNAMEs(self, request: Any, *_: object) -> bytes:
        given = parse_qs(_text(request.body))
        one, other = given["SourceEnvironmentName"][0], given["DestinationEnvironmentName"][0]
        first, second = self.environments[one], self.environments[other]
        self.environments |= {one: replace(first, cname=second.cname), other: replace(second, cname=first.cname)}
        return _answer("SwapEnvironmentCNAMEs", "")

    def _DescribeAccountAttributes(self, *_: object) -> bytes:
        return _answer("DescribeAccountAttributes", "")

    def _DescribeApplicationVersions(self, *_: object) -> bytes:
        one = "<member><VersionLabel>v</VersionLabel><DateCreated>2026-01-02T12:00:00Z</DateCreated></member>"
        return _answer(
            "DescribeApplicationVersions", f"<ApplicationVersions>{one * self.versions}</ApplicationVersions>"
        )

    def _ListObjectsV2(self, _: Any, __: str, query: dict[str, list[str]]) -> bytes:
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        start = bisect.bisect_right(self.listed, after)
        page, more = self.listed[start : start + PAGE], len(self.listed) > start + PAGE
        told = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in page if key.endswith(".json"))
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{told}</ListBucketResult>".encode()
        )

    def _GetObject(self, _: Any, path: str, __: object) -> bytes | tuple[int, bytes]:
        found = self.objects.get(path.split("/", 2)[2])
        return found if found is not None else (404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _PutObject(self, request: Any, path: str, _: object) -> bytes:
        self.objects[path.split("/", 2)[2]] = request.body if isinstance(request.body, bytes) else request.body.read()
        return b""

    def _DeleteObject(self, *_: object) -> tuple[int, bytes]:
        return 204, b""

    def _GetCallerIdentity(self, *_: object) -> bytes:
        return _answer("GetCallerIdentity", f"<Account>{ACCOUNT}</Account>")


class _Raw:
    """A body as urllib3 hands it out."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, *_: object, **__: object) -> bytes:
        body, self._body = self._body, b""
        return body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


class Probed:
    """The live URL and every environment answer."""

    def get(self, *_: object, **__: object) -> ProbeResult:
        return ProbeResult(200, b"", 0.0)

    def download(self, _: str) -> str:
        return ""


def measure(runs: int) -> Iterator[Row]:
    """The rows, as they are measured: the largest size as a multiple of the smallest."""
    for kind, sizes in SIZES.items():
        acts: dict[str, Callable[[Answers, Services], object]] = {"status": _status}
        acts |= {
            "releases": {"swap --rollback": _roll_back},
            "environments": {"swap --rollback": _roll_back},
            "versions": {"quotas of a ship": lambda _, services: services.beanstalk.quotas()},
        }[kind]
        for name, act in acts.items():
            found = [_measured(runs, act, **{kind: size}) for size in sizes]
            times = ", ".join(
                f"{size:,}: {took * 1000:.0f} ms, {calls} calls"
                for size, (took, calls) in zip(sizes, found, strict=True)
            )
            what = f"`{name}`" if name != "quotas of a ship" else name
            yield Row(
                f"{what}, {sizes[-1]:,} {kind}, calls",
                found[-1][1] / found[0][1],
                1.0,
                "of it",
                f"{sizes[0]:,} {kind}",
                times,
            )
            yield Row(
                f"{what}, {sizes[-1]:,} {kind}",
                found[-1][0] - found[0][0],
                EXTRA,
                "s",
                f"{sizes[0]:,} {kind}, in addition",
            )
    yield from _tenants()


def _measured(runs: int, act: Callable[[Answers, Services], object], **sizes: int) -> tuple[float, int]:
    """The median of its seconds, and its calls, on a stage of that size."""
    answers, times, calls = Answers(**sizes), [], 0
    clients = connect(Access("eu-central-1", None, "http://aws.invalid", "A", "B"))
    for client in (clients.beanstalk, clients.beanstalk_once, clients.s3, clients.sts):
        client.meta.events.register("before-send", answers.send)
    for _ in range(runs + 1):
        before, objects = dict(answers.environments), dict(answers.objects)
        answers.calls.clear()
        start = time.perf_counter()
        act(answers, _services(clients))
        times.append(time.perf_counter() - start)
        calls = answers.calls.total()
        answers.environments, answers.objects = before, objects
    return statistics.median(times[1:]), calls


def _services(clients: Any, hosts: str = "live.invalid:80") -> Services:
    account, clock = Account(clients), SystemClock()
    storage = Storage(clients, "eu-central-1", account)
    return Services(
        beanstalk=Beanstalk(clients, account),
        storage=storage,
        ledger=Ledger(storage, "shop", "prod"),
        lock=Lock(storage, "shop", "prod", clock),
        hold=Hold(storage, "shop", "prod"),
        prober=Probed(),
        clock=clock,
        progress=SilentProgress(),
        caller=Caller("ada", "desk"),
        live_address=hosts,
        pace=AdaptiveInterval(0.01),
    )


def _status(_: Answers, services: Services) -> None:
    snapshot = observe(_stage(), services.beanstalk, services.ledger, services.clock.now())
    told = result.status(snapshot, services, services.lock.state(), services.hold.state())
    assert told["rollback"]["ready"], told


def _roll_back(_: Answers, services: Services) -> None:
    run = Run("swap", _stage(), time.monotonic())
    swapping.swap(run, services, swapping.SwapOptions(rollback=True))
    assert run.after is not None
    assert run.after.live is not None
    assert run.after.live.name == run.records[run.release_name].environment


def _stage() -> Any:
    return replace(STAGE, stable=0.0, bake=0.0, proof=None)


def _tenants() -> Iterator[Row]:
    """The tenant gate over loopback, each host in full; the most connections that were open at one time."""
    with Site() as site:
        services = replace(_services(None, f"127.0.0.1:{site.server_port}"), prober=HttpProber())
        for count in TENANTS:
            site.most = 0
            tenants = Tenants(hosts=tuple(f"t{number}.example.com" for number in range(count)), path="/")
            start = time.perf_counter()
            assert tenants_failure(services, lambda: None, tenants, services.front(STAGE, "shop")) == ""
            spent = time.perf_counter() - start
            yield Row(
                f"tenant gate of {count:,} hosts, connections at once",
                site.most,
                AT_ONCE,
                "open",
                "",
                f"{spent:.1f} s, {1000 * spent / count:.2f} ms a host",
            )


class Site(ThreadingHTTPServer):
    """Answers every host, and counts its open connections."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.open = self.most = 0
        self.counting = threading.Lock()

    def __enter__(self) -> Site:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        with self.server.counting:
            self.server.open += 1
            self.server.most = max(self.server.most, self.server.open)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        with self.server.counting:
            self.server.open -= 1

    def log_message(self, *_: object) -> None:
        return


def _member(item: Environment) -> str:
    fields = {
        "EnvironmentName": item.name,
        "EnvironmentId": item.id,
        "ApplicationName": item.application,
        "VersionLabel": item.version_label,
        "Status": item.status,
        "Health": item.health,
        "HealthStatus": item.health_status,
        "CNAME": item.cname,
        "EndpointURL": item.endpoint_url,
        "EnvironmentArn": f"arn:aws:elasticbeanstalk:eu-central-1:{ACCOUNT}:environment/shop/{item.name}",
        "DateCreated": item.created.isoformat(),
        "DateUpdated": item.created.isoformat(),
    }
    return "<member>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items()) + "</member>"


def _answer(operation: str, content: str) -> bytes:
    told = f"<{operation}Result>{content}</{operation}Result>"
    return f"<{operation}Response>{told}</{operation}Response>".encode()


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    rows = list(measure(parser.parse_args().runs))
    print(table(rows))
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
