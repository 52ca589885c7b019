"""The cache of compressed streams: it saves work and changes nothing, whatever becomes of it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from repositories import Git

from ebcd import folders
from ebcd.bundle import Repository, build
from ebcd.bundle import cache as caching
from ebcd.bundle.build import files_of
from ebcd.bundle.cache import StreamCache
from ebcd.bundle.compress import COMPRESSOR, LARGE, compress
from ebcd.bundle.streams import streams
from ebcd.check import Inspection
from ebcd.errors import Refused
from ebcd.model import BundleOptions, SourceBundle

ROOT = Path(__file__).resolve().parents[2]
TEXT = "".join(f"line {number} of {number * number}\n" for number in range(400))


def make(git: Git, out: Path, cache: Path | None, inspection: Inspection | None = None) -> SourceBundle:
    repository = Repository(git.folder)
    return build(repository, repository.resolve("HEAD"), BundleOptions(), out, cache=cache, inspection=inspection)


def packs(cache: Path) -> list[Path]:
    assert not list(cache.glob("*.draft"))
    return sorted(cache.glob("*.pack"))


@pytest.fixture
def full(git: Git) -> Git:
    """A repository with something of every kind."""
    noise = random.Random(1)
    git.write(**{f"d{number % 3}/{number:02}.py": TEXT[number:] for number in range(40)})
    git.write(**{"a.png": noise.randbytes(5000), "b.txt": "", "same1": TEXT, "same2.gz": TEXT})
    (git.folder / "link").symlink_to("b.txt")
    git.commit()
    return git


def without(git: Git, path: str) -> None:
    """Take a blob out of the object store."""
    blob = git("rev-parse", f"HEAD:{path}")
    (git.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()


def test_bytes_are_the_same_without_a_cache_with_a_cold_and_with_a_warm_one(full: Git, tmp_path: Path) -> None:
    made = [
        make(full, tmp_path / f"{number}.zip", cache)
        for number, cache in enumerate((None, tmp_path / "c", tmp_path / "c"))
    ]
    assert len({(item.content_digest, item.sha256, item.path.read_bytes()) for item in made}) == 1
    assert made[0].sha256 == hashlib.sha256(made[0].path.read_bytes()).hexdigest()
    assert len(packs(tmp_path / "c")) == 1
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o700


def test_bytes_are_the_same_with_one_thread_or_many(full: Git) -> None:
    repository = Repository(full.folder)
    files = files_of(repository, repository.resolve("HEAD"), BundleOptions())
    told = []
    for threads in (1, 5):
        made = streams(files, StreamCache(None), threads=threads)
        told.append([(file.path, stream, b"".join(pieces)) for file, stream, pieces in made])
    assert told[0] == told[1]
    assert [path for path, _, _ in told[0]] == [file.path for file in files]


def test_what_did_not_change_is_not_read(full: Git, tmp_path: Path) -> None:
    make(full, tmp_path / "1.zip", tmp_path / "c")
    full.commit(**{"d1/01.py": "changed"})
    for path in ("d1/04.py", "a.png", "b.txt"):
        without(full, path)
    made = make(full, tmp_path / "2.zip", tmp_path / "c")
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        assert archive.read("d1/01.py") == b"changed"
        assert archive.read("d1/04.py").decode() == TEXT[4:]
    first, second = sorted(packs(tmp_path / "c"), key=lambda path: path.stat().st_size, reverse=True)
    assert second.stat().st_size < first.stat().st_size / 10


def test_a_link_that_leaves_the_tree_is_refused_from_the_cache_too(full: Git, tmp_path: Path) -> None:
    full.commit(target="../outside")
    make(full, tmp_path / "1.zip", tmp_path / "c")
    (full.folder / "target").unlink()
    (full.folder / "target").symlink_to("../outside")
    full.commit()
    with pytest.raises(Exception, match="leaves the tree"):
        make(full, tmp_path / "2.zip", tmp_path / "c")


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0])
def test_a_damaged_pack_is_noticed_and_made_anew(full: Git, tmp_path: Path, place: float) -> None:
    cache = tmp_path / "c"
    good = make(full, tmp_path / "1.zip", cache)
    (pack,) = packs(cache)
    content = bytearray(pack.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x40
    pack.write_bytes(content)
    again = make(full, tmp_path / "2.zip", cache)
    assert (again.sha256, again.path.read_bytes()) == (good.sha256, good.path.read_bytes())
    assert pack not in packs(cache)
    assert make(full, tmp_path / "3.zip", cache).sha256 == good.sha256
    assert len(packs(cache)) == 1


@pytest.mark.parametrize("content", [b"", b"no pack", bytes(500)])
def test_what_is_no_pack_is_ignored(full: Git, tmp_path: Path, content: bytes) -> None:
    cache = tmp_path / "c"
    good = make(full, tmp_path / "1.zip", cache)
    (pack,) = packs(cache)
    pack.write_bytes(content)
    assert make(full, tmp_path / "2.zip", cache).sha256 == good.sha256


def test_a_pack_that_was_cut_off_is_ignored(full: Git, tmp_path: Path) -> None:
    cache = tmp_path / "c"
    good = make(full, tmp_path / "1.zip", cache)
    (pack,) = packs(cache)
    pack.write_bytes(pack.read_bytes()[:-700])
    assert make(full, tmp_path / "2.zip", cache).sha256 == good.sha256


def test_a_folder_that_cannot_be_is_no_cache(full: Git, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert make(full, tmp_path / "1.zip", tmp_path / "file" / "c").sha256 == make(full, tmp_path / "2.zip", None).sha256


def test_a_full_disk_costs_the_cache_and_not_the_bundle(full: Git, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with StreamCache(tmp_path / "c") as cache:
        repository = Repository(full.folder)
        files = files_of(repository, repository.resolve("HEAD"), BundleOptions())
        (draft,) = (tmp_path / "c").glob("*.draft")
        descriptor = next(int(fd.name) for fd in Path("/proc/self/fd").iterdir() if os.path.realpath(fd) == str(draft))
        with Path("/dev/full").open("wb") as device:
            os.dup2(device.fileno(), descriptor)
        assert len(list(streams(files, cache))) == len(files)
    assert packs(tmp_path / "c") == []


BUILD = """
import sys
from pathlib import Path
from ebcd.bundle import Repository, build
from ebcd.model import BundleOptions
repository = Repository(Path.cwd())
made = build(repository, repository.resolve("HEAD"), BundleOptions(), Path(sys.argv[1]), cache=Path(sys.argv[2]))
print(made.content_digest, made.sha256)
"""


def test_several_processes_at_once_share_a_cache(full: Git, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUILD]
    running = [
        subprocess.Popen(
            [*command, str(tmp_path / f"{number}.zip"), str(tmp_path / "c")],
            cwd=full.folder,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        for number in range(4)
    ]
    told = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert told == {f"{made.content_digest} {made.sha256}\n" for made in [make(full, tmp_path / "5.zip", None)]}
    assert packs(tmp_path / "c")


def test_the_cache_is_bounded_and_what_was_used_last_stays(full: Git, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    make(full, tmp_path / "1.zip", folder)
    (old,) = packs(folder)
    os.utime(old, (1_000_000_000, 1_000_000_000))
    full.commit(new=random.Random(2).randbytes(1000))
    make(full, tmp_path / "2.zip", folder)
    (new,) = (path for path in packs(folder) if path != old)
    assert old.stat().st_mtime > 1_000_000_000
    os.utime(old, (1_000_000_000, 1_000_000_000))
    with StreamCache(folder, limit=new.stat().st_size + 10):
        pass
    assert packs(folder) == [new]


def test_what_a_dead_run_left_goes_and_another_version_s_packs_count(tmp_path: Path) -> None:
    tmp_path.joinpath("dead.draft").touch()
    os.utime(tmp_path / "dead.draft", (1_000_000_000, 1_000_000_000))
    tmp_path.joinpath("alive.draft").touch()
    tmp_path.joinpath("x.0123456789ab.pack").write_bytes(b"of another version")
    with StreamCache(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"alive.draft", "x.0123456789ab.pack"}
    with StreamCache(tmp_path, limit=10):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"alive.draft"}


def test_many_small_packs_become_one_that_holds_the_same(full: Git, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    make(full, tmp_path / "1.zip", folder)
    for number in range(1, caching.MANY):
        full.write(**{f"n{number}": f"{TEXT}{number}"})
        with StreamCache(folder) as cache:
            stream, data = compress(f"{TEXT}{number}".encode(), stored=False)
            cache.add(full("hash-object", f"n{number}"), stream, (data,), stored=False)
    assert len(packs(folder)) == 1
    full.commit()
    for path in ("d1/04.py", "n1", "n7"):
        without(full, path)
    good = make(full, tmp_path / "2.zip", folder)
    assert zipfile.ZipFile(good.path).testzip() is None


class Looks(Inspection):
    """Counts the contents that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def look(self, path: str, mode: int, content: Iterable[bytes] | None) -> bool:
        if content is not None:
            self.shown.append(path)
        return super().look(path, mode, content)


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0buVwTQvUgkQwAn5QBNxSqW5Nw\n"


def test_check_reads_each_content_once_for_ever(full: Git, tmp_path: Path) -> None:
    full.commit(**{"Procfile": "web: run\n", "key.pem": f"\n{PEM}", "bad.py": "def f(:", "good.py": "x = 1"})
    make(full, tmp_path / "1.zip", tmp_path / "c")
    found = []
    for _ in range(2):
        looks = Looks()
        make(full, tmp_path / "2.zip", tmp_path / "c", looks)
        assert ("good.py" in looks.shown) is (found == [])
        found.append((looks.findings(), looks.faults()))
    again = {"key.pem", *looks.faults()}
    assert set(looks.shown) == again, "what something was found in is looked at again, and nothing else"
    assert found[0] == found[1]
    assert [(item.code, item.path, item.line) for item in found[0][0]] == [("secret", "key.pem", 2)]
    assert "bad.py" in found[0][1]


def test_a_text_that_was_no_python_is_looked_at_again_when_it_is(git: Git, tmp_path: Path) -> None:
    git.commit(**{"a.txt": "def f(:"})
    make(git, tmp_path / "1.zip", tmp_path / "c", Inspection())
    git("mv", "a.txt", "a.py")
    git.commit()
    for version, found in (((3, 11), ["a.py"]), ((3, 9), ["a.py"])):
        inspection = Inspection(version)
        make(git, tmp_path / "1.zip", tmp_path / "c", inspection)
        assert list(inspection.faults()) == found


def test_what_git_has_in_the_place_of_a_file_is_not_kept(git: Git, tmp_path: Path) -> None:
    git.commit(**{"big.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "a": "a"})
    for _ in range(2):
        inspection = Inspection()
        make(git, tmp_path / "1.zip", tmp_path / "c", inspection)
        assert [(item.code, item.path) for item in inspection.findings()] == [("lfs-pointer", "big.bin")]
    with pytest.raises(Refused, match="Git LFS"):
        make(git, tmp_path / "1.zip", tmp_path / "c")


def test_a_large_file_is_read_in_pieces_with_the_same_bytes_and_findings(git: Git, tmp_path: Path) -> None:
    lines = (TEXT.encode() * (LARGE // len(TEXT) + 2))[: LARGE + 3]
    secret = b"\n" + PEM.encode()
    at = 3 * 1024**2 - 10  # where two pieces meet
    git.commit(**{"large.txt": lines[:at] + secret + lines[at:], "large.zip": lines, "small": "x"})
    made, found = [], []
    for number, cache in enumerate((None, tmp_path / "c", tmp_path / "c")):
        inspection = Inspection()
        made.append(make(git, tmp_path / f"{number}.zip", cache, inspection))
        found.append(inspection.findings())
    assert len({(item.content_digest, item.sha256) for item in made}) == 1
    with zipfile.ZipFile(made[0].path) as archive:
        assert archive.testzip() is None
        assert archive.read("large.txt") == lines[:at] + secret + lines[at:]
        assert archive.getinfo("large.txt").compress_size < LARGE / 3
        assert archive.getinfo("large.zip").compress_type == zipfile.ZIP_STORED
    for findings in found:
        assert [(item.path, item.line) for item in findings] == [("large.txt", lines[:at].count(b"\n") + 2)]


PEAK = BUILD + "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"


def test_memory_does_not_grow_with_the_largest_file(git: Git, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc")
    lines = (TEXT.encode() * 180)[: 1024**2]
    git.commit(
        **{"large.txt": lines * 50, "large.gz": lines * 50, **{f"{number}.txt": lines * 7 for number in range(4)}}
    )
    for _ in ("cold", "warm"):
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path / "1.zip"), str(tmp_path / "c")],
            text=True,
            cwd=git.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert int(done.stdout.split()[-1]) * 1024 < 150_000_000


def test_the_compressors_are_the_pinned_ones() -> None:
    pinned = (ROOT / "pyproject.toml").read_text()
    for name in ("deflate", "cramjam"):
        version = importlib.metadata.version(name)
        assert f"{name} {version}" in COMPRESSOR
        assert f'"{name}=={version}"' in pinned


def test_the_cache_lies_in_the_user_s_cache_folder() -> None:
    assert folders.cache({"XDG_CACHE_HOME": "/c"}, "streams") == Path("/c/ebcd/streams")
    assert str(folders.cache({}, "streams")).endswith("/.cache/ebcd/streams")
