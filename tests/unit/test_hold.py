"""A hold: who keeps a stage from being shipped to, and that the one that is told is the one that was taken away."""

from __future__ import annotations

from typing import Any, cast

from memory import MemoryClock, MemoryStorage

from ebcd.release.store.hold import Hold, HoldState


class Counted(MemoryStorage):
    """A bucket that counts what is read."""

    read = 0

    def get(self, key: str) -> Any:
        self.read += 1
        return super().get(key)


def test_a_hold_is_taken_away_as_it_was_read() -> None:
    clock = MemoryClock()
    storage = Counted(clock)
    hold = Hold(cast(Any, storage), "shop", "prod")
    assert hold.release() is None
    hold.set("ada", "r7 loses orders", clock.now())
    storage.read = 0
    assert hold.release() == HoldState("ada", clock.now(), "r7 loses orders")
    assert storage.read == 1
    assert hold.state() is None
