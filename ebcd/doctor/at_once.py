"""Many reads at once, none of which holds up the others for longer than a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ebcd.errors import EbcdError, OutcomeUnknown

NAME = "at-once-"
"""What the threads' names begin with."""
_LONGEST = 200
"""Characters that are told of an error nobody expected."""
Reads = Mapping[str, Callable[[], Any]]


def at_once(reads: Reads, deadline: float) -> dict[str, Any]:
    """Each read's answer, or the error that stands for it: also where none came within `deadline` seconds.

    The threads are daemons: a read that stalls does not keep the process from ending.
    """
    answers: dict[str, Any] = {}

    def ask(name: str, read: Callable[[], Any]) -> None:
        try:
            answers[name] = read()
        except EbcdError as error:
            answers[name] = error
        except Exception as error:  # one broken answer must not hide the others
            why = f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST]
            answers[name] = OutcomeUnknown("What AWS answered cannot be read.", why=why)

    threads = [threading.Thread(target=ask, args=item, daemon=True, name=f"{NAME}{item[0]}") for item in reads.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + deadline
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    late = OutcomeUnknown(
        f"No answer came within {deadline:g} s.",
        why="AWS, or the network, is slow or away.",
        hint="Run it again.",
        code="deadline",
    )
    return {name: answers.get(name, late) for name in reads}
