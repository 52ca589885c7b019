"""A failed release told by its cause: what broke and what still serves, in one line. Pure."""

from __future__ import annotations

from ebcd.errors import ReleaseFailed
from ebcd.release.run import Diagnosis
from ebcd.release.snapshot import Snapshot
from ebcd.release.verdict import SurelyFailed, is_general

_OWN = frozenset({"live-hurt", "live-moved", "tenants-failed", "version-failed", "environment-busy"})
"""Codes of failures whose first line is the cause already."""


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
