"""A fault that could never strike is refused, with what was probably meant."""

from __future__ import annotations

import argparse

import pytest

from ebcd_local.fault_command import _FAULTS, _kind, text
from ebcd_local.fault_places import nearest, operations, wrong_place
from ebcd_local.faults import Kind


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Kind.THROTTLE, "DescribeEnvironments"),
        (Kind.THROTTLE, "*"),
        (Kind.THROTTLE, "s3:*"),
        (Kind.LOST, "s3:PutObject"),
        (Kind.ERROR, "Describe*"),
        (Kind.LAG, "DescribeEvents"),
        (Kind.LAG, "*"),
        (Kind.ERROR, "monitoring:ListMetrics"),
        (Kind.LAUNCH, "an-environment-that-comes-later"),
        (Kind.DISK, "any"),
    ],
)
def test_a_place_that_there_may_be(kind: Kind, place: str) -> None:
    assert wrong_place(kind, place) == ""


@pytest.mark.parametrize(
    ("kind", "place", "meant"),
    [
        (Kind.THROTTLE, "DescribeEnviroments", "DescribeEnvironments"),
        (Kind.THROTTLE, "describeenvironments", "DescribeEnvironments"),
        (Kind.LOST, "s3:PutObjct", "s3:PutObject"),
        (Kind.LAG, "DescribeEvent", "DescribeEvents"),
        (Kind.LAG, "s3:GetObject", ""),
        (Kind.CUT, "shop-local-r7", ""),
    ],
)
def test_a_place_that_there_is_not(kind: Kind, place: str, meant: str) -> None:
    why = wrong_place(kind, place)
    assert place in why
    assert (f"Did you mean {meant}?" in why) is bool(meant)


def test_every_kind_is_explained_and_named_as_it_is_typed() -> None:
    for kind in Kind:
        if kind is not Kind.DENIED:
            assert _kind(str(kind)) == kind.value
            assert f"  {kind.value} " in _FAULTS
    with pytest.raises(argparse.ArgumentTypeError, match="Did you mean throttle") as error:
        _kind("trottle")
    assert "<Kind" not in str(error.value)


def test_the_help_fits_a_terminal_of_eighty_columns() -> None:
    assert max(len(line) for line in _FAULTS.splitlines()) <= 79


def test_an_environment_that_is_to_come_is_said_to_be() -> None:
    assert "no environment shop-x yet" in text({"id": "fault-1", "awaits": "shop-x"})
    assert text({"id": "fault-1"}) == "fault-1 is set."


def test_names_are_found_in_any_letters() -> None:
    assert nearest("PUTOBJECT", ["PutObject"]) == "PutObject"
    assert nearest("xyz", ["PutObject"]) == ""
    assert "s3:PutObject" in operations()
