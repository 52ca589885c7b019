"""Source bundles: from git's objects alone, the same bytes everywhere, nothing that does not belong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from repositories import Git

from ebcd.bundle import Repository, build, listing
from ebcd.bundle.archive import ArchiveWriter
from ebcd.bundle.compress import compress
from ebcd.errors import EbcdError, Refused, UsageError
from ebcd.model import BundleOptions, SourceBundle

ROOT = Path(__file__).resolve().parents[2]


def make(
    git: Git, tmp_path: Path, revision: str = "HEAD", *, allow_dirty: bool = False, options: BundleOptions | None = None
) -> SourceBundle:
    repository = Repository(git.folder)
    commit = repository.resolve(revision, allow_dirty=allow_dirty)
    return build(repository, commit, options or BundleOptions(), tmp_path / "bundle.zip")


def refusal(git: Git, tmp_path: Path, options: BundleOptions | None = None) -> EbcdError:
    with pytest.raises(EbcdError) as error:
        make(git, tmp_path, options=options)
    assert not (tmp_path / "bundle.zip").exists()
    assert not list(tmp_path.glob("*.part"))
    return error.value


def names(bundle: SourceBundle) -> list[str]:
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_a_bundle_holds_the_commit_and_not_the_work_tree(git: Git, tmp_path: Path) -> None:
    sha = git.commit(**{"a.txt": "committed", "d/b.txt": "b"})
    git.commit(**{"a.txt": "later"})
    git.write(**{"a.txt": "not committed", "new.txt": "new"})
    bundle = make(git, tmp_path, sha)
    assert names(bundle) == ["a.txt", "d/b.txt", ".ebcd/manifest.json"]
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.read("a.txt") == b"committed"
        manifest = json.loads(archive.read(".ebcd/manifest.json"))
    assert manifest["sha"] == sha
    assert manifest["tree"] == git("rev-parse", f"{sha}^{{tree}}")
    assert (manifest["version_label"], manifest["content_digest"]) == (sha[:12], bundle.content_digest)
    assert manifest["commit_time"] == "2026-01-02T03:04:06+00:00"
    assert (bundle.entries, bundle.size) == (3, bundle.path.stat().st_size)


BUILD = """
import sys
from pathlib import Path
from ebcd.bundle import Repository, build
from ebcd.model import BundleOptions
repository = Repository(Path.cwd())
made = build(repository, repository.resolve("HEAD"), BundleOptions(), Path(sys.argv[1]))
print(made.content_digest, made.sha256)
"""


def test_the_same_commit_gives_the_same_bytes_in_any_clone_time_zone_and_umask(git: Git, tmp_path: Path) -> None:
    git.commit(
        **{"a.txt": "one\r\ntwo\n", "run.sh": "#!/bin/sh", ".gitattributes": "*.txt text\nrun.sh export-ignore\n"}
    )
    told = set()
    for name, zone, umask, crlf in (("one", "UTC", 0o022, "false"), ("a/b/two", "Asia/Tokyo", 0o077, "true")):
        clone = tmp_path / name
        subprocess.run(["git", "clone", "-q", "-c", f"core.autocrlf={crlf}", git.folder, clone], check=True)
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(tmp_path / f"{umask}.zip")],
            cwd=clone,
            env=os.environ | {"TZ": zone, "PYTHONPATH": str(ROOT)},
            umask=umask,
            check=True,
            capture_output=True,
            text=True,
        )
        told.add(done.stdout)
    assert len(told) == 1


def test_another_commit_of_the_same_tree_is_another_bundle(git: Git, tmp_path: Path) -> None:
    git.commit(**{"a.txt": "a"})
    first = make(git, tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "Again")
    assert make(git, tmp_path).content_digest != first.content_digest


def test_exec_bits_and_inner_links_are_kept(git: Git, tmp_path: Path) -> None:
    git.write(**{"run.sh": "#!/bin/sh", "d/a.txt": "a"})
    (git.folder / "run.sh").chmod(0o755)
    (git.folder / "d" / "link").symlink_to("../run.sh")
    git.commit()
    with zipfile.ZipFile(make(git, tmp_path).path) as archive:
        modes = {item.filename: item.external_attr >> 16 for item in archive.infolist()}
        assert archive.read("d/link") == b"../run.sh"
    assert stat.S_ISLNK(modes["d/link"])
    assert (modes["run.sh"], modes["d/a.txt"]) == (0o100755, 0o100644)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "d/../../outside"])
def test_a_link_that_leaves_the_tree_is_refused(git: Git, tmp_path: Path, target: str) -> None:
    (git.folder / "link").symlink_to(target)
    git.commit()
    error = refusal(git, tmp_path)
    assert (error.code, error.exit_code) == ("link-escapes", 3)
    assert target in error.why


def test_a_git_lfs_pointer_is_refused(git: Git, tmp_path: Path) -> None:
    git.commit(**{"big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n"})
    error = refusal(git, tmp_path)
    assert (error.code, error.exit_code) == ("lfs-pointer", 3)
    assert "big.bin" in error.what


@pytest.mark.parametrize("name", ["tab\there", "back\\slash"])
def test_a_name_that_unpackers_read_differently_is_refused(git: Git, tmp_path: Path, name: str) -> None:
    git.commit(**{name: "x"})
    assert refusal(git, tmp_path).code == "bad-name"


def test_a_name_that_is_not_utf_8_is_refused(git: Git, tmp_path: Path) -> None:
    path = os.fsencode(git.folder) + b"/caf\xe9"
    with open(path, "wb") as stream:  # noqa: PTH123 - a Path cannot hold these bytes plainly
        stream.write(b"x")
    git.commit()
    assert refusal(git, tmp_path).code == "bad-name"


def test_a_submodule_is_refused_or_included(git: Git, make_git: Callable[[str], Git], tmp_path: Path) -> None:
    inner = make_git("inner")
    inner.commit(**{"lib.py": "x = 1"})
    git("submodule", "--quiet", "add", str(inner.folder), "vendor/inner")
    git.commit(**{"a.txt": "a"})
    assert refusal(git, tmp_path).code == "submodule"
    included = make(git, tmp_path, options=BundleOptions(submodules="include"))
    assert "vendor/inner/lib.py" in names(included)


def test_a_submodule_that_is_not_there_is_told(git: Git, make_git: Callable[[str], Git], tmp_path: Path) -> None:
    inner = make_git("inner")
    inner.commit(**{"lib.py": "x = 1"})
    git("submodule", "--quiet", "add", str(inner.folder), "vendor/inner")
    git.commit()
    subprocess.run(["git", "clone", "-q", str(git.folder), str(tmp_path / "clone")], check=True)
    error = refusal(Git(tmp_path / "clone"), tmp_path, BundleOptions(submodules="include"))
    assert "git submodule update" in error.hint


def test_ignore_rules_are_git_s_and_each_path_is_explained(git: Git, tmp_path: Path) -> None:
    ignore = "# not for the instances\n*.md\n!README.md\n/docs/\nsecret\\#\n"
    git.commit(
        **{
            ".ebignore": ignore,
            "README.md": "",
            "a.md": "",
            "docs/a.txt": "",
            "d/docs/b.txt": "",
            "app.py": "",
            "test_x.py": "",
        }
    )
    options = BundleOptions(exclude=("test_*",))
    assert names(make(git, tmp_path, options=options)) == [
        ".ebignore",
        "README.md",
        "app.py",
        "d/docs/b.txt",
        ".ebcd/manifest.json",
    ]
    repository = Repository(git.folder)
    reasons = {item.entry.path: item.reason for item in listing(repository, repository.resolve("HEAD"), options)}
    assert reasons["a.md"] == ".ebignore:2"
    assert reasons["README.md"] == ".ebignore:3"
    assert reasons["docs/a.txt"] == ".ebignore:4"
    assert reasons["test_x.py"] == "bundle.exclude test_*"
    assert reasons["app.py"] == "committed"


@pytest.mark.parametrize(
    ("files", "options", "code"),
    [
        ({".ebignore": "*\n", "a": ""}, BundleOptions(), "empty-bundle"),
        ({".ebcd/manifest.json": "{}"}, BundleOptions(), "manifest"),
        ({"large.bin": os.urandom(5000)}, BundleOptions(max_size=3000), "bundle-too-large"),
    ],
)
def test_what_no_bundle_can_be_made_of_is_refused(
    git: Git, tmp_path: Path, files: dict[str, str | bytes], options: BundleOptions, code: str
) -> None:
    git.commit(**files)
    error = refusal(git, tmp_path, options)
    assert isinstance(error, Refused)
    assert error.code == code


def test_the_largest_files_of_a_bundle_that_is_too_large_are_named(git: Git, tmp_path: Path) -> None:
    git.commit(**{"large.bin": os.urandom(5000), "small.txt": "s"})
    assert "large.bin (5,000 bytes)" in refusal(git, tmp_path, BundleOptions(max_size=3000)).why


@pytest.mark.parametrize(
    ("prepare", "code"),
    [(lambda git: None, "unknown-revision"), (lambda git: git.commit(a="a"), "unknown-revision")],
)
def test_a_revision_that_is_none_is_a_usage_error(git: Git, prepare: Callable[[Git], object], code: str) -> None:
    prepare(git)
    for revision in ("no-such", "--help", "HEAD~99"):
        with pytest.raises(UsageError) as error:
            Repository(git.folder).resolve(revision)
        assert error.value.code == code


def test_without_a_repository_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        Repository(tmp_path)
    assert error.value.code == "no-repository"
    assert "git init" in error.value.hint


def test_only_head_can_be_dirty(git: Git) -> None:
    first = git.commit(a="a", **{".gitignore": "ignored\n"})
    git.commit(a="b")
    git.write(ignored="x")
    assert Repository(git.folder).resolve("HEAD").dirty == ""
    git.write(a="changed")
    assert Repository(git.folder).resolve(first).dirty == ""
    with pytest.raises(Refused) as refused:
        Repository(git.folder).resolve("main")
    assert refused.value.code == "dirty-tree"
    assert "--allow-dirty" in refused.value.hint


def test_a_dirty_tree_is_shipped_as_it_is_and_says_so(git: Git, tmp_path: Path) -> None:
    sha = git.commit(a="a", gone="x")
    git.write(a="changed", new="new")
    (git.folder / "gone").unlink()
    before = (git("status", "--porcelain"), git("count-objects"))
    bundle = make(git, tmp_path, allow_dirty=True)
    assert bundle.version_label.startswith(f"{sha[:12]}-dirty-")
    assert names(bundle) == ["a", "new", ".ebcd/manifest.json"]
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.read("a") == b"changed"
    assert (git("status", "--porcelain"), git("count-objects")) == before
    git.write(a="changed again")
    assert make(git, tmp_path, allow_dirty=True).version_label != bundle.version_label


def test_what_does_not_shrink_is_stored(tmp_path: Path, git: Git) -> None:
    noise = os.urandom(1000)
    git.commit(noise=noise, text="x" * 1000, empty="", **{"named.png": "x" * 1000})
    with zipfile.ZipFile(make(git, tmp_path).path) as archive:
        kinds = {item.filename: item.compress_type for item in archive.infolist()}
        assert archive.read("noise") == noise
        assert archive.read("text") == archive.read("named.png") == b"x" * 1000
        assert archive.read("empty") == b""
    del kinds[".ebcd/manifest.json"]
    stored, deflated = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
    assert kinds == {"named.png": stored, "noise": stored, "text": deflated, "empty": stored}


def stamps(bundle: SourceBundle) -> dict[str, tuple[int, ...]]:
    with zipfile.ZipFile(bundle.path) as archive:
        return {item.filename: item.date_time for item in archive.infolist()}


def test_an_unchanged_file_keeps_its_time_and_a_changed_one_does_not(git: Git, tmp_path: Path) -> None:
    git.commit(a="a", b="b")
    git.write(b="B")
    git("commit", "-qam", "Change b", GIT_COMMITTER_DATE="2026-01-04T23:59:00Z")
    first, second = stamps(make(git, tmp_path, "HEAD~1")), stamps(make(git, tmp_path))
    assert first["a"] == second["a"]
    assert first["b"] != second["b"]
    assert all((2025, 12, 22) <= time < (2025, 12, 29) for time in (*first.values(), *second.values()))
    git("commit", "-q", "--allow-empty", "-m", "A week later", GIT_COMMITTER_DATE="2026-01-05T00:00:00Z")
    assert stamps(make(git, tmp_path))["a"] >= (2025, 12, 29)


def test_what_seldom_changes_comes_first_and_the_digest_goes_by_path(git: Git, tmp_path: Path) -> None:
    large = "y" * 70_000
    git.commit(**{"a.py": "a", "b/c.PNG": "c", "b/d.py": "d", "y.csv": large, "z.woff2": "z"})
    bundle = make(git, tmp_path)
    assert names(bundle) == ["b/c.PNG", "z.woff2", "y.csv", "a.py", "b/d.py", ".ebcd/manifest.json"]
    with zipfile.ZipFile(bundle.path) as archive:
        manifest = json.loads(archive.read(".ebcd/manifest.json"))
    told = (
        json.dumps(
            {name: value for name, value in manifest.items() if name not in {"content_digest", "tool"}},
            indent=2,
            sort_keys=True,
        )
        + "\n"
    )
    contents = {".ebcd/manifest.json": told, "a.py": "a", "b/c.PNG": "c", "b/d.py": "d", "y.csv": large, "z.woff2": "z"}
    identity = "".join(
        f"{path}\x00100644\x00{hashlib.sha256(text.encode()).hexdigest()}\n" for path, text in contents.items()
    )
    assert bundle.content_digest == hashlib.sha256(identity.encode()).hexdigest()


def test_more_entries_than_a_plain_zip_can_count() -> None:
    buffer = io.BytesIO()
    writer = ArchiveWriter(buffer, datetime(1970, 1, 1, tzinfo=UTC))
    stream, data = compress(b"x", stored=False)
    for number in range(70_000):
        writer.add(f"{number:05}", 0o100644, stream, (data,))
    assert writer.close() == hashlib.sha256(buffer.getvalue()).hexdigest()
    with zipfile.ZipFile(buffer) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.read("69999") == b"x"
        assert archive.getinfo("00000").date_time[0] == 1980


class FullDisk(io.BytesIO):
    """A file that takes so many bytes and no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        if self.tell() + len(data) > self._room:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 1_500_000])
def test_a_disk_that_is_full_is_told_wherever_the_archive_is(room: int) -> None:
    writer = ArchiveWriter(FullDisk(room), datetime(2026, 1, 2, tzinfo=UTC))
    stream, data = compress(os.urandom(400_000), stored=True)

    def write() -> None:
        for number in range(9):
            writer.add(f"{number}", 0o100644, stream, (data,))
        writer.close()

    with pytest.raises(OSError, match="No space left"):
        write()
