"""Twelve ways to break a release: each ends with its cause in the first line, soon, and live is untouched.

Soon is counted in reports of health, not in seconds: how many came, from the first with a sure sign on, until the run
ended. The local Beanstalk runs at its own speed, so one comes each second; on AWS it is one in ten seconds.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from products import Product, make_product, running_cloud

SOON = 15
"""Reports of health within which a verdict comes: 15 s here."""

GOOD = {
    "app.py": """
import os, time

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
""",
    "Procfile": "web: gunicorn --workers 1 --threads 2 app:application\n",
    "requirements.txt": "gunicorn\n",
}
CONFIGURATION = """
application = "{application}"
region = "eu-central-1"
default_stage = "local"
[stages.local]
target = "local"
stable = "6s"
timeout = "60s"
bake = "0s"
keep = "0s"
[stages.local.smoke]
path = "/"
attempts = 2
[stages.local.options."aws:elasticbeanstalk:application"]
"Application Healthcheck URL" = "/healthz"
"""


@dataclass
class Seen:
    """What a report of the candidate's health said, with the failures that events tell of by then."""

    causes: tuple[str, ...]
    failures: int


Sign = Callable[[list[Seen]], bool]
"""Whether what was seen until now is sure."""


def an_event(seen: list[Seen]) -> bool:
    """An event tells of a failure that ends the deployment."""
    return seen[-1].failures > 0


def three_ends(seen: list[Seen]) -> bool:
    """Three reports named a process that was not running."""
    return sum(any("not running: web" in cause for cause in item.causes) for item in seen) >= 3


def bad_for(reports: int) -> Sign:
    return lambda seen: len(seen) >= reports and all(item.causes for item in seen[-reports:])


def never(_: list[Seen]) -> bool:
    """Nothing is sure: the deadline ends it."""
    return False


@dataclass(frozen=True)
class Break:
    """What is wrong with a release, what its first line says, and what is a sure sign of it."""

    says: str
    files: dict[str, str]
    sign: Sign
    fault: dict[str, Any] = field(default_factory=dict)
    timeout: str = "60s"


class Watcher:
    """Reads each report of a candidate's health, beside the run."""

    def __init__(self, product: Product, environment: str) -> None:
        self._product, self._environment = product, environment
        self._over = threading.Event()
        self.seen: list[Seen] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def behind(self, sign: Sign) -> int:
        """How many reports came behind the first that has a sign; 0 where none has."""
        counts = range(1, len(self.seen) + 1)
        return next((len(self.seen) - count for count in counts if sign(self.seen[:count])), 0)

    def _watch(self) -> None:
        with self._product.by_hand() as client:
            last = None
            while not self._over.wait(0.4):
                try:
                    told = client.describe_instances_health(
                        EnvironmentName=self._environment, AttributeNames=["Causes", "RefreshedAt"]
                    )
                except client.exceptions.ClientError:  # it is not there yet
                    continue
                if told.get("RefreshedAt") in (None, last):
                    continue
                last = told["RefreshedAt"]
                causes = tuple(cause for item in told["InstanceHealthList"] for cause in item.get("Causes", ()))
                events = client.describe_events(EnvironmentName=self._environment, Severity="ERROR")["Events"]
                self.seen.append(Seen(causes, len(events)))


def app(body: str, before: str = "") -> dict[str, str]:
    """An application that does something when it starts, and answers every request with a body."""
    return {
        "app.py": f"import os, signal, sys, threading, time\n{before}\n\ndef application(environ, start):\n{body}\n"
    }


def answering(status: str) -> dict[str, str]:
    return app(f'    start("{status}", [("Content-Type", "text/plain")])\n    return [b"x"]')


def a_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


CRASHES = """
def later():
    time.sleep(1.0)
    try:
        open("/var/lib/orders/journal")
    except OSError:
        import traceback
        traceback.print_exc()
        sys.stderr.flush()
        os.kill(os.getppid(), signal.SIGTERM)
threading.Thread(target=later, daemon=True).start()
"""
OK = '    start("200 OK", [("Content-Type", "text/plain")])\n    return [b"ok"]'


def wrong_port() -> Break:
    """A server that says in its code where it listens: `check` sees that in a Procfile only."""
    port = a_free_port()
    server = (
        "from wsgiref.simple_server import make_server\nfrom app import application\n"
        f"print('Serving on http://127.0.0.1:{port}', flush=True)\n"
        f"make_server('127.0.0.1', {port}, application).serve_forever()\n"
    )
    return Break(f"web listens on port {port}", {"serve.py": server, "Procfile": "web: python serve.py\n"}, bad_for(3))


HIDDEN_IMPORT = 'import importlib\napplication = importlib.import_module("ord" + "ers").application\n'
HIDDEN_OBJECT = 'import os\nif "NEVER" in os.environ:\n    application = print\n'
"""What `ebcd check` cannot see; it refuses the plain forms."""
BREAKS: dict[str, Callable[[], Break]] = {
    "syntax error": lambda: Break(
        "SyntaxError in orders.py:2",
        {"app.py": HIDDEN_IMPORT, "orders.py": "# Orders.\ndef application(environ, start\n"},
        three_ends,
    ),
    "missing module": lambda: Break(
        "ModuleNotFoundError in app.py:1: No module named 'nowhere'",
        {"app.py": "import nowhere\napplication = nowhere.shop\n"},
        three_ends,
    ),
    "missing requirement": lambda: Break(
        "requirements.txt cannot be installed: there is no no-such-package-of-ebcd==999",
        {"requirements.txt": "--no-index\nno-such-package-of-ebcd==999\n"},
        an_event,
    ),
    "wrong object": lambda: Break("app has no object 'application'", {"app.py": HIDDEN_OBJECT}, three_ends),
    "500": lambda: Break(
        "/healthz answers 500: ZeroDivisionError in app.py:5: division by zero", app("    1 / 0"), bad_for(SOON)
    ),
    "404 on the health path": lambda: Break(
        "The health check's path /healthz answers 404", answering("404 Not Found"), bad_for(SOON)
    ),
    "slow start, never up": lambda: Break(
        "Nothing listens on $PORT",
        {"Procfile": "web: python -c 'import time; time.sleep(600)'\n"},
        never,
        timeout="25s",
    ),
    "wrong port": wrong_port,
    "crash after a while": lambda: Break(
        "FileNotFoundError in app.py:6: [Errno 2] No such file or directory: '/var/lib/orders/journal'",
        app(OK, CRASHES),
        three_ends,
    ),
    "failing migration": lambda: Break(
        "The container command 01_migrate failed: LookupError in migrate.py:2: no table orders",
        {
            "migrate.py": "# Migrates.\nraise LookupError('no table orders')\n",
            ".ebextensions/a.config": "container_commands:\n  01_migrate: {command: python migrate.py}\n",
        },
        an_event,
    ),
    "full disk": lambda: Break("The instance's disk is full", {"more.txt": "more"}, an_event, {"kind": "disk"}),
    "killed by memory": lambda: Break(
        "web has no memory left", app(OK, "time.sleep(0.3)\nos.kill(os.getpid(), signal.SIGKILL)"), bad_for(3)
    ),
}
QUICK = ("syntax error", "missing requirement", "wrong port", "failing migration", "full disk")
"""Those that stay in the suite; the others take as long as their signs do."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product whose r1 is live, on a local Beanstalk at its own speed."""
    with running_cloud("--speed", "1") as cloud:
        product = make_product(cloud, tmp_path_factory.mktemp("verdicts"))
        (product.folder / "server.py").unlink()
        commit(product, {**GOOD, "ebcd.toml": CONFIGURATION.format(application=product.name)})
        assert product.json("ship")["live"]["release"] == "r1"
        yield product
        product.remove()


def commit(product: Product, files: dict[str, str]) -> None:
    """Commit the good application with these files in it."""
    product.git("rm", "-rqf", "--ignore-unmatch", ".ebextensions")
    for name, content in files.items():
        path = product.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    product.git("add", "-A")
    product.git("commit", "-q", "--allow-empty", "-m", "Change it")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in BREAKS]
)
def test_a_broken_release_ends_soon_with_its_cause_in_the_first_line(shop: Product, name: str) -> None:
    broken = BREAKS[name]()
    commit(shop, {**GOOD, **broken.files})
    if broken.fault:
        shop.cloud.control("POST", "faults", place=f"{broken.fault['kind']}:*", **broken.fault)
    number = int(shop.json("releases")["releases"][0]["release"][1:]) + 1
    with Watcher(shop, f"{shop.name}-local-r{number}") as watcher:
        result = shop.json("ship", "--timeout", broken.timeout)
    shop.cloud.control("DELETE", "faults")
    assert (result["release"], result["exit_code"]) == (f"r{number}", 6), result
    first = result["error"]["what"]
    assert first.startswith(broken.says), (first, result["error"], result["diagnosis"])
    assert first.endswith(" · r1 still serves")
    assert "\n" not in first
    assert result["error"]["why"]
    assert watcher.behind(broken.sign) <= SOON, watcher.seen
    assert result["live"]["release"] == "r1"
    assert shop.get("/healthz")[0] == 200


WARMS_UP = """
began = time.monotonic()
def status():
    return "200 OK" if time.monotonic() - began > 20 else "503 Service Unavailable"
"""
SLOW: dict[str, Callable[[], dict[str, str]]] = {
    "imports for 20 s": lambda: app(OK, "time.sleep(20)"),
    "a server that listens after 20 s": lambda: {
        "Procfile": "web: sleep 20 && exec gunicorn --threads 2 app:application\n"
    },
    "answers 503 until it is warm": lambda: app(
        '    start(status(), [("Content-Type", "text/plain")])\n    return [b"x"]', WARMS_UP
    ),
    "migrates for 20 s": lambda: {
        ".ebextensions/a.config": "container_commands:\n  01_migrate: {command: sleep 20}\n",
    },
    "ends twice before it is up": lambda: {
        "Procfile": "web: n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; "
        "sleep 1; test $n -ge 2 || { sleep 11; exit 1; }; exec gunicorn --threads 2 app:application\n"
    },
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if index else ()) for index, name in enumerate(SLOW)]
)
def test_a_slow_and_good_start_is_no_failure(shop: Product, name: str) -> None:
    commit(shop, {**GOOD, **SLOW[name]()})
    result = shop.json("ship", "--no-swap", "--timeout", "120s")
    assert result["exit_code"] == 0, (result["error"], result["diagnosis"])
