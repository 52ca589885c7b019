"""Values of environment properties, which no text of an environment may show: many of them are passwords and keys.

An application's logs, and the events and causes that quote them, may hold any value of its environment: a KeyError's or
a ValueError's text is one. They come into ebcd through one place each (`ebcd.aws.beanstalk` for events and health,
`ebcd.release.execute.http` for log tails), which hides the values before anything else reads them: so nothing that is
made of them, and nothing that is stored, can show one. Pure, but that it learns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

from ebcd.model.settings import OptionSetting

HIDDEN = "…"
"""What stands for a value."""
LEAST = 6
"""Characters of a value that is hidden: shorter ones are in every text."""
_ANYWHERE = 12
"""Characters from which on a value is hidden within a word, too."""
_LINE = 16
"""Characters of a line that is hidden by itself, of a value that has several."""
_NAMESPACE = "aws:elasticbeanstalk:application:environment"
_PUBLIC_NAMES = re.compile(
    r"(?i)PATH|PYTHONPATH|PORT|TZ|LANG|LC_\w+|FLASK_APP|WEB_CONCURRENCY|\w*(?:MODULE|REGION|LEVEL|MODE|_ENV|ENVIRONMENT)"
)
"""Properties that say which code runs and how: their values are in tracebacks, which would not be read without them."""
_PUBLIC_VALUES = re.compile(
    r"(?i)[0-9.]{1,7}|/(?:var|opt|usr|home|tmp|etc|srv|mnt|app)(?:/[\w.-]{1,24})*/?|"
    r"true|false|enabled?|disabled?|default|always|required|production|development|staging|testing|preview|"
    r"localhost|postgres|postgresql|python|gunicorn|django|celery|warning|critical|console|standard"
)
"""Values that tell nothing, and would take words out of every text."""


class HiddenValues:
    """What is known of the properties so far."""

    def __init__(self, settings: Iterable[OptionSetting] = ()) -> None:
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.learn(settings)

    def learn(self, settings: Iterable[OptionSetting]) -> None:
        """Hide the values of these settings, too, of those that are environment properties."""
        told = [item for item in settings if item.namespace == _NAMESPACE and not _PUBLIC_NAMES.fullmatch(item.name)]
        found = self._values | {text for item in told for text in _forms(item.value) if _is_telling(text)}
        if found != self._values:
            self._pattern = re.compile("|".join(map(_bounded, sorted(found, key=lambda text: (-len(text), text)))))
            self._values = found

    def hide(self, text: str) -> str:
        """A text without them."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text


def _is_telling(text: str) -> bool:
    return len(text) >= LEAST and not _PUBLIC_VALUES.fullmatch(text)


def _bounded(value: str) -> str:
    """A pattern of a value. A short one is not looked for within a word: `master` is no part of `masters`."""
    if len(value) >= _ANYWHERE:
        return re.escape(value)
    return rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])"


def _forms(value: str) -> Iterator[str]:
    """A value as texts show it: as it is, as Python, JSON and URLs write it, a URL's password, each of its lines."""
    value = value.strip()
    plain = [value, *(line.strip() for line in value.splitlines() if len(line.strip()) >= _LINE)]
    with suppress(ValueError):
        if password := urlsplit(value).password:
            plain += [password, unquote(password)]
    for text in plain:
        yield from {text, repr(text)[1:-1], json.dumps(text)[1:-1], quote(text, safe=""), quote(text)}
