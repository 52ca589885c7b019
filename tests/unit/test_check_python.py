"""Python that does not compile, and what requires another one: for the stage's version, whichever checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundles import LOCAL, codes, found_alone, on

from ebcd.check import Severity
from ebcd.check.pythons import fits
from ebcd.check.syntax import HERE, fault_of

APP = {"Procfile": "web: gunicorn app:app", "requirements.txt": "gunicorn\n"}
NEWER = (HERE[0], HERE[1] + 1)
LATEST = (3, 99)


@pytest.mark.parametrize(
    "text",
    [
        "type X = int\n",
        "type X[T] = list[T]\n",
        "def f[T](a: T) -> T: return a\n",
        "async def f[**P](a): pass\n",
        "class C[T: int]: pass\n",
        'x = f"{", ".join(["a"])}"\n',
        "x = f'{d['a']}'\n",
        'x = (f"{a["b"]}", 1)\n',
        'def f():\n    return g(\n        f"{a["b"]}",\n    )\n',
        'x = f"{a!r:{"b"}}"\n',
        "x = f\"{'\\n'.join(a)}\"\n",
        'x = f"{\n  a  # comment\n}"\n',
        'x = rf"{a["b"]}"\n',
        "try:\n    a\nexcept A, B:\n    b\n",
        'x = t"{a}"\n',
        "x = T'{a}'\n",
    ],
)
def test_what_only_a_newer_python_reads_is_no_fault_there(text: str) -> None:
    assert fault_of(text.encode(), LATEST) is None
    assert fault_of(text.encode(), None) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("def f(:\n", 1),
        ("x = 1\ndef f()\n    pass\n", 2),
        ("class A\n    x = 1\n", 1),
        ("x = (1,\ny = 2\n", 1),
        ('x = "abc\n', 1),
        ("print 'a'\n", 1),
        ("if x = 1: pass\n", 1),
        ("a b\n", 1),
        ("def f():\nreturn 1\n", 2),
        ("import a.\n", 1),
        ("<<<<<<< HEAD\nx = 1\n=======\n", 1),
        ("x = {'a': 1, 'b' 2}\n", 1),
        ("\ufeffdef f(:\n", 1),
        ("x = 1\r\ndef f(:\r\n", 2),
    ],
)
def test_what_no_python_reads_is_a_fault_of_all(text: str, line: int) -> None:
    for version in (None, HERE, LATEST):
        fault = fault_of(text.encode(), version)
        assert fault is not None, version
        assert fault.line == line


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("match x:\n    case 1: pass\n", (3, 10)),
        ("def f(a, /): pass\n", (3, 8)),
        ("(x := 1)\n", (3, 8)),
        ("try:\n    a\nexcept* E:\n    b\n", (3, 11)),
    ],
)
def test_what_an_older_python_does_not_read_is_its_fault(text: str, since: tuple[int, int]) -> None:
    assert fault_of(text.encode(), (since[0], since[1] - 1)) is not None
    assert fault_of(text.encode(), since) is None


@pytest.mark.parametrize(
    "text",
    [
        "from {{ cookiecutter.name }} import x\n{% if a %}\n",
        '"""${message}"""\nrevision = ${repr(up)}\n{{x}}',
        "class {{name}}:\n    pass\n",
        "<% x %>\n",
        "x = 1\n" * 300_000,
        "",
        "# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        "print('ok')\n",
        "x = '\\d'\n",
    ],
)
def test_templates_and_what_is_too_large_are_not_judged(text: str) -> None:
    assert fault_of(text.encode("latin-1", errors="replace"), HERE) is None


def test_this_checkout_is_python() -> None:
    root = Path(__file__).resolve().parents[2]
    files = [path for name in ("ebcd", "ebcd_local", "aespo", "tests") for path in (root / name).rglob("*.py")]
    assert len(files) > 300
    assert [path for path in files if fault_of(path.read_bytes(), (3, 11))] == []


REACHED = [
    {"app.py": "app = 1\nimport helpers", "helpers.py": "def f(:"},
    {"app.py": "def f(:"},
    {"app.py": "from shop import views\napp = 1", "shop/__init__.py": "", "shop/views.py": "def f(:"},
    {"app.py": "from shop.views import x\napp = 1", "shop/views.py": "def f(:"},
    {"app.py": "import shop.a.b\napp = 1", "shop/__init__.py": "def f(:", "shop/a/b.py": ""},
    {"app.py": "from shop import a\napp = 1", "shop/__init__.py": "from .a import x", "shop/a.py": "def f(:"},
    {"app.py": "def create():\n    from shop import auth\napp = 1", "shop/auth.py": "def f(:"},
    {"app.py": "try:\n    import other\nexcept ImportError:\n    pass\napp = 1", "other.py": "def f(:"},
    {"app.py": "if DEBUG:\n    import other\napp = 1", "other.py": "def f(:"},
    {"app.py": "import os\nos.environ['X'] = 'shop.settings'\napp = 1", "shop/settings.py": "def f(:"},
    {"app.py": "app = 'shop.settings'", "shop/settings.py": "APPS = ['blog.apps.Blog']", "blog/apps.py": "def f(:"},
    {
        "app.py": "app = 1",
        ".ebextensions/a.config": "container_commands: {a: {command: python manage.py migrate}}",
        "manage.py": "def f(:",
    },
    {"app/__init__.py": "from . import models\napp = 1", "app/models.py": "def f(:"},
    {"app/__init__.py": "from .db import models\napp = 1", "app/db/models.py": "from ..x import y", "app/x.py": "f(:"},
]


@pytest.mark.parametrize("files", REACHED)
def test_what_the_application_imports_must_compile(files: dict[str, str]) -> None:
    (finding,) = found_alone(on("3.11"), **APP, **files)
    assert (finding.severity, finding.code, finding.line) == (Severity.ERROR, "syntax", 1)
    assert "Python 3.11" in finding.message


ELSEWHERE = [
    {"scripts/old.py": "print 'python 2'"},
    {"tests/data/bad_syntax.py": "def f(:"},
    {"helpers.py": "def f(:"},
    {"app.py": "import sys\nif sys.version_info < (3,):\n    import old\napp = 1", "old.py": "print 1"},
    {"app.py": "from six import PY2\nif PY2:\n    import old\nelse:\n    x = 1\napp = 1", "old.py": "print 1"},
    {"app.py": "try:\n    import fast\nexcept (ImportError, SyntaxError):\n    fast = None\napp = 1", "fast.py": "f(:"},
    {"app.py": "try:\n    import fast\nexcept Exception:\n    fast = None\napp = 1", "fast.py": "f(:"},
    {"app.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a\napp = 1", "a.py": "f(:"},
]


@pytest.mark.parametrize("files", ELSEWHERE)
def test_what_it_is_not_known_to_import_is_a_warning(files: dict[str, str]) -> None:
    (finding,) = found_alone(on("3.11"), **{**APP, "app.py": "app = 1", **files})
    assert (finding.severity, finding.code) == (Severity.WARNING, "syntax-elsewhere")


def test_many_of_them_are_told_once() -> None:
    files = {f"old/{number}.py": "print 1" for number in range(9)}
    (finding,) = found_alone(on("3.11"), **APP, **files, **{"app.py": "app = 1"})
    assert "8 more" in finding.message


def test_an_application_of_a_newer_python_is_taken_by_its_stage() -> None:
    newer = {**APP, "app.py": 'type X = int\napp = f"{", ".join(["a"])}"\n'}
    assert codes(on(f"3.{NEWER[1] + 5}"), **newer) == []
    assert codes(None, **newer) == []


def test_the_local_beanstalk_runs_on_the_python_that_checks() -> None:
    """Its platform's name may be that of an older one."""
    older = {**APP, "app.py": "match 1:\n    case app: pass\n"}
    assert codes(on("3.9"), **older) == ["syntax"]
    assert codes(on("3.9", target=LOCAL.target), **older) == ["local-platform"], "and no syntax"


PROJECT = '[project]\nname = "shop"\nrequires-python = "{}"\n'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"pyproject.toml": PROJECT.format(">=3.11")}, []),
        ({"pyproject.toml": PROJECT.format(">=3.11.4")}, []),
        ({"pyproject.toml": PROJECT.format("~=3.11")}, []),
        ({"pyproject.toml": PROJECT.format("nonsense")}, []),
        ({"pyproject.toml": "[tool.x]\n"}, []),
        ({"pyproject.toml": "not toml"}, []),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"\n'}, []),
        ({"pyproject.toml": '\ufeff[tool.poetry.dependencies]\npython = ">=3.10,<4.0"\n'}, []),
        ({"pyproject.toml": PROJECT.format(">=3.12")}, [("requires-python", "warning", "pyproject.toml", 3)]),
        (
            {"pyproject.toml": PROJECT.format(">=3.12"), "requirements.txt": "gunicorn\n.\n"},
            [("requires-python", "error", "pyproject.toml", 3)],
        ),
        (
            {"pyproject.toml": PROJECT.format(">=3.12"), "requirements.txt": "-e .[dev]  # own\n"},
            [("requires-python", "error", "pyproject.toml", 3)],
        ),
        (
            {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\n'},
            [("requires-python", "warning", "pyproject.toml", 2)],
        ),
        (
            {
                "requirements.txt": "a\nnumpy==2.4.0\n",
                "poetry.lock": '[[package]]\nname = "numpy"\nversion = "2.4.0"\npython-versions = ">=3.12"\n',
            },
            [("requires-python", "error", "requirements.txt", 2)],
        ),
        (
            {
                "requirements.txt": "NumPy==2.4.0 --hash=sha256:1\n",
                "pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "numpy"\nversion = "2.4.0"\n'
                'requires-python = ">=3.12"\n',
            },
            [("requires-python", "error", "requirements.txt", 1)],
        ),
        (
            {
                "requirements.txt": "numpy==2.4.0 ; python_version >= '3.12'\n",
                "poetry.lock": '[[package]]\nname = "numpy"\nversion = "2.4.0"\npython-versions = ">=3.12"\n',
            },
            [],
        ),
        (
            {
                "requirements.txt": "numpy==1.0\n",
                "poetry.lock": '[[package]]\nname = "numpy"\nversion = "2.4.0"\npython-versions = ">=3.12"\n',
            },
            [],
        ),
        ({"Pipfile": '[requires]\npython_version = "3.11"\n'}, []),
        ({"Pipfile": '[requires]\npython_version = "3.13"\n'}, []),
    ],
)
def test_what_requires_another_python(files: dict[str, str], found: list[tuple[str, str, str, int | None]]) -> None:
    told = found_alone(on("3.11"), **{**APP, "app.py": "app = 1", **files})
    assert [(item.code, str(item.severity), item.path, item.line) for item in told] == found


def test_a_pipfile_counts_where_nothing_else_is_read() -> None:
    files = {
        "Procfile": "web: gunicorn app:app",
        "app.py": "app = 1",
        "Pipfile": '[requires]\npython_version = "3.13"\n',
    }
    assert codes(on("3.11"), **files) == ["requires-python"]
    assert codes(on("3.13"), **files) == []
    assert codes(None, **files) == []


@pytest.mark.parametrize(
    ("specifier", "fitting"),
    [
        (">=3.9", True),
        ("<3.11", False),
        ("==3.11.*", True),
        ("!=3.11.0", True),
        ("^3", True),
        ("^3.12", False),
        (">=3.8,<3.12", True),
        ("3.11", True),
        ("*", True),
        ("", True),
    ],
)
def test_specifiers(specifier: str, fitting: bool) -> None:
    assert fits(specifier, (3, 11)) is fitting
