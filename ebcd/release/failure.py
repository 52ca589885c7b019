"""A failed release told by its cause: what broke and what still serves, in one line. Pure."""

from __future__ import annotations

from ebcd.errors import ReleaseFailed
from ebcd.release.run import Diagnosis
from ebcd.release.snapshot import Snapshot

_OWN = frozenset({"live-hurt", "live-moved", "tenants-failed", "version-failed", "environment-busy"})
"""Codes of failures whose first line is the cause already."""


def explained(failed: ReleaseFailed, diagnosis: Diagnosis | None, serving: str) -> ReleaseFailed:
    """The failure with its cause in the first line, where one is known; else as it was.

    serving: what users reach meanwhile (`r1 still serves`).
    """
    verdict = diagnosis.verdict if diagnosis else None
    cause = failed.what.rstrip(".") if failed.code in _OWN or verdict is None else verdict.cause
    why = [failed.what, failed.why] if cause != failed.what.rstrip(".") else [failed.why]
    told, advice = "", ""
    if verdict is not None and failed.code not in _OWN:
        told, advice = verdict.why, verdict.advice
    texts = dict.fromkeys(text.strip() for text in (told, *why) if text.strip())
    return ReleaseFailed(
        f"{cause} · {serving}",
        why=" ".join(texts),
        hint=f"{advice} {failed.hint}".strip(),
        code=failed.code,
    )


def serving(snapshot: Snapshot, failed: str) -> str:
    """What users reach while a release has failed. failed: its environment."""
    live = snapshot.live
    if live is None or live.name == failed:
        return "nothing else was live"
    record = snapshot.record_of(live)
    return f"{record.release if record else live.name} still serves"
