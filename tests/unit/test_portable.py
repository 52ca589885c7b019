"""What runs where: nothing outside of the local Beanstalk needs Linux, or POSIX, without asking for it first."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebcd.cli import completion
from ebcd.errors import UsageError
from ebcd.local import refuse_elsewhere
from ebcd.model import platforms
from ebcd_local import fault_command, platform_versions

ROOT = Path(__file__).resolve().parents[2]
POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
POSIX_CALLS = {
    f"os.{name}"
    for name in (
        "fork",
        "forkpty",
        "getuid",
        "geteuid",
        "getgid",
        "getpgid",
        "killpg",
        "setsid",
        "setpgid",
        "mkfifo",
        "nice",
        "sched_getaffinity",
        "chown",
        "chroot",
        "wait",
        "wait3",
        "wait4",
        "statvfs",
        "posix_spawn",
        "register_at_fork",
    )
} | {
    f"signal.{name}"
    for name in (
        "SIGHUP",
        "SIGKILL",
        "SIGUSR1",
        "SIGUSR2",
        "SIGCHLD",
        "SIGPIPE",
        "SIGALRM",
        "SIGQUIT",
        "alarm",
        "setitimer",
        "pause",
        "sigwait",
        "pthread_sigmask",
    )
}
"""What Python has on POSIX alone.

Source: https://docs.python.org/3/library/os.html and signal.html, by each one's availability
"""


def modules() -> list[Path]:
    return sorted((ROOT / "ebcd").rglob("*.py"))


def needs(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """What a module uses that is POSIX's alone, or Linux's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, item.name) for item in node.names if item.name.partition(".")[0] in POSIX_MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in POSIX_MODULES:
            yield node, node.module or ""
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in POSIX_CALLS:
            yield node, ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("/proc/"):
            yield node, node.value
        elif isinstance(node, ast.keyword) and node.arg in {"preexec_fn", "start_new_session", "pass_fds", "user"}:
            yield node, node.arg or ""


def guarded(tree: ast.AST) -> set[ast.AST]:
    """Nodes that are reached only where somebody asked before: by hasattr or the platform, or in a try that goes on."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        asks = isinstance(node, ast.If | ast.IfExp) and any(
            word in ast.unparse(node.test) for word in ("hasattr", "sys.platform", "os.name")
        )
        if asks or isinstance(node, ast.Try):
            found |= set(ast.walk(node))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_posix_alone_has_is_asked_for_first(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    safe = guarded(tree)
    assert [f"{path.name}: {what}" for node, what in needs(tree) if node not in safe] == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_read_and_written_in_utf8_whatever_the_machine_is_set_to(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            named = {item.arg for item in node.keywords}
            if node.func.attr in {"read_text", "write_text"}:
                assert "encoding" in named or len(node.args) > (node.func.attr == "write_text"), f"{path}:{node.lineno}"


@pytest.mark.parametrize(("platform", "name"), [("darwin", "macOS"), ("win32", "Windows"), ("freebsd14", "freebsd14")])
def test_the_local_beanstalk_says_where_it_runs(platform: str, name: str) -> None:
    with pytest.raises(UsageError, match="runs on Linux") as error:
        refuse_elsewhere(platform)
    assert name in error.value.why
    assert (error.value.exit_code, error.value.code) == (2, "not-linux")


def test_on_linux_it_says_nothing() -> None:
    refuse_elsewhere("linux")


def test_what_ebcd_knows_of_the_local_beanstalk_is_as_it_is() -> None:
    assert set(completion.FAULTS) == set(fault_command._KINDS)
    assert tuple(platform_versions.PYTHONS) == platforms.LOCAL_PYTHONS
