"""What is known of why a release failed, and the failure told by its cause: what broke and what still serves. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ebcd.errors import ReleaseFailed
from ebcd.model import Event
from ebcd.release.judge.verdict import SurelyFailed, Verdict, is_general
from ebcd.release.state.snapshot import Snapshot

_OWN = frozenset({"live-hurt", "live-moved", "tenants-failed", "version-failed", "environment-busy"})
"""Codes of failures whose first line is the cause already."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a candidate failed, as far as Beanstalk can tell."""

    events: tuple[Event, ...] = ()
    """WARN and worse, oldest first."""
    causes: tuple[str, ...] = ()
    """What health says of the environment and its instances."""
    log_tail: str = ""
    """The lines of the instances' logs that tell of the cause, whole."""
    verdict: Verdict | None = None
    """The cause; None where nothing tells one."""


def explained(failed: ReleaseFailed, diagnosis: Diagnosis | None, still: str, behind: str = "") -> ReleaseFailed:
    """The failure with its cause in the first line, where one is known; else as it was.

    still: what users reach meanwhile (`r1 still serves`); empty: that is not told. behind: what else is told of why.
    """
    verdict = diagnosis.verdict if diagnosis and failed.code not in _OWN else None
    surely = isinstance(failed, SurelyFailed)
    advice = failed.advice if isinstance(failed, SurelyFailed) else verdict.advice if verdict else ""
    cause = failed.what.rstrip(".") if surely or verdict is None else verdict.cause
    known = [verdict.why, failed.what] if verdict else []
    texts = [text for text in ([] if surely else known) + [failed.why] if text.rstrip(".") not in cause]
    specific = cause.partition(": ")[2]
    texts = [text.replace(f": {specific}", ".") if specific else text for text in texts]
    texts = [text for text in texts if verdict is None or not is_general(text)]
    told = ReleaseFailed(
        f"{cause} · {still}" if still else f"{cause}.",
        why=" ".join(dict.fromkeys(filter(None, (*texts, behind)))),
        hint=f"{advice} {failed.hint}".strip(),
        code=failed.code,
    )
    for note in getattr(failed, "__notes__", ()):
        told.add_note(note)
    return told


def serving(snapshot: Snapshot, failed: str, *, restored: bool = False) -> str:
    """What users reach while a release has failed. failed: its environment. restored: whether that was live's own, and
    has the earlier version again.
    """
    live = snapshot.live
    if live is None or (live.name == failed and not restored):
        return "nothing else was live"
    record = snapshot.record_of(live)
    return f"{record.release if record else live.name} {'serves again' if restored else 'still serves'}"
