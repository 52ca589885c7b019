"""A message to each of a stage's `notify.urls`. A release never fails because nobody could be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from ebcd import __version__
from ebcd.errors import UsageError
from ebcd.model import Notify, Stage
from ebcd.proxies import pool_of

PATIENCE = 5.0
"""Seconds that each may take."""
_VARIABLE = "env:"


def require_urls(stage: Stage, environ: Mapping[str, str]) -> None:
    """Raises UsageError (code `no-notify-url`) where a variable that names a URL holds none."""
    for address in stage.notify.urls:
        if not _url(address, environ):
            name = address.removeprefix(_VARIABLE)
            raise UsageError(
                f"{name} holds no URL to notify.",
                code="no-notify-url",
                why=f"stages.{stage.name}.notify.urls names it, and nobody would be told.",
                hint=f"export {name}=https://…, or in a workflow env: with a secret.",
            )


def notify(stage: Stage, environ: Mapping[str, str], message: str, *, patience: float = PATIENCE) -> tuple[str, ...]:
    """Post the message to all at once, as a chat's incoming webhook wants it: `{"text": …}`; who could not be told, and
    why. A URL is a secret, so it is told by its place in the list. patience: seconds that each may take.
    """
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = pool.map(lambda address: _post(_url(address, environ), message, patience, environ), stage.notify.urls)
        return tuple(f"notify.urls[{index}]: {failure}" for index, failure in enumerate(answers) if failure)


def _url(address: str, environ: Mapping[str, str]) -> str:
    found = environ.get(address.removeprefix(_VARIABLE), "") if address.startswith(_VARIABLE) else address
    return found if Notify.is_url(found) else ""


def _post(url: str, message: str, patience: float, environ: Mapping[str, str]) -> str:
    """Why it could not be told; empty when it was."""
    if not url:
        return "its variable holds no URL"
    import urllib3

    headers = {"Content-Type": "application/json", "User-Agent": f"ebcd/{__version__}"}
    try:
        answer = pool_of(url, environ).request(
            "POST",
            url,
            body=json.dumps({"text": message}),
            headers=headers,
            timeout=patience,
            retries=False,
            redirect=False,
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return type(error).__name__  # its words may hold the URL
    return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
