"""People are told how a release ended; a release never depends on whether they can be."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from products import Product


class Chat(ThreadingHTTPServer):
    """What takes messages."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.messages: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/T0KEN"


class Hook(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        self.server.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def chat() -> Iterator[Chat]:
    server = Chat()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_release_s_end_is_told_once_and_nothing_that_changed_nothing(product: Product, chat: Chat) -> None:
    product.configure(stable="0s")
    text = product.configuration() + '\n[stages.local.notify]\nurls = ["env:CHAT_URL"]\n'
    (product.folder / "ebcd.toml").write_text(text)
    product.commit("one")
    refused = product.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (2, "no-notify-url")
    told: dict[str, Any] = {"CHAT_URL": chat.url}
    for run in (("ship", "--plan"), ("ship",), ("ship",)):
        assert product.json(*run, **told)["exit_code"] == 0
    [first] = chat.messages
    assert f"{product.name} local: r1 is live" in first
    product.commit("two", mode="smoke-500")
    failed = product.ebcd("ship", **told)
    assert failed.returncode == 6
    assert "T0KEN" not in failed.stdout + failed.stderr
    assert "r2 failed and no user has seen it, r1 is live" in chat.messages[1]
    product.commit("three")
    done = product.ebcd("ship", CHAT_URL="http://127.0.0.1:1/T0KEN")
    assert done.returncode == 0, "that nobody can be told is no failure"
    assert "Nobody was told at notify.urls[0]" in done.stderr
    assert "T0KEN" not in done.stdout + done.stderr
    back = product.ebcd("swap", "--rollback", "--json")
    assert back.returncode == 0, "a rollback waits for no variable"
    assert "its variable holds no URL" in back.stderr
    assert json.loads(back.stdout)["live"]["release"] == "r1"
    assert len(chat.messages) == 2
