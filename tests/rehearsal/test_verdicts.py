"""Twelve ways to break a release: each ends with its cause in the first line, soon, and live is untouched.

Soon is counted in reports of health, not in seconds: how many of them the run has read of the candidate since the first
that had a sure sign, or since the event that did. On AWS one comes each ten seconds.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from products import Product

SOON = 15
"""Reports of health: 15 s on a local Beanstalk at its own speed."""

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
stable = "{stable}"
timeout = "60s"
bake = "0s"
keep = "0s"
[stages.local.smoke]
path = "/"
attempts = 2
[stages.local.options."aws:elasticbeanstalk:application"]
"Application Healthcheck URL" = "/healthz"
"""


@dataclass(frozen=True)
class Break:
    """What is wrong with a release, and what its first line says."""

    says: str
    files: dict[str, str]
    fault: dict[str, object] = field(default_factory=dict)
    stable: str = "0s"
    timeout: str = "60s"


def app(body: str, before: str = "") -> dict[str, str]:
    """An application whose every answer is the body's."""
    return {"app.py": f"import os, signal, sys, threading, time\n{before}\ndef application(environ, start):\n{body}\n"}


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

BREAKS = {
    "syntax error": lambda: Break("SyntaxError in app.py:2", {"app.py": "# Orders.\ndef application(environ, start\n"}),
    "missing module": lambda: Break(
        "ModuleNotFoundError in app.py:1: No module named 'nowhere_to_be_found'",
        {"app.py": "import nowhere_to_be_found\n"},
    ),
    "missing requirement": lambda: Break(
        "requirements.txt cannot be installed",
        {"requirements.txt": "--no-index\nno-such-package-of-ebcd==999\n"},
    ),
    "wrong object": lambda: Break(
        "app has no object 'application'", {"app.py": "def create_app():\n    return None\n"}
    ),
    "500": lambda: Break(
        "/healthz answers 500: ZeroDivisionError in app.py:4: division by zero",
        app('    raise RuntimeError if 0 else ZeroDivisionError("division by zero")'),
    ),
    "404 on the health path": lambda: Break("/healthz answers 404", answering("404 Not Found")),
    "slow start, never up": lambda: Break(
        "Nothing listens on $PORT", {"Procfile": "web: python -c 'import time; time.sleep(600)'\n"}, timeout="8s"
    ),
    "wrong port": lambda: Break(
        "web listens on port", {"Procfile": f"web: gunicorn --bind 127.0.0.1:{a_free_port()} app:application\n"}
    ),
    "crash after a while": lambda: Break(
        "FileNotFoundError in app.py:6: [Errno 2] No such file or directory: '/var/lib/orders/journal'",
        app(OK, CRASHES),
        stable="5s",
    ),
    "failing migration": lambda: Break(
        "The container command 01_migrate failed: LookupError in migrate.py:2: no table orders",
        {
            "migrate.py": "# Migrates.\nraise LookupError('no table orders')\n",
            ".ebextensions/a.config": "container_commands:\n  01_migrate: {command: python migrate.py}\n",
        },
    ),
    "full disk": lambda: Break("The instance's disk is full", {"more.txt": "more"}, {"kind": "disk"}),
    "killed by memory": lambda: Break(
        "web has no memory left", app(OK, "time.sleep(0.3)\nos.kill(os.getpid(), signal.SIGKILL)")
    ),
}


@pytest.fixture(scope="module")
def _numbers() -> dict[str, int]:
    return {}


def commit(product: Product, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = product.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    product.git("add", "-A")
    product.git("commit", "-q", "-m", "Change it")


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_release_ends_soon_with_its_cause_in_the_first_line(product: Product, name: str) -> None:
    broken: Break = BREAKS[name]()
    (product.folder / "server.py").unlink()
    configuration = CONFIGURATION.format(application=product.name, stable=broken.stable)
    commit(product, {**GOOD, "ebcd.toml": configuration})
    assert product.json("ship")["live"]["release"] == "r1"
    if broken.fault:
        place = f"{broken.fault['kind']}:{product.name}-*"
        product.cloud.control("POST", "faults", place=place, **broken.fault)
    commit(product, broken.files)
    before = product.cloud.last_call()
    result = product.json("ship", "--timeout", broken.timeout)
    product.cloud.control("DELETE", "faults")
    assert result["exit_code"] == 6, result
    first = result["error"]["what"]
    assert first.startswith(broken.says), (first, result["error"], result["diagnosis"])
    assert first.endswith(" · r1 still serves")
    assert "\n" not in first
    assert result["live"]["release"] == "r1"
    assert product.get("/healthz")[0] == 200
    calls = product.cloud.calls(before)
    print(name, "|", first, "|", result["error"]["why"], "|", result["seconds"])
    print(sum(item["operation"].endswith("DescribeEnvironmentHealth") for item in calls), calls[-1])
