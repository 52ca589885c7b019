"""A tenant who does the worst that the application allows, until standard input ends.

    python benchmarks/noise.py PORT HOST COOKIE NOTE EMAIL

Twenty connections to the load balancer: the largest notes and views of them, uploads, searches, exports, sign-ins, and
bodies that come a byte at a time. What is answered is counted by status and printed at the end. It runs at a lower
priority than the servers: on a machine of its own a neighbour's client would take nothing of their processor.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

BOUNDARY = "ebcd-noise"
LARGEST_TEXT = "".join("| **a** | `b` | [c](http://d.example) |\n" for _ in range(5_000))[:200_000]
LARGEST_FILE = 10_000_000
_LAST = 3.0
"""Seconds that requests under way have to end."""
FORM = "application/x-www-form-urlencoded"
Request = tuple[str, str, bytes, str]
"""Method, path, body, its content type."""


@dataclass
class Noise:
    """Who makes it, and what was answered."""

    port: int
    host: str
    cookie: str
    note: str
    email: str
    stop: threading.Event = field(default_factory=threading.Event)
    answers: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Until standard input ends."""
        kinds = (
            (self.notes, 4),
            (self.views, 3),
            (self.uploads, 3),
            (self.searches, 4),
            (self.exports, 2),
            (self.sign_ins, 2),
        )
        works: list[Callable[[], None]] = [self._loop(kind) for kind, count in kinds for _ in range(count)]
        works += [self.drip, self.drip]
        threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self.stop.set()
        end = time.monotonic() + _LAST
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        print(json.dumps(self.answers, sort_keys=True))

    def notes(self) -> Iterator[Request]:
        """The largest notes."""
        while True:
            yield "POST", "/notes", form(title="The largest", body=LARGEST_TEXT), FORM

    def views(self) -> Iterator[Request]:
        """The largest note, rendered."""
        while True:
            yield "GET", f"/notes/{self.note}", b"", ""

    def uploads(self) -> Iterator[Request]:
        """The largest files."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'.encode()
        body = head + b"x" * LARGEST_FILE + f"\r\n--{BOUNDARY}--\r\n".encode()
        while True:
            yield "POST", f"/notes/{self.note}/files", body, f"multipart/form-data; boundary={BOUNDARY}"

    def searches(self) -> Iterator[Request]:
        """Words that are in the largest notes, and words that are nowhere."""
        for number in itertools.count():
            yield "GET", "/notes?" + urlencode({"q": "example" if number % 2 else f"nowhere{number}"}), b"", ""

    def exports(self) -> Iterator[Request]:
        """All of the workspace, again and again."""
        while True:
            yield "POST", "/export", b"", FORM
            yield "GET", "/settings", b"", ""

    def sign_ins(self) -> Iterator[Request]:
        """Passwords that are wrong."""
        for number in itertools.count():
            yield "POST", "/login", form(email=self.email, password=f"not the password {number}"), FORM

    def drip(self) -> None:
        """A body that never ends, a byte at a time."""
        head = (
            f"POST /notes HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\nContent-Type: {FORM}\r\n"
            "Content-Length: 100000\r\n\r\n"
        ).encode()
        while not self.stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                    connection.sendall(head)
                    while not self.stop.wait(0.1):
                        connection.sendall(b"a")
            except OSError:
                self.answers["dripping was ended"] += 1

    def _loop(self, kind: Callable[[], Iterator[Request]]) -> Callable[[], None]:
        def work() -> None:
            requests = kind()
            while not self.stop.is_set():
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                try:
                    self._ask(connection, requests)
                except (OSError, http.client.HTTPException) as error:
                    self.answers[type(error).__name__] += 1
                finally:
                    connection.close()

        return work

    def _ask(self, connection: http.client.HTTPConnection, requests: Iterator[Request]) -> None:
        while not self.stop.is_set():
            method, path, body, kind = next(requests)
            headers = {"Host": self.host, "Origin": f"http://{self.host}"}
            headers |= {"Content-Type": kind} if kind else {}
            headers |= {"Cookie": self.cookie} if path != "/login" else {}
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            answer.read()
            self.answers[str(answer.status)] += 1


def yield_processor() -> None:
    """Take less of the processor than the servers; Linux weighs sessions before it weighs processes."""
    os.nice(19)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("5")


def form(**values: str) -> bytes:
    """A form's body."""
    return urlencode(values).encode()


if __name__ == "__main__":
    yield_processor()
    Noise(int(sys.argv[1]), *sys.argv[2:6]).run()
