"""A local Beanstalk of the tests' own, which stands in for an account."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from local_server import serving

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"


@dataclass(frozen=True)
class StandIn:
    """A local Beanstalk that runs."""

    endpoint_url: str
    keys: tuple[str, str]

    @property
    def environ(self) -> dict[str, str]:
        """The variables that point programs at it, as somebody who has an account would set them."""
        access_key, secret_key = self.keys
        return usual() | {"AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}


def usual() -> dict[str, str]:
    """The environment without what would lead to an account."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EBCD_"))}


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A local Beanstalk in a folder of its own, which leaves no process behind."""
    with TemporaryDirectory(prefix="contract-", dir="/tmp") as folder:
        environ = usual() | {"EBCD_HOME": folder, "PYTHONPATH": str(ROOT)}
        with serving(Path(folder), "--speed", "4", env=environ):
            told = json.loads((Path(folder) / "local" / "server.json").read_text())
            yield StandIn(told["endpoint_url"], (told["access_key_id"], told["secret_access_key"]))
