"""From what is there to the steps that are missing. Pure: no I/O, no clock, no output; `--plan` prints what it returns.

In reading order: `steps` (what a run can do, as data), `plan` (what a plan is), `strategies` (which way a stage's
releases go: the one place that knows all of them), then a module a way: `first` (a stage's first release),
`blue_green`, `pair`, `in_place`, `promotion` (a recorded release comes live again). They share `environment` (what
one is created with), `updating` (what brings one that stands to a release), `saved` (what it had before),
`capacity`, `gates` (what a release must show) and `swapping`. `publication` makes a bundle a version and needs no
stage. `preflight` says what speaks against a release, `rollback` what one returns to, `retirement` what nothing
needs any more, `housekeeping` what may be left undone, `difference` what two releases differ in.
"""
