"""What is new in log tails that come whole each time."""

from __future__ import annotations

import pytest

from ebcd.release.judge.log_lines import added, newest, sections, without_checks

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


CHECK = '127.0.0.1 - - [29/Nov/2026:16:29:25 +0000] "GET /healthz HTTP/1.1" {} 0 "-" "{}" "-"'
BALANCER, OWN, BROWSER = "ELB-HealthChecker/2.0", "ebcd/1.2.3", "Mozilla/5.0 (X11)"


def test_health_checks_that_were_answered_well_are_left_out_and_counted() -> None:
    user, failed = CHECK.format(200, BROWSER), CHECK.format(503, BALANCER)
    moved, mentioned = CHECK.format(302, OWN), f'INFO a request of "{BALANCER}" came'
    text = aws(access=[CHECK.format(200, BALANCER), user, failed, CHECK.format(204, OWN)], web=[moved, mentioned])
    assert without_checks(text) == (aws(access=[user, failed], web=[moved, mentioned]), 2)
    assert without_checks("") == ("", 0)


def test_a_tail_of_nothing_else_keeps_its_headers_and_is_followed_without_them() -> None:
    before, hidden = without_checks(aws(access=[CHECK.format(200, BALANCER)] * 3))
    assert (before, hidden) == (aws(access=[]), 3)
    after, _ = without_checks(aws(access=[*[CHECK.format(200, BALANCER)] * 4]))
    assert added(before, after) == ""
