"""What a version's bundle says, read from the bucket: of a release whose commit nobody has at hand."""

from __future__ import annotations

import io
import zipfile
from typing import IO, cast

from ebcd.check.extensions import YAML_LIMIT, is_read, option_settings
from ebcd.check.files import File
from ebcd.model import OptionSetting
from ebcd.release.execute.context import Services


def stored_options(services: Services, key: str) -> tuple[OptionSetting, ...]:
    """What the .ebextensions of a stored bundle set. Only these of it are fetched. Raises AwsRefused."""
    stored = io.BufferedReader(services.storage.open(key), 64 * 1024)
    with zipfile.ZipFile(cast(IO[bytes], stored)) as archive:
        files = {name: _file(archive, name) for name in archive.namelist() if is_read(name)}
    return option_settings(files)


def _file(archive: zipfile.ZipFile, name: str) -> File:
    with archive.open(name) as entry:
        return File(entry.read(YAML_LIMIT + 1))
