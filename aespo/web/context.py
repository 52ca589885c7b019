"""What one process serves with, and the Flask application that carries it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path

from flask import Flask, current_app, g, request

from aespo import avatar, forwarded, markup
from aespo.adapters import Adapters
from aespo.admission import Admission, Caller, Known
from aespo.db.engine import Database
from aespo.hosts import Address
from aespo.metrics import Metrics
from aespo.plans import Plan
from aespo.problems import NoDatabase
from aespo.release import Release
from aespo.settings import Settings
from aespo.web.readiness import Readiness

_PACKAGE = Path(__file__).resolve().parents[1]

# The stylesheet is part of the page. During a swap a page and a file it refers to may come from two releases.
STYLESHEET = "".join(
    path.read_text(encoding="utf-8") for path in sorted(_PACKAGE.joinpath("templates", "style").glob("*.css"))
)
STYLE_DIGEST = b64encode(sha256(STYLESHEET.encode()).digest()).decode()
ADDRESS = "aespo.address"
"""Where the dispatcher leaves the address that the Host names."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one process serves."""

    release: Release
    settings: Settings
    database: Database | None
    metrics: Metrics
    adapters: Adapters | None
    admission: Admission
    readiness: Readiness = field(default_factory=Readiness)
    known: Known = field(default_factory=Known)

    def require_database(self) -> Database:
        """The database. Raises NoDatabase."""
        if self.database is None:
            raise NoDatabase(
                "This release runs without a database (DATABASE_URL is not set), so there are no workspaces yet."
            )
        return self.database

    def require_adapters(self) -> Adapters:
        """The adapters, which are there wherever a database is."""
        self.require_database()
        assert self.adapters is not None
        return self.adapters


def new_flask(name: str, context: Context) -> Flask:
    """A Flask application with the context, and with what all templates use."""
    flask = Flask(name, static_folder=None, template_folder=str(_PACKAGE / "templates"))
    flask.extensions["aespo"] = context
    flask.jinja_env.trim_blocks = flask.jinja_env.lstrip_blocks = True
    flask.jinja_env.globals.update(stylesheet=STYLESHEET, contours=avatar.contours, context=context, today=today)
    flask.jinja_env.globals.update(contents=_contents)
    flask.jinja_env.filters.update(
        day=_day,
        ago=_ago,
        due=_due,
        size=_size,
        markdown=markup.to_html,
        excerpt=markup.excerpt,
        hits=markup.hits,
        initials=_initials,
        zip=zip,
    )
    return flask


def context() -> Context:
    """The context of the running application."""
    found: Context = current_app.extensions["aespo"]
    return found


def address() -> Address:
    """Where the request was sent."""
    found: Address = request.environ[ADDRESS]
    g.address = found
    return found


def absolute(path: str, to: Address | None = None) -> str:
    """A whole address, for a mail or a redirect to another host."""
    return f"{context().settings.scheme}:{(to or address()).url.rstrip('/')}{path}"


def mailed(path: str) -> str:
    """A whole address for a mail, at the workspace's host: below the configured host, whatever the request's Host said.

    Where mail leaves the machine a host is configured (settings.read); without one the outbox page is all there is.
    """
    return absolute(path, _configured(address()))


def mailed_host() -> str:
    """The workspace's host, as mails name it."""
    return _configured(address()).name


def _configured(at: Address) -> Address:
    bases = context().settings.bases
    if not bases:
        return at
    return Address(bases[0], at.slug, "" if context().settings.secure else at.port)


def client_network() -> str:
    """The client's network, in which it may choose its address: 24 bits of IPv4, 64 of IPv6."""
    found = forwarded.parse(client_address())
    return str(ip_network((str(found), 24 if found.version == 4 else 64), strict=False)) if found else ""


def client_source() -> str:
    """What a client cannot choose of its address: all of it in IPv4, the network in IPv6."""
    found = forwarded.parse(client_address())
    return client_network() if found is not None and found.version == 6 else client_address()


def stranger(place: Hashable = None) -> Caller:
    """Who nobody knows, as a caller. A public address is the same one at all workspaces, so that it has no more by
    asking at many; behind a private one may be everybody, as behind a proxy of ours: it counts at each place by itself.
    """
    source, found = client_source(), forwarded.parse(client_address())
    public = found is not None and found.is_global
    return Caller(source if public else (place, source), stranger=True)


def client_address() -> str:
    """The client's IP address, as the outermost of our own proxies saw it."""
    told = request.headers.get("X-Forwarded-For", "")
    return forwarded.client(request.remote_addr or "", told, context().settings.proxies)


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()


def _day(time: datetime | date | str) -> str:
    """A day for people; with its time where it is an ISO text."""
    if isinstance(time, str):
        return f"{datetime.fromisoformat(time):%-d %B %Y, %H:%M %Z}"
    return f"{time:%-d %B %Y}"


def _ago(time: datetime) -> str:
    """How long ago, roughly."""
    seconds = (datetime.now(UTC) - time).total_seconds()
    for length, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            if word == "day" and count > 6:
                return _day(time)
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "just now"


def _due(day: date) -> str:
    """A due date as people say it."""
    match (day - today()).days:
        case 0:
            return "today"
        case 1:
            return "tomorrow"
        case -1:
            return "yesterday"
        case _ if day.year == today().year:
            return f"{day:%-d %b}"
        case _:
            return f"{day:%-d %b %Y}"


def _size(count: int) -> str:
    """Bytes for people."""
    number = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f} {unit}" if unit == "bytes" or number >= 10 else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError("the last unit returns")


def _contents(plan: Plan) -> tuple[str, ...]:
    """What a plan contains, a line each."""
    return (
        f"{plan.members:,} members",
        f"{plan.rows:,} notes, tasks and files",
        f"{_size(plan.bytes)} of text and files",
        f"{plan.requests:,} requests a day",
    )


def _initials(name: str) -> str:
    words = name.split()
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"
