"""A stage that commands and people change in turn, what should be live on it, and what each command may end in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine import PACE, Engine, Json, Wire
from person import Person, Seen
from products import Product
from rules import Account, check_bundles, check_stage, readable

from ebcd.clock import SystemClock
from ebcd.errors import ExitCode
from ebcd.model import SourceBundle
from ebcd.release.commands import ship as shipping
from ebcd.release.commands import swap as swapping
from ebcd.release.commands.prune import prune
from ebcd.release.commands.retire import retire
from ebcd.release.execute.context import Run, Services

ANY_TIME = frozenset({0, 3, 6, 7})
ALLOWED = {
    "ship": ANY_TIME,
    "swap": ANY_TIME | {2},
    "rollback": frozenset({0, 3, 6, 9}),
    "retire": frozenset({0}),
    "prune": frozenset({0}),
}
"""Exit codes of commands that nothing disturbs."""
MORE = {
    "": frozenset[int](),
    "person": frozenset({3, 5, 6, 7, 8, 9}),
    "fault": frozenset({5, 6, 8}),
    "interrupt": frozenset({130}),
    "kill": frozenset({-9}),
}
"""What they may end in besides, by what disturbs them."""
UNCHANGED = frozenset({2, 3, 4, 9})
"""Refused: nothing was changed."""
KILLED = -9


class Killed(BaseException):
    """The run ends here as a killed process does: it does nothing more."""


class Impatient(SystemClock):
    """The machine's clock, waiting as `QuickClock` does; a signal stops it when it is asked for the n-th time."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / PACE)

    def check(self) -> None:
        self._times -= 1
        if self._times < 0:
            self.interrupt(ExitCode.INTERRUPTED)
        super().check()


@dataclass(frozen=True)
class Harm:
    """What goes wrong in the middle of a run."""

    kind: str = ""
    """person, fault, interrupt, kill; empty: nothing."""
    at: int = 0
    """At which event (person), call (fault, kill) or wait (interrupt)."""
    what: str = ""
    """Which fault, or what the person does."""
    number: int = 0
    """Which of several environments the person means."""


@dataclass
class Release:
    """A commit that may be shipped."""

    sha: str
    mode: str
    bundle: SourceBundle


@dataclass
class World:
    """One stage. live: the environment that should be live, as far as what has happened tells."""

    product: Product
    wire: Wire
    """Carries ebcd's calls."""
    observer: Engine
    """Looks by calls of its own."""
    person: Person
    live: str | None = None
    releases: dict[str, Release] = field(default_factory=dict)
    """By version label, in the order of the commits."""
    codes: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    def commit(self, mode: str) -> SourceBundle:
        sha = self.product.commit(f"{len(self.releases)}", mode=mode)
        bundle = self.observer.bundle()
        self.releases[bundle.version_label] = Release(sha, mode, bundle)
        return bundle

    def ship(self, bundle: SourceBundle, harm: Harm, *, swap: bool = True, **changes: Any) -> None:
        def work(run: Run, services: Services) -> None:
            run.bundle = bundle
            shipping.ship(run, services, shipping.ShipOptions(swap=swap))

        told = self.run("ship", work, harm, **changes)
        if told["exit_code"] == 0 and not harm.kind and (swap or told["live"]["release"] == told["release"]):
            live = self.person.standing()[told["live"]["environment"]]
            assert live.version_label == bundle.version_label, f"ship said done, and {live} is live"

    def swap(self, harm: Harm, *, to: str = "") -> None:
        options = swapping.SwapOptions(to=to)
        told = self.run("swap", lambda run, services: swapping.swap(run, services, options), harm)
        if told["exit_code"] == 0 and to and not harm.kind:
            assert told["live"]["release"] == to, readable(told)

    def rollback(self, harm: Harm) -> None:
        told = self.run("rollback", COMMANDS["rollback"], harm)
        if told["exit_code"] == 0 and not harm.kind:
            again = self.run("rollback", COMMANDS["rollback"], Harm())
            assert (again["exit_code"], again["steps"], again["live"]) == (0, [], told["live"]), (
                f"rule 4: a second rollback after {readable(told)}: {readable(again)}"
            )

    def retire(self, harm: Harm, keep: float, force: bool) -> None:
        work: Callable[[Run, Services], None] = lambda run, services: retire(  # noqa: E731
            run, services, planned=False, force=force
        )
        self.run("retire", work, harm, keep=keep)

    def prune(self, harm: Harm, count: int) -> None:
        self.run("prune", lambda run, services: prune(run, services, keep=count, planned=False), harm)

    def hold(self) -> None:
        """A held stage refuses a ship, and nothing is changed."""
        services = self.observer.services()
        services.require_bucket()
        services.hold.set("somebody", "a test", services.clock.now())
        self._refused({"ship": 3})
        assert self.observer.status()["hold"]["reason"] == "a test"
        assert services.hold.release() is not None

    def locked_out(self) -> None:
        """While another run holds the lock, every command that changes something is refused."""
        services = self.observer.services()
        services.require_bucket()
        with services.lock.held(owner="another", host="elsewhere", message="retire", wait=0.0):
            assert self.observer.status()["lock"]["owner"] == "another"
            self._refused({"ship": 4, "rollback": 4, "retire": 4, "prune": 4})

    def _refused(self, codes: dict[str, int]) -> None:
        """Run commands that must end in those exit codes, and change nothing."""
        for command, code in codes.items():
            account = self._account(command, Harm())
            told = self._perform(command, COMMANDS[command] if command != "ship" else self._any_ship(), account)
            assert (told["exit_code"], account.changed()) == (code, []), (*self.story, readable(told))

    def look(self) -> None:
        """Commands that look change nothing, and what they plan is what there is to do."""
        account = self._account("look", Harm())
        engine = Engine(self.product, self.wire, account)
        self.wire.before = account.before
        status = engine.status()
        engine.releases()
        planned = {
            "ship": engine.perform("ship", self._planned_ship()),
            "rollback": engine.perform("swap", lambda run, services: swapping.plan(run, services, ROLLBACK)),
            "retire": engine.perform("retire", lambda run, services: retire(run, services, planned=True, force=True)),
            "prune": engine.perform("prune", lambda run, services: prune(run, services, keep=1, planned=True)),
        }
        self.wire.before = lambda sent: None
        changed = [sent.operation for sent in account.sent if sent.changes]
        assert changed == [], (*self.story, f"rule 11: {changed} of commands that look")
        ready, back = status["rollback"], planned["rollback"]
        assert not ready["ready"] or (back["steps"] and back["release"] == ready["to"]), (*self.story, ready, back)

    def _planned_ship(self) -> Callable[[Run, Services], None]:
        return self._any_ship(shipping.plan)

    def _any_ship(self, act: Callable[..., None] = shipping.ship) -> Callable[[Run, Services], None]:
        bundle = self.commit("ok")

        def work(run: Run, services: Services) -> None:
            run.bundle = bundle
            act(run, services, shipping.ShipOptions())

        return work

    def run(self, command: str, work: Callable[[Run, Services], None], harm: Harm, **changes: Any) -> Json:
        """Run a command with what goes wrong in its middle, and check every rule."""
        before = self.person.settle()
        account = self._account(command, harm)
        if harm.kind == "fault":
            self.product.cloud.control("POST", "faults", place="*", nth=harm.at, **FAULTS[harm.what])
        told = self._perform(command, work, account, harm, **changes)
        self.product.cloud.control("DELETE", "faults")
        if harm.kind in {"fault", "kill"}:  # a process that ended gives its lock back; this one goes on
            self.observer.services().lock.break_()
        self.person.settle()
        self._tell(f"{command} {changes or ''} {harm if harm.kind else ''}: {readable(told)}")
        self._check(command, told, before, account, harm)
        return told

    def _account(self, command: str, harm: Harm) -> Account:
        looks, steady = harm.kind != "fault", harm.kind != "person"
        return Account(self.person, self.observer, command, self._interfering(harm), self._failing(harm), looks, steady)

    def _perform(
        self,
        command: str,
        work: Callable[[Run, Services], None],
        account: Account,
        harm: Harm = Harm(),
        **changes: Any,
    ) -> Json:
        engine = Engine(self.product, self.wire, account, changes)
        if harm.kind == "interrupt":
            engine.clock = Impatient(harm.at)
        self.wire.before = account.before
        try:
            return engine.perform("swap" if command == "rollback" else command, work)
        except Killed:
            return {"exit_code": KILLED, "ok": False, "live": None}
        finally:
            self.wire.before = lambda sent: None

    def _interfering(self, harm: Harm) -> Callable[[int], None]:
        def at_event(number: int) -> None:
            if harm.kind == "person" and number == harm.at:
                self.interfere(harm.what, harm.number, harm)

        return at_event

    def _failing(self, harm: Harm) -> Callable[[int], None]:
        def at_call(number: int) -> None:
            if harm.kind == "kill" and number >= harm.at:
                raise Killed

        return at_call

    def interfere(self, what: str, number: int, harm: Harm | None = None) -> None:
        """Somebody changes the stage by hand; nothing where there is nothing to change."""
        if what == "break the lock":
            self.observer.services().lock.break_()
            self._tell(f"somebody: {what}")
            return
        ready = [item for item in self.person.standing().values() if item.status == "Ready"]
        live = self.person.live()
        others = [item for item in ready if item != live]
        done = ""
        if what == "swap" and len(ready) > 1:
            first = number % len(ready)
            one, other = ready[first], ready[(first + 1 + number // len(ready) % (len(ready) - 1)) % len(ready)]
            self.person.swap(one, other)
            done = f"{one.name} and {other.name}"
        elif what in {"terminate", "terminate another"} and (chosen := others if what != "terminate" else ready):
            target = chosen[number % len(chosen)]
            self.person.terminate(target)
            done = target.name
        elif ready:
            done = self._touch(what, ready[number % len(ready)], number)
        if done:
            self._tell(f"somebody: {what} {done}" + (f" at event {harm.at}" if harm else ""))
        if not harm:
            self._sync()

    def _touch(self, what: str, target: Seen, number: int) -> str:
        if what == "deploy":
            good = [label for label in self.person.versions() if self.releases[label].mode == "ok"]
            if not good:
                return ""
            label = good[number % len(good)]
            self.person.deploy(target, label)
            return f"{label} to {target.name}"
        if what == "kill an instance" and target.health == "Green":
            self.person.kill_instance(target)
            return target.name
        if what == "set the size":
            self.person.set_option(target, "aws:autoscaling:asg", "MinSize", str(1 + number % 2))
            return f"of {target.name} to {1 + number % 2}"
        if what == "set a property" and target.health == "Green":
            self.person.set_option(target, "aws:elasticbeanstalk:application:environment", "COLOUR", str(number))
            return f"of {target.name}"
        return ""

    def _check(self, command: str, told: Json, before: dict[str, Seen], account: Account, harm: Harm) -> None:
        code, said = told["exit_code"], account.broken.append
        self.codes[f"{command} {code}"] += 1
        if code not in ALLOWED[command] | MORE[harm.kind]:
            said(f"rule 12: {command} ended in {code}")
        if told["ok"] != (code == 0):
            said("rule 12: ok and the exit code differ")
        if code in UNCHANGED and account.changed():
            said(f"exit code {code} says that nothing was changed, and {account.changed()} were sent")
        if not harm.kind:
            account.check_results()
        live = self.person.live()
        if told["live"] and told["live"]["environment"] != (live and live.name):
            said(f"rule 12: the report says that {told['live']} is live, and {live} is")
        if not harm.kind:
            self._check_live(code, told, before, live, said)
        self._sync()
        account.broken += check_stage(self.observer, self.person)
        digests = {label: release.bundle.content_digest for label, release in self.releases.items()}
        account.broken += check_bundles(self.observer, self.person, digests)
        assert not account.broken, "\n".join([*self.story, *account.broken])

    def _check_live(
        self, code: int, told: Json, before: dict[str, Seen], live: Seen | None, said: Callable[[str], None]
    ) -> None:
        """Whether what is live is what the model says, after a run that nothing disturbed."""
        moved = any(item["step"] == "SwapCnames" and item["status"] == "done" for item in told["steps"])
        made = told.get("environment", {}).get("name")
        created = live is not None and self.live is None and made == live.name
        expected = made if code == 0 and (moved or created) else self.live
        if created and code != 0:
            expected = live and live.name  # a first release has the live CNAME from its beginning, proven or not
        if (live and live.name) != expected:
            said(f"{expected} should be live, and {live} is (before: {before})")

    def _sync(self) -> None:
        """Take what is live as it is: somebody has had a hand in it, and may have made live what does not work."""
        live = self.person.live()
        self.live = live.name if live else None
        if live is None or live.health != "Green":
            return
        if (release := self.releases.get(live.version_label)) is None or release.mode == "crash":
            return
        status, body = self.product.get("/version")
        assert status == 200, [*self.story, f"live answers {status} {body!r}"]
        assert release.sha in body.decode(), [*self.story, f"{live} answers {body!r}"]

    def _tell(self, line: str) -> None:
        self.story.append(line)


FAULTS: dict[str, dict[str, Any]] = {
    "throttle": {"kind": "throttle"},
    "error": {"kind": "error"},
    "lost": {"kind": "lost"},
    "cut": {"kind": "cut"},
    "expired": {"kind": "expired", "times": 0},
}
PEOPLE = ("swap", "terminate another", "terminate", "deploy", "kill an instance", "set the size", "set a property")
"""What a person does by hand."""

ROLLBACK = swapping.SwapOptions(rollback=True)
COMMANDS: dict[str, Callable[[Run, Services], None]] = {
    "rollback": lambda run, services: swapping.swap(run, services, ROLLBACK),
    "retire": lambda run, services: retire(run, services, planned=False, force=True),
    "prune": lambda run, services: prune(run, services, keep=1, planned=False),
}
