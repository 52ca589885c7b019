"""Proofs over HTTP: the smoke test on the candidate, the release's name on the live URL, the bake, live all along."""

from __future__ import annotations

from datetime import datetime

from ebcd import words
from ebcd.clock import polls
from ebcd.errors import ReleaseFailed
from ebcd.model import Stage
from ebcd.release.execute.context import Services
from ebcd.release.execute.http import proof_failure, smoke_failure
from ebcd.release.execute.leading import Leading
from ebcd.release.execute.polling import Heartbeat, retry_read, see_logs
from ebcd.release.execute.tenants import tenants_failure
from ebcd.release.plan.steps import ProbeTenants, ProveLive, SmokeCandidate
from ebcd.release.state.address import PublicAddress

PROBE_INTERVAL = 1.0
"""Seconds between two probes."""
PROOF_PATIENCE = 20.0
"""Seconds that the live URL has to be answered by the release, where no resolver remembers anything."""
LATE = 3
"""How many times the TTL it has besides: some resolvers remember for longer than they may."""
TOLERATED = 2
"""Failed probes in a row that do not count yet: one lost packet is no breach."""


class LiveCheckFailed(Exception):
    """The release is live and does not hold what it promised: the executor goes back, where there is a way.

    what, code: how it is told where there is none.
    """

    def __init__(self, reason: str, *, what: str = "Live does not hold what it promised.", code: str = "") -> None:
        super().__init__(reason)
        self.what = what
        self.code = code


def smoke_candidate(services: Services, heartbeat: Heartbeat, stage: Stage, step: SmokeCandidate) -> str:
    """Smoke test and proof at the candidate's own address, with the live CNAME as Host. Raises ReleaseFailed."""
    front = services.front(stage, step.cname)
    address = front.at(step.address or _own_address_of(services, heartbeat, stage, step.environment))
    failure = ""
    for attempt in range(stage.smoke.attempts):
        if attempt:
            services.clock.sleep(PROBE_INTERVAL)
        heartbeat()
        failure = _candidate_failure(services, stage, step, front, address)
        if not failure:
            return f"{step.path} {stage.smoke.status}" + (f", {stage.proof.path} names it" if stage.proof else "")
        services.progress.note(failure)
    raise ReleaseFailed(
        f"{step.environment} failed its smoke test {stage.smoke.attempts} times.",
        why=f"{failure}.",
        hint=see_logs(services, step.environment),
        code="smoke-failed",
    )


def probe_tenants(services: Services, heartbeat: Heartbeat, stage: Stage, step: ProbeTenants) -> str:
    """Probe the tenants' hosts. Raises ReleaseFailed for a candidate, LiveCheckFailed for live."""
    assert stage.tenants is not None, "a plan has this step only where there is a tenant gate"
    front = services.front(stage, step.cname)
    address = ""
    if not step.live:
        address = front.at(step.address or _own_address_of(services, heartbeat, stage, step.environment))
    failure = ""
    for attempt in range(TOLERATED + 1):
        if attempt:
            services.clock.sleep(PROBE_INTERVAL)
        heartbeat()
        failure = tenants_failure(services, heartbeat, stage.tenants, front, address)
        if not failure:
            return words.count(len(stage.tenants.hosts), "host") if stage.tenants.hosts else stage.tenants.url
        services.progress.note(failure)
    if not step.live:
        raise ReleaseFailed(
            f"{step.environment} failed its tenants.",
            why=f"{failure}.",
            hint=see_logs(services, step.environment),
            code="tenants-failed",
        )
    raise LiveCheckFailed(f"Tenants failed on live: {failure}.", what="Tenants failed on live.", code="tenants-failed")


def _own_address_of(services: Services, heartbeat: Heartbeat, stage: Stage, name: str) -> str:
    """An environment's own address. Raises ReleaseFailed when it is gone."""
    environment = retry_read(services, heartbeat, lambda: services.beanstalk.environment(stage.application, name))
    if environment is None:
        raise ReleaseFailed(f"The environment {name} is gone.", hint="Run the same command again.")
    return environment.endpoint_url


def _candidate_failure(
    services: Services, stage: Stage, step: SmokeCandidate, front: PublicAddress, address: str
) -> str:
    failure = smoke_failure(stage.smoke, services.ask(front, stage.smoke.path, address=address))
    if failure or stage.proof is None:
        return failure
    answer = services.ask(front, stage.proof.path, address=address)
    return services.hidden.hide(proof_failure(stage.proof.path, answer, step.label, step.sha))


def prove_live(
    services: Services, heartbeat: Heartbeat, stage: Stage, step: ProveLive, changed: datetime | None
) -> str:
    """See the live URL answered by the release, within the time that DNS may need; what is proven.

    Raises LiveCheckFailed.

    changed: when the CNAME changed hands; None: a way back, on which nobody waits until resolvers have forgotten.
    """
    patience = PROOF_PATIENCE + LATE * services.timing.dns_ttl
    front, failure = services.front(stage, step.cname), ""
    leading = Leading(services, heartbeat, stage, step, front, changed) if step.earlier and not stage.proof else None
    for _ in polls(services.clock, timeout=patience, interval=PROBE_INTERVAL):
        heartbeat()
        failure, proven = live_failure(services, stage, front), f"{stage.smoke.path} {stage.smoke.status}"
        if not failure and stage.proof:
            failure = proof_failure(step.path, services.ask(front, step.path), step.label, step.sha)
            failure = services.hidden.hide(failure)
            proven = f"{step.path} names it"
        elif not failure and leading:
            failure = leading.waits()
            proven += leading.proven
        if not failure:
            return proven
    raise LiveCheckFailed(
        f"After {patience:g} s the live URL was not answered by the release: {failure}.",
        what=f"{front.url} was not seen answered by {step.label}.",
        code="not-proven",
    )


def live_failure(services: Services, stage: Stage, front: PublicAddress) -> str:
    """Why the live URL does not pass the smoke test now; empty when it does."""
    return smoke_failure(stage.smoke, services.ask(front, stage.smoke.path))


class LiveWatch:
    """Watches live while a candidate comes up: one that hurts it (a migration, a shared resource) must not go on."""

    def __init__(self, services: Services, stage: Stage, cname: str) -> None:
        self._services = services
        self._stage = stage
        self._front = services.front(stage, cname)
        self._failures = 0
        self._last = services.clock.monotonic()
        # What was failing before the candidate came is no reason to stop its successor.
        self._armed = not live_failure(services, stage, self._front)

    def check(self) -> None:
        """Probe live, once a second at most. Raises ReleaseFailed when it stopped answering."""
        now = self._services.clock.monotonic()
        if not self._armed or now - self._last < PROBE_INTERVAL:
            return
        self._last = now
        failure = live_failure(self._services, self._stage, self._front)
        self._failures = self._failures + 1 if failure else 0
        if self._failures > TOLERATED:
            raise ReleaseFailed(
                "Live stopped answering while the candidate came up, so the release was stopped.",
                why=f"{failure} ({self._failures} probes in a row); it answered before.",
                hint=f"Look at what the candidate shares with live (a migration?): ebcd status {self._services.flags}",
                code="live-hurt",
            )
