"""The site's own host, with and without a database: what is answered, which errors, which headers."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from werkzeug.test import Client, TestResponse
from workspaces import Browser, Founded

from aespo.db.engine import Database
from aespo.development import Urls
from aespo.web import Aespo, create_application
from aespo.web.readiness import KEPT, Readiness

BASE = "aespo.eu-central-1.elasticbeanstalk.localhost:8156"
MANIFEST = {
    "schema": 1,
    "sha": "3f9c2d1a7b44" + "0" * 28,
    "tree": "1" * 40,
    "version_label": "3f9c2d1a7b44",
    "commit_time": "2026-11-24T11:42:00+00:00",
    "tool": "ebcd 0.1.0",
    "content_digest": "2" * 64,
}


def alone(root: Path, **environ: str) -> Aespo:
    """The application without a database."""
    return create_application(environ, root)


def released(root: Path, manifest: object = MANIFEST) -> Path:
    root.joinpath(".ebcd").mkdir()
    root.joinpath(".ebcd", "manifest.json").write_text(json.dumps(manifest))
    return root


def get(site: Aespo, host: str | None, path: str = "/", **environ: str) -> TestResponse:
    return Client(site).open(path, environ_overrides=({} if host is None else {"HTTP_HOST": host}) | environ)


@pytest.mark.parametrize("host", ["a.localhost,b.localhost", "a localhost", "\u212aelvin.localhost", "", "[::1]"])
def test_an_impossible_host_gets_400(tmp_path: Path, host: str) -> None:
    assert get(alone(tmp_path), host).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "example.com", f"nobody.{BASE}", f"x.acme.{BASE}", f"aespo.{BASE}"])
def test_a_host_without_a_workspace_gets_404(site: Aespo, host: str) -> None:
    answer = get(site, host)
    assert answer.status_code == 404
    assert "No workspace has this address." in answer.text


@pytest.mark.parametrize("path", ["/healthz", "/version"])
@pytest.mark.parametrize("host", ["10.0.3.7", "[::1]:8000", "example.com", "a,b", "\u212a", f"acme.{BASE}", ""])
def test_machines_are_answered_at_any_host_with_and_without_a_database(
    site: Aespo, tmp_path: Path, host: str, path: str
) -> None:
    assert get(site, host, path).status_code == get(alone(tmp_path), host, path).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/version", 200), ("/", 400), ("/other", 400)])
def test_a_missing_host(tmp_path: Path, path: str, status: int) -> None:
    application = alone(tmp_path)

    def without_host(environ: dict[str, Any], start_response: Any) -> Any:
        """As gunicorn passes on an HTTP/1.1 request that names no host."""
        del environ["HTTP_HOST"]
        return application(environ, start_response)

    assert Client(without_host).get(path).status_code == status


def test_without_a_database_it_starts_and_says_so(tmp_path: Path) -> None:
    site = alone(tmp_path)
    ready = get(site, "10.0.3.7", "/readyz")
    assert (ready.status_code, ready.json["reason"]) == (503, "no database: DATABASE_URL is not set")
    front = get(site, "localhost")
    assert front.status_code == 200
    assert "runs without a database" in front.text
    assert "/signup" not in front.text
    for host, path in (("acme.localhost", "/"), ("localhost", "/signup")):
        page = get(site, host, path)
        assert page.status_code == 503
        assert "DATABASE_URL is not set" in page.text


def test_it_is_ready_with_a_database_that_isolates(site: Aespo) -> None:
    answer = get(site, "10.0.3.7", "/readyz")
    assert (answer.status_code, answer.json["ready"]) == (200, True)
    assert answer.json["schema"]["oldest"] <= answer.json["schema"]["revision"]


def test_a_database_that_is_down_is_told(tmp_path: Path) -> None:
    site = alone(tmp_path, DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    assert get(site, "x", "/readyz").json["reason"] == "the database cannot be reached"
    assert get(site, "x", "/healthz").status_code == 200
    page = get(site, "acme.localhost")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    site.close()


def test_why_a_database_is_not_safe_is_told_to_operators_alone(fresh: Urls, tmp_path: Path) -> None:
    token = "operator-operator-operator"
    site = alone(tmp_path, DATABASE_URL=fresh.app, AESPO_OPERATOR_TOKEN=token)
    with psycopg.connect(fresh.owner) as connection:
        connection.execute("ALTER TABLE notes NO FORCE ROW LEVEL SECURITY")
    answer = get(site, "x", "/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "the database is not safe to serve with")
    assert "notes" not in answer.text
    told = Client(site).get("/readyz", base_url="http://x", headers={"Authorization": f"Bearer {token}"})
    assert "table notes has no row-level security" in told.json["detail"]
    site.close()


def test_however_many_ask_whether_it_is_ready_it_looks_once_in_a_while() -> None:
    now, looks = [0.0], []

    class Counted(Database):
        def verify(self) -> None:
            looks.append(now[0])
            raise psycopg.OperationalError

    database, readiness = Counted("postgresql://x@127.0.0.1:1/x"), Readiness(lambda: now[0])
    for now[0] in (0.0, 1.0, KEPT - 0.1, KEPT, KEPT + 1):
        assert readiness.of(database).reason == "the database cannot be reached"
    assert looks == [0.0, KEPT]
    database.close()


def test_the_front_page_names_the_release(tmp_path: Path) -> None:
    page = get(alone(released(tmp_path)), BASE).text
    assert MANIFEST["sha"] in page
    assert f"<code>{MANIFEST['version_label']}</code>" in page
    assert "24 November 2026, 11:42 UTC" in page


def test_version_repeats_the_manifest(tmp_path: Path) -> None:
    answer = get(alone(released(tmp_path)), "10.0.3.7", "/version")
    assert answer.json == {k: v for k, v in MANIFEST.items() if k not in ("schema", "tool")}


@pytest.mark.parametrize(
    "manifest", ["", [], {}, MANIFEST | {"sha": None}, MANIFEST | {"version_label": ""}, MANIFEST | {"tree": 7}]
)
def test_a_broken_manifest_stops_the_start(tmp_path: Path, manifest: object) -> None:
    with pytest.raises(ValueError, match="is not a manifest of ebcd"):
        alone(released(tmp_path, manifest))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("AESPO_SCHEME", "ftp"),
        ("AESPO_PROXIES", "many"),
        ("AESPO_PROXIES", "9" * 5000),
        ("AESPO_POOL_SIZE", "0"),
        ("AESPO_OPERATOR_TOKEN", "short"),
        ("AESPO_SAMPLE_TOKEN", "short"),
        ("AESPO_BASE_HOST", "a b"),
    ],
)
def test_a_wrong_property_stops_the_start_and_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        alone(tmp_path, **{name: value})


def test_with_a_base_host_only_that_is_served(tmp_path: Path) -> None:
    site = alone(tmp_path, AESPO_BASE_HOST="aespo.example")
    assert get(site, "aespo.example").status_code == 200
    assert get(site, BASE).status_code == 404


def test_somebody_finds_their_workspace(site: Aespo) -> None:
    assert Browser(site).get("/open?slug=Acme").headers["Location"] == "http://acme.localhost/"
    wrong = Browser(site).get("/open?slug=evil.example/%23")
    assert wrong.headers.get("Location", "").startswith("http://evil.localhost") or wrong.status_code == 422
    assert Browser(site).get("/open?slug=@evil").status_code == 422


def test_an_unknown_path_is_a_page_of_its_own(site: Aespo) -> None:
    answer = get(site, "localhost", "/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert 'href="//localhost/"' in answer.text


def test_a_wrong_method_names_the_right_ones(tmp_path: Path) -> None:
    answer = Client(alone(tmp_path)).post("/healthz")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_client_of_json_gets_its_errors_as_json(site: Aespo) -> None:
    answer = get(site, "nobody.localhost", HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["detail"] == "No workspace has this address."
    assert answer.headers["Vary"] == "Accept"


def test_a_defect_tells_nothing_of_its_cause(tmp_path: Path) -> None:
    application = alone(tmp_path)
    application.site.add_url_rule("/defect", view_func=lambda: 1 / len(""))
    answer = get(application, "localhost", "/defect")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Something went wrong here." in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/version", "/readyz", "/nothing", "/signup"])
def test_every_answer_carries_the_security_headers(site: Aespo, path: str) -> None:
    headers = get(site, "localhost", path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_a_sign_up_s_form_may_lead_to_a_workspace_and_a_workspace_s_own_only_to_itself(acme: Founded) -> None:
    site = acme.owner.site
    assert (
        "form-action 'self' http://*.localhost:8156;" in get(site, "localhost:8156").headers["Content-Security-Policy"]
    )
    assert "form-action 'self';" in acme.owner.get("/").headers["Content-Security-Policy"]


def test_over_https_browsers_are_held_to_it(tmp_path: Path) -> None:
    answer = get(alone(tmp_path, AESPO_SCHEME="https"), "localhost")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


PAGES = ["/", "/notes", "/notes/new", "/tasks", "/team", "/tokens", "/activity", "/outbox", "/nothing"]


@pytest.mark.parametrize("path", PAGES)
def test_the_policy_lets_in_the_page_s_own_style_and_the_page_needs_nothing_else(acme: Founded, path: str) -> None:
    answer = acme.owner.get(path)
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    for forbidden in ("<script", "style=", " src=", '<link rel="stylesheet"', "onclick"):
        assert forbidden not in answer.text
