"""Once a day what nobody needs any more is taken away, and nothing else."""

from __future__ import annotations

from sqlalchemy import text
from workspaces import Founded, change, exported, signed_up

from aespo.adapters import objects
from aespo.adapters.objects import Objects
from aespo.db.queries import upkeep as queries
from aespo.upkeep import ASK_EVERY, Upkeep
from aespo.web import Aespo


def passes(site: Aespo, store: Objects | None = None) -> None:
    """A day's pass, whether there was one today or not."""
    database = site.context.require_database()
    with database.without_tenant() as connection:
        connection.execute(text("DELETE FROM rate_limits"))
    everybody = 1_000_000  # other tests' workspaces come before these
    Upkeep(database, store or site.context.require_adapters().objects, at_once=everybody).step()


def count(founded: Founded, table: str, condition: str = "true") -> int:
    with founded.owner.site.context.require_database().tenant(founded.tenant_id) as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {table} WHERE {condition}")))


def test_what_has_expired_goes_and_the_rest_stays(acme: Founded) -> None:
    for number in range(2):
        acme.owner.post("/team/invites", email=f"{number}@example.com", role="member")
    acme.owner.new().post("/forgot", email=acme.email)
    change(acme, "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE purpose = 'reset'")
    change(acme, "UPDATE invites SET expires_at = now() - interval '1 second' WHERE email LIKE '0%'")
    change(acme, "UPDATE mails SET created_at = now() - interval '31 days' WHERE recipient LIKE '0%'")
    change(
        acme,
        "UPDATE jobs SET finished_at = now() - interval '31 days' WHERE content ->> 'mail' ="
        " (SELECT id FROM mails WHERE recipient LIKE '0%')",
    )
    before = {table: count(acme, table) for table in ("sessions", "invites", "mails", "jobs", "notes", "audit")}
    passes(acme.owner.site)
    after = {table: count(acme, table) for table in before}
    gone = {table: before[table] - after[table] for table in before}
    assert gone == {"sessions": 1, "invites": 1, "mails": 1, "jobs": 1, "notes": 0, "audit": 0}
    assert acme.owner.get("/").status_code == 200, "who is signed in stays so"


def test_exports_go_after_a_week_with_their_files(acme: Founded) -> None:
    store = acme.owner.site.context.require_adapters().objects
    exported(acme)
    key = objects.key(acme.tenant_id, "exports")
    passes(acme.owner.site)
    assert count(acme, "jobs", "kind = 'export'") == 1
    change(acme, "UPDATE jobs SET finished_at = now() - interval '8 days' WHERE kind = 'export'")
    passes(acme.owner.site)
    assert count(acme, "jobs", "kind = 'export'") == 0
    assert store.delete_below(key) == 0


def test_an_export_is_kept_in_mind_until_its_file_is_gone(acme: Founded) -> None:
    class Down:
        def delete_below(self, prefix: str) -> int:
            raise ConnectionError(prefix)

    exported(acme)
    change(acme, "UPDATE jobs SET finished_at = now() - interval '8 days' WHERE kind = 'export'")
    passes(acme.owner.site, Down())  # type: ignore[arg-type]
    assert count(acme, "jobs", "kind = 'export'") == 1


def test_more_than_a_batch_goes_in_batches(acme: Founded) -> None:
    statement = """
        INSERT INTO mails (tenant_id, id, recipient, subject, body, created_at)
        SELECT tenant_id, 'm' || n, 'a@example.com', '', '', now() - interval '31 days'
        FROM tenants, generate_series(1, :count) n
    """
    with acme.owner.site.context.require_database().tenant(acme.tenant_id) as connection:
        connection.execute(text(statement), {"count": queries.BATCH + 1})
    passes(acme.owner.site)
    assert count(acme, "mails") == 0


def test_a_pass_comes_to_every_workspace_once_a_day_by_one_worker(site: Aespo) -> None:
    database, store, now = site.context.require_database(), site.context.require_adapters().objects, [0.0]
    founded = [signed_up(site) for _ in range(3)]
    with database.without_tenant() as connection:
        connection.execute(text("DELETE FROM rate_limits"))
    one, other = Upkeep(database, store, lambda: now[0], at_once=2), Upkeep(database, store, lambda: now[0], at_once=2)

    def expire() -> int:
        for item in founded:
            change(
                item,
                "INSERT INTO mails SELECT tenant_id, :id, 'a@example.com', '', '', now() - interval '31 days'"
                " FROM tenants",
                id=f"m{now[0]}",
            )
        for _ in range(500):
            one.step()
            other.step()
        return sum(count(item, "mails") for item in founded)

    assert expire() == 0
    now[0] += ASK_EVERY
    assert expire() == 3, "there was a pass today"
    with database.without_tenant() as connection:
        connection.execute(text("UPDATE rate_limits SET since = since - interval '25 hours'"))
    now[0] += ASK_EVERY
    assert expire() == 0
    with database.without_tenant() as connection:
        assert connection.scalar(text("SELECT count(*) FROM rate_limits")) == 1, "attempts of yesterday are forgotten"
