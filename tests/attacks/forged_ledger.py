"""A stage whose bucket an instance wrote into: what is there is damaged or forged, at random or on purpose."""

from __future__ import annotations

import copy
import json
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from memory import MemoryStorage
from simulated import World
from stages import NOW, environment

from ebcd.cli.session import Session
from ebcd.model import Stage
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.http import ProbeResult

DEADLINE = 10
"""Seconds that a command may take on a damaged ledger."""
SECRETS = {"AWS_SECRET_ACCESS_KEY": "hunter2-key", "GITHUB_TOKEN": "hunter2-token", "SHOP_TOKEN": "hunter2-shop"}
OWN = re.compile("shop-prod(-r[0-9]+|-a|-b)?")
"""The names that the stage's environments may have."""
STRANGERS = ("shop-staging-r1", "shop-handmade")
HUGE = 50_000_000
"""Bytes of a document that is too large."""
FORGED: dict[str, tuple[Any, ...]] = {
    "environment": (*STRANGERS, "../../etc", "--help", "", "shop-prod-r999999", "shop-prod-r2"),
    "from_environment": STRANGERS,
    "cname": ("shop-staging", "shop-handmade", "shop-prod-r1", "nothing-there", "shop-prod-r1.eba-x", ""),
    "version_label": ("../v1", "-v", "", "v1\n::error::", "x" * 5000),
    "from_release": ("r1", "r2", "r999999", "r0", "rx", "r" + "9" * 5000, "r٣"),
    "restores": ("r1", "r999999", "1"),
    "sha": ("--output=/tmp/owned", "HEAD", ""),
    "number": (0, -1, 1, 2, 10**30, 1.5, "1", True),
    "application": ("other", "", "../shop"),
    "stage": ("staging", "previews"),
    "region": ("eu-north-1", "evil.example.com/", ""),
    "platform_arn": ("arn:aws:elasticbeanstalk:eu-central-1:666666666666:platform/Evil/1.0.0", "; rm -rf /"),
    "outcome": ("live", "failed", "running", "waiting", "rolled-back", "vanished"),
    "since": ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "soon", 0),
    "live_since": ("2999-01-01T00:00:00+00:00", "1970-01-01T00:00:00+00:00", None),
    "left_live": ("2026-01-01T00:00:00", None),
    "restored": ("2026-01-02T00:00:00+00:00", "0001-01-01T00:00:00+00:00"),
    "swap_seconds": (-1, 1e308, 10**400, "1", True),
    "token_env": tuple(SECRETS),
    "url": ("https://evil.example.com", "http://169.254.169.254", "https://x:99999", "file:///etc/passwd", "/tenants"),
    "hosts": (["evil.example.com"], ["a\r\nX: y"], "abc", [1]),
    "path": ("http://evil.example.com/", "//evil", "\r\n", "/ok"),
    "accept": ([], ["Red"], ["Green", "Red"], "Green"),
    "keep": (0, -1, 1e300),
    "timeout": (0, 1e12),
    "bake": (1e12,),
    "attempts": (10**9, -1),
    "budget": (10**9,),
    "strategy": ("in-place", "pair", "blue-green", "rm"),
    "tier": ("worker", "web", "x"),
    "lease_seconds": (0, 1e300, -5, "90", 10**400),
    "process": ("x " + "9" * 5000 + "/1", "../../etc/passwd 1/2"),
    "yields": (True, "yes"),
    "token": ("", 7),
    "stop": ("somebody", None),
    "by": ("\x1b]0;owned\x07", None),
    "reason": ("::set-env name=PATH::/tmp", "\ud800"),
    "schema": (0, 2, 10**30, "1", None, True),
    "ttl": (1e300, -1),
    "extra": ({"kept": True},),
}
"""Values that somebody may write who wants more than confusion, by the name of the field."""
ODD = (None, True, -1, 0, 1.5, 10**30, "", "x", [], {}, [[]], {"a": {}}, "\x00", "\ud800", "9" * 5000)


@dataclass
class Recorder:
    """A prober that answers nothing of use, and keeps what it was asked to send."""

    sent: list[tuple[str, ...]] = field(default_factory=list)
    answers: Callable[[str], bytes] = lambda path: b"v1 v2"

    def get(
        self, address: str, host: str, path: str, timeout: float = 5.0, *, token: str = "", tls: bool = False
    ) -> ProbeResult:
        self.sent.append((address, host, path, token))
        return ProbeResult(200, self.answers(path), 0.01)

    def download(self, url: str) -> str:
        self.sent.append((url,))
        return ""


class Forged:
    """A stage with two releases, beside another stage and an environment that somebody made."""

    def __init__(self) -> None:
        self.world = World()
        for _ in range(2):
            self.world.ship()
        self.world.clock.seconds += 1000
        domain = "eu-central-1.elasticbeanstalk.com"
        for name, prefix in zip(STRANGERS, ("shop-staging", "shop-handmade"), strict=True):
            made = environment(9, name=name, id=f"e-{name}", cname=f"{prefix}.{domain}", created=NOW)
            self.world.beanstalk._environments[name] = (made, -1000.0)
        self.objects = dict(self.world.storage.objects)
        self.add("ebcd/shop/prod/lock.json", LOCK)
        self.add("ebcd/shop/prod/hold.json", HOLD)
        self.prober = Recorder()

    def add(self, key: str, content: object) -> None:
        """Write an object as somebody else does."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.objects[key] = (body, '"forged"', self.world.clock.now())

    def document(self, key: str) -> Any:
        return json.loads(self.objects[key][0])

    def forge(self, key: str, **changes: Any) -> None:
        """Change some fields of an object, or of its `verification` where they are there."""
        content = self.document(key)
        for name, value in changes.items():
            inner = content.get("verification", {})
            (inner if name in inner else content)[name] = value
        self.add(key, content)

    def services(self) -> Services:
        """What a command works with on the bucket as it is now."""
        made = self.world.services("v2")
        storage: MemoryStorage = self.world.storage
        storage.objects = dict(self.objects)
        return replace(made, prober=cast(Any, self.prober), variables=SECRETS)

    def session(self, *, declared: bool) -> Session:
        """A command's session. declared: whether an ebcd.toml tells the stage."""
        stage = self.world.stage if declared else Stage("prod", "shop", "eu-central-1", "")
        return Session(None, stage, self.services(), cast(Any, None), cast(Any, None))

    def run(self, session: Session) -> Run:
        return Run("swap", session.stage, 0.0)


LOCK = {
    "schema": 1,
    "owner": "ada",
    "host": "desk",
    "message": "ship v3",
    "token": "t",
    "yields": True,
    "process": "",
    "since": "2026-01-02T00:00:00+00:00",
    "lease_seconds": 90.0,
    "expires": "2026-01-02T00:01:30+00:00",
}
HOLD = {"schema": 1, "by": "ada", "since": "2026-01-02T00:00:00+00:00", "reason": "it loses orders"}
ONE, TWO = (f"ebcd/shop/prod/releases/{number:06d}.json" for number in (1, 2))


@contextmanager
def deadline(seconds: int = DEADLINE) -> Iterator[None]:
    """A block that fails where it hangs."""

    def late(*_: object) -> None:
        raise TimeoutError(f"It took more than {seconds} s.")

    earlier = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)


def mutate(chance: random.Random, body: bytes) -> bytes:
    """An object's content, damaged or forged in one to three places."""
    if chance.random() < 0.35:
        return _broken(chance, body)
    content = json.loads(body)
    for _ in range(chance.randint(1, 3)):
        _change(chance, content)
    return json.dumps(content).encode()


def _broken(chance: random.Random, body: bytes) -> bytes:
    match chance.randrange(8):
        case 0:
            return body[: chance.randrange(len(body))]
        case 1:
            return b""
        case 2:
            return b"[" * 10_000 + b"]" * 10_000
        case 3:
            return b'{"a":' * 10_000 + b"1" + b"}" * 10_000
        case 4:
            return b'{"schema": 1, "by": "' + b"x" * HUGE + b'"}' if chance.random() < 0.1 else body + body
        case 5:
            return chance.choice((b"null", b"[]", b'"x"', b"1", b"\xff\xfe", b"\x00", b'{"schema": 1}', b"NaN"))
        case 6:
            return body.replace(b'": ', b'": ' + b"[" * 200, 1)
        case _:
            flipped = bytearray(body)
            for _ in range(chance.randint(1, 8)):
                flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            return bytes(flipped)


def _change(chance: random.Random, content: dict[str, Any]) -> None:
    """Drop, retype, forge or add a field, in the document or in a mapping within it."""
    place = content
    while place and chance.random() < 0.5 and (inner := [item for item in place.values() if isinstance(item, dict)]):
        place = chance.choice(inner)
    name = chance.choice(sorted(place)) if place else "extra"
    match chance.randrange(4):
        case 0:
            place.pop(name, None)
        case 1:
            place[name] = copy.deepcopy(chance.choice(ODD))
        case _:
            known = [item for item in place if item in FORGED]
            name = chance.choice(sorted(known) if known and chance.random() < 0.8 else sorted(FORGED))
            place[name] = copy.deepcopy(chance.choice(FORGED[name]))
