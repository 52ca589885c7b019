"""Whatever commands and people do in whatever order: the twelve rules hold after every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
from engine import Engine, Wire
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from person import Person
from products import Cloud, Product
from world import FAULTS, PEOPLE, Harm, World

MODES = st.sampled_from(["ok"] * 6 + ["smoke-500", "turns-bad", "crash"])
NUMBERS = st.integers(0, 5)
NOTHING = st.just(Harm())
PERSON = st.builds(Harm, st.just("person"), st.integers(1, 45), st.sampled_from([*PEOPLE, "break the lock"]), NUMBERS)
FAULT = st.builds(Harm, st.just("fault"), st.integers(1, 80), st.sampled_from(sorted(FAULTS)))
KILL = st.builds(Harm, st.just("kill"), st.integers(1, 80))
INTERRUPT = st.builds(Harm, st.just("interrupt"), st.integers(0, 25))
HARM = st.one_of(NOTHING, NOTHING, NOTHING, NOTHING, PERSON, FAULT, KILL, INTERRUPT)
STEPS = 2000
"""At least, in the full run."""
KEEP = st.sampled_from([0.0, 3600.0])


class StageMachine(RuleBasedStateMachine):
    """One stage from nothing on, a step at a time."""

    make: ClassVar[Callable[[], World]]
    steps: ClassVar[Counter[str]]
    codes: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make()

    def teardown(self) -> None:
        self.codes.update(self.world.codes)
        self.world.product.remove()
        self.world.person.close()

    def _step(self, name: str) -> None:
        self.steps[name] += 1

    @initialize(releases=st.integers(0, 2))
    def begin(self, releases: int) -> None:
        for _ in range(releases):
            self.world.ship(self.world.commit("ok"), Harm())

    @rule(mode=MODES, swap=st.sampled_from([True, True, True, False]), keep=KEEP, harm=HARM)
    def ship(self, mode: str, swap: bool, keep: float, harm: Harm) -> None:
        self._step("ship")
        bake = 1.0 if mode == "turns-bad" else 0.0
        self.world.ship(self.world.commit(mode), harm, swap=swap, keep=keep, bake=bake)

    @precondition(lambda self: self.world.releases)
    @rule(number=NUMBERS, keep=KEEP, harm=HARM)
    def ship_again(self, number: int, keep: float, harm: Harm) -> None:
        self._step("ship again")
        labels = list(self.world.releases)
        self.world.ship(self.world.releases[labels[-1 - number % len(labels)]].bundle, harm, keep=keep)

    @rule(to=st.sampled_from(["", "", *(f"r{number}" for number in range(1, 7))]), harm=HARM)
    def swap(self, to: str, harm: Harm) -> None:
        self._step("swap --to" if to else "swap")
        self.world.swap(harm, to=to)

    @precondition(lambda self: self.world.releases)
    @rule(harm=HARM)
    def rollback(self, harm: Harm) -> None:
        self._step("rollback")
        self.world.rollback(harm)

    @rule(what=st.sampled_from(["retire", "retire --force", "prune"]), keep=KEEP, count=st.integers(1, 3), harm=HARM)
    def tidy(self, what: str, keep: float, count: int, harm: Harm) -> None:
        self._step(what)
        if what == "prune":
            self.world.prune(harm, count)
        else:
            self.world.retire(harm, keep, force=what.endswith("--force"))

    @rule(what=st.sampled_from(PEOPLE), number=NUMBERS)
    def person(self, what: str, number: int) -> None:
        self._step(f"somebody: {what}")
        self.world.interfere(what, number)

    @rule(what=st.sampled_from(["hold", "locked_out", "look", "look"]))
    def aside(self, what: str) -> None:
        self._step(what)
        getattr(self.world, what)()


@contextmanager
def machine(make: Callable[[], Product], cloud: Cloud, strategy: str) -> Iterator[type[StageMachine]]:
    """The machine on stages of a local Beanstalk."""
    with Wire(cloud) as wire, Wire(cloud) as another:

        class Machine(StageMachine):
            steps: ClassVar[Counter[str]] = Counter()
            codes: ClassVar[Counter[str]] = Counter()

            @staticmethod
            def make() -> World:
                product = make()
                product.choose(strategy)
                return World(product, wire, Engine(product, another), Person(product))

        yield Machine


def walk(
    make: Callable[[], Product], cloud: Cloud, stages: int, steps: int, strategy: str = "blue-green", **more: bool
) -> Counter[str]:
    """Take some stages through some steps each; how often each step was taken."""
    with machine(make, cloud, strategy) as found:
        chosen = settings(
            max_examples=stages,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
            verbosity=Verbosity.normal,
            **more,
        )
        run_state_machine_as_test(found, settings=chosen)
        print(f"{strategy}: {found.steps.total()} steps on {stages} stages: {dict(found.steps)}")
        print(f"exit codes: {dict(sorted(found.codes.items()))}")
        return found.steps


def test_the_rules_hold_for_a_while(products: Callable[[], Product], cloud: Cloud) -> None:
    assert walk(products, cloud, stages=3, steps=12, derandomize=True).total() > 15


@pytest.mark.long
def test_the_rules_hold_for_long(products: Callable[[], Product], cloud: Cloud) -> None:
    taken: Counter[str] = Counter()
    while taken.total() < STEPS:
        taken += walk(products, cloud, stages=20, steps=50)
    print(f"{taken.total()} steps, every rule held after each: {dict(taken)}")
    assert taken["rollback"] > STEPS / 50


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["pair", "in-place"])
def test_the_rules_hold_where_environments_stand(products: Callable[[], Product], cloud: Cloud, strategy: str) -> None:
    assert walk(products, cloud, stages=15, steps=40, strategy=strategy).total() > 300
