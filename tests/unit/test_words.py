"""Texts that every part of ebcd may tell."""

from __future__ import annotations

from ebcd import words


def test_a_command_that_is_told_names_application_and_stage() -> None:
    assert words.flags("shop", "production") == "-a shop -s production"


def test_it_can_be_pasted_into_a_shell_whatever_the_application_is_called() -> None:
    assert words.flags("my shop", "prod") == "-a 'my shop' -s prod"
