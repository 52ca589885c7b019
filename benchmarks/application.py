"""The application's speed, all of it in one run: signing up, pages, what isolation costs, and that it stays flat.

    .venv/bin/python benchmarks/application.py [--tenants 10,1000,100000]

Requests go through WSGI in this process, to a PostgreSQL of its own; compare the ratios, not the milliseconds. The page
without tenancy is the same page, query for query, on the same rows: policies off, no workspace set, no filter by it.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from aespo import secrecy
from aespo.db import migrate
from aespo.development import EmbeddedPostgres, Urls
from aespo.web import Aespo, create_application

sys.path += [str(Path(__file__).parents[1] / "tests/app"), str(Path(__file__).parents[1] / "tests/app/isolation")]
from mutants import Trusting, open_policies, site_without
from workspaces import Browser, Founded, signed_up

ROUNDS = 200
FILL = """
WITH made AS (INSERT INTO directory (slug) SELECT 'bulk-' || n || '-' || %(salt)s FROM generate_series(1, %(count)s) n
              RETURNING tenant_id, slug),
     t AS (INSERT INTO tenants (tenant_id, name, plan) SELECT tenant_id, slug, 'team' FROM made RETURNING tenant_id),
     u AS (INSERT INTO usage_totals (tenant_id) SELECT tenant_id FROM t RETURNING tenant_id),
     m AS (INSERT INTO members (tenant_id, id, email, name, role, password_hash)
           SELECT tenant_id, 'owner', 'o@example.com', 'O', 'owner', '' FROM u RETURNING tenant_id)
INSERT INTO notes (tenant_id, id, title, body, created_by, updated_by)
SELECT tenant_id, 'n' || k, 'Note ' || k, repeat('text ', 40), 'owner', 'owner' FROM m, generate_series(1, 3) k
"""


def median(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Milliseconds, after a warm-up."""
    for _ in range(10):
        act()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def alternating(acts: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Milliseconds of several acts, taken in turns, so that what else the machine does strikes all alike."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 10):
        for name, act in acts.items():
            began = time.perf_counter()
            act()
            if number >= 10:
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) * 1000 for name, values in times.items()}


def sign_ups(site: Aespo) -> None:
    """Signing up, and what of it is not the password's hash, which is slow on purpose."""
    form = {"workspace": "Acme", "name": "Ana", "email": "a@example.com", "password": "correct horse battery"}

    def act() -> None:
        assert Browser(site).post("/signup", **form, slug=f"b{secrets.token_hex(8)}").status_code == 303

    found = alternating({"whole": act, "hash": lambda: secrecy.hash_password("correct horse battery")}, 60)
    print(f"sign-up without the hash   {found['whole'] - found['hash']:6.1f} ms, with it {found['whole']:.1f} ms")


def first_page(site: Aespo) -> None:
    """From the answer of the sign-up to the first page of the workspace."""
    times = []
    for _ in range(30):
        browser = Browser(site)
        form = {"workspace": "A", "name": "A", "email": "a@example.com", "password": "correct horse battery"}
        answer = browser.post("/signup", **form, slug=f"b{secrets.token_hex(8)}")
        began = time.perf_counter()
        assert browser.follow(browser.follow(answer)).status_code == 200
        times.append(time.perf_counter() - began)
    print(f"first page after sign-up   {statistics.median(times) * 1000:6.1f} ms")


def reading(founded: Founded, other: Founded) -> None:
    """The same read page with tenancy and without."""
    here, there = founded.owner, other.owner
    assert here.get("/notes").status_code == there.get("/notes").status_code == 200
    found = alternating({"with": lambda: here.get("/notes"), "without": lambda: there.get("/notes")})
    ratio = found["with"] / found["without"]
    print(f"page of notes              {found['with']:6.2f} ms, {ratio:.2f} times that without tenancy")


def flatness(urls: Urls, crowded: Founded, alone: Founded, sizes: list[int]) -> None:
    """The same page while there are more and more workspaces, in turns with a database that has but one."""
    there = 0
    for size in sizes:
        with psycopg.connect(urls.superuser, autocommit=True) as connection:
            connection.execute(FILL, {"count": max(0, size - there), "salt": size})
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        there = size
        found = alternating(
            {"crowded": lambda: crowded.owner.get("/notes"), "alone": lambda: alone.owner.get("/notes")}
        )
        ratio = found["crowded"] / found["alone"]
        print(f"page of notes at {size:7,} workspaces {found['crowded']:6.2f} ms, {ratio:.2f} times that at one")


class Untenanted(Trusting):
    """Nobody's transactions: no workspace is set, and so no statement goes before the first one."""

    def at(self, slug: str) -> Any:
        del slug
        return self.connect(None)


def without_tenancy(urls: Urls, folder: Path) -> Aespo:
    """The application on a database whose tables hide nothing, in transactions that are no workspace's."""
    open_policies(urls)
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        for table in ("directory", "tenants", "members", "sessions", "notes", "usage_totals", "usage_days", "tasks"):
            connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY")
    site = site_without(urls, folder, filters=False)
    object.__setattr__(site.context, "database", Untenanted(urls.app))
    return site


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", default="10,1000,10000,100000", help="numbers of workspaces, comma-separated")
    sizes = [int(text) for text in parser.parse_args().tenants.split(",")]
    with TemporaryDirectory(prefix="aespo-", dir="/tmp") as name, EmbeddedPostgres(Path(name, "pg")) as postgres:
        urls, open_urls, small_urls = (postgres.database(one) for one in ("measured", "bare", "small"))
        for made in (urls, open_urls, small_urls):
            migrate.main({"DATABASE_URL": made.app, "DATABASE_OWNER_URL": made.owner})
        told = {"AESPO_SIGNUPS_PER_HOUR": "1000000", "AESPO_METRICS": "", "AESPO_FILES": name}
        site, small, first = (
            create_application(told | {"DATABASE_URL": made.app}, Path(name)) for made in (urls, small_urls, open_urls)
        )
        sign_ups(small)
        first_page(small)
        founded, alone, other = signed_up(site), signed_up(small), signed_up(first)
        first.close()
        bare = without_tenancy(open_urls, Path(name))
        other.owner.site = other.owner.client.application = bare
        reading(founded, other)
        bare.close()
        flatness(urls, founded, alone, sizes)
        for opened in (site, small):
            opened.close()


if __name__ == "__main__":
    main()
