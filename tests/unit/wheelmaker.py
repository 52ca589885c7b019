"""Tiny wheels, and locks that name them."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Index:
    """A folder of packages, where pip finds them."""

    folder: Path

    def wheel(self, name: str, version: str = "1.0", tag: str = "py3-none-any", text: str = "") -> str:
        """Make a wheel; its SHA-256. text: what its module says."""
        path = self.folder / f"{name}-{version}-{tag}.whl"
        info = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in {
                f"{name}/__init__.py": f"tag = {tag!r}\n# {text}\n",
                f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
                f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
                f"{info}/RECORD": "",
            }.items():
                archive.writestr(zipfile.ZipInfo(member), content)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def environ(self) -> dict[str, str]:
        """What makes pip look here and nowhere else."""
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.folder), "PIP_CONFIG_FILE": "/dev/null"}


def pinned(name: str, *digests: str, version: str = "1.0", marker: str = "") -> str:
    """A line of a locked requirements.txt."""
    condition = f" ; {marker}" if marker else ""
    return f"{name}=={version}{condition}" + "".join(f" --hash=sha256:{item}" for item in digests) + "\n"


def package(name: str, *wheels: tuple[str, str], version: str = "1.0", more: str = "") -> str:
    """A package of pylock.toml. wheels: tag and SHA-256 of each."""
    files = "".join(
        f'[[packages.wheels]]\nname = "{name}-{version}-{tag}.whl"\npath = "{name}-{version}-{tag}.whl"\n'
        f'hashes = {{sha256 = "{digest}"}}\n'
        for tag, digest in wheels
    )
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}{files}'


def pylock(*packages: str, more: str = "") -> str:
    """A pylock.toml."""
    return f'lock-version = "1.0"\ncreated-by = "test"\n{more}' + "".join(packages)
