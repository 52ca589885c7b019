"""What a value may be, beside its type: the kinds of names and numbers that documents from outside give. Pure.

They annotate fields: `path: UrlPath`. `ebcd.release.state.documents` refuses a document with a value of another kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Shape:
    """Text that a pattern describes as a whole."""

    pattern: str
    what: str
    """What such a text is called."""

    def fits(self, value: object) -> bool:
        """Whether a value is such a text."""
        return isinstance(value, str) and re.fullmatch(self.pattern, value, re.ASCII) is not None


@dataclass(frozen=True, slots=True)
class Within:
    """A number between two others, these included."""

    least: float
    most: float

    @property
    def what(self) -> str:
        """What such a number is called."""
        return f"a number from {self.least:g} to {self.most:g}"

    def fits(self, value: object) -> bool:
        """Whether a value is such a number."""
        return isinstance(value, int | float) and self.least <= value <= self.most


_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"

ApplicationName = Annotated[str, Shape(r"[A-Za-z0-9-]{1,100}", "an application's name")]
RESERVED_STAGES = ("bundles", "previews")
"""Names that no stage may have: in the bucket they stand beside the stages (`ebcd/APPLICATION/bundles/`)."""
StageName = Annotated[str, Shape(rf"(?!(?i:{'|'.join(RESERVED_STAGES)})$)[A-Za-z0-9-]{{1,100}}", "a stage's name")]
Region = Annotated[str, Shape(r"[a-z0-9-]{1,40}", "a region")]
CnamePrefix = Annotated[str, Shape(r"([A-Za-z0-9-]{1,63})?", "a CNAME's prefix")]
EnvironmentName = Annotated[str, Shape(r"[A-Za-z0-9-]{1,40}", "an environment's name")]
"""Source: botocore's model of CreateEnvironment, EnvironmentName."""
AnyEnvironmentName = Annotated[str, Shape(r"([A-Za-z0-9-]{1,40})?", "an environment's name, or empty")]
VersionLabel = Annotated[str, Shape(r"[^/\x00-\x1f\x7f]{1,100}", "a version label")]
"""Source: botocore's model of CreateApplicationVersion, VersionLabel: 1 to 100 characters."""
AnyVersionLabel = Annotated[str, Shape(r"[^/\x00-\x1f\x7f]{0,100}", "a version label, or empty")]
StepName = Annotated[str, Shape(r"[A-Za-z]{1,60}", "a step's name")]
Digest = Annotated[str, Shape(r"[A-Za-z0-9]{0,128}", "a digest")]
Sha = Annotated[str, Shape(r"[0-9a-f]{0,64}", "a commit's SHA")]
AnyReleaseName = Annotated[str, Shape(r"(r[1-9][0-9]{0,5})?", "a release's name, or empty")]
PlatformArn = Annotated[str, Shape(r"(arn:[!-~ ]{1,1000})?", "a platform's ARN")]
Url = Annotated[str, Shape(rf"(https?://{_HOST}(:{_PORT})?)?", "a URL of a scheme and a host")]
UrlPath = Annotated[str, Shape(r"/[!-~]*", "a path")]
AnyUrlPath = Annotated[str, Shape(r"(/[!-~]*)?", "a path, or empty")]
Host = Annotated[str, Shape(_HOST, "a host")]
AnyHost = Annotated[str, Shape(rf"({_HOST})?", "a host, or empty")]
Process = Annotated[str, Shape(r"[!-~ ]{0,300}", "a process")]
HttpStatus = Annotated[int, Within(100, 599)]
Count = Annotated[int, Within(0, 1_000_000)]
Attempts = Annotated[int, Within(1, 1000)]
ReleaseNumber = Annotated[int, Within(1, 999_999)]
Seconds = Annotated[float, Within(0, 1e9)]
Lease = Annotated[float, Within(1, 24 * 3600)]
Share = Annotated[float, Within(0, 1)]
Positive = Annotated[float, Within(0, 1e9)]
Health = Annotated[str, Shape("Green|Yellow", "a health to swap on")]
