"""What the bucket remembers of a stage, and reading a stage.

In reading order: `ledger` (a record a release, an entry an intent or result), `lock`, with its `lease` and the
`holder`'s process, `hold` (a stage that refuses ship), `previews`, `observe` (reads Beanstalk and the ledger into a
snapshot).
"""
