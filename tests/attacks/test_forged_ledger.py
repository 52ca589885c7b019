"""The ledger is not believed: instances can write the bucket, so whatever lies in it may be damaged or forged."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from typing import Any

import pytest
from forged_ledger import FORGED, HOLD, LOCK, ONE, OWN, SECRETS, STRANGERS, TWO, Forged, deadline, mutate
from stages import STAGE, record

from ebcd.cli import inspect
from ebcd.cli.plain_console import PlainConsole
from ebcd.errors import EbcdError, ExitCode, LockHeld, Refused
from ebcd.model import ApplicationVersion, CommandLine, Tenants
from ebcd.release.commands import prune, swap
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.store.ledger import HIGHEST
from ebcd.release.store.lock import Preemption
from ebcd.release.store.observe import observe
from ebcd.release.store.previews import Preview, Previews
from ebcd.report import status

LOCKED, HELD = "ebcd/shop/prod/lock.json", "ebcd/shop/prod/hold.json"
ROLLBACK = swap.SwapOptions(rollback=True)
SIDES = ("live", "candidate", "previous")


@pytest.fixture
def forged() -> Forged:
    return Forged()


def named(told: dict[str, Any]) -> set[str]:
    """The environments that a status names as the stage's."""
    return {told[side]["environment"] for side in SIDES if told[side]}


def judge(forged: Forged, *, declared: bool) -> dict[str, Any] | None:
    """What `status` tells, and `swap --rollback --plan` plans: each an answer or a refusal, of the stage's own."""
    told: dict[str, Any] | None = None
    codes: list[ExitCode] = []
    with deadline():
        try:
            told = inspect._status(forged.session(declared=declared))
            PlainConsole(file=io.StringIO(), highlight=False, soft_wrap=True).print(status.text(told))
            json.dumps(told)
            assert all(OWN.fullmatch(name) for name in named(told))
        except EbcdError as error:
            codes.append(error.exit_code)
        session = forged.session(declared=declared)
        run = forged.run(session)
        try:
            swap.plan(run, session.services, ROLLBACK)
        except EbcdError as error:
            codes.append(error.exit_code)
        assert ExitCode.DEFECT not in codes
        assert not any(name in repr(item.step) for item in run.results for name in STRANGERS)
    assert not any(secret in repr(forged.prober.sent) for secret in SECRETS.values())
    return told


def attack(seed: int, trials: int) -> None:
    forged = Forged()
    whole, chance = dict(forged.objects), random.Random(seed)
    entries = sorted(key for key in whole if "/releases/0000" in key and key not in {ONE, TWO})
    for trial in range(trials):
        forged.objects = dict(whole)
        for _ in range(chance.randint(1, 2)):
            key = chance.choice((ONE, ONE, TWO, TWO, LOCKED, HELD, chance.choice(entries)))
            forged.add(key, mutate(chance, whole[key][0]))
        if chance.random() < 0.1:
            name = chance.choice(("999999", "1000000", "-1", "000000", "x", "9" * 900, "00٣003", "000003"))
            forged.add(f"ebcd/shop/prod/releases/{name}.json", whole[TWO][0])
        try:
            judge(forged, declared=bool(trial % 2))
        except BaseException as error:
            changed = {key: body[0][:2000] for key, body in forged.objects.items() if whole.get(key) != body}
            error.add_note(f"seed {seed}, trial {trial}: {changed}")
            raise


@pytest.mark.parametrize("seed", range(3))
def test_damaged_and_forged_objects_end_in_an_answer_or_a_refusal(seed: int) -> None:
    attack(seed, 100)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_ten_thousand_damaged_and_forged_objects(seed: int) -> None:
    attack(seed, 1000)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("name", sorted(FORGED))
def test_every_forged_value_of_a_record_ends_in_an_answer_or_a_refusal(name: str, declared: bool) -> None:
    forged = Forged()
    whole = dict(forged.objects)
    for value in FORGED[name]:
        for key in (ONE, TWO):
            forged.objects = dict(whole)
            forged.forge(key, **{name: value})
            judge(forged, declared=declared)


@pytest.mark.parametrize("declared", [True, False])
def test_a_ledger_that_nobody_touched_is_read_as_it_was_written(forged: Forged, declared: bool) -> None:
    told = judge(forged, declared=declared)
    assert told is not None
    assert (told["live"]["release"], told["previous"]["release"]) == ("r2", "r1")
    assert (told["lock"]["owner"], told["hold"]["reason"]) == ("ada", HOLD["reason"])
    assert told["rollback"]["ready"]
    assert told["damaged"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 10_000, b'{"schema": 2}', b'{"schema": 1}', b"\xff"])
def test_a_damaged_record_is_named_and_the_rest_works(forged: Forged, body: bytes) -> None:
    forged.add(TWO, body)
    for declared in (True, False):
        told = judge(forged, declared=declared)
        assert told is not None
        assert [item["key"] for item in told["damaged"]] == [TWO]
        assert told["damaged"][0]["what"]
        assert (told["live"]["environment"], told["live"]["release"]) == ("shop-prod-r2", None)


def test_what_is_asked_for_and_cannot_be_read_is_refused_with_its_key(forged: Forged) -> None:
    forged.add(ONE, b"{")
    session = forged.session(declared=True)
    with pytest.raises(Refused) as refused:
        inspect.recorded(session, "r1")
    assert ONE in refused.value.why
    assert f"s3://{session.services.storage.bucket}/{ONE}" in refused.value.hint
    with pytest.raises(Refused):
        swap.plan(forged.run(session), session.services, swap.SwapOptions(to="r1"))


def test_a_number_whose_record_is_damaged_is_not_given_again(forged: Forged) -> None:
    forged.add("ebcd/shop/prod/releases/000007.json", b"{")
    services = forged.services()
    seen = observe(forged.world.stage, services.beanstalk, services.ledger, services.clock.now())
    assert (seen.newest, seen.next_number) == (7, 8)
    assert services.ledger.allocate(record(7), lambda number: f"shop-prod-r{number}").number == 8


def test_a_number_whose_record_is_gone_is_not_given_again_while_its_environment_stands(forged: Forged) -> None:
    for key in (ONE, TWO):
        del forged.objects[key]
    services = forged.services()
    assert observe(forged.world.stage, services.beanstalk, services.ledger, services.clock.now()).next_number == 3


def test_no_number_is_left_behind_the_highest(forged: Forged) -> None:
    forged.add(f"ebcd/shop/prod/releases/{HIGHEST}.json", b"{")
    services = forged.services()
    with pytest.raises(Refused) as refused:
        services.ledger.allocate(record(HIGHEST), lambda number: f"shop-prod-r{number}")
    assert refused.value.code == "no-number"


def test_unknown_keys_are_written_back(forged: Forged) -> None:
    forged.forge(TWO, signature={"by": "a newer ebcd"})
    services = forged.services()
    read = services.ledger.read(2)
    assert read is not None
    services.ledger.update(replace(read, reason="why not"))
    stored = json.loads(services.storage.get(TWO).body)  # type: ignore[union-attr]
    assert (stored["signature"], stored["reason"]) == ({"by": "a newer ebcd"}, "why not")
    assert "unknown" not in stored


def test_what_ebcd_writes_can_be_read_whatever_it_is_told(forged: Forged) -> None:
    services = forged.services()
    read = services.ledger.read(2)
    assert read is not None
    services.ledger.update(replace(read, reason="caf\udce9 ü …", message="x" * 100_000))
    again = services.ledger.read(2)
    assert again is not None
    assert again.reason == "caf? ü …"


def test_a_record_of_another_release_or_stage_is_passed_over(forged: Forged) -> None:
    forged.objects[TWO] = forged.objects[ONE]
    services = forged.services()
    assert services.ledger.read(2) is None
    assert "another release" in services.ledger.damaged[0].what


@pytest.mark.parametrize("name", STRANGERS)
def test_an_environment_that_is_not_the_stage_s_is_never_a_target(forged: Forged, name: str) -> None:
    forged.forge(ONE, environment=name, version_label="v9")
    for declared in (True, False):
        told = judge(forged, declared=declared)
        assert told is not None
        assert [item["key"] for item in told["damaged"]] == [ONE]
        session = forged.session(declared=declared)
        with pytest.raises(Refused) as refused:
            swap.plan(forged.run(session), session.services, swap.SwapOptions(to="r1"))
        assert refused.value.code == "damaged-record"


@pytest.mark.parametrize("cname", ["shop-staging", "shop-handmade", "nothing-there"])
def test_a_record_does_not_decide_what_is_live(forged: Forged, cname: str) -> None:
    forged.forge(TWO, cname=cname)
    told = judge(forged, declared=False)
    assert told is not None
    assert told["live"]["environment"] == "shop-prod-r2"
    forged.forge(ONE, cname=cname)
    session = forged.session(declared=False)
    with pytest.raises(Refused) as refused:
        inspect.observed(session)
    assert refused.value.code == "undeclared-live"
    assert "--config" in refused.value.hint


TENANTS = {"hosts": [], "url": "/tenants", "path": "/", "status": 200, "budget": 0, "unknown": ""}


def test_a_record_chooses_no_secret_and_no_host(forged: Forged) -> None:
    """The rollback of a stage that no ebcd.toml tells, by records that somebody forged."""
    del forged.objects[LOCKED]
    for key in (ONE, TWO):
        forged.forge(key, url="http://evil.example.com", tenants=TENANTS | {"token_env": "AWS_SECRET_ACCESS_KEY"})
    forged.prober.answers = lambda path: b"000000000001"
    session = forged.session(declared=False)
    run = forged.run(session)
    swap.swap(run, session.services, ROLLBACK)
    addresses = {address.partition(":")[0] for address, *_ in forged.prober.sent}
    own = {item.cname for item in forged.world.beanstalk.known} | {
        item.endpoint_url for item in forged.world.beanstalk.known
    }
    assert addresses
    assert addresses <= own
    assert not any(secret in repr(forged.prober.sent) for secret in SECRETS.values())
    assert not any(path == "/tenants" for _, _, path, _ in forged.prober.sent)
    assert run.after is not None
    assert "tenant gate" in run.after.stage.omitted


def test_a_tenant_gate_without_a_token_is_known_from_records() -> None:
    stage = replace(STAGE, tenants=Tenants(hosts=("acme.example.com",)))
    completed = record(1, stage=stage).completed(replace(STAGE, cname=""))
    assert (completed.tenants, completed.omitted) == (stage.tenants, "")


@pytest.mark.parametrize(
    "change",
    [{"lease_seconds": 1e300}, {"lease_seconds": -1}, {"since": "x"}, {"schema": 2}, {"token": 7}, {"yields": "yes"}],
)
def test_a_lock_that_cannot_be_read_is_held_until_a_person_breaks_it(forged: Forged, change: dict[str, Any]) -> None:
    forged.add(LOCKED, LOCK | change)
    services = forged.services()
    forged.world.clock.seconds += 10_000
    state = services.lock.state()
    assert state is not None
    assert state.unreadable
    overtake = Preemption("a rollback", lambda _: None)
    with (
        pytest.raises(LockHeld) as held,
        services.lock.held(owner="a", host="b", message="c", wait=0.0, preemption=overtake),
    ):
        pytest.fail("it was taken")
    assert LOCKED in held.value.why
    assert "ebcd lock --break" in held.value.hint
    with pytest.raises(LockHeld):
        services.lock.ask_to_stop("ada", "ebcd abort")
    assert services.lock.break_() == state
    assert services.lock.state() is None


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[" * 10_000, b"x" * 2_000_000])
def test_a_hold_that_cannot_be_read_holds(forged: Forged, body: bytes) -> None:
    forged.add(HELD, body)
    services = forged.services()
    with pytest.raises(Refused) as refused:
        services.hold.refuse()
    assert HELD in refused.value.why
    assert "ebcd unhold" in refused.value.hint
    assert services.hold.release() is not None
    assert services.hold.state() is None


PREVIEW = {
    "schema": 1,
    "stage": "preview-x",
    "branch": "x",
    "base": "prod",
    "environment": "shop-preview-x",
    "cname": "shop-x",
    "release": "r1",
    "version_label": "v1",
    "sha": "",
    "by": "ada",
    "since": "2026-01-02T00:00:00+00:00",
    "expires": "2026-01-03T00:00:00+00:00",
    "ttl": 3600.0,
}
PREVIEWED = "ebcd/shop/previews/preview-x.json"


def test_a_preview_is_read_and_its_unknown_keys_are_written_back(forged: Forged) -> None:
    forged.add(PREVIEWED, PREVIEW | {"label": "new"})
    storage = forged.services().storage
    previews = Previews(storage, "shop", CommandLine("shop", "preview"))
    found = previews.read("preview-x")
    assert isinstance(found, Preview)
    previews.keep(replace(found, ttl=60.0))
    assert json.loads(storage.get(PREVIEWED).body)["label"] == "new"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change", [{"environment": "shop-prod-r2"}, {"stage": "preview-y"}, {"ttl": 1e300}, {"branch": None}, {"schema": 9}]
)
def test_a_preview_that_cannot_be_read_is_named_and_takes_nothing_down(forged: Forged, change: dict[str, Any]) -> None:
    forged.add(PREVIEWED, PREVIEW | change)
    previews = Previews(forged.services().storage, "shop", CommandLine("shop", "preview"))
    assert previews.all() == ()
    assert [item.key for item in previews.damaged] == [PREVIEWED]
    with pytest.raises(Refused, match="cannot be read"):
        previews.read("preview-x")


def test_prune_keeps_what_a_damaged_record_may_need(forged: Forged) -> None:
    services = forged.services()
    seen = observe(forged.world.stage, services.beanstalk, services.ledger, services.clock.now())
    old = ApplicationVersion("old", "Processed", services.storage.bucket, "ebcd/shop/bundles/old.zip")
    new = replace(old, label="new", key="ebcd/shop/bundles/new.zip", created=seen.taken)
    bucket = services.storage.bucket
    whole = prune.prunable([seen], [old, new], bucket, 0)
    assert {step.label for step in whole} == {"old", "new"}
    forged.add(TWO, b"{")
    services = forged.services()
    seen = observe(forged.world.stage, services.beanstalk, services.ledger, services.clock.now())
    assert [step.label for step in prune.prunable([seen], [old, new], bucket, 0)] == ["old"]
    assert prune.orphaned([seen], [], [("ebcd/shop/bundles/x.zip", old.created)]) == ()


def test_a_damaged_entry_is_passed_over(forged: Forged) -> None:
    services = forged.services()
    known = services.ledger.read(2)
    assert isinstance(known, ReleaseRecord)
    count = len(services.ledger.entries(2))
    services.storage.create("ebcd/shop/prod/releases/000002/0-x.json", b'{"schema": 1, "entry": 7}')
    assert len(services.ledger.entries(2)) == count
    assert [item.key for item in services.ledger.damaged] == ["ebcd/shop/prod/releases/000002/0-x.json"]


def test_a_ship_goes_on_over_a_damaged_record(forged: Forged) -> None:
    del forged.objects[LOCKED], forged.objects[HELD]
    forged.add(TWO, b"{")
    forged.services()
    forged.world.ship()
    release = forged.world.run.release
    assert release is not None
    assert (release.number, release.outcome) == (3, Outcome.LIVE)
    assert forged.world.storage.objects[TWO][0] == b"{"
