"""Probes end, whatever a server does, and the lock is renewed while they hang."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ebcd.errors import LockLost
from ebcd.model import Tenants
from ebcd.release.execute.http import BODY_LIMIT, HttpProber, ProbeResult
from ebcd.release.execute.tenants import AT_ONCE, tenants_failure
from ebcd.release.state.address import PublicAddress


class Server:
    """A server of raw answers, on loopback: a connection gets `pieces`, with a pause before each."""

    def __init__(self, pause: float, *pieces: bytes) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(pause, pieces))
        self._thread.start()

    def _serve(self, pause: float, pieces: tuple[bytes, ...]) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.recv(65536)
            for piece in pieces:
                time.sleep(pause)
                try:
                    connection.sendall(piece)
                except OSError:
                    return

    def close(self) -> None:
        self._listening.close()
        self._thread.join(10)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def serving() -> Iterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.close()


def test_an_answer_that_comes_drop_by_drop_is_no_answer(serving: list[Server]) -> None:
    serving.append(Server(0.05, HEAD % 1000, *[b"." for _ in range(1000)]))
    found = HttpProber(longest=0.4).get(serving[0].address, "shop.example.com", "/")
    assert found.status is None
    assert "had not ended" in found.error
    assert found.seconds < 5


def test_an_answer_in_pieces_is_read_whole_and_a_large_one_cut(serving: list[Server]) -> None:
    serving.append(Server(0.01, HEAD % 6, b"on", b"e ", b"ok"))
    assert HttpProber().get(serving[0].address, "shop", "/").body == b"one ok"
    serving.append(Server(0.0, HEAD % (3 * BODY_LIMIT), b"x" * (3 * BODY_LIMIT)))
    found = HttpProber().get(serving[1].address, "shop", "/")
    assert (found.status, len(found.body)) == (200, BODY_LIMIT)


def test_the_lock_is_renewed_while_tenants_hang_and_a_lost_one_ends_the_probes() -> None:
    asked: list[str] = []
    released = threading.Event()

    def ask(_: PublicAddress, __: str, *, address: str = "", host: str = "") -> ProbeResult:
        asked.append(host)
        released.wait(10)
        return ProbeResult(None, b"", 0.0, "it hangs")

    def heartbeat() -> None:
        if len(asked) == AT_ONCE:
            threading.Timer(1.0, released.set).start()
            raise LockLost("The lock was lost.")

    services = cast(Any, SimpleNamespace(ask=ask, variables={}))
    tenants = Tenants(hosts=tuple(f"t{number}.example.com" for number in range(500)))
    with pytest.raises(LockLost):
        tenants_failure(services, heartbeat, tenants, cast(Any, None))
    assert len(asked) == AT_ONCE, "those that had not begun are left out"
