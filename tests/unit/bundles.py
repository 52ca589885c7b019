"""Small bundles, and what `check` finds in them."""

from __future__ import annotations

from dataclasses import replace

from stages import STAGE

from ebcd.check import Finding, Inspection, findings, ordered
from ebcd.check.entry import python_version
from ebcd.check.files import File
from ebcd.model import OptionSetting, Stage, Target
from ebcd.model.platforms import local_branches

GOOD = {"Procfile": "web: run", "application.py": "", "requirements.txt": ""}
LOCAL = replace(STAGE, name="local", target=Target.LOCAL, platform=local_branches()[0])


def on(python: str, *options: OptionSetting, target: Target = Target.AWS) -> Stage:
    """A stage with a Python and option settings."""
    platform = f"Python {python} running on 64bit Amazon Linux 2023"
    return replace(STAGE, platform=platform, options=options, target=target)


def found(stage: Stage | None = None, links: dict[str, str] | None = None, **files: str | bytes) -> list[Finding]:
    """All findings in a good bundle with some files more."""
    return found_alone(stage, links, **{**GOOD, **files})


def found_alone(stage: Stage | None = None, links: dict[str, str] | None = None, **files: str | bytes) -> list[Finding]:
    """All findings in a bundle of these files alone."""
    inspection, bundle = Inspection(python_version(stage)), {}
    for name, text in files.items():
        bundle[name] = File(text if isinstance(text, bytes) else text.encode())
    bundle |= {name: File(target.encode(), link=True) for name, target in (links or {}).items()}
    for name, file in bundle.items():
        inspection.look(name, 0o120777 if file.link else 0o100644, (file.data,))
    return ordered(findings(bundle, inspection, stage))


def codes(stage: Stage | None = None, links: dict[str, str] | None = None, **files: str | bytes) -> list[str]:
    """The rules of what is found in a bundle of these files alone."""
    return [item.code for item in found_alone(stage, links, **files)]
