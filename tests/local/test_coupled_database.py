"""A database that is coupled to an environment: RDS_ properties from a PostgreSQL of its own, gone with it or kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from running import PLATFORM, Local, bundle, processes_of, running
from test_daemon import request

from ebcd_local.database.coupled import Wanted

RDS = "aws:rds:dbinstance"
PASSWORD = "it's{a}:secret\\1"
SERVER = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({name: value for name, value in os.environ.items() if name.startswith("RDS_")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Local]:
    with running() as made:
        made.publish("shop", "v1", bundle(**{"server.py": SERVER}))
        yield made


def settings(**given: str) -> list[dict[str, str]]:
    usual = {"DBEngine": "postgres", "DBUser": "shopper", "DBPassword": PASSWORD, "HasCoupledDatabase": "true"}
    return [{"Namespace": RDS, "OptionName": name, "Value": value} for name, value in (usual | given).items()]


def create(server: Local, name: str, **given: str) -> Any:
    return server.client("elasticbeanstalk").create_environment(
        ApplicationName="shop",
        EnvironmentName=name,
        VersionLabel="v1",
        PlatformArn=PLATFORM,
        CNAMEPrefix=name,
        OptionSettings=settings(**given),
    )


def ready(server: Local, name: str) -> None:
    server.until(name, lambda item: item["Status"] == "Ready" and item["Health"] == "Green", 60)


def variables(server: Local, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(request(server.told["proxy_url"], host=server.describe(name)["CNAME"])[2])
    return found


def connect(found: dict[str, str]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=found["RDS_HOSTNAME"],
        port=found["RDS_PORT"],
        dbname=found["RDS_DB_NAME"],
        user=found["RDS_USERNAME"],
        password=found["RDS_PASSWORD"],
    )


def events(server: Local, name: str) -> list[str]:
    found = server.client("elasticbeanstalk").describe_events(EnvironmentName=name)["Events"]
    return [item["Message"] for item in found]


def test_the_application_is_given_a_database_that_goes_with_the_environment(server: Local) -> None:
    create(server, "shop-one", DBEngineVersion="15.4")
    ready(server, "shop-one")
    found = variables(server, "shop-one")
    assert (found["RDS_DB_NAME"], found["RDS_USERNAME"], found["RDS_PASSWORD"]) == ("ebdb", "shopper", PASSWORD)
    with connect(found) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    eb = server.client("elasticbeanstalk")
    told = eb.describe_configuration_settings(ApplicationName="shop", EnvironmentName="shop-one")
    shown = {
        item["OptionName"]: item.get("Value")
        for item in told["ConfigurationSettings"][0]["OptionSettings"]
        if item["Namespace"] == RDS
    }
    assert shown["HasCoupledDatabase"] == "true"
    assert "DBPassword" not in shown
    assert any("DBEngineVersion 15.4 is not to be had" in text for text in events(server, "shop-one"))
    server.run("down")
    server.run("up")
    ready(server, "shop-one")
    with connect(variables(server, "shop-one")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    eb = server.client("elasticbeanstalk")
    eb.terminate_environment(EnvironmentName="shop-one")
    server.until("shop-one", lambda item: item["Status"] == "Terminated")
    assert "The database of the environment was deleted." in events(server, "shop-one")
    assert list(server.home.glob("local/postgres/coupled/*")) == []
    assert not [line for line in processes_of(server.home / "local" / "postgres") if "postgres" in line.split()[0]]


def test_it_is_decoupled_and_kept_where_the_settings_say_so(server: Local) -> None:
    create(server, "shop-two", DBDeletionPolicy="Snapshot")
    ready(server, "shop-two")
    assert variables(server, "shop-two")
    update = [{"Namespace": RDS, "OptionName": "HasCoupledDatabase", "Value": "false"}]
    eb = server.client("elasticbeanstalk")
    eb.update_environment(EnvironmentName="shop-two", OptionSettings=update)
    ready(server, "shop-two")
    assert variables(server, "shop-two") == {}
    assert any("kept, as DBDeletionPolicy Snapshot says" in text for text in events(server, "shop-two"))
    assert len(list(server.home.glob("local/postgres/kept/*/data/PG_VERSION"))) == 1
    eb.terminate_environment(EnvironmentName="shop-two")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"DBEngine": "mysql"}, "PostgreSQL and no other database: DBEngine mysql"),
        ({"DBEngine": ""}, "DBEngine mysql"),
        ({"DBUser": "1x"}, "DBUser '1x' is invalid"),
        ({"DBPassword": ""}, "DBPassword is missing"),
        ({"DBSnapshotIdentifier": "snap"}, "no snapshot 'snap' to restore"),
    ],
)
def test_what_is_not_to_be_had_is_refused(server: Local, given: dict[str, str], why: str) -> None:
    with pytest.raises(ClientError, match=why):
        create(server, "shop-refused", **given)


def test_an_engine_without_a_coupling_is_told(server: Local) -> None:
    create(server, "shop-three", HasCoupledDatabase="false")
    ready(server, "shop-three")
    assert any("HasCoupledDatabase is not true: there is no database" in text for text in events(server, "shop-three"))
    server.client("elasticbeanstalk").terminate_environment(EnvironmentName="shop-three")


def test_settings_that_ask_for_no_database_want_none() -> None:
    assert Wanted.of({}) is None
    assert Wanted.of({(RDS, "DBEngine"): "postgres"}) is None
    wanted = Wanted.of({(RDS, "HasCoupledDatabase"): "true"})
    assert wanted is not None
    assert (wanted.engine, wanted.user, wanted.deletion) == ("mysql", "ebroot", "Delete")
