"""Where the live name leads after a swap, for a release that cannot name itself.

A resolver may remember the earlier environment for the TTL of its answer, and that one's 200 looks like the release's.
What the name leads to from here is compared with the environments' own addresses; where that tells nothing (a content
delivery network in front, the local Beanstalk's one port), the TTL is waited out.
"""

from __future__ import annotations

from datetime import datetime

from ebcd.model import Stage
from ebcd.release.execute.context import Services
from ebcd.release.execute.polling import Heartbeat, retry_read
from ebcd.release.plan.steps import ProveLive
from ebcd.release.state.address import PublicAddress


class Leading:
    """Follows the live name until it surely leads to the release. changed: as in `gates.prove_live`."""

    def __init__(
        self,
        services: Services,
        heartbeat: Heartbeat,
        stage: Stage,
        step: ProveLive,
        front: PublicAddress,
        changed: datetime | None,
    ) -> None:
        self._services, self._step, self._changed = services, step, changed
        self._name = front.address.rpartition(":")[0]
        self._ttl = ttl = services.timing.dns_ttl
        passed = (services.clock.now() - changed).total_seconds() if changed else ttl
        # Another machine's clock may have told when it changed hands: never longer than the TTL from now.
        self._until = services.clock.monotonic() + min(ttl - passed, ttl)
        self._endpoints = ("", "") if services.live_address else _endpoints(services, heartbeat, stage, step)
        self._own: frozenset[str] = frozenset()
        self._others: frozenset[str] = frozenset()
        """Addresses of the release's environment and of the earlier one, as they come: a load balancer's change."""
        self.proven = ""
        """What is proven beside the answer itself, once nothing is to be waited for."""

    def waits(self) -> str:
        """What is still to be waited for; empty when nothing is."""
        environment, earlier = self._step.environment, self._step.earlier
        if self._leads_to_release():
            self.proven = f"; from here {self._name} leads to {environment}"
            return ""
        left = self._until - self._services.clock.monotonic()
        if left > 0:
            return f"a resolver may lead to {earlier} for {left:.0f} s more"
        when = f", {self._ttl:g} s after the swap" if self._changed and self._ttl else ""
        self.proven = f"{when}; that {environment} gave it is not proven, for ebcd.toml has no proof"
        return ""

    def _leads_to_release(self) -> bool:
        own, other = self._endpoints
        if not own:
            return False
        addresses = self._services.prober.addresses
        self._own |= addresses(own)
        self._others |= addresses(other) if other else frozenset()
        found = addresses(self._name)
        return bool(found) and found <= self._own and found.isdisjoint(self._others)


def _endpoints(services: Services, heartbeat: Heartbeat, stage: Stage, step: ProveLive) -> tuple[str, str]:
    """The own addresses of the release's environment and of the earlier one; empty where one is gone."""
    names = (step.environment, step.earlier)
    sides = retry_read(services, heartbeat, lambda: services.beanstalk.environments(stage.application, names))
    found = {item.name: item.endpoint_url.partition(":")[0] for item in sides}
    return found.get(step.environment, ""), found.get(step.earlier, "")
