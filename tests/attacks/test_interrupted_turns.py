"""A turn is given back once, whatever interrupts a request, and wherever."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from workspaces import PASSWORD, signed_up

import aespo
from aespo.admission import Admission, Caller, Turn
from aespo.problems import TooManyRequests
from aespo.web import Aespo

_PACKAGE = Path(aespo.__file__).parent
PLACES = {str(_PACKAGE / "admission.py"), str(_PACKAGE / "web" / "admission.py")}


@pytest.fixture(autouse=True)
def small_heap() -> Iterator[None]:
    """What was there before a test is not looked at by the collections of garbage in it: they are many."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Interrupt(BaseException):
    """What may come at any line: a signal, an exit, memory that is used up."""


class InterruptAt:
    """Interrupts this thread at the n-th line of the admission that it runs; after that nothing more."""

    def __init__(self, line: int) -> None:
        self.left = line

    def __enter__(self) -> InterruptAt:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in PLACES:
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                raise Interrupt
        return self._trace


def held(admission: Admission) -> list[tuple[int, int]]:
    """What each caller has in the process."""
    return [(len(account.present), len(account.working)) for account in admission._accounts.values()]


def held_at_last(admission: Admission) -> set[tuple[int, int]]:
    """The same, where something is held also once what refers to itself, as a traceback may, is gone."""
    if any(map(any, held(admission))):
        gc.collect()
    return {found for found in held(admission) if any(found)}


def request(admission: Admission, caller: Caller) -> None:
    """As `web.admission` does it."""
    turn = Turn(caller)
    try:
        admission.enter(turn)
        with admission.outside(turn):
            pass
    finally:
        admission.leave(turn, 0.1)


@pytest.mark.parametrize("crowded", [False, True])
def test_an_interrupt_at_any_line_leaves_no_turn_taken(crowded: bool) -> None:
    noisy, line, ended = Caller("noisy"), 0, False
    while not ended:
        line += 1
        admission = Admission(at_once=3, share=1000, patience=0.01)
        first = Turn(noisy)
        if crowded:  # the request waits for a turn that does not come
            admission.enter(first)
            request(admission, Caller("quiet"))
        with InterruptAt(line) as interrupt, suppress(Interrupt, TooManyRequests):
            request(admission, noisy)
        ended = interrupt.left > 0
        assert held_at_last(admission) == ({(1, 1)} if crowded else set()), f"interrupted at line {line}"
        admission.leave(first, 0.0)
        request(admission, noisy)
    assert line > 30, "every line was tried"


def test_a_turn_is_left_once_and_one_that_never_entered_leaves_nothing() -> None:
    admission, noisy = Admission(at_once=2, share=1000), Caller("noisy")
    first, second, third = Turn(noisy), Turn(noisy), Turn(noisy)
    admission.enter(first)
    admission.enter(second)
    admission.leave(first, 0.0)
    admission.leave(first, 0.0)
    admission.leave(third, 0.0)
    assert held(admission) == [(1, 1)]
    with admission.outside(second), admission.outside(second):
        assert held(admission) == [(1, 0)]
    assert held(admission) == [(1, 1)]
    with suppress(TooManyRequests), admission.outside(second):
        admission.leave(second, 0.0)
    assert held(admission) == [(0, 0)], "what has left does not come back from outside"


def test_no_request_takes_its_turn_along_wherever_it_is_interrupted(make_site: Callable[..., Aespo]) -> None:
    site = make_site(AESPO_REQUESTS_AT_ONCE="2")
    acme = signed_up(site)
    visits = (
        lambda: acme.owner.get("/notes"),
        lambda: acme.owner.new().get("/login"),
        lambda: acme.owner.new().post("/login", email=acme.email, password=PASSWORD),
    )
    for visit in visits:
        line, ended = 0, False
        while not ended:
            line += 1
            with InterruptAt(line) as interrupt, suppress(Interrupt):
                visit()
            ended = interrupt.left > 0
            assert held_at_last(site.context.admission) == set(), f"interrupted at line {line}"
        assert line > 20
    assert acme.owner.get("/notes").status_code == 200
