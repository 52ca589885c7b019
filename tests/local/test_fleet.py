"""What environments go through when two things happen at once, or the worst at the worst moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ebcd_local import options, setting_keys
from ebcd_local.balancer import LoadBalancer
from ebcd_local.balancer.traffic import Traffic
from ebcd_local.database import Databases
from ebcd_local.faults import Faults
from ebcd_local.fleet import Fleet
from ebcd_local.fleet.scaling import Load
from ebcd_local.fleet.site import Site
from ebcd_local.fleet.upkeep import tend
from ebcd_local.health import Health
from ebcd_local.health_sample import HealthSample
from ebcd_local.keys import Key
from ebcd_local.log_stream import LogStreams
from ebcd_local.monitor import Monitor
from ebcd_local.own_clients import OwnClients
from ebcd_local.records import Environment, InstanceRecord
from ebcd_local.stacks import Stacks
from ebcd_local.state import State, now
from ebcd_local.worker.queues import Queues

CLIENTS = OwnClients(Key("unused"), str)
"""Of a server that is not there."""


class Slow(State):
    """A state that can be read slowly."""

    pause: Callable[[], None] | None = None
    """What happens between reading the routes and telling them, once."""

    def routes(self) -> dict[str, str]:
        found, pause = super().routes(), self.pause
        self.pause = None
        if pause:
            pause()
        return found


class Balancer(LoadBalancer):
    """A load balancer that tells what it was told."""

    routes: Mapping[str, str] = {}
    upstreams: Mapping[str, int] = {}
    pause: Callable[[], None] | None = None
    """What happens before upstreams are taken, once."""

    def set_routes(self, routes: Mapping[str, str]) -> None:
        self.routes = routes

    def set_upstreams(
        self, environment_id: str, upstreams: Mapping[str, int], weights: Mapping[str, int] | None = None
    ) -> None:
        pause, self.pause = self.pause, None
        if pause:
            pause()
        self.upstreams = upstreams


@pytest.fixture
def balancer() -> Iterator[Balancer]:
    made = Balancer()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Slow]:
    made = Slow(tmp_path / "state.db")
    one = Environment("r", "e-1", "one", "shop", "v1", "live", "Ready", "Green", "Ok", "arn", "", now(), now())
    made.save(one)
    made.save(replace(one, id="e-2", name="two", cname="spare"))
    yield made
    made.close()


@pytest.fixture
def fleet(tmp_path: Path, state: Slow, balancer: Balancer) -> Fleet:
    def none(bucket: str, key: str, path: Path) -> None:
        raise AssertionError("nothing is fetched")

    databases, stacks = Databases(tmp_path / "postgres"), Stacks(CLIENTS)
    queues = Queues(CLIENTS)
    return Fleet(Site(state, balancer, tmp_path, none, lambda *_: False, Faults(), stacks, databases, queues))


def during(work: Callable[[], object], seconds: float = 0.5) -> Callable[[], None]:
    """Does something in another thread, and waits for it as long as it may: it may have to wait for a lock."""

    def pause() -> None:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(seconds)

    return pause


def test_routes_that_were_read_before_a_swap_are_not_told_behind_it(
    fleet: Fleet, state: Slow, balancer: Balancer
) -> None:
    ended = threading.Event()

    def swap() -> None:
        state.swap("r/e-1", "r/e-2", fleet.publish)
        ended.set()

    state.pause = during(swap)
    fleet.publish()
    assert ended.wait(5)
    assert balancer.routes == state.routes() == {"live": "e-2", "spare": "e-1"}


def test_a_member_that_leaves_while_health_is_told_does_not_come_back(fleet: Fleet, balancer: Balancer) -> None:
    group, ended = fleet.group("r/e-1"), threading.Event()
    member = group._member("i-1", "v1", registered=True)
    group._members["i-1"] = member

    def leave() -> None:
        member.registered = False
        group.route()
        ended.set()

    balancer.pause = during(leave)
    group.route({"i-1"})
    assert ended.wait(5)
    assert balancer.upstreams == {}


@pytest.mark.parametrize("fails", [False, True])
def test_a_mark_to_abort_ends_with_the_operation_that_it_is_for(fleet: Fleet, state: Slow, fails: bool) -> None:
    group, began = fleet.group("r/e-1"), threading.Event()

    def work(key: str, _: str) -> None:
        with state.lock:
            state.change(key, status="Aborting")
            fleet.abort(key)
        began.set()
        if fails:
            raise RuntimeError("a defect")
        state.change(key, status="Ready")

    fleet.begin(work, "r/e-1", "")
    assert began.wait(5)
    assert group.lock.acquire(timeout=5)
    group.lock.release()
    group.check_abort()
    assert state.environments["r/e-1"].status == "Ready"


def test_a_swap_brings_no_environment_back_that_is_terminated_meanwhile(fleet: Fleet, state: Slow) -> None:
    for key in ("r/e-1", "r/e-2"):
        state.change(key, status="Updating", operation="swap")
    swap = threading.Thread(target=fleet.swap, args=("r/e-1", "r/e-2", ""))
    swap.start()
    state.change("r/e-2", status="Terminating", operation="terminate")  # as DeleteApplication does by force
    swap.join(5)
    found = {item.id: (item.cname, item.status, item.operation) for item in state.environments.values()}
    assert found == {"e-1": ("live", "Ready", ""), "e-2": ("spare", "Terminating", "terminate")}


def test_a_look_that_began_before_a_termination_says_nothing_behind_it(fleet: Fleet, state: Slow) -> None:
    gone = state.change("r/e-1", status="Terminated", health="Grey", health_status="")
    monitor = Monitor(fleet, LogStreams(CLIENTS))
    monitor._report("r/e-1", HealthSample(now(), Health("Red", "Severe", ("gone",)), Traffic.of([], 10.0), {}))
    assert monitor.sample("r/e-1") is None
    assert state.environments["r/e-1"] == gone


def test_nothing_is_launched_in_the_place_of_instances_that_are_being_brought_back(fleet: Fleet, state: Slow) -> None:
    group, monitor = fleet.group("r/e-1"), Monitor(fleet, LogStreams(CLIENTS))
    recorded = InstanceRecord(1, "v1", 1, "Deployed", now(), now())
    state.change("r/e-1", instances={"i-1": recorded})
    monitor._look("r/e-1", 1.0)
    assert state.environments["r/e-1"].instances == {"i-1": recorded}
    assert group.backoff.failures == 0
    state.change("r/e-1", instances={})
    for _ in range(2):
        monitor._look("r/e-1", 1.0)
    assert group.backoff.failures == 1, "there is no bundle; it is tried again later, and not with each look"
    assert group.members == []
    assert state.environments["r/e-1"].causes == ["The source bundle is not in S3."]


class Counting(Fleet):
    """A fleet that notes how many instances there are to be, and launches none."""

    def fit(self, key: str, request_id: str, wanted: int) -> None:
        self.wanted = [*getattr(self, "wanted", []), wanted]


def test_scheduled_actions_are_carried_out_at_their_time_once(fleet: Fleet, state: Slow) -> None:
    moments = iter(
        datetime.fromisoformat(f"2026-11-30T{text}Z")
        for text in ("05:59:00", "06:00:02", "06:00:04", "18:30:00", "18:30:02")
    )
    counting = Counting(replace(fleet.site, clock=lambda: next(moments)))
    actions = {
        "Morning": {"MinSize": "3", "MaxSize": "6", "Recurrence": "0 6 * * *"},
        "Noon": {"DesiredCapacity": "5", "Recurrence": "0 12 * * *"},
        "Evening": {"MinSize": "0", "MaxSize": "1", "DesiredCapacity": "0", "StartTime": "2026-11-30T18:30:00Z"},
        "Never": {"MaxSize": "9", "Recurrence": "* * * * *", "Suspend": "true"},
    }
    stored = {
        setting_keys.key(setting_keys.SCHEDULED, name, action): value
        for action, settings in actions.items()
        for name, value in settings.items()
    }
    state.change("r/e-1", options=stored)
    seen = []
    for _ in range(5):
        tend(counting, "r/e-1", Load(0.0, 0, 0, None, 0.0))
        seen.append((counting.wanted[-1], state.environments["r/e-1"].group_sizes))
    morning, evening = {"MinSize": 3, "MaxSize": 6}, {"MinSize": 0, "MaxSize": 1}
    assert seen == [(1, {}), (3, morning), (3, morning), (0, evening), (0, evening)]
    assert counting.wanted == [1, 3, 3, 3, 5, 0, 0, 0], "noon's came late, and before the evening's"
    assert options.sizes(counting.effective(state.environments["r/e-1"])) == (1, 4), "the settings stay"
