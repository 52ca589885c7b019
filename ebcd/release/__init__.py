"""A release, from what is there to what was proven.

    observe (reads) ─► Snapshot ─► plan (pure) ─► Plan ─► execute (acts and waits) ─► ledger (records)

In reading order, each package knowing only those before it:

- `state`: what a release, a stage and its environments are. Pure.
- `judge`: why a release failed, and how sure that is. Pure.
- `store`: what the bucket remembers (ledger, lock, hold, previews), and reading a stage.
- `plan`: from what is there to the steps that are missing. Pure.
- `execute`: the only place that acts on a stage and waits.
- `commands`: one verb each, under the stage's lock.

A run is planned anew and never resumed: one that died leaves AWS in some state, and the next run observes that state
and plans what is missing.
"""
