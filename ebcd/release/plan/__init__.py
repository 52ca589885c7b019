"""From what is there to what is missing. Pure: no I/O, no clock, no output; `--plan` prints what it returns.

`strategies` chooses the way of a stage: `blue_green`, `in_place`. What they share is in `ebcd.release.phases`.
`ebcd.release.promote` plans the ways back and forward between recorded releases.
"""

from ebcd.release.plan.plan import Plan, already_live, resumable, settings_digest
from ebcd.release.plan.publication import bundle_key, plan_publish
from ebcd.release.plan.strategies import environment_of, plan_ship

__all__ = [
    "Plan",
    "already_live",
    "bundle_key",
    "environment_of",
    "plan_publish",
    "plan_ship",
    "resumable",
    "settings_digest",
]
