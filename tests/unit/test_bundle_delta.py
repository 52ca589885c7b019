"""Parts of an upload: they make up the file, keep S3's rules, and copy only what is equal."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import UTC, datetime

import pytest

from ebcd.bundle import delta
from ebcd.bundle.archive import ArchiveWriter
from ebcd.bundle.compress import compress
from ebcd.bundle.delta import LEAST, SENT, TAIL, Entry, entries, parts
from ebcd.model import UploadPart

MB = 1024**2


def layout(*sizes: tuple[str, int]) -> list[Entry]:
    """Entries of these names and sizes, one after the other."""
    found, offset = [], 0
    for name, size in sizes:
        found.append(Entry((name, size), offset, size))
        offset += size
    return found


def planned(new: list[Entry], old: list[Entry], tail: int = 1000) -> tuple[UploadPart, ...]:
    """The parts, after what must be true of any."""
    size = (new[-1].offset + new[-1].length if new else 0) + tail
    found = parts(size, new, old)
    assert [part.offset for part in found] == [sum(part.length for part in found[:at]) for at in range(len(found))]
    assert sum(part.length for part in found) == size
    assert all(part.length >= LEAST for part in found[:-1])
    assert all(part.length > 0 for part in found)
    where = {item.identity: item for item in old}
    for part in found:
        copied = 0 if part.source is None else part.length - part.tail
        assert copied >= LEAST or part.source is None, "what is copied is a part of an upload too"
        assert part.tail < TAIL
        if part.source is not None:
            covered = [
                item for item in new if item.offset < part.offset + copied and part.offset < item.offset + item.length
            ]
            for item in covered:
                assert where[item.identity].offset - part.source == item.offset - part.offset
            assert covered[0].offset <= part.offset
            assert covered[-1].offset + covered[-1].length >= part.offset + copied
    return found


def sent(found: tuple[UploadPart, ...]) -> int:
    return sum(part.length if part.source is None else part.tail for part in found)


def files(count: int, size: int, changed: set[int] = frozenset()) -> list[Entry]:  # type: ignore[assignment]
    return layout(*((f"{number}{'*' if number in changed else ''}", size) for number in range(count)))


def test_without_an_earlier_bundle_all_is_sent_in_parts_of_one_size() -> None:
    found = planned(files(100, MB), [])
    assert sent(found) == 100 * MB + 1000
    assert max(part.length for part in found) <= SENT
    assert max(part.length for part in found) - min(part.length for part in found) <= 1


def test_a_small_change_costs_itself_and_the_directory() -> None:
    found = planned(files(300, MB, {150}), files(300, MB))
    assert sent(found) == MB + 1000
    assert [part.tail for part in found if part.tail] == [MB]
    assert len(found) <= 8


def test_small_changes_far_apart_cost_themselves() -> None:
    changed = {30, 36, 42, 120, 250, 293}
    assert sent(planned(files(300, MB, changed), files(300, MB))) == 6 * MB + 1000


def test_a_small_change_at_the_beginning_costs_one_least_part() -> None:
    assert sent(planned(files(300, MB, {0}), files(300, MB))) == LEAST + 1000


def test_a_change_that_is_nearly_a_part_is_sent_as_one() -> None:
    found = planned(files(300, MB, {150, 151, 152, 153}), files(300, MB))
    assert sent(found) == LEAST + 1000
    assert not any(part.tail for part in found)


def test_nothing_changed_but_the_end() -> None:
    assert sent(planned(files(300, MB), files(300, MB))) == 1000


def test_a_file_that_grew_moves_what_follows_and_that_is_copied() -> None:
    old = layout(*((str(number), MB) for number in range(100)))
    new = layout(
        ("new", 3),
        *((str(number), MB) for number in range(50)),
        ("50*", 2 * MB),
        *((str(number), MB) for number in range(51, 100)),
    )
    assert sent(planned(new, old)) == LEAST + 2 * MB + 1000


def test_a_copy_that_would_be_too_small_is_sent() -> None:
    found = planned(files(9, MB, {0, 4, 8}), files(9, MB))
    assert all(part.source is None for part in found)


def test_entries_in_another_order_are_found() -> None:
    old = layout(*((str(number), 6 * MB) for number in range(10)))
    new = layout(*((str(number), 6 * MB) for number in reversed(range(10))))
    assert sent(planned(new, old)) == 1000


@pytest.mark.parametrize("seed", range(30))
def test_any_two_bundles(seed: int) -> None:
    chance = random.Random(seed)
    old = [(str(number), chance.choice((100, 50_000, MB, 4 * MB, 20 * MB))) for number in range(chance.randrange(60))]
    new = [
        (f"{name}*", size + chance.randrange(3)) if chance.random() < 0.1 else (name, size)
        for name, size in old
        if chance.random() > 0.1
    ]
    if seed % 3 == 0:
        chance.shuffle(new)
    planned(layout(*new), layout(*old), chance.choice((0, 1, 1000, 6 * MB)) + (not new))


def test_a_very_large_file_has_parts_that_one_answer_can_tell_of() -> None:
    assert len(parts(200_000 * MB)) <= delta.PARTS


def test_entries_are_read_from_the_archive_itself() -> None:
    buffer = io.BytesIO()
    writer = ArchiveWriter(buffer, datetime(2026, 1, 2, tzinfo=UTC))
    for number in range(5):
        stream, data = compress(b"x" * number * 100, stored=False)
        writer.add(f"d/{number}", 0o100644, stream, (data,))
    writer.close()
    found = entries(buffer)
    assert [item.identity[0] for item in found] == [f"d/{number}" for number in range(5)]
    whole = buffer.getvalue()
    assert all(whole[item.offset :].startswith(b"PK\x03\x04") for item in found)
    end = found[-1].offset + found[-1].length
    assert whole[end : end + 4] == b"PK\x01\x02"
    with pytest.raises(zipfile.BadZipFile):
        entries(io.BytesIO(b"no archive"))
