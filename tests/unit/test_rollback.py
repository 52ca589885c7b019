"""A rollback names a recorded release and never toggles."""

from __future__ import annotations

import pytest
from stages import environment, record, snapshot

from ebcd.errors import NothingToRollBack, Refused
from ebcd.release.journal import Outcome
from ebcd.release.rollback import rollback_target

ONE = record(1, live_since=300, left=100)
TWO = record(2, live_since=100, from_=1)


def test_it_returns_to_what_was_live_before() -> None:
    found = rollback_target(snapshot(environment(1), environment(2, live=True), releases=(TWO, ONE)))
    assert (found.target, found.leaves, found.already) == (ONE, TWO, False)


def test_a_second_one_finds_it_live_already() -> None:
    back = (record(2, Outcome.ROLLED_BACK, live_since=100, left=10, from_=1), record(1, live_since=300))
    found = rollback_target(snapshot(environment(1, live=True), environment(2), releases=back))
    assert (found.target.release, found.already) == ("r1", True)


def test_a_swap_by_hand_counts_as_a_rollback() -> None:
    assert rollback_target(snapshot(environment(1, live=True), environment(2), releases=(TWO, ONE))).already


def test_a_release_after_a_rollback_goes_back_to_what_was_live_then() -> None:
    releases = (record(3, live_since=5, from_=1), record(2, Outcome.ROLLED_BACK, live_since=100, left=50, from_=1), ONE)
    seen = snapshot(environment(1), environment(2), environment(3, live=True), releases=releases)
    assert rollback_target(seen).target.release == "r1"


def test_a_run_that_died_right_after_its_swap_can_be_rolled_back() -> None:
    died = record(2, Outcome.RUNNING, from_=1)
    found = rollback_target(snapshot(environment(1), environment(2, live=True), releases=(died, ONE)))
    assert (found.target.release, found.already) == ("r1", False)


@pytest.mark.parametrize("releases", [(), (record(1, live_since=9),)])
def test_without_an_earlier_release_there_is_nothing(releases: tuple) -> None:
    with pytest.raises(NothingToRollBack):
        rollback_target(snapshot(environment(1, live=True), releases=releases))


def test_a_release_that_was_never_proven_live_is_no_target() -> None:
    releases = (record(2, live_since=9, from_=1), record(1, Outcome.FAILED))
    with pytest.raises(NothingToRollBack):
        rollback_target(snapshot(environment(1), environment(2, live=True), releases=releases))


def test_an_environment_that_is_gone_is_told_with_a_way_out() -> None:
    with pytest.raises(NothingToRollBack) as error:
        rollback_target(snapshot(environment(2, live=True), releases=(TWO, ONE)))
    assert f"ebcd ship {ONE.sha}" in error.value.hint


def test_what_is_live_and_in_no_record_is_refused() -> None:
    stranger = environment(9, live=True, name="shop-handmade")
    with pytest.raises(Refused) as refusal:
        rollback_target(snapshot(environment(1), environment(2), stranger, releases=(TWO, ONE)))
    assert refusal.value.code == "unexpected-live"
    assert "shop-handmade" in refusal.value.why
