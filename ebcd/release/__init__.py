"""A release, from what is there to what was proven.

    snapshot (reads) ─► plan (pure) ─► execute (acts and waits) ─► journal (records)

`ship` and `swap` compose them under the stage's `lock`. Re-plan, never resume: a run that died leaves AWS in some
state, and the next run observes that state and plans what is missing.
"""
