"""Users who watch a live URL all the time."""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from dataclasses import dataclass, field

from products import Product


@dataclass
class Clients:
    """Users who ask all the time: half keep their connection, half make a new one for each request."""

    product: Product
    count: int = 8
    connected: float = math.inf
    """Seconds after which even those who keep their connection make a new one."""
    apart: float = 0.0
    """Seconds between the first requests of two of them."""
    pause: float = 0.005
    """Seconds between two requests of one of them."""
    seen: list[list[str]] = field(default_factory=list)
    """For each client the SHAs that it was answered with, in order, repeats left out."""
    failures: list[str] = field(default_factory=list)
    requests: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Clients:
        for number in range(self.count):
            self.seen.append([])
            thread = threading.Thread(target=self._ask, args=(number, number % 2 == 0))
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _ask(self, number: int, keep_alive: bool) -> None:
        port = int(self.product.cloud.live_port)
        self._stop.wait(number * self.apart)
        connection, since = http.client.HTTPConnection("127.0.0.1", port, timeout=10), time.monotonic()
        headers = {"Host": self.product.host, "X-Ebcd-Client": str(number)}  # each has a resolver of its own
        while not self._stop.is_set():
            try:
                connection.request("GET", "/version", headers=headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__} {error}")
                connection.close()
                continue
            self.requests += 1
            if answer.status != 200:
                self.failures.append(f"{answer.status} {body[:80]!r}")
            else:
                sha = str(json.loads(body)["sha"])
                if self.seen[number][-1:] != [sha]:
                    self.seen[number].append(sha)
            if not keep_alive or time.monotonic() - since > self.connected:
                connection.close()
                since = time.monotonic()
            time.sleep(self.pause)
        connection.close()
