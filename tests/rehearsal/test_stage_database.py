"""A stage with a database of the local Beanstalk's: its releases share it, and none of them takes it away."""

from __future__ import annotations

import pytest
from products import Product

APPLICATION = """
import json, os, pathlib
import psycopg
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = pathlib.Path(".ebcd/manifest.json").read_bytes()

def notes(path):
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
        if path == "/write":
            connection.execute("INSERT INTO note DEFAULT VALUES")
        return str(connection.execute("SELECT count(*) FROM note").fetchone()[0]).encode()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = notes(self.path) if self.path in ("/write", "/smoke") else MANIFEST
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
MIGRATE = """
import os, psycopg
app = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])["user"]
with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS note (id int GENERATED ALWAYS AS IDENTITY)")
    connection.execute(f'GRANT SELECT, INSERT ON note TO "{app}"')
"""
COMMANDS = "container_commands: {migrate: {command: python migrate.py, leader_only: true}}\n"


@pytest.fixture
def notes(product: Product) -> Product:
    """A product that keeps notes in the database of its stage."""
    (product.folder / ".ebextensions").mkdir()
    (product.folder / ".ebextensions" / "migrate.config").write_text(COMMANDS)
    (product.folder / "requirements.txt").write_text("psycopg[binary]>=3.2\n")
    (product.folder / "server.py").write_text(APPLICATION)
    (product.folder / "migrate.py").write_text(MIGRATE)
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace('target = "local"', 'target = "local"\ndatabase = true'))
    return product


def test_releases_share_the_stage_s_database_and_a_rollback_loses_nothing(notes: Product) -> None:
    notes.commit("one")
    assert notes.json("ship")["exit_code"] == 0
    assert [notes.get("/write")[1] for _ in range(2)] == [b"1", b"2"]
    two = notes.commit("two")
    assert notes.json("ship")["exit_code"] == 0
    assert notes.serving() == two
    assert notes.get("/write") == (200, b"3")
    assert notes.json("swap", "--rollback")["exit_code"] == 0
    assert notes.serving() != two
    assert notes.get("/smoke") == (200, b"3"), "what was written after the swap is there too"
    told = notes.json("local", "status")["database"]
    assert notes.name in [item["application"] for item in told["databases"]]
    notes.remove()


def test_a_stage_whose_database_was_taken_out_goes_on_without_it(notes: Product) -> None:
    notes.commit("one")
    assert notes.json("ship")["exit_code"] == 0
    path = notes.folder / "ebcd.toml"
    path.write_text(path.read_text().replace("database = true\n", ""))
    (notes.folder / ".ebextensions" / "migrate.config").unlink()
    notes.commit("two")
    failed = notes.json("ship")
    assert failed["exit_code"] == 6, "it has no DATABASE_URL any more, and no user has seen that"
    assert failed["live"]["release"] == "r1"
    assert notes.get("/write") == (200, b"1")
    notes.remove()
