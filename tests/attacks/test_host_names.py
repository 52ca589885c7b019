"""No request reaches a workspace but by that workspace's own host, through the load balancer or past it."""

from __future__ import annotations

import socket

import pytest
from workspaces import Founded

from ebcd_local.balancer import names

FORGED = (
    "X-Forwarded-Host: {host}",
    "X-Host: {host}",
    "X-Original-Host: {host}",
    "X-HTTP-Host-Override: {host}",
    "Forwarded: host={host}",
    "X-Original-URL: http://{host}/login",
    "X-Rewrite-URL: http://{host}/login",
    "HTTP_HOST: {host}",
    "Host : {host}",
    "Host_: {host}",
    "host: {host}",
)
OTHERS = (
    "{host}.evil.example",
    "evil.example.{host}",
    "x{host}",
    "{host}@evil.example",
    "evil.example@{host}",
    "{host}, evil.example",
    "evil.example, {host}",
    "{host}/",
    "{host}#",
    "{host}?x",
    "{host}%00",
    "{host}%2eevil.example",
    "{host}:80:80",
    "{host}:x",
    "{host}:99999",
    "{host}..",
    ".{host}",
    "[{host}]",
    "{host}\\evil.example",
    "{host};evil.example",
    "{host} evil.example",
    "{host}\tevil.example",
    "xn--{host}",
    "{slug}\u3002localhost",
    "{slug}.\uff4cocalhost",
    "{slug}.loca\u017fthost",
    "",
)
SAME = ("{host}", "{HOST}", "{host}.", "{host}:80", "{host}.:8156")


def ask(port: int, *lines: str) -> tuple[int, str]:
    """Send a request exactly as it is written; the answer's status and text."""
    message = "\r\n".join((*lines, "Connection: close", "", ""))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(message.encode())
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    text = answer.decode()
    return int(text.split(" ", 2)[1]), text


def written(pattern: str, founded: Founded) -> str:
    return pattern.format(host=founded.host, HOST=founded.host.upper(), slug=founded.slug)


@pytest.mark.parametrize("layer", ["port", "gunicorn"])
@pytest.mark.parametrize("pattern", OTHERS)
def test_a_host_that_is_nearly_a_workspace_s_is_not_its(
    served: object, acme: Founded, pattern: str, layer: str
) -> None:
    status, text = ask(getattr(served, layer), "GET /login HTTP/1.1", f"Host: {written(pattern, acme)}")
    assert status in (400, 404)
    assert "<h1>Acme</h1>" not in text


@pytest.mark.parametrize("layer", ["port", "gunicorn"])
@pytest.mark.parametrize("pattern", FORGED)
def test_no_other_header_names_a_host(served: object, acme: Founded, globex: Founded, pattern: str, layer: str) -> None:
    forged = written(pattern, globex)
    status, text = ask(getattr(served, layer), "GET /login HTTP/1.1", f"Host: {acme.host}", forged)
    assert status in (200, 400)
    assert "<h1>Globex</h1>" not in text
    assert ("<h1>Acme</h1>" in text) == (status == 200)


@pytest.mark.parametrize("layer", ["port", "gunicorn"])
@pytest.mark.parametrize("pattern", SAME)
def test_a_workspace_has_one_host_in_few_spellings(served: object, acme: Founded, pattern: str, layer: str) -> None:
    status, text = ask(getattr(served, layer), "GET /login HTTP/1.1", f"Host: {written(pattern, acme)}")
    assert status == 200
    assert "<h1>Acme</h1>" in text


def test_a_target_that_names_another_host_is_refused_or_counts_for_nothing(
    served: object, acme: Founded, globex: Founded
) -> None:
    target = f"GET http://{globex.host}/login HTTP/1.1"
    assert ask(served.port, target, f"Host: {acme.host}")[0] == 400  # type: ignore[attr-defined]
    assert "<h1>Globex</h1>" not in ask(served.gunicorn, target, f"Host: {acme.host}")[1]  # type: ignore[attr-defined]


def test_answers_name_no_host_that_the_request_only_claims(served: object, acme: Founded) -> None:
    lines = ("GET /notes HTTP/1.1", f"Host: {acme.host}", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: ftp")
    status, text = ask(served.port, *lines)  # type: ignore[attr-defined]
    assert status == 303
    assert "evil.example" not in text
    assert "ftp:" not in text


@pytest.mark.parametrize("host", ["\u212aelvin.localhost", "a.localhost\u3002", "\uff41.localhost"])
def test_the_load_balancer_folds_no_character_into_a_name(host: str) -> None:
    assert names.host_name(host) == ""
