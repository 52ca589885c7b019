"""The state folder is its user's alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from running import Local

from ebcd_local.state_folder import Unsafe, check, secure

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to another user")
OTHER = 65534


def modes(folder: Path) -> set[int]:
    """Of a folder and all that is in it and no link."""
    found = [folder, *folder.rglob("*")]
    return {path.stat().st_mode & 0o777 for path in found if not path.is_symlink()}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An EBCD_HOME whose state folder others can read."""
    home = tmp_path / "home"
    (home / "local" / "postgres" / "data").mkdir(parents=True)
    for path in (home, *home.rglob("*")):
        path.chmod(0o755)
    for name, mode in (("server.json", 0o644), ("postgres/password", 0o666), ("postgres/run.sh", 0o755)):
        (home / "local" / name).write_text("x")
        (home / "local" / name).chmod(mode)
    return home


def test_what_others_could_read_is_taken_from_them(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    (home / "local" / "link").symlink_to(outside)
    shared = tmp_path / "cache"
    shared.write_text("x")
    shared.chmod(0o644)
    os.link(shared, home / "local" / "shared")
    check(home, home / "local")
    secure(home / "local")
    assert outside.stat().st_mode & 0o777 == 0o644, "no link is followed"
    assert shared.stat().st_mode & 0o777 == 0o644, "it is another folder's, too"
    (home / "local" / "shared").unlink()
    assert modes(home / "local") == {0o700, 0o600}


def test_what_is_not_there_is_made(tmp_path: Path) -> None:
    check(tmp_path / "a" / "b", tmp_path / "a" / "b" / "local")
    secure(tmp_path / "a" / "b" / "local")
    assert modes(tmp_path / "a" / "b" / "local") == {0o700}


@pytest.mark.parametrize("place", ["home/local", "home", "."])
def test_what_every_user_may_write_to_is_refused(home: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / place).chmod(0o777)
    with pytest.raises(Unsafe) as error:
        check(home, home / "local")
    assert str((tmp_path / place).resolve()) in error.value.why


def test_a_sticky_folder_above_is_as_good_as_tmp(home: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    check(home, home / "local")
    home.chmod(0o1777)
    with pytest.raises(Unsafe):
        check(home, home / "local")


@needs_root
def test_a_group_of_others_may_not_write(home: Path) -> None:
    (home / "local").chmod(0o775)
    check(home, home / "local")  # root's own group
    os.chown(home / "local", 0, 100)
    with pytest.raises(Unsafe, match="may write"):
        check(home, home / "local")


@needs_root
@pytest.mark.parametrize("place", ["home/local", "home"])
def test_what_belongs_to_another_user_is_refused(home: Path, tmp_path: Path, place: str) -> None:
    os.chown(tmp_path / place, OTHER, OTHER)
    with pytest.raises(Unsafe, match="belongs to the user nobody"):
        check(home, home / "local")


@needs_root
def test_a_link_of_another_user_is_refused_wherever_it_stands(home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.symlink_to(home)
    first.symlink_to(second)
    check(first, first.resolve() / "local")
    for link in (first, second):
        os.chown(link, OTHER, OTHER, follow_symlinks=False)
        with pytest.raises(Unsafe, match=f"{link.name} is a link that the user nobody has made"):
            check(first, first.resolve() / "local")
        os.chown(link, 0, 0, follow_symlinks=False)


def test_a_state_folder_that_is_a_link_is_refused(home: Path, tmp_path: Path) -> None:
    (home / "local").rename(tmp_path / "elsewhere")
    (home / "local").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unsafe, match="is a link"):
        check(home, home / "local")


def test_up_says_what_is_wrong_and_a_folder_that_others_read_is_closed(local: Local, home: Path) -> None:
    home.chmod(0o777)
    done = local.run("up", "--json", "--port", "0", "--lb-port", "0", EBCD_HOME=str(home))
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["code"], told["error"]["hint"]) == (2, "unsafe-folder", f"chmod go-w {home}")
    assert not (home / "local.lock").exists()
