"""What the environment properties say. Read once, when the process starts; a wrong value stops the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from aespo import admission, hosts, offers
from aespo.inputs import whole

_LARGEST = 1_000_000_000
Read = TypeVar("Read")


@dataclass(frozen=True)
class Settings:
    """The process's configuration."""

    database_url: str = field(default="", repr=False)
    """libpq's URL of the database as the app role; empty: no database, and no workspaces."""
    bases: tuple[str, ...] = ()
    """The site's own host names; none: any Beanstalk CNAME, and localhost."""
    scheme: str = "http"
    """How browsers reach the site. With https, cookies are for https alone."""
    proxies: int = 0
    """Proxies in front, each of which adds to X-Forwarded-For; none: the header is not believed. On Beanstalk two: the
    load balancer and nginx (.ebextensions/01-serve.config); one, nginx, where there is no load balancer, or one of TCP.
    """
    pool_size: int = 8
    """Database connections of one process at most; of its threads those that wait for their turn hold none."""
    operator_token: str = field(default="", repr=False)
    """What operators authenticate with; empty: operator endpoints answer nobody."""
    sample_token: str = field(default="", repr=False)
    """What a tenant gate authenticates with. It may ask for a sample of hosts, no more; empty: there is none."""
    bucket: str = ""
    """S3 bucket of attachments and exports; empty: `files`, or the database."""
    files: Path | None = None
    """A folder that all instances share, in place of a bucket; None: they are kept in the database."""
    queue_url: str = ""
    """SQS queue of background jobs; empty: a table of the database."""
    mail_from: str = ""
    """Sender of mail through SES; empty: mail stays in the workspace's outbox page."""
    metrics: str = "-"
    """Where usage metrics are written, one JSON object a line: a file, `-` for standard output, empty for nowhere."""
    upgrade_url: str = ""
    """Where an owner buys a plan, with {workspace}, {plan} and {email}; empty: the pages say whom to write to."""
    prices: Mapping[str, str] = field(default_factory=dict)
    """What plans cost, by plan, as it is shown; none: no price is shown."""
    signups_per_hour: int = 20
    """Workspaces that one client address may create in an hour."""
    requests_at_once: int = admission.AT_ONCE
    """Requests of one workspace, or of one stranger, that a process answers at the same time."""
    share: int = admission.SHARE
    """Percent of a process's time that one workspace, or one stranger, may have for longer than a few seconds."""

    @property
    def secure(self) -> bool:
        """Whether cookies are for https alone."""
        return self.scheme == "https"


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from environment properties. Raises ValueError that names the property."""
    if environ.get("AESPO_MAIL_FROM") and not environ.get("AESPO_BASE_HOST"):
        raise ValueError("AESPO_MAIL_FROM needs AESPO_BASE_HOST: links in mails name the site's own host")
    return Settings(
        database_url=_database_url(environ),
        bases=hosts.bases(environ.get("AESPO_BASE_HOST", "")),
        scheme=_one_of(environ, "AESPO_SCHEME", "http", "https"),
        proxies=_number(environ, "AESPO_PROXIES", 0),
        pool_size=_number(environ, "AESPO_POOL_SIZE", 8, least=1),
        operator_token=_token(environ, "AESPO_OPERATOR_TOKEN"),
        sample_token=_token(environ, "AESPO_SAMPLE_TOKEN"),
        bucket=environ.get("AESPO_BUCKET", ""),
        files=Path(environ["AESPO_FILES"]) if environ.get("AESPO_FILES") else None,
        queue_url=environ.get("AESPO_QUEUE_URL", ""),
        mail_from=environ.get("AESPO_MAIL_FROM", ""),
        metrics=environ.get("AESPO_METRICS", "-"),
        upgrade_url=_checked(environ, "AESPO_UPGRADE_URL", offers.checked_url),
        prices=_checked(environ, "AESPO_PRICES", offers.checked_prices),
        signups_per_hour=_number(environ, "AESPO_SIGNUPS_PER_HOUR", 20, least=1),
        requests_at_once=_number(environ, "AESPO_REQUESTS_AT_ONCE", admission.AT_ONCE, least=1),
        share=_number(environ, "AESPO_SHARE", admission.SHARE, least=1),
    )


def _database_url(environ: Mapping[str, str]) -> str:
    url = environ.get("DATABASE_URL", "")
    if url and urlsplit(url).scheme not in {"postgresql", "postgres"}:
        raise ValueError("DATABASE_URL is not the URL of a PostgreSQL: it begins with postgresql://")
    return url


def _checked(environ: Mapping[str, str], name: str, check: Callable[[str], Read]) -> Read:
    try:
        return check(environ.get(name, ""))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _token(environ: Mapping[str, str], name: str) -> str:
    token = environ.get(name, "")
    if token and len(token) < 24:
        raise ValueError(f"{name} is too short to be a secret: give it 24 characters or more")
    return token


def _number(environ: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = environ.get(name) or str(default)
    number = whole(text, least, _LARGEST)
    if number is None:
        raise ValueError(f"{name}: {text!r} is not a number of at least {least}")
    return number


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise ValueError(f"{name}: {text!r} is neither {' nor '.join(choices)}")
    return text
