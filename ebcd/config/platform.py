"""Which Pythons the stages' platforms run: those that the wheels of a bundle must fit."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ebcd.config import values
from ebcd.model import Family, Python, Stage, Target
from ebcd.model.platforms import family_of

_PLATFORM = re.compile(r"Python (3\.\d+) running on 64bit Amazon Linux (2023|2)(?!\d)")
"""What the name of a branch holds, and the ARN of a platform version.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/platforms/platforms-supported.html#platforms-supported.python
"""
_GLIBC = {"2023": 34, "2": 26}
"""Source: https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html"""
_ARCHITECTURES = ("aws:ec2:instances", "SupportedArchitectures")
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def pythons(stages: Iterable[Stage]) -> tuple[Python, ...]:
    """The Pythons of the stages on AWS; where there is none of these, of the local ones. Stages of another language, or
    of containers, have none.

    Raises UsageError for a platform that does not name its Python.
    """
    everywhere = [stage for stage in stages if family_of(stage.platform) in (Family.PYTHON, Family.OTHER)]
    counted = [stage for stage in everywhere if stage.target is Target.AWS] or everywhere
    if not counted:
        raise values.wrong(
            "bundle.requirements",
            "wheels",
            "There is no stage whose platform names a Python.",
            'Declare a stage, or write requirements = "lock".',
        )
    return tuple(sorted({python for stage in counted for python in _of(stage)}))


def _of(stage: Stage) -> list[Python]:
    key = f"stages.{stage.name}.platform"
    found = _PLATFORM.search(stage.platform)
    if not found:
        raise values.wrong(
            key,
            stage.platform,
            'requirements = "wheels" needs a platform that names its Python.',
            'For example "Python 3.11 running on 64bit Amazon Linux 2023"; or write requirements = "lock".',
        )
    options = {(item.namespace, item.name): item.value for item in stage.options}
    named = [item.strip() for item in options.get(_ARCHITECTURES, "").split(",") if item.strip()] or ["x86_64"]
    unknown = [item for item in named if item not in _MACHINES]
    if unknown:
        raise values.wrong(
            f"stages.{stage.name}.options.{_ARCHITECTURES[0]}.{_ARCHITECTURES[1]}",
            unknown[0],
            "Wheels are known for x86_64 and arm64 only.",
        )
    return [Python(found[1], _MACHINES[item], _GLIBC[found[2]]) for item in named]
