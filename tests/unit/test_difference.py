"""What lies between two releases: commits and paths from git, settings from their commits' own files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from repositories import Git
from rich.console import Console
from stages import STAGE, record

from ebcd.bundle import Repository, history
from ebcd.errors import UsageError
from ebcd.model import OptionSetting
from ebcd.release.plan.difference import Change, Side, changes, differs
from ebcd.release.plan.plan import settings_digest
from ebcd.report.difference import Between, text, told

PROPERTY = "aws:elasticbeanstalk:application:environment"
MIN, MAX = (OptionSetting("aws:autoscaling:asg", name, value) for name, value in (("MinSize", "2"), ("MaxSize", "8")))


@pytest.fixture
def git(tmp_path: Path) -> Git:
    made = Git(tmp_path)
    made("init", "-q", "-b", "main")
    return made


def side(number: int, *options: OptionSetting, shipped: tuple[OptionSetting, ...] | None = None) -> Side:
    """A release whose commit's ebcd.toml has those options; shipped: what it was shipped with, where not with them."""
    stage = replace(STAGE, options=options)
    digest = settings_digest(replace(STAGE, options=options if shipped is None else shipped))
    made = replace(record(number), settings_digest=digest)
    return Side(made.release, made.sha, made.version_label, made, stage)


def shown(sides: tuple[Side, Side], between: Between = Between()) -> str:  # noqa: B008 - it is frozen
    console = Console(width=200, no_color=True, soft_wrap=True)
    with console.capture() as seen:
        console.print(text(told(STAGE, sides, between)))
    return seen.get()


def test_commits_are_told_in_both_directions(git: Git, tmp_path: Path) -> None:
    first = git.commit(a="1", b="1")
    second = git.commit(a="2", c="[red]")
    git("checkout", "-q", "-b", "other", first)
    third = git.commit(b="3")
    repository = Repository(tmp_path)
    assert [item.sha for item in history.commits(repository, first, second)] == [second]
    assert [item.sha for item in history.commits(repository, second, third)] == [third]
    assert history.commits(repository, second, first) == ()
    assert [(item.status, item.path) for item in history.changed_paths(repository, first, second)] == [
        ("M", "a"),
        ("A", "c"),
    ]
    assert [(item.status, item.path) for item in history.changed_paths(repository, second, third)] == [
        ("M", "a"),
        ("M", "b"),
        ("D", "c"),
    ]


def test_odd_words_in_commits_and_paths_are_told_as_they_are(git: Git, tmp_path: Path) -> None:
    first = git.commit(a="1")
    git.write(**{"a file\twith a tab": "x", "[bold]": "x"})
    git("add", "-A")
    git(
        "-c",
        "user.name=Ann [red] \u00d8re",
        "commit",
        "-q",
        "-m",
        "Fix [bold]this[/] = \u00e4\n\nA body\0".rstrip("\0"),
    )
    repository = Repository(tmp_path)
    [found] = history.commits(repository, first, "HEAD")
    assert (found.author, found.subject) == ("Ann [red] \u00d8re", "Fix [bold]this[/] = \u00e4")
    paths = history.changed_paths(repository, first, "HEAD")
    assert {item.path for item in paths} == {"a file\twith a tab", "[bold]"}
    seen = shown((side(1, MAX), side(2, MAX)), Between((found,), (), paths))
    assert "Fix [bold]this[/] = \u00e4" in seen
    assert "A [bold]" in seen


def test_what_git_has_not_got_is_an_error_of_git(git: Git, tmp_path: Path) -> None:
    git.commit(a="1")
    with pytest.raises(UsageError, match="git log failed"):
        history.commits(Repository(tmp_path), "0" * 40, "HEAD")


def test_settings_are_compared_by_place_and_properties_keep_their_values_to_themselves() -> None:
    before = (MIN, MAX, OptionSetting(PROPERTY, "KEY", "secret one"), OptionSetting(PROPERTY, "OLD", "gone"))
    after = (MAX, OptionSetting(MIN.namespace, "MinSize", "3"), OptionSetting(PROPERTY, "KEY", "secret two"))
    assert changes(before, after) == (
        Change(MIN.namespace, "MinSize", "2", "3"),
        Change(PROPERTY, "KEY", "", ""),
        Change(PROPERTY, "OLD", "", None),
    )
    seen = shown((side(1, *before), side(2, *after)))
    assert "MinSize: 2 → 3" in seen
    assert "KEY has another value" in seen
    assert "OLD is gone\n" in seen
    assert "secret" not in seen


def test_a_password_keeps_its_value_to_itself() -> None:
    password = OptionSetting("aws:rds:dbinstance", "DBPassword", "secret one")
    seen = shown((side(1, password), side(2, replace(password, value="secret two"))))
    assert "DBPassword has another value" in seen
    assert "secret" not in seen


def test_only_what_is_proven_to_have_been_shipped_is_told() -> None:
    """A release may have been shipped with other settings than its commit's ebcd.toml has."""
    other = side(2, MAX, shipped=(MIN, MAX))
    assert other.settings is None
    assert differs(side(1, MAX), other) is True
    assert "settings differ: by their digest" in shown((side(1, MAX), other))
    assert differs(side(1, MAX), side(2, MAX)) is False
    assert "settings are the same" in shown((side(1, MAX), side(2, MAX)))


def test_a_commit_that_is_no_release_is_known_by_its_ebcd_toml_alone() -> None:
    head = Side("HEAD", "a" * 40, "a" * 12, None, replace(STAGE, options=(MAX,)))
    assert differs(side(1, MAX), head) is False
    assert differs(side(1, MIN, MAX), head) is True
    bare = Side("HEAD", "a" * 40, "a" * 12)
    assert differs(side(1, MAX), bare) is None
    assert "settings are not known" in shown((side(1, MAX), bare))


def test_long_lists_are_cut_and_say_so() -> None:
    paths = tuple(history.ChangedPath("A", f"file {number}") for number in range(25))
    seen = shown((side(1, MAX), side(2, MAX)), Between(paths=paths))
    assert "file 19" in seen
    assert "file 20" not in seen
    assert "and 5 more" in seen
