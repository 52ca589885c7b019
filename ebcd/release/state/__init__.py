"""What a release, a stage and its environments are, as data. Pure: no I/O.

In reading order: `names` (of environments), `address` (how users reach a stage), `documents` (the one way in for a
document of the bucket), `release` (a release's record), `snapshot` (what is there now), `reconciliation` (what runs
that died did not write down).
"""
