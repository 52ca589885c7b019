"""Which parts of a new bundle an earlier one has already: they are copied inside S3 and not sent again. Pure.

Both archives are compared by their entries, each with the header that stands before it, so that a run of unchanged
entries is found wherever it lies. S3 wants parts of 5 MiB and more, but for the last. A smaller change is the tail of
the copied part before it; where there is none before it, it costs 5 MiB.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, cast

from ebcd.model import UploadPart

LEAST = 5 * 1024**2
"""Bytes of any part but the last. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
TAIL = 4 * 1024**2
"""Bytes of a change from which it is sent as a part: five more calls would take longer than what they save."""
SENT, COPIED = 8 * 1024**2, 64 * 1024**2
"""Bytes of a part at most, as long as there are not too many: several are under way at one time."""
PARTS = 900
"""Parts at most. S3 allows 10,000, and tells of 1,000 in one answer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an archive: its local header and its stream."""

    identity: tuple[object, ...]
    """What the header says. Two entries of the same identity have the same bytes, or S3's checksum tells."""
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class _Run:
    """A range that both archives have."""

    offset: int
    length: int
    source: int


def entries(archive: IO[bytes] | io.RawIOBase) -> list[Entry]:
    """The entries of a zip file, in the order of their places. Raises zipfile.BadZipFile, also for one that somebody
    else wrote in its place, whatever is wrong with it.
    """
    try:
        with zipfile.ZipFile(cast(IO[bytes], archive)) as opened:
            found = sorted(opened.infolist(), key=lambda item: item.header_offset)
            ends = [item.header_offset for item in found[1:]] + [opened.start_dir]
    except (ValueError, NotImplementedError, ArithmeticError, LookupError, EOFError, struct.error) as error:
        raise zipfile.BadZipFile(f"its directory cannot be read: {error}") from error
    return [
        Entry(
            (item.filename, item.date_time, item.compress_type, item.CRC, item.compress_size, item.file_size),
            item.header_offset,
            end - item.header_offset,
        )
        for item, end in zip(found, ends, strict=True)
    ]


def parts(size: int, new: Sequence[Entry] = (), old: Sequence[Entry] = ()) -> tuple[UploadPart, ...]:
    """The parts of a file of that size, in order: as much of it copied as S3's rules for parts allow."""
    planned: list[UploadPart] = []
    sent_from = 0
    for run in _runs(new, old):
        gap = run.offset - sent_from
        if planned and 0 < gap < TAIL and run.length >= LEAST:
            planned[-1] = replace(planned[-1], length=planned[-1].length + gap, tail=gap)
            sent_from = run.offset
        eaten = max(0, LEAST - (run.offset - sent_from)) if run.offset > sent_from else 0
        start, end = run.offset + eaten, run.offset + run.length
        if end - start < LEAST:
            continue  # sent with what is around it
        planned += _split(sent_from, start, _largest(SENT, size))
        planned += _split(start, end, _largest(COPIED, size), run.source + eaten)
        sent_from = end
    planned += _split(sent_from, size, _largest(SENT, size))
    return tuple(planned)


def _runs(new: Sequence[Entry], old: Sequence[Entry]) -> Iterator[_Run]:
    """Ranges of the new archive, in order, that lie in one piece in the old one too; the longest there are."""
    places = {item.identity: item for item in old}
    run: _Run | None = None
    for item in new:
        known = places.get(item.identity)
        same = known is not None and known.length == item.length
        if (
            run
            and same
            and known
            and known.offset == run.source + run.length
            and item.offset == run.offset + run.length
        ):
            run = _Run(run.offset, run.length + item.length, run.source)
            continue
        if run:
            yield run
        run = _Run(item.offset, item.length, known.offset) if same and known else None
    if run:
        yield run


def _split(start: int, end: int, largest: int, source: int | None = None) -> Iterator[UploadPart]:
    """A range in parts of nearly the same size, none too small; one that is too small itself stays whole."""
    count = min(-(-(end - start) // largest), max((end - start) // LEAST, 1))
    for number in range(count):
        at, to = (start + (end - start) * each // count for each in (number, number + 1))
        yield UploadPart(at, to - at, None if source is None else source + at - start)


def _largest(usual: int, size: int) -> int:
    return max(usual, -(-size // PARTS))
