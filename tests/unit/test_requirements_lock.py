"""What locks a commit's requirements, and what is said where nothing does."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheelmaker import package, pinned, pylock

from ebcd.errors import Refused
from ebcd.model import Python
from ebcd.requirements import lines
from ebcd.requirements.choose import applies, best, tags, unfit
from ebcd.requirements.lock import Lock, lock
from ebcd.requirements.pins import LockedFile, Pin

ROOT = Path(__file__).resolve().parents[2]
A, B, C = "a" * 64, "b" * 64, "c" * 64
AL2023 = Python("3.11", "x86_64", 34)


def locked(*, wheels: bool = False, **files: str) -> Lock:
    """The lock of a commit that goes into its bundle as a whole. Names have __ for a dot."""
    content = {name.replace("__", "."): text.encode() for name, text in files.items()}
    return lock(content.get, content.get, wheels=wheels)


def problems(text: str, **others: str) -> list[tuple[str, int | None, str]]:
    return [(item.path, item.line, item.message) for item in locked(requirements__txt=text, **others).problems]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        pinned("flask", A),
        f"flask==3.0 --hash sha256:{A}",
        f"flask[async]==3.0 ; python_version >= '3.9' \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n    # x\n",
        f"Flask === 3.0 --hash=sha256:{A}  # why\r\n",
        f"\ufeffflask==3.0 --hash=sha512:{A}{A}",
        f"--index-url https://example.com/simple\n-f wheels\n--require-hashes\n{pinned('a', A)}",
        f"flask @ https://example.com/flask.zip --hash=sha256:{A}",
        f"flask==3.0 \\\n    --hash=sha256:{A} \\",
    ],
)
def test_what_is_pinned_and_hashed_is_locked(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("flask", 1, "flask is not pinned to one version with ==."),
        ("\n\nflask>=3\n", 3, "flask is not pinned"),
        (f"flask==3.* --hash=sha256:{A}", 1, "not pinned"),
        (f"flask==3.0,!=3.1 --hash=sha256:{A}", 1, "not pinned"),
        ("flask==3.0", 1, "flask has no --hash."),
        (f"a==1 --hash=sha256:{A}\n# x\nflask==3.0 \\\n  ; python_version > '3'\n", 3, "flask has no --hash."),
        (f"flask==3.0 --hash=md5:{A}", 1, "is no hash that pip takes"),
        ("flask==3.0 --hash=sha256:", 1, "is no hash that pip takes"),
        ("-e .", 1, ". is editable"),
        ("--editable=git+https://example.com/x#egg=x", 1, "is editable"),
        ("flask @ https://example.com/flask.zip", 1, "flask has no --hash."),
        ("https://example.com/flask.zip", 1, "is a path or a URL"),
        ("./vendored/flask.whl", 1, "is a path or a URL"),
        ("flask==", 1, "is no requirement"),
        ("-r other.txt", 1, "other.txt is not in the bundle."),
        ("-c https://example.com/c.txt", 1, "is not in the bundle."),
        ("-r", 1, "expected one argument"),
        ("flask==3.0 --hash='", 1, "No closing quotation"),
    ],
)
def test_what_is_not_locked_is_named_with_its_line(text: str, line: int, message: str) -> None:
    (found,) = problems(text)
    assert found[:2] == ("requirements.txt", line)
    assert message in found[2]


def test_included_files_are_followed_wherever_they_lie_and_once() -> None:
    content = {
        "requirements.txt": f"-r deps/base.txt\n-cdeps/limits.txt\n{pinned('web', A)}".encode(),
        "deps/base.txt": f"--requirement=../more.txt\n{pinned('base', B)}".encode(),
        "more.txt": b"-r requirements.txt\nloose\n",
        "deps/limits.txt": b"base==1.0\nother<2\n",
    }
    found = lines.read("requirements.txt", content.get)
    assert [(pin.name, pin.place) for pin in found.pins] == [
        ("base", "deps/base.txt:2"),
        ("web", "requirements.txt:3"),
    ]
    assert [(item.path, item.line) for item in found.problems] == [("more.txt", 2), ("deps/limits.txt", 2)]


def test_what_is_no_text_is_told() -> None:
    found = lines.read("requirements.txt", {"requirements.txt": b"\xff\xff"}.get)
    assert [item.message for item in found.problems] == ["It is not UTF-8, and no byte-order mark says what it is."]


def test_this_repository_s_own_requirements_are_locked() -> None:
    found = lines.read("requirements.txt", lambda path: (ROOT / path).read_bytes())
    assert (found.problems, len(found.pins) > 10) == ([], True)


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({}, "git mv requirements.txt requirements.in && uv pip compile --universal --generate-hashes requirements.in"),
        ({"uv__lock": "", "pyproject__toml": ""}, "uv export --frozen --no-dev --no-emit-project -o requirements.txt"),
        ({"poetry__lock": "", "pyproject__toml": ""}, "poetry export"),
        ({"pyproject__toml": ""}, "uv pip compile --universal --generate-hashes pyproject.toml"),
        (
            {"requirements__in": "", "pyproject__toml": ""},
            "uv pip compile --universal --generate-hashes requirements.in",
        ),
        ({"Pipfile__lock": ""}, "pipenv requirements --hash > requirements.txt"),
    ],
)
def test_the_way_out_is_the_one_of_the_tool_that_is_used(files: dict[str, str], hint: str) -> None:
    with pytest.raises(Refused) as error:
        locked(requirements__txt="flask\nredis\n", **files).insist()
    assert (error.value.code, error.value.exit_code) == ("unlocked", 3)
    assert error.value.why == "requirements.txt:1: flask is not pinned to one version with ==. (1 more: ebcd check)"
    assert error.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("files", "wheels", "source", "ok"),
    [
        ({}, False, "", True),
        ({}, True, "", True),
        ({"Pipfile__lock": "{}"}, False, "", True),
        ({"Pipfile__lock": "{}"}, True, "Pipfile.lock", False),
        ({"Pipfile": ""}, False, "Pipfile", False),
        (
            {"requirements__txt": pinned("a", A), "pylock__toml": pylock(package("b", ("py3-none-any", B)))},
            False,
            "requirements.txt",
            True,
        ),
        (
            {"requirements__txt": "a", "pylock__toml": pylock(package("b", ("py3-none-any", B)))},
            False,
            "pylock.toml",
            True,
        ),
        ({"Pipfile__lock": "{}", "pylock__toml": pylock(more="packages = []\n")}, False, "pylock.toml", True),
        ({"pylock__toml": "lock-version = 1"}, False, "pylock.toml", False),
    ],
)
def test_what_decides(files: dict[str, str], wheels: bool, source: str, ok: bool) -> None:
    found = locked(wheels=wheels, **files)
    assert (found.source, not found.problems) == (source, ok)


def test_a_lock_file_becomes_requirements() -> None:
    sdist = f'[packages.sdist]\nname = "one-1.0.tar.gz"\npath = "one-1.0.tar.gz"\nhashes = {{sha256 = "{C}"}}\n'
    archive = (
        f'[[packages]]\nname = "far"\n[packages.archive]\nurl = "https://e.com/f.zip"\nhashes = {{sha256 = "{A}"}}\n'
    )
    found = locked(
        pylock__toml=pylock(
            package("two", ("py3-none-any", B), more="marker = \"sys_platform == 'linux'\"\n"),
            package("one", ("py3-none-any", B), ("cp311-cp311-win32", A), more=sdist),
            archive,
        )
    )
    assert found.text().decode() == (
        "# Made by ebcd from pylock.toml.\n"
        f"far @ https://e.com/f.zip \\\n    --hash=sha256:{A}\n"
        f"one==1.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B} \\\n    --hash=sha256:{C}\n"
        f'two==1.0 ; sys_platform == "linux" \\\n    --hash=sha256:{B}\n'
    )
    assert found.text(wheels=[B]).decode() == (
        "# Made by ebcd from pylock.toml.\n--no-index\n--find-links vendor/wheels\n"
        f"one==1.0 \\\n    --hash=sha256:{B}\n"
        f'two==1.0 ; sys_platform == "linux" \\\n    --hash=sha256:{B}\n'
    )


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("'default' in dependency_groups", ""),
        ("'dev' in dependency_groups", None),
        ("'dev' not in dependency_groups", ""),
        ("'x' in extras", None),
        (
            "'x' in extras or 'default' in dependency_groups and os_name == 'nt'",
            'python_version < "3" or os_name == "nt"',
        ),
        ("('default' in dependency_groups) and python_version < '3.12'", 'python_version < "3.12"'),
        ("os_name == 'nt'", 'os_name == "nt"'),
    ],
)
def test_a_default_installation_has_the_default_groups_and_no_extra(marker: str, told: str | None) -> None:
    more = 'extras = ["x"]\ndependency-groups = ["default", "dev"]\ndefault-groups = ["default"]\n'
    text = pylock(package("one", ("py3-none-any", A), more=f'marker = "{marker}"\n'), more=more)
    assert [pin.marker for pin in locked(pylock__toml=text).pins] == ([] if told is None else [told])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('[packages.vcs]\ntype = "git"\nurl = "https://e.com/x"\ncommit-id = "1"\n', "x comes from a vcs"),
        ('[packages.directory]\npath = "."\n', "x comes from a directory"),
        (f'[packages.archive]\npath = "x.zip"\nhashes = {{sha256 = "{A}"}}\n', "which instances cannot reach"),
        ('[packages.archive]\nurl = "https://e.com/x.zip"\nhashes = {md5 = "1"}\n', "x has a file without a SHA-256"),
        (
            'version = "1.0"\n[packages.sdist]\nname = "x-1.0.tar.gz"\npath = "x"\nhashes = {md5 = "1"}\n',
            "x has a file without a SHA-256",
        ),
    ],
)
def test_what_has_no_hash_is_refused_by_name_and_line(entry: str, message: str) -> None:
    text = pylock(package("one", ("py3-none-any", A)), f'[[packages]]\nname = "x"\n{entry}')
    (problem,) = locked(pylock__toml=text).problems
    assert message in problem.message
    assert (problem.path, problem.line) == ("pylock.toml", text[: text.index('name = "x"')].count("\n"))


def test_a_file_of_a_lock_stays_in_the_folder_of_wheels() -> None:
    text = pylock(package("x", ("py3-none-any./../../evil", A)))
    assert locked(pylock__toml=text).problems


names = st.from_regex(
    r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3}){0,2}", fullmatch=True
)  # as they are normalised: a-b, never a--b
versions = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
digests = st.binary(min_size=1).map(lambda data: f"sha256:{hashlib.sha256(data).hexdigest()}")
markers = st.sampled_from(["", 'python_version < "3.12"', 'sys_platform == "linux" and os_name == "posix"'])
pins = st.builds(
    Pin,
    names,
    versions,
    st.lists(digests, min_size=1, max_size=3, unique=True).map(tuple),
    st.just("p"),
    st.lists(names, max_size=2, unique=True).map(lambda found: tuple(sorted(found))),
    markers,
)


@given(st.lists(pins, max_size=6), st.randoms())
def test_what_is_written_is_read_again_whatever_the_order(found: list[Pin], random: object) -> None:
    text = Lock("pylock.toml", tuple(found)).text()
    random.shuffle(found)  # type: ignore[attr-defined]
    assert Lock("pylock.toml", tuple(found)).text() == text
    again = lines.read("requirements.txt", {"requirements.txt": text}.get)
    assert again.problems == []

    def told(pin: Pin) -> tuple[object, ...]:
        return pin.name, pin.version, tuple(sorted(pin.hashes)), pin.extras, pin.marker

    assert {told(pin) for pin in again.pins} == {told(pin) for pin in found}


@given(st.text(alphabet="ab=-.#\\\n\r \t\"'1;@:/[]", max_size=60))
def test_any_text_is_read_without_a_defect(text: str) -> None:
    for problem in lines.read("requirements.txt", {"requirements.txt": text.encode()}.get).problems:
        assert problem.line is None or 1 <= problem.line <= text.count("\n") + text.count("\r") + 1


def files(*names: str) -> Pin:
    found = tuple(LockedFile(f"x-1.0-{name}.whl", A) for name in names)
    return Pin("x", "1.0", (f"sha256:{A}",), "pylock.toml:4", wheels=found)


@pytest.mark.parametrize(
    ("python", "offered", "taken"),
    [
        (
            AL2023,
            ["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp312-cp312-win32"],
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        ),
        (
            AL2023,
            ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_35_x86_64"],
            "cp311-cp311-manylinux_2_28_x86_64",
        ),
        (
            Python("3.11", "x86_64", 26),
            ["cp311-cp311-manylinux_2_28_x86_64", "cp38-abi3-manylinux1_x86_64"],
            "cp38-abi3-manylinux1_x86_64",
        ),
        (
            Python("3.12", "aarch64", 34),
            ["cp311-cp311-manylinux2014_aarch64", "cp37-abi3-manylinux2014_aarch64", "cp37-abi3-manylinux2014_x86_64"],
            "cp37-abi3-manylinux2014_aarch64",
        ),
        (AL2023, ["1-py3-none-any", "2-py3-none-any"], "2-py3-none-any"),
        (AL2023, ["cp311-cp311-musllinux_1_2_x86_64", "cp311-cp311t-manylinux2014_x86_64"], None),
    ],
)
def test_the_wheel_is_the_one_that_fits_best(python: Python, offered: list[str], taken: str | None) -> None:
    for order in (offered, offered[::-1]):
        found = best(files(*order), python)
        assert (found.name if found else None) == (f"x-1.0-{taken}.whl" if taken else None)


def test_tags_do_not_depend_on_this_machine() -> None:
    told = [str(tag) for tag in tags(AL2023)]
    assert told[0] == "cp311-cp311-manylinux_2_34_x86_64"
    assert told[-1] == "py30-none-any"
    assert hashlib.sha256("\n".join(told).encode()).hexdigest()[:8] == "4fde829b"


def test_a_requirement_without_a_wheel_is_named_with_its_place() -> None:
    (problem,) = unfit([files("cp310-cp310-win32")], [AL2023])
    assert (problem.path, problem.line, problem.code) == ("pylock.toml", 4, "no-wheel")
    assert problem.message.startswith("x 1.0 has no wheel for Python 3.11 on x86_64 with glibc 2.34")
    url = Pin("far", "", (f"sha256:{A}",), "requirements.txt:1", url="https://e.com/f.zip")
    assert "comes from a URL" in unfit([url], [AL2023])[0].message


@pytest.mark.parametrize(
    ("marker", "needed"),
    [
        ("", True),
        ('python_version < "3.11"', False),
        ('sys_platform == "win32"', False),
        ('platform_machine == "x86_64" and implementation_name == "cpython"', True),
        ('python_full_version < "3.11.3"', True),
        ('python_full_version >= "3.11.4" and python_full_version < "3.11.6"', True),
        ('platform_release >= "5.10"', True),
        ('extra == "x"', False),
    ],
)
def test_what_any_instance_may_need_is_needed(marker: str, needed: bool) -> None:
    assert applies(Pin("x", "1.0", (), "p", marker=marker), AL2023) is needed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_requirements_are_read_by_their_byte_order_mark(encoding: str) -> None:
    """PowerShell's `>` writes UTF-16, which pip reads."""
    data = f"flask==3.0.0 --hash=sha256:{'0' * 64}\r\n".encode(encoding)
    found = lines.read("requirements.txt", lambda path: data)
    assert (found.problems, [pin.name for pin in found.pins]) == ([], ["flask"])
