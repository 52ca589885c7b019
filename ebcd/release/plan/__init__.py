"""From what is there to what is missing. Pure: no I/O, no clock, no output; `--plan` prints what it returns.

`strategies` chooses the way of a stage: `blue_green`, `pair`, `in_place`. `promotion` is that of one that is there
already, `first` that of a stage's first one. They share `proofs` (what a release must show), `creation` (what an
environment is made with), `updating` (what brings one that stands to a release) and `swapping`. `publication` is the
part that needs no stage.
"""

from ebcd.release.plan.plan import Plan, already_live, platform_change, settings_digest
from ebcd.release.plan.promotion import Standing, redeployment
from ebcd.release.plan.publication import bundle_key, plan_publish
from ebcd.release.plan.strategies import environment_of, plan_promote, plan_redeploy, plan_ship, resumable

__all__ = [
    "Plan",
    "Standing",
    "already_live",
    "bundle_key",
    "environment_of",
    "plan_promote",
    "plan_publish",
    "plan_redeploy",
    "plan_ship",
    "platform_change",
    "redeployment",
    "resumable",
    "settings_digest",
]
