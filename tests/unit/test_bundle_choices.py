"""Which paths a bundle has: .ebignore wherever it holds, export-ignore as in `git archive`, and a folder as root."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from repositories import Git

from ebcd.bundle import Repository, build, listing
from ebcd.errors import EbcdError, ExitCode
from ebcd.model import BundleOptions


def bundled(git: Git, tmp_path: Path, options: BundleOptions | None = None, root: str | None = None) -> list[str]:
    repository = Repository(git.folder, root)
    commit = repository.resolve("HEAD")
    chosen = options or BundleOptions()
    made = build(repository, commit, chosen, tmp_path / "bundle.zip")
    with zipfile.ZipFile(made.path) as archive:
        names = [name for name in archive.namelist() if name != ".ebcd/manifest.json"]
    told = listing(repository, commit, chosen)
    assert sorted(item.entry.path for item in told if item.included) == sorted(names)
    return sorted(names)


def reasons(git: Git, options: BundleOptions | None = None) -> dict[str, str]:
    repository = Repository(git.folder)
    told = listing(repository, repository.resolve("HEAD"), options or BundleOptions())
    return {item.entry.path: item.reason for item in told}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_ignore_file_of_windows_is_read_as_git_reads_it(git: Git, tmp_path: Path, mark: bytes, end: bytes) -> None:
    ignored = mark + end.join((b"secret.env", b"", b"docs/", b"*.log", b"!keep.log")) + end
    git.commit(
        **dict.fromkeys(("secret.env", "docs/a.md", "x.log", "keep.log", "app.py"), ""), **{".ebignore": ignored}
    )
    assert bundled(git, tmp_path) == [".ebignore", "app.py", "keep.log"]
    assert reasons(git)["x.log"] == ".ebignore:4"


def test_a_line_separator_that_git_does_not_know_ends_no_pattern(git: Git, tmp_path: Path) -> None:
    git.commit(**{"a\u2028b": "", "b": "", ".ebignore": "a\u2028b\n"})
    assert bundled(git, tmp_path) == [".ebignore", "b"]


def submodule(git: Git, tmp_path: Path) -> Git:
    """A repository with two folders, as a submodule of another one."""
    inner = Git(tmp_path / "inner")
    inner.folder.mkdir()
    inner("init", "-q", "-b", "main")
    inner.commit(
        **{"lib.py": "", ".env": "", "tests/t.py": "", "notes/a.md": "", ".gitattributes": "notes export-ignore"}
    )
    git("submodule", "--quiet", "add", inner.folder.as_uri(), "vendor/lib")
    return inner


@pytest.mark.parametrize(
    ("ignored", "exclude", "left"),
    [
        (".env\ntests/\n", (), [".gitattributes", "lib.py"]),
        ("vendor/lib/tests\n", (".env",), [".gitattributes", "lib.py"]),
        ("vendor/*/tests/\n.*\n!.ebignore\n!.gitmodules\n", (), ["lib.py"]),
        ("", ("vendor/lib/**", "!vendor/lib/lib.py"), ["lib.py"]),
        ("!notes/\n!vendor/lib/notes/*\n", (), [".env", ".gitattributes", "lib.py", "notes/a.md", "tests/t.py"]),
        ("vendor/lib/\n", (), []),
        ("vendor\n", (), []),
    ],
)
def test_patterns_hold_inside_submodules(
    git: Git, tmp_path: Path, ignored: str, exclude: tuple[str, ...], left: list[str]
) -> None:
    submodule(git, tmp_path)
    git.commit(**{"app.py": "", ".ebignore": ignored})
    found = bundled(git, tmp_path, BundleOptions(exclude=exclude, submodules="include"))
    assert found == [".ebignore", ".gitmodules", "app.py", *(f"vendor/lib/{name}" for name in left)]


@pytest.mark.parametrize("pattern", ["vendor/lib", "vendor/lib/", "vendor/"])
def test_a_submodule_that_is_excluded_is_neither_refused_nor_needed(git: Git, tmp_path: Path, pattern: str) -> None:
    submodule(git, tmp_path)
    git.commit(**{"app.py": "", ".ebignore": pattern})
    assert bundled(git, tmp_path) == [".ebignore", ".gitmodules", "app.py"]
    git("submodule", "--quiet", "deinit", "--force", "vendor/lib")
    assert bundled(git, tmp_path, BundleOptions(submodules="include")) == [".ebignore", ".gitmodules", "app.py"]


def test_a_submodule_that_is_not_excluded_is_refused_by_name(git: Git, tmp_path: Path) -> None:
    submodule(git, tmp_path)
    git.commit(**{"app.py": ""})
    with pytest.raises(EbcdError) as refused:
        bundled(git, tmp_path)
    assert (refused.value.code, refused.value.exit_code) == ("submodule", ExitCode.REFUSED)


ATTRIBUTES = [
    ("secret.key export-ignore", ["secret.key"]),
    ("/secret.key export-ignore", ["secret.key"]),
    ("*.key export-ignore\nd/k.key -export-ignore", ["secret.key"]),
    ("*.key export-ignore\nd/k.key !export-ignore", ["secret.key"]),
    ("d export-ignore", ["d/k.key", "d/e/a.py"]),
    ("d/ export-ignore", ["d/k.key", "d/e/a.py"]),
    ("/d/** export-ignore", ["d/k.key", "d/e/a.py"]),
    ("e export-ignore", ["d/e/a.py"]),
    ("/e export-ignore", []),
    ("[attr]private export-ignore\n*.key private", ["secret.key", "d/k.key"]),
    ('"with space.txt" export-ignore', ["with space.txt"]),
    ("secret.key export-ignore\r\n*.key text\r\n", ["secret.key"]),
    ("secret.key export-ignore=false", []),
    ("# secret.key export-ignore", []),
    ("*.key text\n", []),
]


@pytest.mark.parametrize(("attributes", "left_out"), ATTRIBUTES)
def test_export_ignore_is_followed_as_git_archive_does(
    git: Git, tmp_path: Path, attributes: str, left_out: list[str]
) -> None:
    files = ["app.py", "secret.key", "d/k.key", "d/e/a.py", "with space.txt"]
    git.commit(**dict.fromkeys(files, ""), **{".gitattributes": attributes})
    found = bundled(git, tmp_path)
    assert found == sorted({*files, ".gitattributes"} - set(left_out))
    subprocess.run(["git", "archive", "-o", tmp_path / "git.zip", "HEAD"], cwd=git.folder, check=True)
    with zipfile.ZipFile(tmp_path / "git.zip") as archive:
        assert sorted(name for name in archive.namelist() if not name.endswith("/")) == found


def test_attributes_of_a_folder_its_parents_and_an_ignore_file_over_them(git: Git, tmp_path: Path) -> None:
    git.commit(
        **{"app.py": "", "d/a.key": "", "d/b.key": "", "d/.gitattributes": "b.key -export-ignore", "docs/keep.md": ""},
        **{"docs/a.md": "", ".gitattributes": "*.key export-ignore\ndocs export-ignore", ".ebignore": "!docs/keep.md"},
    )
    found = bundled(git, tmp_path)
    assert found == [".ebignore", ".gitattributes", "app.py", "d/.gitattributes", "d/b.key", "docs/keep.md"]
    assert reasons(git)["docs/a.md"] == "export-ignore (.gitattributes)"


def test_what_one_user_s_git_is_told_changes_no_bundle(git: Git, tmp_path: Path) -> None:
    git.commit(**{"app.py": "", "a.key": "", "b.txt": "", ".gitattributes": "a.key export-ignore"})
    (git.folder / ".git" / "info").mkdir(exist_ok=True)
    (git.folder / ".git" / "info" / "attributes").write_text("b.txt export-ignore\n")
    own = tmp_path / "attributes"
    own.write_text("app.py export-ignore\n")
    git("config", "core.attributesFile", str(own))
    assert bundled(git, tmp_path) == [".gitattributes", "app.py", "b.txt"]


def test_the_attributes_of_a_dirty_work_tree_are_its_own(git: Git, tmp_path: Path) -> None:
    git.commit(**{"app.py": "", "a.key": ""})
    git.write(**{".gitattributes": "a.key export-ignore", "new.key": "x"})
    repository = Repository(git.folder)
    commit = repository.resolve("HEAD", allow_dirty=True)
    made = build(repository, commit, BundleOptions(), tmp_path / "b.zip")
    with zipfile.ZipFile(made.path) as archive:
        assert sorted(archive.namelist()) == [".ebcd/manifest.json", ".gitattributes", "app.py", "new.key"]


SERVICE = {"services/api/app.py": "", "services/api/d/a.key": "", "services/web/app.py": "", "README.md": ""}


@pytest.mark.parametrize("root", ["services/api", "services/api/", "./services/../services/api", "services/web/../api"])
def test_a_folder_is_the_bundle(git: Git, tmp_path: Path, root: str) -> None:
    git.commit(**SERVICE, **{".gitattributes": "*.key export-ignore", ".ebignore": "app.py"})
    assert bundled(git, tmp_path, root=root) == ["app.py"]


def test_the_folder_s_own_ignore_file_holds(git: Git, tmp_path: Path) -> None:
    git.commit(**SERVICE, **{"services/api/.ebignore": "/d\n"})
    assert bundled(git, tmp_path, root="services/api") == [".ebignore", "app.py"]
    assert bundled(git, tmp_path, root=".") == sorted((*SERVICE, "services/api/.ebignore"))


def test_only_changes_below_the_folder_make_it_dirty(git: Git, tmp_path: Path) -> None:
    git.commit(**SERVICE)
    git.write(**{"README.md": "changed", "services/web/new.py": ""})
    assert bundled(git, tmp_path, root="services/api") == ["app.py", "d/a.key"]
    git.write(**{"services/api/new.py": ""})
    with pytest.raises(EbcdError) as refused:
        bundled(git, tmp_path, root="services/api")
    assert (refused.value.code, refused.value.why) == (
        "dirty-tree",
        "HEAD does not contain them: services/api/new.py",
    )


@pytest.mark.parametrize(("root", "code"), [("services/none", "no-root"), ("README.md", "no-root"), ("..", "bad-root")])
def test_a_folder_that_cannot_be_the_bundle(git: Git, tmp_path: Path, root: str, code: str) -> None:
    git.commit(**SERVICE)
    with pytest.raises(EbcdError) as refused:
        bundled(git, tmp_path, root=root)
    assert refused.value.code == code
    assert refused.value.exit_code in (ExitCode.USAGE, ExitCode.REFUSED)
    assert refused.value.hint


def test_a_submodule_below_the_folder_is_found(git: Git, tmp_path: Path) -> None:
    submodule(git, tmp_path)
    git.commit(**{"app.py": ""})
    found = bundled(git, tmp_path, BundleOptions(submodules="include"), root="vendor")
    assert found == ["lib/.env", "lib/.gitattributes", "lib/lib.py", "lib/tests/t.py"]
