"""What a tenant notices of another one who does the worst that the application allows.

    python benchmarks/noisy_neighbour.py [--rounds 7] [--seconds 4]

It ships the repository's own application to a local Beanstalk, founds two trial workspaces, and lets one of them read
its pages while the other one is quiet, and while it makes noise on twenty connections (benchmarks/noise.py), in turns.
The reader's p99 under noise is to be at most three times its quiet one, and no request of it may fail.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from noise import FORM, LARGEST_TEXT, form
from programs import local_beanstalk, run
from timing import ROOT

TARGET = 3.0
PASSWORD = "correct horse battery"
PAUSE = 0.005
"""Seconds between a page and the next."""
SETTLE = 1.0
"""Seconds of noise before it is measured."""


@dataclass
class Person:
    """A member at a browser."""

    port: int
    host: str
    cookie: str = ""
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request; the answer."""
        headers = {"Host": self.host, "Origin": f"http://{self.host}", "Cookie": self.cookie}
        self.connection.request(method, path, body, headers | ({"Content-Type": FORM} if body else {}))
        answer = self.connection.getresponse()
        content = answer.read()
        for value in answer.headers.get_all("Set-Cookie") or []:
            self.cookie = value.partition(";")[0]
        return answer.status, answer.headers, content

    def close(self) -> None:
        """Leave."""
        self.connection.close()

    def write(self, title: str, text: str) -> str:
        """A note; its id."""
        status, headers, content = self.ask("POST", "/notes", form(title=title, body=text))
        if status != 303:
            raise SystemExit(f"A note was answered {status}: {content[:500].decode()}")
        return str(headers["Location"]).rpartition("/")[2]


def found(port: int, site: str, slug: str) -> Person:
    """A new trial workspace; its owner."""
    told = {"workspace": slug.title(), "slug": slug, "name": "Ana Lima", "email": f"ana@{slug}.example"}
    with closing(Person(port, site)) as guest:
        status, headers, content = guest.ask("POST", "/signup", form(**told, password=PASSWORD))
    if status != 303:
        raise SystemExit(f"The sign-up was answered {status}: {content[:500].decode()}")
    target = urlsplit(headers["Location"])
    owner = Person(port, target.netloc)
    owner.ask("GET", f"{target.path}?{target.query}")
    return owner


@dataclass
class Phase:
    """What the reader saw in some seconds."""

    spent: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def p99(self) -> float:
        """Seconds that all but one in a hundred requests took at most."""
        return sorted(self.spent)[int(len(self.spent) * 0.99)]


def read(person: Person, pages: Sequence[str], seconds: float) -> Phase:
    """Read pages in turn."""
    phase, end, turn = Phase(), time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        start = time.perf_counter()
        try:
            status = person.ask("GET", pages[turn % len(pages)])[0]
        except (OSError, http.client.HTTPException) as error:
            person.connection.close()
            phase.failed[type(error).__name__] += 1
            continue
        phase.spent.append(time.perf_counter() - start)
        if status != 200:
            phase.failed[str(status)] += 1
        turn += 1
        time.sleep(PAUSE)
    return phase


@contextmanager
def noise(by: Person, note: str) -> Iterator[Counter[str]]:
    """Noise from another process; what was answered, once it has ended."""
    answers: Counter[str] = Counter()
    command = [
        sys.executable,
        str(Path(__file__).with_name("noise.py")),
        str(by.port),
        by.host,
        by.cookie,
        note,
        f"ana@{by.host.partition('.')[0]}.example",
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        time.sleep(SETTLE)
        yield answers
    finally:
        try:
            answers.update(json.loads(process.communicate(timeout=30)[0]))
        finally:
            process.kill()


@dataclass
class Figure:
    """Quiet and noisy phases in turns."""

    quiet: list[Phase] = field(default_factory=list)
    noisy: list[Phase] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    """What the noise was answered."""

    @property
    def ratio(self) -> float:
        """The median noisy p99 to the median quiet one."""
        return median(self.noisy) / median(self.quiet)

    @property
    def failed(self) -> int:
        """The reader's requests that were not answered 200."""
        return sum(phase.failed.total() for phase in [*self.quiet, *self.noisy])

    def __str__(self) -> str:
        lines = [_line("quiet", self.quiet), _line("noisy", self.noisy)]
        lines.append(f"ratio of medians {self.ratio:.2f} (at most {TARGET:.0f}); failed requests: {self.failed} (none)")
        lines.append(f"the noise was answered {', '.join(f'{k}: {v}' for k, v in sorted(self.answers.items()))}")
        return "\n".join(lines)


def median(phases: Sequence[Phase]) -> float:
    """The median of the phases' p99."""
    return statistics.median(phase.p99 for phase in phases)


def _line(name: str, phases: Sequence[Phase]) -> str:
    each = sorted(phase.p99 * 1000 for phase in phases)
    middle = statistics.median(spent for phase in phases for spent in phase.spent) * 1000
    count = sum(len(phase.spent) for phase in phases)
    return (
        f"{name}: p99 {statistics.median(each):.1f} ms (phases {each[0]:.1f} to {each[-1]:.1f}), median "
        f"{middle:.1f} ms, {count:,} pages"
    )


def measure(port: int, site: str, rounds: int, seconds: float) -> Figure:
    """Found both workspaces, and measure in turns."""
    unique = f"{int(time.time() * 1000) % 10**9:x}"
    with (
        closing(found(port, site, f"reader-{unique}")) as reader,
        closing(found(port, site, f"loud-{unique}")) as loud,
    ):
        return _alternate(reader, loud, rounds, seconds)


def _alternate(reader: Person, loud: Person, rounds: int, seconds: float) -> Figure:
    notes = [reader.write(f"Note {number}", "Some *words*, as people write them. " * 20) for number in range(20)]
    pages = ["/", "/notes", f"/notes/{notes[0]}", "/tasks", "/team", f"/notes/{notes[1]}", "/usage"]
    largest, figure = loud.write("The largest", LARGEST_TEXT), Figure()
    read(reader, pages, 1.0)  # the processes' first requests are their slowest
    for _ in range(rounds):
        figure.quiet.append(read(reader, pages, seconds))
        with noise(loud, largest) as answers:
            figure.noisy.append(read(reader, pages, seconds))
        figure.answers += answers
        time.sleep(SETTLE)
    return figure


@contextmanager
def shipped() -> Iterator[tuple[int, str]]:
    """The application on a local Beanstalk of its own: the load balancer's port, and the site's host."""
    with TemporaryDirectory(prefix="ebcd-noise-", dir="/tmp") as folder, local_beanstalk() as local:
        checkout = Path(folder) / "aespo"
        run(["git", "clone", "--quiet", "--local", ROOT, checkout], ROOT, {})
        told = json.loads(run([sys.executable, "-m", "ebcd", "ship", "--json"], checkout, local.environ))
        url = urlsplit(told["live"]["url"])
        assert re.fullmatch(r"[a-z0-9.-]+:[0-9]+", url.netloc), url
        assert url.port is not None
        yield url.port, url.netloc


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when the target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--at", default="", help="host:port where the application is served already")
    given = parser.parse_args(arguments)
    if given.at:
        figure = measure(int(given.at.rpartition(":")[2]), given.at, given.rounds, given.seconds)
    else:
        with shipped() as (port, site):
            figure = measure(port, site, given.rounds, given.seconds)
    print(figure)
    return int(figure.ratio > TARGET or figure.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
