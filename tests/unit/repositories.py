"""Small real git repositories."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Git:
    """A repository, and git in it."""

    folder: Path

    def __call__(self, *arguments: str, **environ: str) -> str:
        fixed = {"GIT_AUTHOR_DATE": "2026-01-02T03:04:06Z", "GIT_COMMITTER_DATE": "2026-01-02T03:04:06Z"}
        command = [
            "git",
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.com",
            "-c",
            "protocol.file.allow=always",
            *arguments,
        ]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(command, cwd=self.folder, env=kept | fixed | environ, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def write(self, **files: str | bytes) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, **files: str | bytes) -> str:
        """Write files and commit everything; the SHA."""
        self.write(**files)
        self("add", "-A")
        self("commit", "-q", "--allow-empty", "-m", "Change it")
        return self("rev-parse", "HEAD")
