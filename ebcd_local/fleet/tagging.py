"""An environment's tags change: its stack is updated, so it is Updating meanwhile."""

from __future__ import annotations

import time

from ebcd_local.fleet.fleet import Fleet

SECONDS = 0.3
"""How long that takes here; on AWS about a minute.

Source: https://github.com/hashicorp/terraform-provider-aws/pull/36074 (UpdateEnvironment is refused meanwhile)
"""


def tag(fleet: Fleet, key: str, request_id: str, tags: dict[str, str]) -> None:
    """Give an environment other tags. It is Updating already."""
    fleet.tell.say(key, request_id, "Environment tag update is starting.")
    time.sleep(SECONDS / fleet.speed)
    with fleet.state.lock:
        if fleet.state.environments[key].status == "Terminating":  # its application was deleted meanwhile
            return
        fleet.state.change(key, tags=tags, status="Ready", operation="")
    fleet.tell.say(key, request_id, "Environment tag update completed successfully.")
