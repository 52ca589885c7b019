"""The lock: one holder, a lease, and no clock but S3's."""

from __future__ import annotations

import pytest
from memory import MemoryClock, MemoryStorage

from ebcd.errors import LockHeld, LockLost, OutcomeUnknown
from ebcd.release.store.lease import LEASE, RENEWAL
from ebcd.release.store.lock import Lock, Preemption

KEY = "ebcd/shop/prod/lock.json"


@pytest.fixture
def clock() -> MemoryClock:
    return MemoryClock()


@pytest.fixture
def storage(clock: MemoryClock) -> MemoryStorage:
    return MemoryStorage(clock)


def make(storage: MemoryStorage) -> Lock:
    return Lock(storage, "shop", "prod", storage.clock)  # type: ignore[arg-type]


def hold(lock: Lock, owner: str = "ada", wait: float = 0.0):  # type: ignore[no-untyped-def]
    return lock.held(owner=owner, host="desk", message="ship abc", wait=wait)


def test_it_is_held_for_the_block_and_given_back(storage: MemoryStorage) -> None:
    lock = make(storage)
    with hold(lock):
        state = lock.state()
        assert state is not None
        assert (state.owner, state.host, state.message) == ("ada", "desk", "ship abc")
    assert lock.state() is None
    assert storage.objects == {}


def test_a_second_holder_is_told_who_holds_it(storage: MemoryStorage) -> None:
    with hold(make(storage)), pytest.raises(LockHeld) as error, hold(make(storage), "grace"):
        raise AssertionError("two holders")
    assert "ada on desk" in error.value.why
    assert error.value.exit_code == 4
    assert "--wait-lock" in error.value.hint


def test_waiting_has_a_deadline(storage: MemoryStorage, clock: MemoryClock) -> None:
    with hold(make(storage)), pytest.raises(LockHeld), hold(make(storage), "grace", wait=30.0):
        raise AssertionError("two holders")
    assert 29 <= clock.seconds <= 31


def test_a_dead_holder_s_lease_runs_out(storage: MemoryStorage, clock: MemoryClock) -> None:
    dead = hold(make(storage))
    dead.__enter__()
    with hold(make(storage), "grace", wait=LEASE + 10):
        assert clock.seconds > LEASE
        state = make(storage).state()
        assert state is not None
        assert state.owner == "grace"


def test_a_holder_that_renews_keeps_it(storage: MemoryStorage, clock: MemoryClock) -> None:
    with hold(make(storage)) as lease:
        for _ in range(20):
            clock.seconds += RENEWAL
            lease.renew_if_due()
        assert clock.seconds > LEASE
        with pytest.raises(LockHeld), hold(make(storage), "grace"):
            raise AssertionError("two holders")


def test_a_renewal_that_is_not_due_writes_nothing(storage: MemoryStorage, clock: MemoryClock) -> None:
    with hold(make(storage)) as lease:
        before = storage.objects[KEY][1]
        clock.seconds += RENEWAL - 1
        lease.renew_if_due()
        assert storage.objects[KEY][1] == before


def test_a_broken_lock_stops_its_holder_before_its_next_change(storage: MemoryStorage) -> None:
    with hold(make(storage)) as lease:
        broken = make(storage).break_()
        assert broken is not None
        assert broken.owner == "ada"
        with pytest.raises(OutcomeUnknown) as error:
            lease.assert_held()
        assert error.value.code == "lock-lost"


def test_only_a_lost_lock_keeps_a_run_from_telling_how_it_ended(storage: MemoryStorage) -> None:
    lock = make(storage)
    with hold(lock) as lease:
        assert lease.is_held()
        lock.ask_to_stop("grace", "a rollback")
        assert lease.is_held(), "asked to stop, it still has it"
        lease.assert_ours()
        lock.break_()
        assert not lease.is_held()
        with pytest.raises(LockLost):
            lease.assert_ours()


def test_a_lock_that_another_run_took_is_not_given_back_by_its_former_holder(storage: MemoryStorage) -> None:
    with hold(make(storage)):
        make(storage).break_()
        other = hold(make(storage), "grace")
        other.__enter__()
    state = make(storage).state()
    assert state is not None
    assert state.owner == "grace"


def test_it_is_given_back_when_the_block_fails(storage: MemoryStorage) -> None:
    with pytest.raises(ZeroDivisionError), hold(make(storage)):
        raise ZeroDivisionError
    assert storage.objects == {}


def test_breaking_what_nobody_holds_is_no_error(storage: MemoryStorage) -> None:
    assert make(storage).break_() is None


def test_it_is_given_back_though_somebody_asked_its_holder_to_stop_just_before(storage: MemoryStorage) -> None:
    with hold(make(storage)):
        make(storage).ask_to_stop("grace", "a rollback")
    assert storage.objects == {}


def test_an_earlier_renewal_without_an_answer_is_no_other_holder_s(storage: MemoryStorage, clock: MemoryClock) -> None:
    with hold(make(storage)) as lease:
        body, etag, _ = storage.objects[KEY]
        storage.replace(KEY, body.replace(b"}", b" }"), etag)  # it took effect, and this run does not know
        lease.assert_held()
        clock.seconds += RENEWAL
        lease.renew_if_due()
        state = make(storage).state()
        assert state is not None
        assert state.owner == "ada"


def test_a_machine_that_slept_renews_before_its_next_change(storage: MemoryStorage, clock: MemoryClock) -> None:
    with hold(make(storage)) as lease:
        slept = LEASE + 10
        clock.asleep += slept  # its monotonic clock stood still
        other = hold(make(storage), "grace")
        other.__enter__()
        with pytest.raises(LockLost):
            lease.renew_if_due()


def test_only_a_run_that_yields_is_overtaken(storage: MemoryStorage) -> None:
    told: list[str] = []
    preemption = Preemption("a rollback", told.append)
    rollback = {"owner": "grace", "host": "desk", "message": "rollback", "wait": 0.0, "preemption": preemption}
    with make(storage).held(owner="ada", host="desk", message="swap to r2", wait=0.0, preemptible=True) as lease:
        with make(storage).held(**rollback):  # type: ignore[arg-type]
            assert not lease.is_held()
        assert "Asked ada on desk to stop: swap to r2." in told
    with hold(make(storage)), pytest.raises(LockHeld), make(storage).held(**rollback):  # type: ignore[arg-type]
        raise AssertionError("two holders")
