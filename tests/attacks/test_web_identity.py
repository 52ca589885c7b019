"""A web identity token is believed as far as it can be checked without its issuer, and no token breaks the reading."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebcd_local.access import web_identity
from ebcd_local.errors import ServiceError

NOW = 1_800_000_000.0
GOOD = {"iss": "https://token.actions.githubusercontent.com", "sub": "repo:acme/shop", "aud": "sts", "exp": NOW + 60}
ANY = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=4)


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def token(claims: object, header: object = None) -> str:
    return f"{part({'alg': 'RS256'} if header is None else header)}.{part(claims)}.c2lnbmF0dXJl"


def test_a_token_that_is_right_says_what_it_says() -> None:
    assert web_identity.claims(token(GOOD), NOW) == GOOD
    many = GOOD | {"aud": ["sts", "other"], "nbf": NOW, "iat": NOW + 299}
    assert web_identity.audiences(web_identity.claims(token(many), NOW)) == ["sts", "other"]


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no-token",
        "e30.e30.x",
        "e30.e30.",
        f"{token(GOOD)}.x",
        token(GOOD).rpartition(".")[0] + ".",
        token(GOOD).replace(".", "!."),
        token(GOOD) + "\n",
        token([GOOD]),
        token("text"),
        token(GOOD, {}),
        token(GOOD, {"alg": "none"}),
        token(GOOD, {"alg": "HS256"}),
        token(GOOD | {"padding": "x" * web_identity.LONGEST}),
        *(token({key: value for key, value in GOOD.items() if key != name}) for name in GOOD),
        token(GOOD | {"iss": "http://token.actions.githubusercontent.com"}),
        token(GOOD | {"sub": ["repo:acme/shop"]}),
        token(GOOD | {"aud": [1]}),
        token(GOOD | {"aud": []}),
        token(GOOD | {"exp": "tomorrow"}),
        token(GOOD | {"exp": True}),
        token(GOOD | {"exp": 1e300}),
        token(GOOD | {"nbf": NOW + 3600}),
        token(GOOD | {"iat": NOW + 3600}),
        part({"alg": "RS256"}) + "." + part("[" * 4000) + ".x",
    ],
)
def test_what_is_no_token_of_now_is_refused(written: str) -> None:
    with pytest.raises(ServiceError) as refused:
        web_identity.claims(written, NOW)
    assert (refused.value.code, refused.value.status) == ("InvalidIdentityToken", 400)


def test_one_that_has_expired_is_refused_as_such() -> None:
    for expires in (0, NOW - 1, NOW):
        with pytest.raises(ServiceError) as refused:
            web_identity.claims(token(GOOD | {"exp": expires}), NOW)
        assert refused.value.code == "ExpiredTokenException"


@given(st.dictionaries(st.sampled_from([*GOOD, "nbf", "iat"]), ANY), st.dictionaries(st.just("alg"), ANY), st.text())
def test_no_token_breaks_the_reading(claims: dict[str, Any], header: dict[str, Any], text: str) -> None:
    for written in (token(GOOD | claims, header), token(GOOD | claims), text, f"{text}.{text}.{text}"):
        with suppress(ServiceError):
            assert web_identity.claims(written, NOW)["iss"]
