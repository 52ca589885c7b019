"""The twelve rules of a release, checked from outside: at each call that a run is about to make, and after the run.

Checked is against the server's own account of what is there, never against what ebcd saw.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine import Engine, Json, Sent
from person import Person, Seen

from ebcd.model import Strategy
from ebcd.release.execute.context import Status
from ebcd.release.execute.estimate import Position

TOUCHING = frozenset({"UpdateEnvironment", "RebuildEnvironment", "RestartAppServer", "TerminateEnvironment"})
"""Operations that must never meet the environment that is live."""
JOURNALED = {
    "CreateEnvironment": {"CreateEnvironment"},
    "UpdateEnvironment": {"SetMinimum", "MatchCapacity", "ScaleDown", "UpdateOptions", "UpdateVersion"},
    "SwapEnvironmentCNAMEs": {"SwapCnames"},
    "TerminateEnvironment": {"TerminateEnvironment"},
    "CreateApplicationVersion": {"CreateVersion"},
    "DeleteApplicationVersion": {"DeleteVersion"},
}
"""Operation → the steps that may send it."""
_ENTRY = re.compile(r"/releases/(\d{6})/[^/]+-(\w+)-(intent|result)\.json$")


@dataclass
class Account:
    """What a run did, as far as rules can be broken by it. It is the run's progress, too."""

    person: Person
    observer: Engine
    """Looks at the ledger by calls of its own."""
    message: str
    """What the message of the run's lock begins with."""
    at_event: Callable[[int], None]
    """Told the number of each thing that the run tells: somebody may interfere there."""
    at_call: Callable[[int], None]
    """Told the number of each call before it is sent."""
    looks: bool = True
    """Whether instances may be asked: not where the next call of anybody is to fail."""
    steady: bool = True
    """Whether nobody else changes how many instances there are."""
    sent: list[Sent] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    events: int = 0
    smoked: bool = False
    """The run has sent a candidate's smoke test and it passed."""
    breached: bool = False
    """Live has not held what it promised, so the run may go back."""
    arriving: int = 0
    """How many instances live must have, from the swap to the end of the bake."""

    def begin(self, text: str, position: Position | None = None) -> None:
        self._event()

    def note(self, text: str) -> None:
        self._event()

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        self.smoked |= text.startswith("smoke test") and status is Status.DONE
        self.breached |= text.startswith(("prove", "probe", "bake")) and status is Status.FAILED
        if text.startswith("bake"):
            self.arriving = 0
        self._event()

    def transferred(self, done: int, size: int) -> None:
        return

    def _event(self) -> None:
        self.events += 1
        self.at_event(self.events)

    def before(self, sent: Sent) -> None:
        """Called before a call is sent."""
        self.at_call(len(self.sent) + 1)
        if sent.operation in TOUCHING:
            self._spares_live(sent)
        if sent.operation == "SwapEnvironmentCNAMEs":
            self._may_swap(sent.given["SourceEnvironmentName"], sent.given["DestinationEnvironmentName"])
        if sent.operation in JOURNALED:
            self._is_intended(sent)
        if self.arriving:
            self._keeps_capacity()
        self.sent.append(sent)

    def _spares_live(self, sent: Sent) -> None:
        if sent.operation == "UpdateEnvironment" and self.observer.stage().strategy is Strategy.IN_PLACE:
            return  # rule 1 names it as the one exception
        if _sets_minimum(sent):
            return  # and this: no instance is replaced, or taken away at once
        live = self.person.live()
        met = {sent.given.get("EnvironmentName"), sent.given.get("EnvironmentId")}
        if live and {live.name, live.id} & met:
            self.broken.append(f"rule 1: {sent.operation} is sent to {live.name}, which is live")

    def _may_swap(self, live_name: str, candidate_name: str) -> None:
        standing, live = self.person.standing(), self.person.live()
        candidate, before = standing.get(candidate_name), standing.get(live_name)
        said = self.broken.append
        if candidate is None or before is None or {candidate.status, before.status} != {"Ready"}:
            said(f"rule 2: a swap of {candidate} and {before}, which are not both Ready")
            return
        if live != before:
            said(f"rule 2: a swap from {live_name}, while {live} is live")
        if not self.smoked and not self.breached:
            said("rule 2: a swap without a smoke test")
        if candidate.health != "Green" and not self.breached:
            said(f"rule 2: a swap to {candidate}, which is not healthy")
        if self.looks and not self._holds_lock():
            said("rule 2: a swap without the lock")
        if self.looks and not self.breached:
            self._runs_version(candidate)
            self._is_large_enough(candidate, before)
        swaps = sum(item.operation == "SwapEnvironmentCNAMEs" for item in self.sent)
        if swaps > self.breached:
            said(f"rule 3: swap number {swaps + 1} of one run")

    def _runs_version(self, candidate: Seen) -> None:
        releases = self.observer.releases()["releases"]
        wanted = next(item["version_label"] for item in releases if item["environment"] == candidate.name)
        running = self.person.running(candidate.name)
        if {candidate.version_label, *(label for label, _ in running)} != {wanted}:
            self.broken.append(f"rule 2: a swap to {candidate.name}, which runs {running}, not {wanted}")

    def _is_large_enough(self, candidate: Seen, before: Seen) -> None:
        """Users arrive at as many instances as they leave, and these stay until the bake has ended."""
        here, there = (len(self.person.running(side.name)) for side in (before, candidate))
        if self.steady and there < here:
            self.broken.append(
                f"capacity: a swap from {here} instances of {before.name} to {there} of {candidate.name}"
            )
        self.arriving = min(here, there) if self.steady else 0

    def _keeps_capacity(self) -> None:
        live = self.person.live()
        count = len(self.person.running(live.name)) if live else 0
        if count < self.arriving:
            self.broken.append(f"capacity: {live} has {count} of {self.arriving} instances while users arrive")

    def _holds_lock(self) -> bool:
        state = self.observer.services().lock.state()
        return state is not None and state.message.startswith(self.message)

    def _is_intended(self, sent: Sent) -> None:
        entries = [
            match.groups()
            for item in self.sent
            if item.operation == "PutObject"
            if (match := _ENTRY.search(item.given["Key"]))
        ]
        _, step, phase = entries[-1] if entries else ("", "nothing", "intent")
        if phase != "intent" or step not in JOURNALED[sent.operation]:
            self.broken.append(f"rule 8: {sent.operation} is sent after the journal's {step}-{phase}")

    def check_results(self) -> None:
        """Each intent of this run has its result."""
        open_: list[str] = []
        for item in self.sent:
            match = _ENTRY.search(item.given["Key"]) if item.operation == "PutObject" else None
            if match and match[3] == "intent":
                open_.append(match[2])
            elif match and match[2] in open_:
                open_.remove(match[2])
        if open_:
            self.broken.append(f"rule 8: {open_} were intended, and no result is told")

    def changed(self) -> list[str]:
        """The operations of Beanstalk by which the run changed something."""
        storage = {"PutObject", "DeleteObject", "CreateStorageLocation"}
        return [item.operation for item in self.sent if item.changes and item.operation not in storage]


def _sets_minimum(sent: Sent) -> bool:
    """Whether an update changes MinSize and nothing else."""
    changed = [(item["Namespace"], item["OptionName"]) for item in sent.given.get("OptionSettings", ())]
    only = set(sent.given) <= {"EnvironmentName", "OptionSettings"}
    return sent.operation == "UpdateEnvironment" and only and changed == [("aws:autoscaling:asg", "MinSize")]


def check_stage(engine: Engine, person: Person) -> list[str]:
    """What of the rules is broken as the stage stands, while no run is at work."""
    status, standing, live = _seen(engine, person)
    releases = engine.releases()["releases"]
    recorded = Counter(item["environment"] for item in releases)
    broken = [*_untrue(status, live, standing, recorded), *_misnumbered(releases)]
    own = f"{engine.product.name}-local-r"
    broken += [
        f"rule 9: {name} is an orphan: no record names it"
        for name in standing
        if name.startswith(own) and name not in recorded
    ]
    versions = person.versions()
    for role in ("live", "candidate", "previous"):
        if status[role]:
            label = status[role]["version_label"]
            if label not in versions or not person.has_object(*versions[label]):
                broken.append(f"rule 6: {label} of {role} is gone: {versions}")
    return broken


def _seen(engine: Engine, person: Person) -> tuple[Json, dict[str, Seen], Seen | None]:
    """What status says, and what was there when it said it: health may change at any moment, and is looked at again."""
    for _ in range(20):
        before, status, after = person.standing(), engine.status(), person.standing()
        if before == after:
            break
    live = person.live()
    return status, after, after[live.name] if live else None


def _untrue(status: Json, live: Seen | None, standing: dict[str, Seen], recorded: Counter[str]) -> list[str]:
    """recorded: how many releases have had each environment; one that another has by now has no status."""
    told = status["live"]
    if (told and told["environment"]) != (live and live.name):
        return [f"rule 10: status says that {told} is live, and {live} is"]
    broken = []
    if told and live and (told["version_label"], told["health"]) != (live.version_label, live.health):
        broken.append(f"rule 12: status says {told} of {live}")
    for role in ("candidate", "previous"):
        told = status[role]
        environment = standing.get(told["environment"]) if told else None
        taken = told and told["status"] is None and environment and recorded[environment.name] > 1
        if told and not taken and told["status"] != (environment.status if environment else "Terminated"):
            broken.append(f"rule 12: status says {told} of {environment}")
    return broken


def _misnumbered(releases: list[Json]) -> list[str]:
    """Numbers without a gap and without a double; nothing is running while no run is at work."""
    numbers = [int(item["release"][1:]) for item in releases]
    broken = []
    if numbers != list(range(len(numbers), 0, -1)) and len(numbers) < 20:
        broken.append(f"rule 9: the ledger counts {numbers}")
    live = [item["release"] for item in releases if item["outcome"] == "live"]
    if len(live) > 1:
        broken.append(f"rule 10: the ledger says that {live} are live")
    return broken


def check_bundles(engine: Engine, person: Person, digests: dict[str, str]) -> list[str]:
    """One label, one content. digests: label → content digest, of the versions that ebcd may make."""
    broken = []
    for label, (bucket, key) in person.versions().items():
        if label in digests and not key.endswith(f"/{digests[label]}.zip"):
            broken.append(f"rule 5: {label} was made from {bucket}/{key}, its digest is {digests[label]}")
    return broken


def readable(told: Json) -> str:
    """A report in short, for a failed check."""
    steps = [f"{item['step']} {item['status']}" for item in told.get("steps", [])]
    return json.dumps(
        {"exit_code": told["exit_code"], "error": told.get("error"), "steps": steps, "live": told.get("live")}
    )
