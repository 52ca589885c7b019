"""Small applications as people write them: `ebcd init` without a question, a commit, `ebcd ship`, and they are live.

Each folder of `apps` is a repository as it was before anybody had heard of ebcd.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from products import Cloud, Product

APPS = Path(__file__).parent / "apps"


@dataclass(frozen=True)
class Shown:
    """An application of the gallery, and how one sees that it runs."""

    name: str
    path: str
    answer: str
    wrote: tuple[str, ...] = ("ebcd.toml", "Procfile")
    folder: str = "."
    """Where somebody types `ebcd init`."""
    smoke: str = "/"


SHOWN = [
    Shown("aiohttp", "/healthz", "well, by aiohttp", smoke="/healthz"),
    Shown("eb", "/", "as eb knows it", ("ebcd.toml",)),
    Shown("fastapi", "/api/items/", '{"items":[1,2,3]}', smoke="/openapi.json"),
    Shown("flask-factory", "/", "the shop is open", ("ebcd.toml", "Procfile", ".ebignore"), smoke="/orders/health"),
    Shown("flask-single", "/", "<p>Hello, World!</p>", ("ebcd.toml", "Procfile", "requirements.txt")),
    Shown("heroku", "/", "from Heroku", ("ebcd.toml",)),
    Shown("monorepo", "/ping", "pong from the api", folder="services/api", smoke="/ping"),
    Shown("package", "/", "2 lines", ("ebcd.toml", "Procfile", "requirements.txt"), smoke="/healthz"),
    Shown("plain", "/", "plain", ("ebcd.toml", "requirements.txt")),
    Shown("poetry", "/", "nobody yet"),
    Shown("socket-server", "/", "by a socket", ("ebcd.toml", "Procfile", "requirements.txt")),
    Shown("utf16", "/health", "written by PowerShell", smoke="/health"),
    Shown("uv", "/", "sunny"),
]


@pytest.fixture
def repositories(cloud: Cloud, tmp_path: Path) -> Iterator[Any]:
    """Makes an application's repository; what it ran is ended behind the test."""
    made: list[Product] = []

    def make(name: str, folder: str = ".") -> Product:
        top = tmp_path / name
        shutil.copytree(APPS / name, top)
        product = Product(name, top / folder, cloud)
        product.git("init", "-q", "-b", "main")
        if folder != ".":  # the repository is the whole of it
            shutil.rmtree(product.folder / ".git")
            Product(name, top, cloud).git("init", "-q", "-b", "main")
        commit(product)
        made.append(product)
        return product

    yield make
    for product in made:
        named = product.folder / "ebcd.toml"
        if named.exists():
            application = named.read_text().partition('application = "')[2].partition('"')[0]
            Product(application, product.folder, cloud).remove()


def commit(product: Product) -> None:
    product.git("add", "-A", "--force", ":/")
    product.git("commit", "-q", "-m", "As it is")


def get(url: str, path: str) -> tuple[int, str]:
    """What the live URL answers; the name leads to loopback, as browsers and curl have it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=10)
    connection.request("GET", path, headers={"Host": parts.hostname or ""})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def live(product: Product) -> str:
    """Ship what is committed; the live URL."""
    shipped = product.json("ship")
    assert (shipped["exit_code"], shipped["release"]) == (0, "r1"), shipped["error"]
    return str(shipped["live"]["url"])


def unchanged(product: Product) -> None:
    """A second `init` has nothing to write."""
    again = product.json("init")
    assert again["wrote"] == []
    assert product.git("status", "--porcelain") == ""


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: shown.name)
def test_it_is_live_at_the_first_attempt(repositories: Any, shown: Shown) -> None:
    product = repositories(shown.name, shown.folder)
    made = product.json("init")
    assert [item["path"] for item in made["wrote"]] == list(shown.wrote)
    assert made["missing"] == []
    assert made["found"]["smoke"]["value"] == shown.smoke
    commit(product)
    url = live(product)
    status, body = get(url, shown.path)
    assert (status, body.strip()) == (200, shown.answer)


def test_django_migrates_its_postgresql_and_its_static_files_are_served(repositories: Any) -> None:
    product = repositories("django")
    made = product.json("init")
    assert [item["path"] for item in made["wrote"]] == ["ebcd.toml", "Procfile", ".ebextensions/01-ebcd.config"]
    assert made["missing"] == []
    commit(product)
    unchanged(product)
    url = live(product)
    assert get(url, "/notes/") == (200, "postgresql 1 notes")
    assert get(url, "/static/notes/site.css") == (200, "body { color: teal; }\n")
    assert product.git("rev-parse", "HEAD").strip() in get(url, "/notes/version/")[1]
    assert 'path = "/notes/version/"' in (product.folder / "ebcd.toml").read_text(), "the release names itself there"


@pytest.mark.long
def test_a_worker_of_celery_s_runs_beside_the_web_process(repositories: Any) -> None:
    product = repositories("celery")
    assert [item["path"] for item in product.json("init")["wrote"]] == ["ebcd.toml"]
    commit(product)
    assert get(live(product), "/") == (200, "5")
    deadline = time.monotonic() + 60
    while "[queues]" not in (logs := product.ebcd("logs").stdout):
        assert time.monotonic() < deadline, logs


def test_a_folder_with_a_dockerfile_alone_goes_to_aws(repositories: Any) -> None:
    product = repositories("docker")
    made = product.json("init", "--region", "eu-central-1")
    assert made["stages"] == ["production"]
    assert made["found"]["platform"]["value"].startswith("Docker running on")
    assert any("runs Python platforms only" in note for note in made["notes"])
    commit(product)
    assert product.json("check")["findings"] == []


def test_a_release_phase_of_heroku_s_is_told_with_what_to_do(repositories: Any) -> None:
    product = repositories("heroku-release")
    made = product.json("init")
    assert [item["path"] for item in made["wrote"]] == ["ebcd.toml", ".ebextensions/01-ebcd.config"]
    command = made["missing"][0]["hint"].partition(";")[0]
    commit(product)
    refused = product.json("ship")
    assert (refused["exit_code"], command in refused["error"]["hint"]) == (3, True)
    subprocess.run(command, shell=True, cwd=product.folder, check=True)
    commit(product)
    status, body = get(live(product), "/")
    assert (status, body.startswith("made with port")) == (200, True)
