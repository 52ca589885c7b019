"""A rollback names a recorded release and never toggles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import NOW, environment, record, snapshot

from ebcd.errors import NothingToRollBack, Refused
from ebcd.release.plan.promotion import Capacity
from ebcd.release.plan.rollback import announcement, rollback_target
from ebcd.release.state.release import Outcome

ONE = record(1, live_since=300, left=100)
TWO = record(2, live_since=100, from_=1)


def test_it_returns_to_what_was_live_before() -> None:
    found = rollback_target(snapshot(environment(1), environment(2, live=True), releases=(TWO, ONE)))
    assert (found.target, found.replaces, found.already) == (ONE, TWO, False)


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


def test_an_environment_that_is_gone_can_be_deployed_again() -> None:
    found = rollback_target(snapshot(environment(2, live=True), releases=(TWO, ONE)))
    assert (found.target, found.gone, found.already) == (ONE, True, False)


def test_a_second_rollback_after_a_redeployment_finds_it_live_already() -> None:
    again = record(3, from_=2, version_label="v1", restores="r1", restored=NOW)
    releases = (again, record(2, Outcome.ROLLED_BACK, live_since=100, left=10, from_=1), ONE)
    found = rollback_target(snapshot(environment(2), environment(3, live=True), releases=releases))
    assert (found.target.release, found.replaces.release, found.already) == ("r3", "r2", True)


def test_a_redeployment_that_died_right_after_its_swap_is_not_rolled_back_to_what_it_left() -> None:
    again = record(3, Outcome.RUNNING, from_=2, version_label="v1", restores="r1")
    assert rollback_target(snapshot(environment(2), environment(3, live=True), releases=(again, TWO, ONE))).already


def test_it_stays_where_a_rollback_has_been_when_what_was_left_is_out_of_sight() -> None:
    back = record(1, live_since=300, from_=7, restored=NOW)
    assert rollback_target(snapshot(environment(1, live=True), releases=(back,))).already


def test_a_rollback_tells_from_where_to_where_and_what_it_does_not_undo() -> None:
    seen = snapshot(environment(1), environment(2, live=True), releases=(TWO, ONE))
    told = announcement(seen, rollback_target(seen), Capacity(2, 1))
    assert told[0] == "From r2 (v2, live for 1 minute) to r1 (v1, left live 1 minute ago)."
    assert told[1] == "shop-prod-r1 is Ready, Green Ok, with 1 instance; live has 2."
    assert "migrations" in told[2]
    assert "60 s" in told[3]


def test_a_rollback_tells_how_long_a_version_takes_that_must_be_deployed_again() -> None:
    seen = snapshot(environment(2, live=True), releases=(replace(TWO, ready_seconds=240.0), ONE))
    told = announcement(seen, rollback_target(seen), Capacity(2, 0))
    assert told[1].startswith("shop-prod-r1 is gone")
    assert "about 240 s" in told[1]


def test_what_is_live_and_in_no_record_is_refused() -> None:
    stranger = environment(9, live=True, name="shop-handmade")
    with pytest.raises(Refused) as refusal:
        rollback_target(snapshot(environment(1), environment(2), stranger, releases=(TWO, ONE)))
    assert refusal.value.code == "unexpected-live"
    assert "shop-handmade" in refusal.value.why
