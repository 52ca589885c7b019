"""`ebcd eb -- ARGS`: the official `eb`, unchanged, on a stage that ebcd ships to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import forked
import pytest
from shell import REGION, Client

SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"well")

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Shop:
    """A repository that is live on the local Beanstalk."""

    client: Client
    folder: Path

    def ebcd(self, *words: str, ok: int = 0, answer: str = "", **environ: str) -> str:
        done = forked.run(
            "ebcd",
            *words,
            env=self.environ | environ,
            answer=answer,
            timeout=120,
            cwd=self.folder,
            stderr=subprocess.STDOUT,
        )
        assert done.returncode == ok, done.stdout
        return done.stdout

    @property
    def environ(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in self.client.server.items()
            if not name.startswith(("AWS_", "GITHUB_", "EBCD_STAGE", "EBCD_APPLICATION", "XDG_"))
        }
        path = f"{self.client.programs}:{os.environ['PATH']}"
        return kept | {"PATH": path, "HOME": str(self.client.home), "AWS_EB_PROFILE": "nobody"}


@pytest.fixture(scope="module")
def shop(client: Client) -> Iterator[Shop]:
    folder = client.home / "shop-of-ebcd"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    (folder / "Procfile").write_text("web: python server.py\n")
    (folder / "requirements.txt").write_text("")
    made = Shop(client, folder)
    client.git(folder, "init", "-q", "-b", "main")
    made.ebcd("init", "--region", REGION)
    client.git(folder, "add", "-A")
    client.git(folder, "commit", "-q", "-m", "one")
    made.ebcd("ship")
    yield made
    client.aws(
        "elasticbeanstalk", "delete-application", "--application-name", "shop-of-ebcd", "--terminate-env-by-force"
    )


def test_it_knows_application_environment_region_and_endpoint(shop: Shop) -> None:
    status = shop.ebcd("eb", "--", "status")
    assert "Environment details for: shop-of-ebcd-local-r1" in status
    assert f"Region: {REGION}" in status
    assert "shop-of-ebcd-local-r1" in shop.ebcd("eb", "--", "list")
    assert "Listening" not in shop.ebcd("eb", "--env", "shop-of-ebcd-local-r1", "--", "events")


def test_it_changes_the_environment_that_was_named(shop: Shop) -> None:
    shop.ebcd("eb", "--", "setenv", "COLOR=red", "--timeout", "2")
    assert "COLOR = red" in shop.ebcd("eb", "--", "printenv")


def test_the_repository_stays_as_it_is(shop: Shop) -> None:
    said = shop.ebcd("eb", "--", "config", "save", "--cfg", "first")
    saved = Path(said.partition("Configuration saved at: ")[2].strip())
    assert "OptionSettings" in saved.read_text(), "what eb names is there"
    assert not (shop.folder / ".elasticbeanstalk").exists()
    existing = shop.folder / ".elasticbeanstalk" / "config.yml"
    existing.parent.mkdir()
    existing.write_text("global:\n  application_name: another\n")
    try:
        assert "shop-of-ebcd-local-r1" in shop.ebcd("eb", "--", "status"), "ebcd.toml holds"
        assert existing.read_text() == "global:\n  application_name: another\n"
        assert [item.name for item in existing.parent.iterdir()] == ["config.yml"]
    finally:
        existing.unlink()
        existing.parent.rmdir()


def test_no_credentials_are_written(shop: Shop) -> None:
    shop.ebcd("eb", "--", "status")
    home, key = shop.client.home, (Path(shop.client.server["EBCD_HOME"]) / "local" / "server.json").read_text()
    secret = key.partition('"secret_access_key": "')[2].partition('"')[0]
    assert secret
    folder = home / ".cache" / "ebcd" / "eb"
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert texts
    assert not any(secret in text for text in texts)
    assert not (home / ".aws").exists()


def test_its_exit_code_and_its_input_are_its_own(shop: Shop) -> None:
    assert "unrecognized arguments" in shop.ebcd("eb", "--", "status", "--no-such-option", ok=2)
    assert "invalid state" in shop.ebcd("eb", "--", "abort", ok=4), "of live, and of no other"
    shop.ebcd("eb", "--", "config", answer="OptionSettings: {}\n", ok=4)


def test_what_ebcd_does_itself_is_refused(shop: Shop) -> None:
    for command in ("deploy", "terminate", "swap", "create"):
        assert "ebcd " in shop.ebcd("eb", "--", command, ok=3)
    assert "usage: eb deploy" in shop.ebcd("eb", "--", "deploy", "--help")


def test_a_profile_is_handed_on(shop: Shop) -> None:
    """A stage on AWS: here the same service, reached by an endpoint and by a profile's keys."""
    credentials = shop.client.home / "credentials"
    credentials.write_text("\n".join(["[dev]", *(f"{name} = {value}" for name, value in shop.client.keys.items())]))
    common = ("-a", "shop-of-ebcd", "-s", "production", "--profile", "dev", "--endpoint-url", shop.client.endpoint_url)
    environ = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    said = shop.ebcd("eb", *common, "--env", "shop-of-ebcd-local-r1", "--", "status", **environ)
    assert "shop-of-ebcd-local-r1" in said
    assert "profile (nobody)" in shop.ebcd(
        "eb", *common, "--env", "shop-of-ebcd-local-r1", "--", "status", "--profile", "nobody", ok=4, **environ
    )
