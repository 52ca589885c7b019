"""The swap: sent once, its outcome learned by reading both CNAMEs.

SwapEnvironmentCNAMEs is its own inverse, answers nothing and takes no client token:
https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_SwapEnvironmentCNAMEs.html
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ebcd import words
from ebcd.errors import AwsRefused, NoAnswer, OutcomeUnknown, ReleaseFailed
from ebcd.model import Environment
from ebcd.release.execute.busy import refused_as_busy
from ebcd.release.execute.context import Services, Status, StepOutcome
from ebcd.release.execute.environments import NOT_RECEIVED
from ebcd.release.execute.events import FAILURES
from ebcd.release.execute.polling import SOON, Heartbeat, lacking_instances, poll, retry_read
from ebcd.release.execute.presence import gone
from ebcd.release.plan.steps import SwapCnames
from ebcd.release.state.snapshot import leaving

READY_PATIENCE = 120.0
"""Seconds that the two environments have to become Ready, the candidate with accepted health, before the swap."""
RETURN_PATIENCE = 900.0
"""The same on a way back: users have a bad release, and the earlier side may be Updating still, as its MinSize is being
raised."""
FRESH = 10.0
"""Seconds for which a read of every instance counts as current."""
SWAP_PATIENCE = 180.0
"""Seconds that a swap may take; AWS's guide shows about 5."""
UNSEEN_PATIENCE = 60.0
"""Seconds after which a swap that got no answer, and of which nothing is to be seen, is waited for no longer."""


class LiveHasGrown(Exception):
    """Live runs more instances than the candidate was made to replace: whoever planned the swap plans it anew."""

    def __init__(self, reason: str, instances: int) -> None:
        super().__init__(reason)
        self.instances = instances


@dataclass(frozen=True, slots=True)
class Pair:
    """The two sides of a swap as they are now."""

    candidate: Environment
    live: Environment

    @property
    def ready(self) -> bool:
        """Both can be swapped."""
        return self.candidate.status == self.live.status == "Ready"

    def __str__(self) -> str:
        sides = (self.candidate, self.live)
        return "; ".join(f"{side.name} is {side.status} and {side.health} with {side.cname}" for side in sides)


def meet(services: Services, heartbeat: Heartbeat, step: SwapCnames, known: int) -> None:
    """Raises LiveHasGrown where live has more instances by now than the candidate was made to replace: a launch takes
    minutes, and users who arrive would meet fewer instances than those who leave had.

    known: how many they were when the swap was last planned anew for that: only more are a reason to do so again.
    """
    if step.capacity is None:
        return
    count = retry_read(services, heartbeat, lambda: services.beanstalk.instance_count(step.live))
    if count > max(step.capacity, known):
        found = words.count(count, "instance")
        raise LiveHasGrown(f"{step.live} runs {found} by now, and {step.candidate} was made for {step.capacity}", count)


def prove(services: Services, heartbeat: Heartbeat, application: str, step: SwapCnames) -> Pair:
    """Both sides, seen to be such that the swap may be sent now, or to be swapped already. Raises ReleaseFailed."""
    pair = _ready_pair(services, heartbeat, application, step)
    if pair.candidate.cname != step.cname:
        _verify(pair, step)
        _verify_instances(services, heartbeat, step)
        _verify_events(services, heartbeat, application, step, pair.candidate)
    return pair


def exchange(services: Services, heartbeat: Heartbeat, application: str, step: SwapCnames, before: Pair) -> StepOutcome:
    """Swap, unless it is done already; prove it by reading. Raises OutcomeUnknown.

    before: what `prove` has just seen. Where AWS took no notice (`environments.NOT_RECEIVED`) nothing happened. That is
    raised, because all must be proven anew before the next attempt.
    """
    if before.candidate.cname == step.cname:
        return StepOutcome("it was swapped already", Status.SKIPPED)
    answered = True
    try:
        services.beanstalk.swap_cnames(step.live, step.candidate)
    except NoAnswer as error:
        services.progress.note(f"{error.what} Reading the CNAMEs to learn whether it took effect.")
        answered = False
    seen, start = before, services.clock.monotonic()
    read = lambda: _read(services, application, step)  # noqa: E731
    # No swap has ended when it is answered.
    for pair in poll(services, heartbeat, SWAP_PATIENCE, read, lambda: SOON, at_once=not answered):
        if pair is None:
            continue
        seen = pair
        swapped = (pair.candidate.cname, pair.live.cname) == (before.live.cname, before.candidate.cname)
        if swapped and pair.ready:
            return StepOutcome()
        if pair.ready and not answered and services.clock.monotonic() - start >= UNSEEN_PATIENCE:
            break
    raise OutcomeUnknown(
        f"The swap of {step.live} and {step.candidate} was not seen to {'end' if answered else 'begin, or to end'}.",
        why=f"After {services.clock.monotonic() - start:.0f} s: {seen}.",
        hint=f"ebcd status {services.flags} shows what is live now; then run the same command again.",
        code="swap-unknown",
    )


def took_no_notice(
    services: Services, heartbeat: Heartbeat, application: str, step: SwapCnames, error: AwsRefused
) -> bool:
    """Whether a swap that AWS refused may be sent again, once both sides are proven anew: nothing happened."""
    if isinstance(error, NOT_RECEIVED):
        return True
    sides = (step.candidate, step.live)
    return any(refused_as_busy(services, heartbeat, application, side, error) for side in sides)


def _ready_pair(services: Services, heartbeat: Heartbeat, application: str, step: SwapCnames) -> Pair:
    pair: Pair | None = None
    patience = READY_PATIENCE if step.accept else RETURN_PATIENCE
    for pair in poll(services, heartbeat, patience, lambda: _read(services, application, step)):
        if pair is None:
            _refuse_gone(services, application, step)
            continue
        accepted = not step.accept or pair.candidate.health in step.accept or pair.candidate.cname == step.cname
        if pair.ready and accepted:
            return pair
    raise ReleaseFailed(
        f"The swap of {step.live} and {step.candidate} was not sent.",
        why=f"Both must be Ready, {step.candidate} {' or '.join(step.accept) or 'of any health'}. "
        f"After {patience:g} s: {pair or 'AWS did not answer'}.",
        hint=f"ebcd status {services.flags}",
        code="not-ready",
    )


def _refuse_gone(services: Services, application: str, step: SwapCnames) -> None:
    """Raises ReleaseFailed for a side that is gone, with the cause; not for one that a read only did not show."""
    for name in (step.candidate, step.live):
        last = services.beanstalk.last_environment(application, name)
        if last is None or leaving(last):
            ended = gone(services, application, name, last)
            raise ReleaseFailed(
                f"The swap of {step.live} and {step.candidate} was not sent.",
                why=f"{ended.what} {ended.why}",
                hint="Run the same command again: it plans anew from what is there.",
                code=ended.code,
            )


def _verify(pair: Pair, step: SwapCnames) -> None:
    problem = ""
    if pair.live.cname != step.cname:
        problem = f"{step.cname} is no longer held by {step.live}."
    elif step.label and pair.candidate.version_label != step.label:
        problem = f"{step.candidate} carries {pair.candidate.version_label}, not {step.label}."
    if problem:
        raise ReleaseFailed(
            f"The swap of {step.live} and {step.candidate} was not sent.",
            why=f"{problem} Somebody changed it since the plan was made.",
            hint="Run the same command again: it plans anew from what is there.",
            code="live-moved",
        )


def _verify_instances(services: Services, heartbeat: Heartbeat, step: SwapCnames) -> None:
    """The version on every instance, read again unless it was just seen."""
    fresh = step.proven and services.clock.now() - step.proven < timedelta(seconds=FRESH)
    if fresh or not step.label:
        return
    lacking, seen = retry_read(services, heartbeat, lambda: lacking_instances(services, step.candidate, step.label))
    if lacking and not step.accept and retry_read(services, heartbeat, lambda: _serves(services, step)):
        return  # a way back: what is launched beside those that serve is no reason to leave users where they are
    if lacking:
        raise ReleaseFailed(
            f"The swap of {step.live} and {step.candidate} was not sent.",
            why=f"{step.candidate} changed since it was proven: {seen}.",
            hint="Run the same command again: it plans anew from what is there.",
            code="candidate-changed",
        )


def _serves(services: Services, step: SwapCnames) -> bool:
    """Whether an instance runs the version, and none runs another one."""
    instances = services.beanstalk.instances(step.candidate)
    deployed = [item for item in instances if item.deployment_status.lower() == "deployed"]
    return bool(deployed) and all(item.version_label == step.label for item in deployed)


def _verify_events(
    services: Services, heartbeat: Heartbeat, application: str, step: SwapCnames, candidate: Environment
) -> None:
    if not step.events:
        return
    events = retry_read(
        services, heartbeat, lambda: services.beanstalk.events(application, candidate.name, candidate.created)
    )
    failure = next((event for event in events if event.severity in FAILURES), None)
    if failure:
        raise ReleaseFailed(
            f"The swap of {step.live} and {step.candidate} was not sent.",
            why=f"{failure.severity} {failure.message}",
            hint=f"ebcd events --env {step.candidate} {services.flags} shows what happened; {services.remedy}",
            code="failure-event",
        )


def _read(services: Services, application: str, step: SwapCnames) -> Pair | None:
    """Both sides as they are now; None when one is gone."""
    sides = services.beanstalk.environments(application, (step.candidate, step.live))
    found = {item.name: item for item in sides if not leaving(item)}
    candidate, live = found.get(step.candidate), found.get(step.live)
    return Pair(candidate, live) if candidate and live else None
