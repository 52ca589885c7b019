"""`check` as it goes along with the making of a bundle, so that each file is read once, or not at all."""

from __future__ import annotations

import stat
from collections.abc import Iterable

from ebcd.check import lint, migrations
from ebcd.check.extensions import YAML_LIMIT, File
from ebcd.check.finding import Finding, Severity
from ebcd.check.secrets import RULES, secrets_in
from ebcd.model import Stage


class Inspection:
    """What was seen of a bundle's files. Several threads may show it files; the same file twice is the same."""

    fact = RULES

    def __init__(self) -> None:
        self._modes: dict[str, int] = {}
        self._contents: dict[str, bytes] = {}
        self._secrets: dict[str, list[Finding]] = {}

    def wants(self, path: str) -> bool:
        """Whether the content matters whatever was found in it before."""
        return lint.reads(path)

    def look(self, path: str, mode: int, content: Iterable[bytes] | None) -> bool:
        """Look for secrets, and keep what `check` reads; whether the content holds no secret. None: not read again."""
        self._modes[path] = mode
        if content is None:
            return False
        self._secrets[path] = secrets_in(path, self._kept(path, content) if lint.reads(path) else content)
        return not self._secrets[path]

    def files(self) -> dict[str, File]:
        """The bundle's files, with the contents that were kept."""
        return {path: File(self._contents.get(path, b""), stat.S_ISLNK(mode))
                for path, mode in sorted(self._modes.items())}  # fmt: skip

    @property
    def takes_away(self) -> bool:
        """Whether a migration takes something away: then it matters what is live."""
        return migrations.any_takes_away(self.files())

    def findings(self, stage: Stage | None, live: frozenset[str] | None = None) -> list[Finding]:
        """All findings, errors first.

        stage: whose option settings count too; None: none is named. live: the paths of what is live; None: not known.
        """
        found = [*lint.check(self.files(), stage, live), *(item for each in self._secrets.values() for item in each)]
        return sorted(found, key=lambda item: (item.severity is Severity.WARNING, item.path, item.line or 0))

    def _kept(self, path: str, content: Iterable[bytes]) -> Iterable[bytes]:
        kept = b""
        for piece in content:
            kept += piece[: YAML_LIMIT + 1 - len(kept)]
            yield piece
        self._contents[path] = kept
