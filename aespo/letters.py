"""What mails say. Names that people chose stand in quotes in the text, never in a subject, and cannot be links: a mail
of ours must not carry a stranger's message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINKING = re.compile(r"[./:@\\]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail's subject and text."""

    subject: str
    body: str


def invitation(inviter: str, workspace: str, host: str, link: str) -> Letter:
    """Somebody is asked into a workspace."""
    return Letter(
        "An invitation to a workspace on Aespo",
        f"Somebody who calls themselves {quoted(inviter)} asks you to join the workspace {quoted(workspace)}\n"
        f"at {host}:\n{link}\n\nThe link is good for seven days. You do not know them? Then do nothing.\n",
    )


def new_password(host: str, link: str) -> Letter:
    """Somebody asked for a new password."""
    return Letter(
        "A new password on Aespo",
        f"Set a new password for {host} within an hour:\n{link}\n\n"
        "All your sessions and API tokens there end with it. You did not ask? Then do nothing.\n",
    )


def confirmation(host: str, link: str) -> Letter:
    """A member is to show that the address is theirs."""
    return Letter(
        "Confirm your e-mail address on Aespo",
        f"Confirm that this is your address at {host} within a day:\n{link}\n\n"
        "You have no workspace there? Then do nothing.\n",
    )


def quoted(name: str) -> str:
    """A name that somebody chose, in quotes: one line, without what would make it a link."""
    plain = " ".join(_LINKING.sub(" ", "".join(letter for letter in name if letter.isprintable())).split())
    return f"“{plain.replace('“', '').replace('”', '')}”"
