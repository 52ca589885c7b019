"""Puts the site's folder together: what people wrote in docs/, and what is made from the code."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from reference import commands, keys, manual, pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
ABOVE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Pages that lie at the top of the repository, where people and forges look for them."""
COMMANDS = "@COMMANDS@"
"""Stands in the site's configuration for the commands' pages."""
_LINK = re.compile(r"(\]\()([^)\s#:]+)([^)]*\))")


def write(folder: Path) -> None:
    """Write the site's pages and its configuration into an empty folder, and the manual pages beside them."""
    made = generated()
    for path in [*DOCS.glob("*.md"), *DOCS.glob("recipes/*.md"), *DOCS.glob("pictures/**/*.*")]:
        _copy(path, folder / "pages" / path.relative_to(DOCS))
    for name, page in ABOVE.items():
        text = _LINK.sub(_from_above, (ROOT / name).read_text())
        (folder / "pages" / page).write_text(text)
    for name, text in made.items():
        _write(folder / "pages" / name, text)
    listed = ", ".join(f'"{name}"' for name in made if name.startswith("commands/"))
    (folder / "zensical.toml").write_text((DOCS / "zensical.toml").read_text().replace(f'"{COMMANDS}"', listed))


def write_manual(folder: Path) -> None:
    """Write every manual page into a folder."""
    for name, text in manual.pages(commands.root(), commands.commands()).items():
        _write(folder / name, text)


def generated() -> dict[str, str]:
    """The pages that are made from the code, by the name that they have in the site."""
    every = commands.commands()
    return {
        "commands/index.md": pages.index(every) + pages.common(every),
        **{f"commands/{pages.page_name(command)}": pages.page(command) for command in every},
        "keys.md": pages.keys(keys.reference()),
    }


def _copy(source: Path, target: Path) -> None:
    if source.suffix == ".md":
        _write(target, _LINK.sub(_from_docs, source.read_text()))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _from_docs(link: re.Match[str]) -> str:
    """A link of a page in docs/ to a page above it, as the site has it."""
    above, _, name = link[2].rpartition("../")
    return f"{link[1]}{above}{ABOVE[name]}{link[3]}" if name in ABOVE and "../" in link[2] else link[0]


def _from_above(link: re.Match[str]) -> str:
    """A link of a page at the repository's top, as the site has it."""
    path = ABOVE.get(link[2], link[2].removeprefix("docs/"))
    return f"{link[1]}{path}{link[3]}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
