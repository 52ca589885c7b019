"""Where a request was sent, read from its Host header and nothing else: X-Forwarded-Host is anybody's to write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)\.?(?::(?P<port>[0-9]{{1,5}}))?")
_REGION = r"[a-z]{2}(?:-[a-z]+)+-[0-9]"
# prefix.region.elasticbeanstalk.com, without a region in old accounts; name.eba-….region… where no prefix was chosen.
_CNAME = re.compile(
    rf"(?<![^.])(?!{_REGION}\.){_LABEL}\.(?:(?:eba-[a-z0-9]+\.)?{_REGION}\.)?elasticbeanstalk\.(?:com|localhost)\Z"
)
_LONGEST_NAME = 253
_HIGHEST_PORT = 65535


class InvalidHost(ValueError):
    """The Host header is missing, or no host name."""


class UnknownHost(LookupError):
    """The Host header names no host of this site."""


@dataclass(frozen=True, slots=True)
class Address:
    """One host of the site."""

    apex: str
    """The site's own host name."""
    slug: str = ""
    """The workspace's label before the apex; empty: the site itself."""
    port: str = ""
    """As the client wrote it."""

    @property
    def name(self) -> str:
        """The whole host name, without the port."""
        return f"{self.slug}.{self.apex}" if self.slug else self.apex

    @property
    def url(self) -> str:
        """The address for a link: no scheme, so that the browser keeps the one it came with."""
        return f"//{self.name}{self.port and f':{self.port}'}/"

    def to(self, slug: str) -> Address:
        """The address of a workspace, or with an empty slug of the site, next to this one."""
        return Address(self.apex, slug, self.port)


def bases(text: str) -> tuple[str, ...]:
    """The site's own host names from AESPO_BASE_HOST, comma-separated."""
    return tuple(_base(entry.strip()) for entry in text.split(",") if entry.strip())


def parse(host: str | None, bases: Sequence[str] = ()) -> Address:
    """The address that a Host header names. Without bases it may be any Beanstalk CNAME, or localhost.

    Raises InvalidHost for what is no host name, UnknownHost for a name that is not ours.
    """
    name, port = _split(host)
    apex = _apex_of(name, bases)
    slug = name.removesuffix(apex).removesuffix(".")
    if "." in slug:
        raise UnknownHost(name)
    return Address(apex, slug, port)


def _base(entry: str) -> str:
    try:
        name, port = _split(entry)
    except InvalidHost:
        raise ValueError(f"AESPO_BASE_HOST: {entry!r} is not a host name") from None
    if port or entry.endswith("."):
        raise ValueError(f"AESPO_BASE_HOST: {entry!r} has more than a host name")
    return name


def _split(host: str | None) -> tuple[str, str]:
    # ASCII is checked before the case is folded: the Kelvin sign, for one, folds to the letter k.
    match = _HOST.fullmatch(host.lower()) if host and host.isascii() else None
    if match is None or len(match["name"]) > _LONGEST_NAME or int(match["port"] or 0) > _HIGHEST_PORT:
        raise InvalidHost
    return match["name"], match["port"] or ""


def _apex_of(name: str, bases: Sequence[str]) -> str:
    if not bases:
        return _beanstalk_cname(name)
    for base in sorted(bases, key=len, reverse=True):
        if name == base or name.endswith(f".{base}"):
            return base
    raise UnknownHost(name)


def _beanstalk_cname(name: str) -> str:
    """The CNAME that a name is or lies under, or localhost."""
    if match := _CNAME.search(name):
        return match[0]
    if name == "localhost" or name.endswith(".localhost"):
        return "localhost"
    raise UnknownHost(name)
