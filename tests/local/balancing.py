"""Servers that behave and misbehave, to put behind a load balancer, and clients that see what it makes of them."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "one.example.localhost"


class Upstream(BaseHTTPRequestHandler):
    """One request's answer, chosen by its path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].strip("/").partition("/")[0]
        special = getattr(self, f"get_{name.replace('-', '_')}", None)
        if special:
            special()
        else:
            self.answer(self.server.name)

    do_HEAD = do_DELETE = do_GET

    def get_status(self) -> None:
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("ETag", '"x"')
        if not self.path.endswith(("/204", "/304")):
            self.send_header("Content-Length", "0")
        self.end_headers()

    def get_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b"one", b"two", b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def get_headers(self) -> None:
        self.answer("\n".join(f"{name}: {value}" for name, value in self.headers.items()).encode())

    def get_path(self) -> None:
        self.answer(self.path.encode())

    def get_cookies(self) -> None:
        self.send_response(200)
        for value in ("a=1", "b=2"):
            self.send_header("Set-Cookie", value)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"raw")

    def get_large(self) -> None:
        self.answer(b"x" * 20_000_000)

    def get_endless(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(200_000_000))
        self.end_headers()
        for _ in range(2000):
            self.wfile.write(b"x" * 100_000)
            self.server.sent += 100_000

    def get_until_closed(self) -> None:
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"to the end")

    def get_cut_length(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.cut(b"half")

    def get_cut_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.cut(b"4\r\nhalf\r\n")

    def get_garbage(self) -> None:
        self.cut(b"this is not HTTP\r\n\r\n")

    def get_nothing(self) -> None:
        self.server.seen += 1
        self.cut(b"")

    def get_slow(self) -> None:
        self.server.pause.wait(5)
        self.answer(self.server.name)

    def get_ws(self) -> None:
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", "accepted")
        self.end_headers()
        while (data := self.rfile.read1(65536)) and b"bye" not in data:  # type: ignore[attr-defined]
            self.wfile.write(data)
        self.close_connection = True

    def do_POST(self) -> None:
        if self.path == "/nothing":
            self.server.seen += 1
            self.cut(b"")
            return
        if self.path == "/never-read":
            self.server.pause.wait(5)
            self.cut(b"")
            return
        body = b"".join(self.body())
        self.answer(b"%d %d" % (len(body), sum(body) % 251))

    do_PUT = do_POST

    def body(self) -> Iterator[bytes]:
        if "Content-Length" in self.headers:
            yield self.rfile.read(int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self, last: bytes) -> None:
        self.wfile.write(last)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Upstream)
        self.name = name
        self.connections = self.seen = self.sent = 0
        self.pause = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], address: object) -> None:
        self.connections += 1
        super().process_request(request, address)

    def handle_error(self, *_: object) -> None:
        """A client that leaves is what some tests are about."""

    def close(self) -> None:
        self.pause.set()
        self.shutdown()
        self.server_close()


def ask(
    port: int,
    path: str = "/",
    host: str = HOST,
    method: str = "GET",
    body: bytes | None = None,
    source: str = "127.0.0.1",
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """A request on a connection of its own: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
    try:
        connection.request(method, path, body=body, headers={"Host": host, **headers})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextmanager
def dial(port: int, sent: bytes = b"") -> Iterator[socket.socket]:
    """A bare connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        yield connection


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


def dead_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Load:
    """Clients that ask again and again, each on one connection or on a new one each time."""

    def __init__(self, port: int, clients: int, *, keep_alive: bool) -> None:
        self.answers: Counter[bytes] = Counter()
        self.counts: Counter[int] = Counter()
        """Answers by client."""
        self.connections = 0
        self.failures: list[str] = []
        self._port = port
        self._keep_alive = keep_alive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(clients)))
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    async def _run(self, clients: int) -> None:
        await asyncio.gather(*(self._client(number) for number in range(clients)))

    async def _client(self, number: int) -> None:
        close = "" if self._keep_alive else "Connection: close\r\n"
        request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n{close}\r\n".encode()
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.connections += 1
                while not self._stop.is_set():
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    body = await reader.readexactly(3)
                    if not head.startswith(b"HTTP/1.1 200"):
                        self.failures.append(head.decode())
                    self.answers[body] += 1
                    self.counts[number] += 1
                    if not self._keep_alive:
                        break
                writer.close()
                await writer.wait_closed()
            except (OSError, EOFError) as error:
                self.failures.append(repr(error))
