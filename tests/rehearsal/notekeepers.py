"""People who work in a workspace of the application all the time, and remember each write that was acknowledged."""

from __future__ import annotations

import http.client
import json
import re
import threading
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from products import Product

PASSWORD = "correct horse battery"
Headers = dict[str, str]


@dataclass
class Visitor:
    """Somebody at one host of the live URL. Half of them keep their connection."""

    product: Product
    host: str
    keeps: bool = False
    headers: Headers = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, Headers, bytes]:
        """One request; status, headers, body. Raises what the connection raises: nothing is asked twice."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", int(self.product.cloud.live_port), timeout=20)
        try:
            self._connection.request(method, path, body or None, {"Host": self.host} | self.headers | headers)
            answer = self._connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        except BaseException:
            self.close()
            raise
        finally:
            if not self.keeps:
                self.close()

    def form(self, path: str, **values: str) -> tuple[int, Headers, bytes]:
        """Send a form, as a browser does."""
        told = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.host}"}
        return self.ask("POST", path, urlencode(values), **told)

    def json(self, method: str, path: str, content: object = None, **headers: str) -> tuple[int, Any]:
        """A call of the API."""
        text = "" if content is None else json.dumps(content)
        status, _, body = self.ask(method, path, text, **{"Content-Type": "application/json"}, **headers)
        return status, json.loads(body)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@dataclass(frozen=True)
class Workspace:
    """A workspace on the live URL: its owner's session, and a token for its API."""

    product: Product
    slug: str
    cookie: str
    token: str

    @property
    def host(self) -> str:
        return f"{self.slug}.{self.product.host}:{self.product.cloud.live_port}"

    def program(self, *, keeps: bool = False) -> Visitor:
        """A client of the API."""
        return Visitor(self.product, self.host, keeps, {"Authorization": f"Bearer {self.token}"})

    def pages(self) -> Visitor:
        """The owner's browser."""
        return Visitor(self.product, self.host, keeps=True, headers={"Cookie": self.cookie})

    def everything(self, kind: str) -> dict[str, str]:
        """The titles of all notes or tasks, by id."""
        found: dict[str, str] = {}
        program, after = self.program(keeps=True), ""
        while True:
            status, page = program.json("GET", f"/api/v1/{kind}?limit=100{after and f'&after={after}'}")
            assert status == 200, page
            found |= {item["id"]: item["title"] for item in page["items"]}
            if not page["next"]:
                program.close()
                return found
            after = page["next"]

    def trail(self) -> list[str]:
        """The titles that the audit trail says were written, from the pages that show it."""
        found: list[str] = []
        browser, path = self.pages(), "/activity"
        while path:
            status, _, body = browser.ask("GET", path)
            page = unescape(body.decode())
            assert status == 200, page
            found += re.findall(r"(?:wrote|added) (?:note|task) “(by [^”]+)”", page)
            more = re.search(r'href="(/activity\?after=[^"]+)"', page)
            path = more[1] if more else ""
        browser.close()
        return found


def found_workspace(product: Product, slug: str, operator_token: str) -> Workspace:
    """Sign up at the live URL, make an API token, and let an operator give the workspace room."""
    site = Visitor(product, f"{product.host}:{product.cloud.live_port}")
    told = {"workspace": "Acme", "slug": slug, "name": "Ana", "email": f"ana@{slug}.example", "password": PASSWORD}
    status, headers, body = site.form("/signup", **told)
    assert status == 303, body
    target = urlsplit(f"http:{headers['Location'].removeprefix('http:')}")
    browser = Visitor(product, target.netloc)
    status, headers, body = browser.ask("GET", f"{target.path}?{target.query}")
    assert status == 303, body
    browser.headers["Cookie"] = headers["Set-Cookie"].partition(";")[0]
    _, _, body = browser.form("/tokens", name="Program", scope="write")
    token = re.search(r"aespo_[\w-]+", body.decode())
    assert token, body
    operator = Visitor(product, site.host, headers={"Authorization": f"Bearer {operator_token}"})
    assert operator.json("POST", f"/internal/tenants/{slug}/plan", {"plan": "company"})[0] == 200
    return Workspace(product, slug, browser.headers["Cookie"], token[0])


@dataclass
class Notekeepers:
    """Programs that write notes and tasks, and read each back at once."""

    workspace: Workspace
    count: int = 4
    pause: float = 0.02
    written: dict[str, dict[str, str]] = field(default_factory=lambda: {"notes": {}, "tasks": {}})
    """Titles of what was acknowledged, by id."""
    failures: list[str] = field(default_factory=list)
    requests: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def writes(self) -> int:
        """How many were acknowledged."""
        return sum(map(len, self.written.values()))

    def __enter__(self) -> Notekeepers:
        for number in range(self.count):
            self._threads.append(threading.Thread(target=self._work, args=(number,)))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self, number: int) -> None:
        program, step = self.workspace.program(keeps=number % 2 == 0), 0
        while not self._stop.wait(self.pause):
            step += 1
            kind, title = ("notes", "tasks")[step % 2], f"by {number}, the {step}."
            try:
                self._write(program, kind, title)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(f"{title}: {type(error).__name__} {error}")
        program.close()

    def _write(self, program: Visitor, kind: str, title: str) -> None:
        status, told = program.json("POST", f"/api/v1/{kind}", {"title": title})
        self.requests += 1
        if status != 201:
            self.failures.append(f"{title}: {status} {told}")
            return
        self.written[kind][told["id"]] = title
        status, read = program.json("GET", f"/api/v1/{kind}/{told['id']}")
        self.requests += 1
        if status != 200 or read["title"] != title:
            self.failures.append(f"{title} read back: {status} {read}")
