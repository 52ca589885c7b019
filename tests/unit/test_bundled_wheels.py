"""Bundles with locked requirements, and with their wheels: made of the commit alone, the same anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from repositories import Git
from wheelmaker import Index, package, pinned, pylock

from ebcd.bundle import Repository, build, listing, unlocked
from ebcd.check import Inspection
from ebcd.errors import EbcdError
from ebcd.model import BundleOptions, Python, Requirements, SourceBundle, WheelCache
from ebcd.requirements.here import refuse_unfit

ROOT = Path(__file__).resolve().parents[2]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
ONE, TWO = Python("3.11", "x86_64", 34), Python("3.12", "aarch64", 34)
LOCK = BundleOptions(requirements=Requirements.LOCK)
WHEELS = BundleOptions(requirements=Requirements.WHEELS, pythons=(ONE,))
BOTH = replace(WHEELS, pythons=(ONE, TWO))
LINUX = "cp311-cp311-manylinux2014_x86_64"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    folder = tmp_path / "index"
    folder.mkdir()
    made = Index(folder)
    for name, value in made.environ().items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch, index: Index, tmp_path: Path) -> Callable[[], None]:
    """Takes the index away."""
    return lambda: monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))


def make(
    git: Git,
    tmp_path: Path,
    options: BundleOptions,
    name: str = "bundle",
    *,
    cache: str = "cache",
    streams: Path | None = None,
    dirty: bool = False,
) -> SourceBundle:
    repository = Repository(git.folder)
    commit = repository.resolve("HEAD", allow_dirty=dirty)
    return build(
        repository, commit, options, tmp_path / f"{name}.zip", cache=streams, wheels=WheelCache(tmp_path / cache)
    )


def refusal(git: Git, tmp_path: Path, options: BundleOptions) -> EbcdError:
    with pytest.raises(EbcdError) as error:
        make(git, tmp_path, options)
    assert not (tmp_path / "bundle.zip").exists()
    return error.value


def contents(bundle: SourceBundle) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle.path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if not name.startswith(".ebcd")}


def listed(git: Git, tmp_path: Path, options: BundleOptions) -> dict[tuple[str, bool], str]:
    repository = Repository(git.folder)
    choices = listing(repository, repository.resolve("HEAD"), options, wheels=WheelCache(tmp_path / "cache"))
    return {(item.entry.path, item.included): item.reason for item in choices}


def test_locked_requirements_go_in_byte_for_byte(git: Git, tmp_path: Path) -> None:
    text = f"-r more.txt\r\n{pinned('a', 'a' * 64)}".encode()
    git.commit(**{"requirements.txt": text, "more.txt": pinned("b", "b" * 64)})
    as_is, lock = make(git, tmp_path, BundleOptions(), "one"), make(git, tmp_path, LOCK, "two")
    assert lock.path.read_bytes() == as_is.path.read_bytes()
    assert contents(lock)["requirements.txt"] == text
    assert listed(git, tmp_path, LOCK)["requirements.txt", True] == "committed"


def test_a_lock_file_takes_the_place_of_requirements(git: Git, tmp_path: Path) -> None:
    git.commit(**{"requirements.txt": "a", "pylock.toml": pylock(package("a", (LINUX, "a" * 64))), "z": "", "A": ""})
    options = replace(LOCK, exclude=("pylock.toml",))
    made = make(git, tmp_path, options)
    held = contents(made)
    assert sorted(held) == ["A", "requirements.txt", "z"]
    assert held["requirements.txt"].decode() == (
        f"# Made by ebcd from pylock.toml.\na==1.0 \\\n    --hash=sha256:{'a' * 64}\n"
    )
    assert made.entries == 4
    told = listed(git, tmp_path, options)
    assert told["requirements.txt", True] == "made from pylock.toml"
    assert told["requirements.txt", False] == "another one is made from pylock.toml"
    manifest = json.loads(zipfile.ZipFile(made.path).read(".ebcd/manifest.json"))
    names = (
        json.dumps(
            {name: value for name, value in manifest.items() if name not in {"content_digest", "tool"}},
            indent=2,
            sort_keys=True,
        )
        + "\n"
    )
    identity = "".join(
        f"{path}\x00100644\x00{hashlib.sha256(data).hexdigest()}\n"
        for path, data in [(".ebcd/manifest.json", names.encode()), *sorted(held.items())]
    )
    assert made.content_digest == hashlib.sha256(identity.encode()).hexdigest()


def test_another_lock_is_another_bundle(git: Git, tmp_path: Path, index: Index) -> None:
    first, second = index.wheel("a"), index.wheel("a", "2.0")
    digests = set()
    for version, digest in (("1.0", first), ("2.0", second)):
        git.commit(**{"pylock.toml": pylock(package("a", ("py3-none-any", digest), version=version))})
        digests |= {make(git, tmp_path, options).content_digest for options in (LOCK, WHEELS)}
    assert len(digests) == 4


def test_what_is_not_locked_is_refused_and_told_by_check(git: Git, tmp_path: Path) -> None:
    git.commit(**{"requirements.txt": "flask\n"})
    assert refusal(git, tmp_path, LOCK).why == "requirements.txt:1: flask is not pinned to one version with ==."
    repository = Repository(git.folder)
    commit = repository.resolve("HEAD")
    assert [item.line for item in unlocked(repository, commit, WHEELS)] == [1]
    assert unlocked(repository, commit, BundleOptions()) == []


def test_requirements_that_are_excluded_or_a_link_are_what_beanstalk_sees(git: Git, tmp_path: Path) -> None:
    git.commit(**{"requirements.txt": "flask\n", "a": ""})
    assert sorted(contents(make(git, tmp_path, replace(LOCK, exclude=("requirements.txt",)), "without"))) == ["a"]
    git("mv", "requirements.txt", "loose.txt")
    (git.folder / "requirements.txt").symlink_to("loose.txt")
    git.commit()
    assert "flask is not pinned" in refusal(git, tmp_path, LOCK).why


def wanted(index: Index) -> tuple[str, str]:
    """Locks of a package with a wheel for each Python, and of one for all of them."""
    pure = index.wheel("pure")
    own = [(tag, index.wheel("fast", tag=tag)) for tag in (LINUX, "cp312-cp312-manylinux_2_17_aarch64", "py3-none-any")]
    lines = pinned("fast", *(digest for _, digest in own)) + pinned("pure", pure)
    return lines + "off==1 ; sys_platform == 'win32' --hash=sha256:" + "0" * 64, pylock(
        package("fast", *own), package("pure", ("py3-none-any", pure))
    )


@pytest.mark.parametrize("lock", ["requirements.txt", "pylock.toml"])
def test_wheels_are_in_the_bundle_and_nothing_else_is_asked_for(
    git: Git, tmp_path: Path, index: Index, lock: str
) -> None:
    text = dict(zip(("requirements.txt", "pylock.toml"), wanted(index), strict=True))[lock]
    git.commit(**{lock: text, "a": ""})
    made = make(git, tmp_path, BOTH)
    held = contents(made)
    tags = {"fast": (LINUX, "cp312-cp312-manylinux_2_17_aarch64"), "pure": ("py3-none-any",)}
    wheels = [f"vendor/wheels/{name}-1.0-{tag}.whl" for name, own in tags.items() for tag in own]
    assert [name for name in held if name.endswith(".whl")] == sorted(wheels)
    for name in wheels:
        assert held[name] == (index.folder / Path(name).name).read_bytes()
        assert zipfile.ZipFile(made.path).getinfo(name).compress_type == zipfile.ZIP_STORED
    lines = held["requirements.txt"].decode().splitlines()
    assert lines[1:3] == ["--no-index", "--find-links vendor/wheels"]
    hashes = {line.strip().removeprefix("--hash=sha256:").rstrip(" \\") for line in lines if "--hash" in line}
    assert hashes == {hashlib.sha256(held[name]).hexdigest() for name in wheels}
    told = listed(git, tmp_path, BOTH)
    assert told[wheels[0], True] == "wheel of fast 1.0"
    assert told["requirements.txt", True] == f"made from {lock}, for the wheels beside it"


@pytest.mark.parametrize("lock", ["requirements.txt", "pylock.toml"])
def test_the_same_commit_has_the_same_bytes_with_a_cold_and_a_warm_cache(
    git: Git, tmp_path: Path, index: Index, closed: Callable[[], None], lock: str
) -> None:
    git.commit(**{lock: dict(zip(("requirements.txt", "pylock.toml"), wanted(index), strict=True))[lock]})
    made = [make(git, tmp_path, BOTH, "cold"), make(git, tmp_path, BOTH, "other", cache="other")]
    closed()
    made += [make(git, tmp_path, BOTH, f"warm{number}", streams=tmp_path / "streams") for number in range(2)]
    git.write(**{"requirements.txt": "dirty\n"})
    dirty = make(git, tmp_path, BOTH, "dirty", dirty=True) if lock == "pylock.toml" else None
    assert len({(item.content_digest, item.path.read_bytes()) for item in made}) == 1
    if dirty:
        assert contents(dirty) == contents(made[0]), "the lock decides, not the file that it replaces"
    stored = sum(path.stat().st_size for path in (tmp_path / "streams").iterdir())
    assert stored < 4000, "a wheel is kept once"


PEM_LINE = "MIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0buVwTQvUgkQwAn5QBNxSqW5Nw"


def test_nobody_looks_for_the_secrets_of_others(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(
        **{"requirements.txt": pinned("pure", index.wheel("pure", text=f"-----BEGIN PRIVATE KEY-----\n{PEM_LINE}"))}
    )
    repository, inspection = Repository(git.folder), Inspection()
    build(
        repository,
        repository.resolve("HEAD"),
        WHEELS,
        tmp_path / "a.zip",
        wheels=WheelCache(tmp_path / "cache"),
        inspection=inspection,
    )
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert "vendor/wheels/pure-1.0-py3-none-any.whl" in archive.namelist()
    assert inspection.findings() == []


def test_a_cached_wheel_that_is_damaged_is_fetched_again(
    git: Git, tmp_path: Path, index: Index, closed: Callable[[], None]
) -> None:
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure"))})
    good = make(git, tmp_path, WHEELS)
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"{}")
    assert make(git, tmp_path, WHEELS, "again").sha256 == good.sha256
    for path in (tmp_path / "cache").glob("*.whl"):
        path.write_bytes(path.read_bytes()[:-1])
    closed()
    (tmp_path / "bundle.zip").unlink()
    assert refusal(git, tmp_path, WHEELS).code == "no-wheel"


class SlowIndex(BaseHTTPRequestHandler):
    """An index that sends the first half of a wheel, and the rest once somebody was told of that half."""

    content = b""
    told = threading.Event()

    def do_GET(self) -> None:
        body = self.content
        if not self.path.endswith(".whl"):
            body = f'<a href="/{WHEEL_NAME}">{WHEEL_NAME}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if body is self.content else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2 if body is self.content else 0
        self.wfile.write(body[:half])
        self.wfile.flush()
        if half and not self.told.wait(60):
            return
        self.wfile.write(body[half:])

    def log_message(self, *_: object) -> None:
        return


WHEEL_NAME = "pure-1.0-py3-none-any.whl"


@pytest.mark.parametrize("sized", [True, False])
def test_who_waits_is_told_how_many_bytes_have_come(
    git: Git, tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch, sized: bool
) -> None:
    digest = index.wheel("pure", text=random.Random(7).randbytes(2_000_000).hex())
    SlowIndex.content, SlowIndex.told = (index.folder / WHEEL_NAME).read_bytes(), threading.Event()
    size, seen = len(SlowIndex.content), list[tuple[int, int]]()

    def transferred(done: int, total: int) -> None:
        seen.append((done, total))
        if 0 < done < size:
            SlowIndex.told.set()

    with ThreadingHTTPServer(("127.0.0.1", 0), SlowIndex) as server:
        threading.Thread(target=server.serve_forever).start()
        for name, value in {
            "PIP_NO_INDEX": "0",
            "PIP_FIND_LINKS": "",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        lock = pylock(package("pure", ("py3-none-any", digest))).replace("hashes", f"size = {size}\nhashes")
        git.commit(**({"pylock.toml": lock} if sized else {"requirements.txt": pinned("pure", digest)}))
        commit, cache = Repository(git.folder).resolve("HEAD"), WheelCache(tmp_path / "cache", transferred)
        build(Repository(git.folder), commit, WHEELS, tmp_path / "a.zip", wheels=cache)
        server.shutdown()
    assert SlowIndex.told.is_set(), "nobody was told before the wheel was whole"
    assert seen[-1] == (size, size if sized else 0)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    seen.clear()
    build(Repository(git.folder), commit, WHEELS, tmp_path / "b.zip", wheels=cache)
    assert seen == [], "what is kept is not fetched"


def test_what_pip_chose_for_one_lock_is_not_taken_for_another(git: Git, tmp_path: Path, index: Index) -> None:
    pure = index.wheel("fast")
    git.commit(**{"requirements.txt": pinned("fast", pure)})
    make(git, tmp_path, WHEELS)
    git.commit(**{"requirements.txt": pinned("fast", pure, index.wheel("fast", tag=LINUX))})
    assert f"vendor/wheels/fast-1.0-{LINUX}.whl" in contents(make(git, tmp_path, WHEELS))


def test_a_lock_of_which_no_instance_needs_anything_has_no_wheels(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure"), marker="sys_platform == 'win32'")})
    held = contents(make(git, tmp_path, WHEELS))
    assert held == {"requirements.txt": b"# Made by ebcd from requirements.txt.\n--no-index\n"}


def test_wheels_that_nothing_used_for_long_are_deleted(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure"))})
    make(git, tmp_path, WHEELS)
    (tmp_path / "cache" / "part-1").mkdir()
    old = time.time() - 100 * 86_400
    for path in (tmp_path / "cache").iterdir():
        os.utime(path, (old, old))
    make(git, tmp_path, WHEELS)
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".json", ".whl"]


@pytest.mark.parametrize("lock", ["requirements.txt", "pylock.toml"])
def test_what_has_no_wheel_is_refused_by_name(git: Git, tmp_path: Path, index: Index, lock: str) -> None:
    digest = index.wheel("fast", tag="cp310-cp310-win32")
    text = {
        "requirements.txt": pinned("fast", digest),
        "pylock.toml": pylock(package("fast", ("cp310-cp310-win32", digest))),
    }
    git.commit(**{lock: text[lock]})
    error = refusal(git, tmp_path, WHEELS)
    assert (error.code, error.exit_code) == ("no-wheel", 3)
    assert "fast" in error.why
    assert "Python 3.11 on x86_64" in error.why
    assert "pip wheel" in error.hint


def test_a_wheel_that_the_lock_does_not_know_is_not_taken(git: Git, tmp_path: Path, index: Index) -> None:
    index.wheel("pure")
    git.commit(**{"requirements.txt": pinned("pure", "0" * 64)})
    error = refusal(git, tmp_path, WHEELS)
    assert (error.code, error.why) == ("no-wheel", "The index has a wheel of pure==1.0 whose hash is not in the lock.")
    assert not list((tmp_path / "cache").iterdir())


def test_an_index_that_does_not_answer_is_told_as_that(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    git.commit(**{"requirements.txt": pinned("nothing-of-ebcd", "a" * 64)})
    error = refusal(git, tmp_path, WHEELS)
    assert error.code == "wheels"
    assert "PIP_INDEX_URL" in error.hint


def test_wheels_of_the_commit_s_own_are_not_mixed_with_others(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure")), "vendor/wheels/own.whl": ""})
    assert "vendor/wheels/own.whl" in refusal(git, tmp_path, WHEELS).what


def test_the_size_of_a_bundle_counts_its_wheels(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure"))})
    size = make(git, tmp_path, WHEELS).size
    (tmp_path / "bundle.zip").unlink()
    error = refusal(git, tmp_path, replace(WHEELS, max_size=size - 1))
    assert (error.code, "pure-1.0" in error.why) == ("bundle-too-large", True)


BUILD = """
import sys
from pathlib import Path
from ebcd.bundle import Repository, build
from ebcd.model import BundleOptions, Python, Requirements, WheelCache
options = BundleOptions(requirements=Requirements.WHEELS, pythons=(Python("3.11", "x86_64", 34),))
repository = Repository(Path.cwd())
made = build(repository, repository.resolve("HEAD"), options, Path(sys.argv[1]), wheels=WheelCache(Path(sys.argv[2])))
print(made.content_digest, made.sha256)
"""


def test_several_processes_share_the_wheels(git: Git, tmp_path: Path, index: Index) -> None:
    git.commit(**{"requirements.txt": "".join(pinned(name, index.wheel(name)) for name in ("one", "two", "three"))})
    running = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path / f"{number}.zip"), str(tmp_path / "cache")],
            cwd=git.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    told = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(told) == 1


def test_a_bundle_whose_wheels_do_not_fit_this_machine_is_told_so(git: Git, tmp_path: Path, index: Index) -> None:
    other = Python("3.6", "aarch64", 34)
    text = pinned(
        "fast",
        index.wheel("fast", tag="cp36-cp36m-manylinux2014_x86_64"),
        index.wheel("fast", tag="cp36-none-manylinux2014_aarch64"),
    )
    git.commit(**{"requirements.txt": text + pinned("pure", index.wheel("pure"))})
    made = make(git, tmp_path, replace(WHEELS, pythons=(other,)))
    with pytest.raises(EbcdError) as error:
        refuse_unfit(made.path, (other,))
    assert (error.value.code, error.value.exit_code) == ("local-python", 3)
    assert "no wheel of fast" in error.value.why
    assert HERE in error.value.why
    git.commit(**{"requirements.txt": pinned("pure", index.wheel("pure"))})
    refuse_unfit(make(git, tmp_path, WHEELS).path, WHEELS.pythons)
    refuse_unfit(make(git, tmp_path, LOCK).path, ())
