"""What is new in log tails that come whole each time."""

from __future__ import annotations

import pytest

from ebcd.release.judge.log_lines import added, newest, sections

RULE = "-" * 40


def aws(**files: list[str]) -> str:
    return "\n".join(line for name, lines in files.items() for line in (RULE, f"/var/log/{name}.log", RULE, *lines))


def local(**files: list[str]) -> str:
    return "\n".join(line for name, lines in files.items() for line in (f"----- {name}.log -----", *lines))


@pytest.mark.parametrize("tail", [aws, local])
def test_only_new_lines_are_told_below_their_file(tail: object) -> None:
    assert callable(tail)
    before = tail(web=["a", "b"], engine=["x"])
    assert added(before, before) == ""
    found = added(before, tail(web=["a", "b", "c"], engine=["x"])).splitlines()
    assert "web.log" in found[0]
    assert found[1:] == ["c"]


@pytest.mark.parametrize("tail", [aws, local])
def test_a_tail_that_moved_on_tells_what_came_behind(tail: object) -> None:
    assert callable(tail)
    found = added(tail(web=["1", "2", "3"]), tail(web=["3", "4", "5"]))
    assert found.splitlines()[1:] == ["4", "5"]


def test_a_file_that_was_rotated_is_new() -> None:
    assert added(aws(web=["1", "2"]), aws(web=["9"])).splitlines()[1:] == ["9"]


def test_instances_are_kept_apart() -> None:
    before = f"── i-1\n{aws(web=['a'])}\n── i-2\n{aws(web=['a'])}"
    after = f"── i-1\n{aws(web=['a'])}\n── i-2\n{aws(web=['a', 'b'])}"
    assert added(before, after).splitlines() == ["── i-2 /var/log/web.log", "b"]
    assert len(sections(after)) == 2


def test_the_newest_lines_of_each_instance() -> None:
    text = "── i-1\na\nb\nc\n── i-2\nd"
    assert newest(text, 2) == "── i-1\nb\nc\n── i-2\nd"
    assert newest("", 2) == ""
