"""What may be a workspace's address."""

import pytest

from aespo import slugs


@pytest.mark.parametrize("text", ["acme", "acme-2", "a1b", "x" * 40, "my-own-team"])
def test_a_slug(text: str) -> None:
    assert slugs.check(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ab", "3 to 40"),
        ("x" * 41, "3 to 40"),
        ("", "3 to 40"),
        ("Acme", "small letters"),
        ("-acme", "small letters"),
        ("acme-", "small letters"),
        ("ac_me", "small letters"),
        ("ac.me", "small letters"),
        ("acme\n", "small letters"),
        ("äcme", "small letters"),
        ("\u212aelvin", "small letters"),
        ("acme'; DROP TABLE notes; --", "small letters"),
        ("xn--acme", "two hyphens"),
        ("www", "reserved"),
        ("api", "reserved"),
        ("admin", "reserved"),
        ("nobody", "reserved"),
    ],
)
def test_no_slug(text: str, why: str) -> None:
    with pytest.raises(slugs.InvalidSlug, match=why):
        slugs.check(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("Wayne & Sons", "wayne-sons"),
        ("  Ünïcode GmbH ", "unicode-gmbh"),
        ("☃", ""),
        ("a" * 60, "a" * 40),
    ],
)
def test_a_name_suggests_a_slug(name: str, slug: str) -> None:
    assert slugs.suggest(name) == slug
