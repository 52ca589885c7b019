"""One verb each, under the stage's lock: what a command does with a stage, without its command line.

`delivery` is what `ship` and `patch` have in common: lock, observe, plan, execute, record; `ending` is how it ends.
`swap`, `retire`, `prune`, `publish` and `preview` follow the same order. `bundled` reads a released bundle's
settings, `notify` sends messages.
"""
