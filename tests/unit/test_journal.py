"""The ledger: numbers are given once, records come back as they were, secrets stay out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from memory import MemoryClock, MemoryStorage
from stages import NOW, STAGE, record

from ebcd.errors import OutcomeUnknown
from ebcd.model import OptionSetting, Stage
from ebcd.release.state.names import environment_name, release_number
from ebcd.release.state.release import Outcome, handed_over, verification
from ebcd.release.store.ledger import Ledger


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage(MemoryClock())


@pytest.fixture
def ledger(storage: MemoryStorage) -> Ledger:
    return Ledger(storage, "shop", "prod")  # type: ignore[arg-type]


def named(number: int) -> str:
    return environment_name("shop", "prod", number)


def test_a_record_comes_back_as_it_was(ledger: Ledger) -> None:
    stored = ledger.allocate(record(1, live_since=10, from_=3), named)
    assert ledger.read(1) == stored
    assert ledger.read(2) is None


def test_records_of_other_versions_of_ebcd_are_read(ledger: Ledger, storage: MemoryStorage) -> None:
    stored = ledger.allocate(record(1, image_id="ami-1", image_ids=("ami-1", "ami-2")), named)
    assert ledger.read(1) == stored
    key = "ebcd/shop/prod/releases/000001.json"
    content = json.loads(storage.objects[key][0])
    del content["image_ids"]
    storage._write(key, json.dumps(content | {"of_a_later_version": {"a": 1}}).encode())
    found = ledger.read(1)
    assert found is not None
    assert (found.image_id, found.image_ids, found.outcome) == ("ami-1", (), Outcome.LIVE)


def test_a_number_that_is_taken_is_never_given_again(ledger: Ledger) -> None:
    ledger.allocate(record(1), named)
    second = ledger.allocate(record(1, version_label="other"), named)
    assert (second.number, second.environment, second.release) == (2, "shop-prod-r2", "r2")
    assert ledger.numbers() == [1, 2]
    assert (ledger.numbers(after=1), ledger.numbers(after=2), ledger.numbers(after=-3)) == ([2], [], [1, 2])


def test_entries_are_not_records_and_come_in_order(ledger: Ledger) -> None:
    one = ledger.allocate(record(1), named)
    for second, name in enumerate(("SwapCnames-intent", "SwapCnames-result")):
        ledger.entry(one, name, {"text": "swap"}, NOW.replace(second=second))
    assert ledger.numbers() == [1]
    assert [item["entry"] for item in ledger.entries(1)] == ["SwapCnames-intent", "SwapCnames-result"]


def test_a_record_that_another_run_changed_is_not_written_over(ledger: Ledger) -> None:
    mine = ledger.allocate(record(1), named)
    ledger.update(replace(mine, outcome=Outcome.FAILED))
    with pytest.raises(OutcomeUnknown) as error:
        ledger.update(replace(mine, outcome=Outcome.LIVE))
    assert error.value.code == "record-changed"


def test_no_option_s_value_is_recorded(ledger: Ledger, storage: MemoryStorage) -> None:
    secret = OptionSetting("aws:elasticbeanstalk:application:environment", "PASSWORD", "hunter2")
    ledger.allocate(record(1, stage=replace(STAGE, options=(secret,))), named)
    (stored,) = storage.objects.values()
    assert b"hunter2" not in stored[0]
    assert json.loads(stored[0])["schema"] == 1


def test_a_record_completes_a_stage_of_which_only_the_names_are_known() -> None:
    bare = Stage("prod", "shop", "eu-central-1", "")
    completed = record(1).completed(bare)
    assert (completed.cname, completed.smoke, completed.proof) == ("shop", STAGE.smoke, STAGE.proof)
    assert verification(completed) == verification(STAGE)


def test_the_release_that_is_returned_to_keeps_the_time_when_it_first_went_live() -> None:
    one, two = record(1, live_since=300, left=100), record(2, live_since=100)
    back, left = handed_over(one, two, NOW, restored=True)
    assert (back.live_since, back.restored, back.left_live, back.live_at) == (one.live_since, NOW, None, NOW)
    assert left is not None
    assert left.left_live == NOW


@pytest.mark.parametrize(
    ("name", "number"),
    [("shop-prod-r12", 12), ("shop-prod-r", None), ("shop-prod-rx", None), ("shop-staging-r1", None), ("shop", None)],
)
def test_a_name_tells_its_release(name: str, number: int | None) -> None:
    assert release_number("shop", "prod", name) == number
