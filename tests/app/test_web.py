"""The application through Flask's test client: whose page, which release, which errors, which headers."""

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import Client

from aespo.web import create_application

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


def client(root: Path, **environ: str) -> FlaskClient:
    return create_application(environ, root).test_client()


def released(root: Path, manifest: object = MANIFEST) -> Path:
    root.joinpath(".ebcd").mkdir()
    root.joinpath(".ebcd", "manifest.json").write_text(json.dumps(manifest))
    return root


def get(site: FlaskClient, host: str | None, path: str = "/", **headers: str) -> Any:
    environ = {} if host is None else {"HTTP_HOST": host}
    return site.open(path, environ_overrides=environ | headers)


@pytest.mark.parametrize(
    "host", ["acme.localhost,globex.localhost", "acme localhost", "\u212aelvin.localhost", "", "[::1]"]
)
def test_an_impossible_host_gets_400_and_no_page(tmp_path: Path, host: str) -> None:
    answer = get(client(tmp_path), host)
    assert answer.status_code == 400
    assert "Acme" not in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "example.com", f"nobody.{BASE}", f"x.acme.{BASE}", f"xn--cme-8la.{BASE}", f"aespo.{BASE}"]
)
def test_a_host_without_a_workspace_gets_404(tmp_path: Path, host: str) -> None:
    answer = get(client(tmp_path), host)
    assert answer.status_code == 404
    assert "No workspace has this address." in answer.text
    assert "Acme" not in answer.text


def test_a_forwarded_host_changes_nothing(tmp_path: Path) -> None:
    headers = {
        "HTTP_X_FORWARDED_HOST": f"globex.{BASE}",
        "HTTP_FORWARDED": f"host=globex.{BASE}",
        "HTTP_X_HOST": f"globex.{BASE}",
        "HTTP_X_ORIGINAL_URL": "/version",
    }
    site = client(tmp_path)
    assert get(site, f"acme.{BASE}", **headers).data == get(site, f"acme.{BASE}").data
    assert get(site, f"nobody.{BASE}", **headers).status_code == 404


@pytest.mark.parametrize("host", [f"acme.{BASE}", "acme.localhost", f"ACME.{BASE}", f"acme.{BASE.replace(':', '.:')}"])
def test_a_workspace_is_chosen_by_its_host(tmp_path: Path, host: str) -> None:
    answer = get(client(tmp_path), host)
    assert answer.status_code == 200
    assert "<h1>Acme</h1>" in answer.text
    assert "Globex" not in answer.text


def test_the_site_itself_names_the_release_and_leads_to_the_workspaces(tmp_path: Path) -> None:
    page = get(client(released(tmp_path)), BASE).text
    assert MANIFEST["sha"] in page
    assert f"<code>{MANIFEST['version_label']}</code>" in page
    assert "24 November 2026, 11:42 UTC" in page
    assert f'href="//acme.{BASE}/"' in page
    assert f'href="//globex.{BASE}/"' in page


def test_tenants_come_from_the_environment_and_their_names_are_escaped(tmp_path: Path) -> None:
    site = client(tmp_path, AESPO_TENANTS="wayne:<b>Wayne & Sons</b>, initech:Initech")
    assert "<h1>&lt;b&gt;Wayne &amp; Sons&lt;/b&gt;</h1>" in get(site, "wayne.localhost").text
    assert get(site, "initech.localhost").status_code == 200
    assert get(site, "acme.localhost").status_code == 404


@pytest.mark.parametrize("tenants", ["acme", "acme:", ":Acme", "Acme:Acme", "a.b:Acme", "-a:Acme", f"{'a' * 41}:Acme"])
def test_an_impossible_tenant_stops_the_start(tmp_path: Path, tenants: str) -> None:
    with pytest.raises(ValueError, match="AESPO_TENANTS"):
        client(tmp_path, AESPO_TENANTS=tenants)


def test_with_a_base_host_only_that_is_served(tmp_path: Path) -> None:
    site = client(tmp_path, AESPO_BASE_HOST="aespo.example")
    assert get(site, "aespo.example").status_code == 200
    assert get(site, "acme.aespo.example").status_code == 200
    assert get(site, BASE).status_code == 404


@pytest.mark.parametrize("host", ["10.0.3.7", "[::1]:8000", "example.com", "a,b", "\u212a", f"acme.{BASE}"])
@pytest.mark.parametrize("path", ["/healthz", "/version"])
def test_machines_are_answered_at_any_host(tmp_path: Path, host: str, path: str) -> None:
    assert get(client(tmp_path), host, path).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/version", 200), ("/", 400), ("/other", 400)])
def test_a_missing_host(tmp_path: Path, path: str, status: int) -> None:
    application = create_application({}, tmp_path)

    def without_host(environ: dict[str, Any], start_response: Any) -> Any:
        """As gunicorn passes on an HTTP/1.1 request that names no host."""
        del environ["HTTP_HOST"]
        return application(environ, start_response)

    assert Client(without_host).get(path).status_code == status


def test_version_repeats_the_manifest(tmp_path: Path) -> None:
    answer = get(client(released(tmp_path)), "10.0.3.7", "/version")
    assert answer.json == {k: v for k, v in MANIFEST.items() if k not in ("schema", "tool")}


def test_a_checkout_is_called_development(tmp_path: Path) -> None:
    assert get(client(tmp_path), "localhost", "/version").json == {
        "version_label": "development",
        "sha": None,
        "tree": None,
        "commit_time": None,
        "content_digest": None,
    }


@pytest.mark.parametrize(
    "manifest", ["", [], {}, MANIFEST | {"sha": None}, MANIFEST | {"version_label": ""}, MANIFEST | {"tree": 7}]
)
def test_a_broken_manifest_stops_the_start(tmp_path: Path, manifest: object) -> None:
    with pytest.raises(ValueError, match="is not a manifest of ebcd"):
        client(released(tmp_path, manifest))


def test_a_truncated_manifest_stops_the_start(tmp_path: Path) -> None:
    released(tmp_path).joinpath(".ebcd", "manifest.json").write_text('{"sha": "3f9c')
    with pytest.raises(ValueError, match="is not a manifest of ebcd"):
        client(tmp_path)


@pytest.mark.parametrize("host", ["localhost", "acme.localhost"])
def test_an_unknown_path_is_a_page_of_its_own(tmp_path: Path, host: str) -> None:
    answer = get(client(tmp_path), host, "/nothing")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert 'href="//localhost/"' in answer.text


def test_a_wrong_method_names_the_right_ones(tmp_path: Path) -> None:
    answer = client(tmp_path).post("/healthz")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_a_client_of_json_gets_its_errors_as_json(tmp_path: Path) -> None:
    answer = get(client(tmp_path), "nobody.localhost", HTTP_ACCEPT="application/json")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No workspace has this address.",
    }
    assert answer.headers["Vary"] == "Accept"


def test_a_defect_tells_nothing_of_its_cause(tmp_path: Path) -> None:
    application = create_application({}, tmp_path)
    application.add_url_rule("/defect", view_func=lambda: 1 / len(""))
    answer = get(application.test_client(), "localhost", "/defect")
    assert answer.status_code == 500
    assert "division" not in answer.text
    assert "Something went wrong here." in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/version", "/nothing"])
def test_every_answer_carries_the_security_headers(tmp_path: Path, path: str) -> None:
    headers = get(client(tmp_path), "localhost", path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["localhost", "acme.localhost", "nobody.localhost"])
def test_the_policy_lets_in_the_page_s_own_style_and_the_page_needs_nothing_else(tmp_path: Path, host: str) -> None:
    answer = get(client(tmp_path), host)
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]
    for forbidden in ("<script", "style=", "src=", '<link rel="stylesheet"'):
        assert forbidden not in answer.text
