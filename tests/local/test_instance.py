"""Instances: real processes from real bundles, good and bad."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from running import SERVER, bundle, healthy, processes_of

from ebcd_local.health_check import HealthCheck
from ebcd_local.instance import Deployment, DeploymentFailed, Instance
from ebcd_local.processes import BACKOFF, MARK, Supervised, sweep


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance("i-1", tmp_path / "i-1", tmp_path / "cache")
    yield made
    made.destroy()
    assert processes_of(tmp_path / "i-1") == []


def deployment(
    tmp_path: Path, content: bytes, leader: bool = True, properties: Mapping[str, str] | None = None
) -> Deployment:
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    return Deployment(path, "v1", properties or {}, {}, leader)


def failed(instance: Instance, found: Deployment, timeout: float = 60) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as error:
        instance.deploy(replace(found, timeout=timeout))
    return error.value


def test_a_process_that_exits_at_once_fails_with_its_last_words(instance: Instance, tmp_path: Path) -> None:
    content = bundle(**{"server.py": "import sys; print('no database'); sys.exit(3)"})
    error = failed(instance, deployment(tmp_path, content))
    assert "exited with code 3" in error.cause
    assert "no database" in error.log_tail


def test_a_process_that_does_not_listen_yet_is_no_failure_of_its_deployment(instance: Instance, tmp_path: Path) -> None:
    slow = bundle(**{"server.py": f"import time; time.sleep(3); TEXT = ''\n{SERVER}"})
    instance.deploy(replace(deployment(tmp_path, slow), timeout=1.5))
    assert not healthy(instance)
    deadline = time.monotonic() + 30
    while not healthy(instance):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert instance.causes() == []


def test_a_failure_is_logged_in_the_engines_words_and_told_as_an_exit(instance: Instance, tmp_path: Path) -> None:
    files = {".ebextensions/a.config": "container_commands:\n  01_migrate: {command: 'echo no table; exit 9'}\n"}
    failed(instance, deployment(tmp_path, bundle(**files)))
    tail = instance.log_tail()
    assert "\n/var/log/eb-engine.log\n" in tail
    assert "[INFO] Error occurred during build: Command 01_migrate failed" in tail
    assert "[ERROR] An error occurred during execution of command [app-deploy] - [PostBuildEbExtension]." in tail


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"Procfile": "what is this"}, "Procfile line 1"),
        ({"Procfile": ""}, "no process"),
        ({"requirements.txt": "no-such-package-of-ebcd==999\n"}, "no-such-package-of-ebcd"),
        ({".ebextensions/a.config": "container_commands:\n  a: {command: 'echo oops; exit 9'}\n"}, "exit code 9"),
    ],
)
def test_a_bundle_that_cannot_be_deployed_says_why(
    instance: Instance, tmp_path: Path, files: dict[str, str], said: str
) -> None:
    assert said in failed(instance, deployment(tmp_path, bundle(**files))).cause


def test_a_deployment_that_fails_before_it_starts_leaves_the_earlier_one(instance: Instance, tmp_path: Path) -> None:
    instance.deploy(deployment(tmp_path, bundle("one")))
    failed(instance, deployment(tmp_path, bundle("two", Procfile="no")))
    assert healthy(instance)


def test_a_process_that_dies_is_restarted(instance: Instance, tmp_path: Path) -> None:
    instance.deploy(deployment(tmp_path, bundle()))
    assert HealthCheck("/die").ask(instance.port).status is None
    deadline = time.monotonic() + 15
    while not healthy(instance):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert instance.causes() == ["Following services are not running: web."]
    assert instance.causes() == [], "it runs again since"


def test_every_process_of_a_procfile_runs_with_its_own_log_and_limits(instance: Instance, tmp_path: Path) -> None:
    worker = "import os, time; print('worker', os.environ['PORT'], flush=True); time.sleep(600)"
    lines = 'web: python server.py\nworker: python worker.py\nshell: test -n "$PORT" && sleep 600\n'
    instance.deploy(deployment(tmp_path, bundle(Procfile=lines, **{"worker.py": worker})))
    assert len(instance.pids()) == 3
    deadline = time.monotonic() + 10
    while f"worker {instance.port}" not in (instance.log_dir / "worker.stdout.log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (running,) = [
        path
        for path in Path("/proc").glob("[0-9]*")
        if (path / "cmdline").exists()
        and (path / "cmdline").read_bytes() == b"python\0worker.py\0"
        and f"{MARK}={tmp_path / 'i-1'}/".encode() in (path / "environ").read_bytes()
    ]
    limits = {line[:26].strip(): line[26:].split() for line in (running / "limits").read_text().splitlines()}
    assert limits["Max core file size"][0] == "0"
    assert int(limits["Max open files"][0]) <= 8192


def test_container_commands_run_by_name_and_leader_only_on_the_leader(instance: Instance, tmp_path: Path) -> None:
    extension = """
container_commands:
  02_second: {command: "echo second $COLOR >> order"}
  01_first: {command: "echo first >> order", env: {COLOR: own}}
  03_leader: {command: "echo leader >> order", leader_only: true}
  04_untrue: {command: "echo never >> order", test: "false"}
  05_ignored: {command: "exit 3", ignoreErrors: true}
"""
    found = deployment(tmp_path, bundle(**{".ebextensions/a.config": extension}), properties={"COLOR": "red"})
    instance.deploy(found)
    order = instance.log_dir.parent / "current" / "order"
    assert order.read_text().splitlines() == ["leader", "first", "second red"]
    instance.deploy(deployment(tmp_path, found.bundle.read_bytes(), leader=False, properties={"COLOR": "red"}))
    assert order.read_text().splitlines() == ["first", "second red"]


def test_hooks_run_in_their_places(instance: Instance, tmp_path: Path) -> None:
    import io
    import zipfile

    buffer = io.BytesIO(bundle())
    with zipfile.ZipFile(buffer, "a") as archive:
        for place in ("prebuild", "predeploy", "postdeploy"):
            info = zipfile.ZipInfo(f".platform/hooks/{place}/a.sh")
            info.external_attr = 0o100755 << 16
            archive.writestr(info, f"#!/bin/sh\necho {place} >> hooks\n")
    instance.deploy(deployment(tmp_path, buffer.getvalue()))
    hooks = (instance.log_dir.parent / "current" / "hooks").read_text().split()
    assert hooks == ["prebuild", "predeploy", "postdeploy"]


def test_without_a_procfile_gunicorn_serves_the_wsgi_path(instance: Instance, tmp_path: Path) -> None:
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("application.py", "def application(e, s):\n    s('200 OK', [])\n    return [b'wsgi']\n")
    instance.deploy(deployment(tmp_path, buffer.getvalue()))
    assert healthy(instance)


@pytest.mark.parametrize(
    ("line", "arguments"),
    [("web: gunicorn --bind :8000 --workers 1 application", ""), ("web: gunicorn application", "--bind 0.0.0.0:0")],
)
def test_gunicorn_listens_on_loopback_alone(instance: Instance, tmp_path: Path, line: str, arguments: str) -> None:
    application = "def application(e, s):\n    s('200 OK', [])\n    return [b'wsgi']\n"
    content = bundle(Procfile=f"{line}\n", **{"application.py": application})
    instance.deploy(deployment(tmp_path, content, properties={"GUNICORN_CMD_ARGS": arguments} if arguments else {}))
    assert healthy(instance)
    (leader,) = map(psutil.Process, instance.pids())
    sockets = [
        item for process in (leader, *leader.children(recursive=True)) for item in process.net_connections("tcp")
    ]
    listening = {item.laddr for item in sockets if item.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", instance.port)}


def test_a_reboot_starts_what_was_deployed(instance: Instance, tmp_path: Path) -> None:
    found = deployment(tmp_path, bundle())
    instance.deploy(found)
    instance.stop()
    assert not healthy(instance)
    instance.boot(found)
    assert healthy(instance)


def test_what_a_process_has_started_is_found_wherever_it_went(instance: Instance, tmp_path: Path) -> None:
    daemon = "subprocess.Popen(['sleep', '600'], start_new_session=True, cwd='/')"
    content = bundle(Procfile=f'web: python -c "import subprocess; {daemon}; import server"\n')
    other = Instance("i-10", tmp_path / "i-10", tmp_path / "cache")
    other.deploy(deployment(tmp_path, bundle()))
    instance.deploy(deployment(tmp_path, content))
    mark = f"{MARK}={tmp_path / 'i-1'}/".encode()

    def marked() -> list[str]:
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_text().replace("\0", " ").strip())
        return found

    assert "sleep 600" in marked()
    sweep(tmp_path / "i-1")
    assert marked() == []
    assert healthy(other)
    other.destroy()


def test_a_process_that_is_just_coming_back_ends_with_those_that_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    os.mkfifo(log)  # whoever starts a process waits here until somebody reads

    def read() -> None:
        with log.open("rb"):
            time.sleep(0.1)

    threading.Thread(target=read).start()
    process = Supervised("web", "sleep 600", tmp_path, {"PATH": "/usr/bin:/bin"}, log)
    process.supervise()
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while not process.exits:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(BACKOFF[0] + 0.2)  # by now it waits to be started again
    stopping = threading.Thread(target=process.stop, args=(5,))
    stopping.start()
    read()
    stopping.join(10)
    assert not stopping.is_alive()
    assert process.exit_code() is not None
    assert processes_of(tmp_path) == []


def test_a_jail_that_has_just_been_made_is_stopped_at_once(instance: Instance, tmp_path: Path) -> None:
    instance.deploy(deployment(tmp_path, bundle()))
    instance.stop()
    jail = instance._jail.words()
    before = time.monotonic()
    Supervised("web", "sleep 600", tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "log", jail).stop(30)
    assert time.monotonic() - before < 15, "it was not waited for until it was killed"
