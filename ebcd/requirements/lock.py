"""What of a commit locks its requirements, what is missing where nothing does, and the text that is bundled. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ebcd.documents import BadDocument, toml_of
from ebcd.requirements import lines, poetry_lock, pylock, uv_lock
from ebcd.requirements.lines import Found, Read
from ebcd.requirements.pins import Pin, Problem

NAME = "requirements.txt"
WHEELS = "vendor/wheels"
"""Where wheels lie in a bundle."""
_PIPFILES = ("Pipfile.lock", "Pipfile")
_COMMANDS = {
    "uv.lock": "uv export --frozen --no-dev --no-emit-project -o requirements.txt",
    "poetry.lock": "poetry export --only main -f requirements.txt -o requirements.txt",
    "pdm.lock": "pdm export --prod -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "requirements.in": "uv pip compile --universal --generate-hashes requirements.in -o requirements.txt",
    "pyproject.toml": "uv pip compile --universal --generate-hashes pyproject.toml -o requirements.txt",
    "Pipfile": "pipenv lock",
}
"""What makes a locked requirements.txt, by the file that a commit has; the first one that it has counts."""
_COMPILE = "git mv requirements.txt requirements.in && " + _COMMANDS["requirements.in"]


@dataclass(frozen=True, slots=True)
class Lock:
    """The locked requirements of a commit."""

    source: str
    """The file that has them; empty: the bundle has no requirements, or Pipfile.lock, which Beanstalk reads itself."""
    pins: tuple[Pin, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Why they are not locked."""

    def insist(self) -> None:
        """Raise Refused (code `unlocked`) where they are not locked."""
        if self.problems:
            raise self.problems[0].refused(len(self.problems) - 1)

    def text(self, wheels: Iterable[str] | None = None) -> bytes:
        """It as a requirements.txt. wheels: the SHA-256s of those that are in the bundle, and nothing else is
        installed; None: an index has the files.

        Sorted, and each of its lines ends in a newline: the same lock gives the same bytes.
        """
        head, kept = f"# Made by ebcd from {self.source}.\n", [(pin, pin.hashes) for pin in self.pins]
        if wheels is not None:
            bundled = {f"sha256:{digest}" for digest in wheels}
            head += "--no-index\n" + (f"--find-links {WHEELS}\n" if bundled else "")
            kept = [(pin, tuple(item for item in hashes if item in bundled)) for pin, hashes in kept]
        return (head + "".join(sorted({_line(pin, hashes) for pin, hashes in kept if hashes}))).encode()


def lock(bundled: Read, committed: Read, *, wheels: bool) -> Lock:
    """What locks the requirements: requirements.txt where it does, else pylock.toml, else, where there is no
    requirements.txt, uv.lock, poetry.lock or Pipfile.lock.

    bundled: reads what goes into the bundle; committed: what the commit has. wheels: whether wheels are wanted.
    """
    own = lines.read(NAME, bundled) if bundled(NAME) is not None else None
    if own is not None and not own.problems:
        return Lock(NAME, tuple(own.pins))
    if (data := committed(pylock.NAME)) is not None:
        found = pylock.read(data)
        return Lock(pylock.NAME, tuple(found.pins), _with_hint(found.problems, _again(committed)))
    if own is not None:
        return Lock(NAME, tuple(own.pins), _with_hint(own.problems, _command(committed)))
    if told := _of_tool(committed):
        name, found = told
        return Lock(name, tuple(found.pins), _with_hint(found.problems, _command(committed)))
    present = [name for name in _PIPFILES if bundled(name) is not None]
    if not present or (present[0] == "Pipfile.lock" and not wheels):
        return Lock("")
    why = "it pins nothing." if present[0] == "Pipfile" else "wheels need a requirements.txt."
    message = f"Beanstalk reads it, and {why}"
    return Lock(present[0], problems=_with_hint([Problem(present[0], None, message)], _command(committed)))


def _of_tool(committed: Read) -> tuple[str, Found] | None:
    """What uv's or Poetry's lock says."""
    project = committed("pyproject.toml")
    if (data := committed(uv_lock.NAME)) is not None:
        return uv_lock.NAME, uv_lock.read(data, _project_name(project))
    if (data := committed(poetry_lock.NAME)) is not None:
        return poetry_lock.NAME, poetry_lock.read(data, project)
    return None


def _project_name(project: bytes | None) -> str:
    """[project].name of pyproject.toml; empty where there is none."""
    try:
        table = toml_of(project).get("project") if project is not None else None
    except BadDocument:
        return ""
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) else ""


def _line(pin: Pin, hashes: Iterable[str]) -> str:
    extras = f"[{','.join(pin.extras)}]" if pin.extras else ""
    version = f" @ {pin.url}" if pin.url else f"=={pin.version}"
    marker = f" ; {pin.marker}" if pin.marker else ""
    return f"{pin.name}{extras}{version}{marker}" + "".join(f" \\\n    --hash={item}" for item in hashes) + "\n"


def _with_hint(problems: Iterable[Problem], hint: str) -> tuple[Problem, ...]:
    return tuple(Problem(item.path, item.line, item.message, item.hint or hint) for item in problems)


def _again(committed: Read) -> str:
    if committed("uv.lock") is not None:
        return "uv export --frozen --no-dev --no-emit-project --format pylock.toml -o pylock.toml, and commit it."
    return f"Lock again without it, or commit a locked {NAME}: {_command(committed)}"


def _command(committed: Read) -> str:
    """The command that locks, by what the commit has."""
    found = (command for name, command in _COMMANDS.items() if committed(name) is not None)
    return f"{next(found, _COMPILE)}, and commit it."
