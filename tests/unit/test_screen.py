"""Whether a browser has somewhere to show itself."""

from __future__ import annotations

import pytest

from ebcd.cli.browser import browse, has_screen


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "w3m"}, True),
        ("darwin", {}, True),
    ],
)
def test_a_screen(platform: str, environ: dict[str, str], expected: bool) -> None:
    assert has_screen(environ, platform) is expected


def test_without_one_nothing_is_opened() -> None:
    assert browse("http://shop.example.com", {}, "linux") is False
