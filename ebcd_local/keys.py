"""The server's own key pair: whoever has it is the account's administrator.

{folder}/key.json    made at the first start, for the user alone; gone with `ebcd local reset`
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from ebcd_local import home

FILE = "key.json"


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair."""

    secret: str = field(repr=False)
    id: str = home.ACCESS_KEY_ID


def kept(folder: Path) -> Key:
    """The key of a state folder, made if there is none. Only the server that has the folder asks."""
    try:
        content = json.loads((folder / FILE).read_text())
        return Key(str(content["secret_access_key"]), str(content["access_key_id"]))
    except (OSError, ValueError, KeyError, TypeError):
        made = Key(secrets.token_urlsafe(30))
        home.write_private(
            folder / FILE, {"schema": home.SCHEMA, "access_key_id": made.id, "secret_access_key": made.secret}
        )
        return made
