"""One verb each, under the stage's lock: what a command does with a stage, without its command line.

In reading order: `transaction` (the order that all of them keep: lock, observe, plan, perform, record), `delivery`
(what `ship` and `patch` have in common) and `ending` (what it records), then the verbs: `ship`, `patch`, `swap`,
`publish`, `retire`, `prune`, `preview`. `bundled` reads the settings of a bundle that is in the bucket, `notify` sends
messages.
"""
