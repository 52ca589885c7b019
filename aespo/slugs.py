"""Slugs: the label before the site's own name that is a workspace's address."""

from __future__ import annotations

import re
import unicodedata

PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
SHORTEST = 3
LONGEST = 40

# Names that a visitor would take for the site's own, that mail and browsers treat specially, or that operators need.
_NAMES = """
    about abuse account accounts admin administrator aespo api app apps assets auth autoconfig autodiscover
    beta billing blog broadcasthost careers cdn cname contact dashboard demo dev developer dns docs download
    email eba elasticbeanstalk example faq feedback files ftp git graphql help home hostmaster http https imap
    info internal isatap kb legal live local localdomain localhost login logout mail mailer-daemon marketing
    media metrics mta-sts mx news nobody noc noreply ns ns1 ns2 oauth official ops pay payment pop pop3
    postmaster press preview pricing privacy production root sales secure security server shop signin signup
    site smtp ssl sso ssladmin staff staging static stats status store support sysadmin system team teams
    terms test testing tls trial unknown usenet user users uucp webmail webmaster wpad www www1 www2
"""
RESERVED = frozenset(_NAMES.split())
"""Slugs that nobody may take."""


class InvalidSlug(ValueError):
    """The text cannot be a workspace's address; the message says why, for the person who chose it."""


def tidy(text: str) -> str:
    """What somebody typed, in small letters. ASCII alone is folded: the Kelvin sign is no k."""
    stripped = text.strip()
    return stripped.lower() if stripped.isascii() else stripped


def check(text: str) -> str:
    """The slug itself. Raises InvalidSlug where it may not be used."""
    if not SHORTEST <= len(text) <= LONGEST:
        raise InvalidSlug(f"An address has {SHORTEST} to {LONGEST} characters.")
    if not PATTERN.fullmatch(text):
        raise InvalidSlug("An address has small letters, digits and hyphens, none at its ends.")
    if text[2:4] == "--":  # xn-- and its kin say that a label is encoded
        raise InvalidSlug("An address has no two hyphens at its third and fourth place.")
    if text in RESERVED:
        raise InvalidSlug("This address is reserved.")
    return text


def suggest(name: str) -> str:
    """A slug made of a workspace's name; empty where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-")
    return re.sub(r"-{2,}", "-", words)
