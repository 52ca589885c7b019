"""The Python platform: what runs on an instance, in which order, and what is kept from the machine."""

from __future__ import annotations

import base64
import functools
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from running import SERVER, healthy, processes_of

from ebcd_local import jail, options, python_environment
from ebcd_local.balancer import static_files
from ebcd_local.instance import Deployment, Instance
from ebcd_local.python_environment import InstallFailed
from ebcd_local.workflow import DeploymentFailed

HOOK = "#!/bin/sh\necho {name} $COLOR >> {order}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def instance(place: Path) -> Iterator[Instance]:
    made = Instance("i-1", place / "i-1", place / "python")
    (place / "i-1").mkdir()
    yield made
    made.destroy()


def bundle(place: Path, files: dict[str, str], executable: bool = True) -> Path:
    path = place / f"{time.monotonic_ns()}.zip"
    contents = {"server.py": f"TEXT = 'one'\n{SERVER}", "Procfile": "web: python server.py\n"} | files
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            mode = 0o755 if executable and name.startswith(".platform") else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, content)
    return path


def deployment(path: Path, color: str = "blue", leader: bool = True) -> Deployment:
    return Deployment(path, "v1", {"COLOR": color}, options.effective({}, {}), leader)


def hooks(order: Path, kind: str = "hooks") -> dict[str, str]:
    return {
        f".platform/{kind}/{name}/10.sh": HOOK.format(name=f"{kind}-{name}", order=order)
        for name in ("prebuild", "predeploy", "postdeploy")
    }


def test_everything_runs_in_the_platforms_order(place: Path, instance: Instance) -> None:
    order = place / "i-1" / "order"
    extensions = {
        ".ebextensions/02.config": f"""
container_commands:
  02_second: {{command: 'echo second >> {order}'}}
  03_not: {{command: 'echo never >> {order}', test: 'false'}}
  04_may_fail: {{command: 'exit 3', ignoreErrors: true}}
  05_env: {{command: 'echo $WORD $(basename $PWD) >> {order}', env: {{WORD: word}}, cwd: sub}}
""",
        ".ebextensions/01.config": json.dumps(
            {"container_commands": {"01_leader": {"command": f"echo leader >> {order}", "leader_only": True}}}
        ),
        "sub/keep": "",
    }
    instance.deploy(deployment(bundle(place, extensions | hooks(order))))
    assert order.read_text().split("\n")[:-1] == [
        "hooks-prebuild blue",
        "leader",
        "second",
        "word sub",
        "hooks-predeploy blue",
        "hooks-postdeploy blue",
    ]
    order.unlink()
    instance.deploy(deployment(bundle(place, extensions), leader=False))
    assert order.read_text().split() == ["second", "word", "sub"]


def test_configuration_hooks_run_and_the_processes_get_the_new_properties(place: Path, instance: Instance) -> None:
    order = place / "i-1" / "order"
    path = bundle(place, hooks(order) | hooks(order, "confighooks"))
    instance.deploy(deployment(path))
    order.unlink()
    before = instance.pids()
    instance.configure(deployment(path, color="green"))
    assert order.read_text().split("\n")[:-1] == [
        f"confighooks-{name} green" for name in ("prebuild", "predeploy", "postdeploy")
    ]
    assert instance.pids() != before
    assert healthy(instance)


@pytest.mark.parametrize("name", ["prebuild", "predeploy", "postdeploy"])
def test_a_failing_hook_fails_the_deployment(place: Path, instance: Instance, name: str) -> None:
    path = bundle(place, {f".platform/hooks/{name}/fail.sh": "#!/bin/sh\necho it broke\nexit 4\n"})
    with pytest.raises(DeploymentFailed, match=f"{name} hook fail.sh failed with exit code 4") as error:
        instance.deploy(deployment(path))
    assert "it broke" in error.value.log_tail


def test_files_are_written_below_the_root_and_earlier_ones_kept(place: Path, instance: Instance) -> None:
    extension = f"""
files:
  /etc/product/app.conf: {{mode: "000600", content: "first"}}
  /opt/data.bin: {{mode: "000644", encoding: base64, content: {base64.b64encode(b"a-b").decode()}}}
  /opt/settings.json: {{content: {{a: 1}}}}
packages: {{yum: {{libpq-devel: []}}}}
services: {{sysvinit: {{nginx: {{enabled: true}}}}}}
users: {{product: {{uid: 50}}}}
"""
    instance.deploy(deployment(bundle(place, {".ebextensions/a.config": extension})))
    system = place / "i-1" / "system"
    assert (system / "etc/product/app.conf").read_text() == "first"
    assert (system / "etc/product/app.conf").stat().st_mode & 0o777 == 0o600
    assert (system / "opt/data.bin").read_bytes() == b"a-b"
    assert json.loads((system / "opt/settings.json").read_text()) == {"a": 1}
    again = extension.replace("first", "second")
    instance.deploy(deployment(bundle(place, {".ebextensions/a.config": again})))
    assert (system / "etc/product/app.conf").read_text() == "second"
    assert (system / "etc/product/app.conf.bak").read_text() == "first"
    said = (place / "i-1" / "log" / "eb-engine.log").read_text()
    for told in ("packages: yum (libpq-devel)", "services: sysvinit (nginx)", "users: product"):
        assert f"skipped, for it would change the machine: {told}" in said


@pytest.mark.parametrize("path", ["../../outside", "/a/../../../../outside"])
def test_files_that_leave_the_root_are_refused(place: Path, instance: Instance, path: str) -> None:
    extension = json.dumps({"files": {path: {"content": "x"}}})
    with pytest.raises(DeploymentFailed, match="leaves the instance's root"):
        instance.deploy(deployment(bundle(place, {".ebextensions/a.config": extension})))
    assert not list(place.rglob("outside"))


def test_a_link_among_the_files_leads_nowhere_else(place: Path, instance: Instance) -> None:
    target = place / "target"
    target.mkdir()
    extension = json.dumps(
        {"files": {"/link": {"mode": "120777", "content": str(target)}, "/link/file": {"content": "x"}}}
    )
    with pytest.raises(DeploymentFailed, match="leaves the instance's root"):
        instance.deploy(deployment(bundle(place, {".ebextensions/a.config": extension})))
    assert list(target.iterdir()) == []


@pytest.mark.needs("bwrap")
def test_what_runs_in_a_jail_reaches_nothing_but_its_own_root(place: Path, instance: Instance) -> None:
    assert jail.available(), jail.unavailable()
    outside, other = Path(__file__).parent / "written-from-a-jail", place / "other"
    other.mkdir()
    (other / "secret").write_text("secret")
    extension = f"""
commands:
  01: {{command: 'echo ran > ran'}}
container_commands:
  01: {{command: 'touch {outside} || echo refused'}}
  02: {{command: 'cat {other / "secret"} || echo unseen'}}
  03: {{command: 'kill -0 {os.getpid()} || echo no other process; ls -d /proc/[0-9]* | wc -l | xargs echo processes:'}}
  04: {{command: 'ls -A {Path.home()} /run | xargs echo seen:'}}
"""
    instance.deploy(deployment(bundle(place, {".ebextensions/a.config": extension})))
    said = (place / "i-1" / "log" / "eb-engine.log").read_text()
    assert "refused" in said
    assert "unseen" in said
    assert "no other process" in said
    assert int(said.split("processes:")[1].split()[0]) < 10
    seen = said.split("seen:")[1].splitlines()[0]
    assert ".bashrc" not in seen
    assert "docker.sock" not in seen
    assert "user" not in seen.split(), "no D-Bus of the user's"
    assert not outside.exists()
    assert (place / "i-1" / "system" / "ran").read_text() == "ran\n"
    assert healthy(instance)
    pids = instance.pids()
    instance.stop()
    assert all(not Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.needs("bwrap")
def test_what_runs_in_a_jail_has_no_capability_and_leads_the_server_nowhere(place: Path, instance: Instance) -> None:
    victim = place / "victim"
    victim.mkdir()
    (victim / "secret.log").write_text("secret")
    extension = f"""
container_commands:
  01: {{command: 'grep CapEff /proc/self/status; mount -o remount,rw,bind / || echo not remounted'}}
  02: {{command: 'rm $HOME/log/*; ln -s {victim}/secret.log $HOME/log/web.stdout.log || echo no link'}}
  03: {{command: 'mv $HOME/log $HOME/gone || echo not moved'}}
  04: {{command: 'rm -rf $HOME/system && ln -s {victim} $HOME/system'}}
"""
    found = deployment(bundle(place, {".ebextensions/a.config": extension}))
    instance.deploy(found)
    said = (place / "i-1" / "log" / "eb-engine.log").read_text()
    assert "CapEff:\t0000000000000000" in said
    for told in ("not remounted", "no link", "not moved"):
        assert told in said
    assert (victim / "secret.log").read_text() == "secret"
    assert "secret" not in instance.log_tail().replace(str(victim), "")
    files = {".ebextensions/a.config": json.dumps({"files": {"/evil": {"content": "x"}}})}
    with pytest.raises(DeploymentFailed, match="system in the instance's root is a link"):
        instance.deploy(deployment(bundle(place, files)))
    assert [path.name for path in victim.iterdir()] == ["secret.log"]


def test_static_files_are_not_served_through_a_link_that_took_a_folder_s_place(place: Path, instance: Instance) -> None:
    instance.deploy(deployment(bundle(place, {"public/a.css": "a"})))
    public, space = place / "i-1" / "current" / "public", "aws:elasticbeanstalk:environment:proxy:staticfiles"
    (folder,) = instance.static_files({(space, "/static"): "public"}).values()
    assert static_files.resolve(folder, "a.css")
    public.rename(place / "elsewhere")
    public.symlink_to(place / "elsewhere")
    assert static_files.resolve(folder, "a.css") is None
    assert instance.static_files({(space, "/static"): "public"}) == {}
    (place / "i-1" / "current").rename(place / "moved")
    (place / "i-1" / "current").symlink_to(place / "elsewhere")
    assert instance.static_files({(space, "/static"): ""}) == {}


def test_what_has_no_meaning_here_is_told(place: Path, instance: Instance) -> None:
    instance.deploy(deployment(bundle(place, {".platform/nginx/conf.d/a.conf": "client_max_body_size 1m;"})))
    assert "only client_max_body_size is read" in (place / "i-1" / "log" / "eb-engine.log").read_text()


def test_static_files_are_found_inside_the_application_only(place: Path, instance: Instance) -> None:
    instance.deploy(deployment(bundle(place, {"public/a.css": "a"})))
    space = "aws:elasticbeanstalk:environment:proxy:staticfiles"
    found = instance.static_files({(space, "/static"): "public", (space, "evil"): "../../..", ("other", "x"): "y"})
    assert {name: path.name for name, path in found.items()} == {"/static": "public"}
    assert (found["/static"] / "a.css").read_text() == "a"


def test_requirements_come_from_one_file_in_the_platforms_choice(tmp_path: Path) -> None:
    assert python_environment.requirements(tmp_path) == ""
    (tmp_path / "Pipfile").write_text('[packages]\nflask = "*"\nrich = {version = ">=13", extras = ["jupyter"]}\n')
    assert python_environment.requirements(tmp_path).splitlines() == ["flask", "rich[jupyter]>=13"]
    lock = {"default": {"flask": {"version": "==3.1.3", "hashes": ["sha256:aa"], "markers": "python_version >= '3.9'"}}}
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    assert python_environment.requirements(tmp_path) == "flask==3.1.3 ; python_version >= '3.9' --hash=sha256:aa"
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    assert python_environment.requirements(tmp_path) == "six==1.16.0\n"


@pytest.mark.parametrize(
    "content",
    [
        "six==1.16.0\r\n".encode("utf-16"),
        b"\xfe\xff" + "six==1.16.0\n".encode("utf-16-be"),
        "six==1.16.0\n".encode("utf-8-sig"),
        "# -*- coding: latin-1 -*-\nsix==1.16.0  # für alle\n".encode("latin-1"),
    ],
    ids=["utf-16-le", "utf-16-be", "utf-8", "declared"],
)
def test_requirements_are_read_in_the_encoding_that_they_say(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "requirements.txt").write_bytes(content)
    assert "six==1.16.0" in python_environment.requirements(tmp_path).split()


def test_requirements_of_powershell_are_installed(tmp_path: Path) -> None:
    (tmp_path / "app" / "package").mkdir(parents=True)
    (tmp_path / "app" / "package" / "pyproject.toml").write_text('[project]\nname = "own-package"\nversion = "1"\n')
    (tmp_path / "app" / "requirements.txt").write_bytes("./package\r\n".encode("utf-16"))
    built = python_environment.environment(tmp_path / "app", tmp_path / "cache")
    assert list(built.glob("lib/python*/site-packages/own_package-1.dist-info"))


def test_a_bundle_that_asks_no_index_is_installed_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    application = tmp_path / "application"
    application.mkdir()
    (application / "requirements.txt").write_text("--no-index\n")
    built = python_environment.environment(application, tmp_path / "cache")
    assert (built / "bin" / "python").exists()
    (application / "requirements.txt").write_text("--no-index\nnothing-of-ebcd==1.0\n")
    with pytest.raises(InstallFailed, match=r"This Beanstalk runs Python 3\."):
        python_environment.environment(application, tmp_path / "cache")


@pytest.mark.parametrize(("name", "content"), [("Pipfile.lock", "{"), ("Pipfile", "= ="), ("Pipfile.lock", "[]")])
def test_requirements_that_cannot_be_read_are_told(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InstallFailed, match=name):
        python_environment.requirements(tmp_path)


PACKAGE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    with zipfile.ZipFile(f"{folder}/own-1-py3-none-any.whl", "w") as wheel:
        wheel.write("own.py")
        wheel.writestr("own-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n")
        wheel.writestr("own-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("own-1.dist-info/RECORD", "")
    return "own-1-py3-none-any.whl"
"""
"""A package that needs no other one to be built."""


def own_package(place: Path, said: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, content in {"pyproject.toml": PACKAGE, "backend.py": BACKEND, "own.py": f"SAID = {said!r}\n"}.items():
        (place / name).write_text(content)


def says(built: Path) -> str:
    command = [str(built / "bin" / "python"), "-c", "import own; print(own.SAID)"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.strip()


@pytest.mark.parametrize("requirement", [".", "./inner", "own @ file:inner"])
def test_a_local_package_is_installed_as_it_is_now(tmp_path: Path, requirement: str) -> None:
    application, cache = tmp_path / "staging", tmp_path / "cache"
    built = []
    for said in ("one", "two", "one"):
        own_package(application if requirement == "." else application / "inner", said)
        (application / "requirements.txt").write_text("-r more/base.txt\n")
        (application / "more").mkdir(exist_ok=True)
        (application / "more" / "base.txt").write_text(f"{requirement}\n")
        built.append(python_environment.environment(application, cache))
        assert says(built[-1]) == said
    assert built[0] == built[2] != built[1]


def test_what_requirements_include_is_part_of_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    text = "-r more/base.txt\n--constraint=more/pins.txt\n-c missing.txt\n-r https://example.com/r.txt\nflask\n"
    (tmp_path / "more" / "base.txt").write_text("-rdeep.txt\nsix\n-r base.txt\n")
    (tmp_path / "more" / "deep.txt").write_text("rich\n")
    (tmp_path / "more" / "pins.txt").write_text("six==1\n")
    read = " ".join(python_environment._read_besides(text, tmp_path, tmp_path))
    for said in ("-rdeep.txt\nsix", "rich", "six==1"):
        assert said in read


@pytest.mark.parametrize("line", ["-e .", "--editable=./inner", "-e  file:///app"])
def test_a_package_that_would_be_left_where_it_lies_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    with pytest.raises(InstallFailed, match="folder moves once it is installed"):
        python_environment.environment(tmp_path, tmp_path / "cache")


def test_virtual_environments_that_nobody_needs_go(tmp_path: Path) -> None:
    cache, month = tmp_path / "cache", time.time() - 31 * 24 * 3600
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "requirements.txt").write_text("--no-index\n")
    used = python_environment.environment(tmp_path / "app", cache)
    for name, complete in {"old": month, "recent": time.time(), "half": None}.items():
        (cache / name).mkdir()
        (cache / f"{name}.lock").touch()
        if complete:
            (cache / name / ".complete").touch()
            os.utime(cache / name / ".complete", (complete, complete))
    os.utime(used / ".complete", (month, month))
    python_environment.tidy(cache, [tmp_path / "app", tmp_path / "gone"])
    assert {path.name for path in cache.iterdir()} == {used.name, f"{used.name}.lock", "recent", "recent.lock"}


@pytest.fixture
def served(place: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the URL by which its files can be fetched."""
    folder = place / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_source_is_fetched_and_unpacked(place: Path, instance: Instance, served: tuple[Path, str]) -> None:
    folder, url = served
    with zipfile.ZipFile(folder / "tool.zip", "w") as archive:
        archive.writestr("tool/run", "tool")
    instance.deploy(deployment(bundle(place, {".ebextensions/a.config": f"sources: {{/opt: '{url}/tool.zip'}}\n"})))
    assert (place / "i-1" / "system" / "opt" / "tool" / "run").read_text() == "tool"
    with pytest.raises(DeploymentFailed, match="only http and https"):
        instance.deploy(
            deployment(bundle(place, {".ebextensions/a.config": "sources: {/opt: 'file:///etc/passwd'}\n"}))
        )


def test_a_source_comes_again_and_writes_through_no_link(
    place: Path, instance: Instance, served: tuple[Path, str]
) -> None:
    folder, url = served
    victim, opt = place / "victim", place / "i-1" / "system" / "opt"
    victim.mkdir()
    with tarfile.open(folder / "tool.tgz", "w:gz") as archive:
        for name, kind in (("etc", tarfile.DIRTYPE), ("etc/conf", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname = kind, 0o755, "etc" if kind == tarfile.SYMTYPE else ""
            archive.addfile(entry)
    found = deployment(bundle(place, {".ebextensions/a.config": f"sources: {{/opt: '{url}/tool.tgz'}}\n"}))
    instance.deploy(found)
    instance.deploy(found)
    assert (opt / "link").readlink() == Path("etc")
    shutil.rmtree(opt / "etc")
    (opt / "etc").symlink_to(victim)
    instance.deploy(found)
    assert list(victim.iterdir()) == []
    assert (opt / "etc" / "conf").is_file()


def test_a_link_among_the_files_may_lead_outside_and_comes_again(place: Path, instance: Instance) -> None:
    extension = json.dumps({"files": {"/etc/localtime": {"mode": "120777", "content": "/usr/share/zoneinfo/UTC"}}})
    found = deployment(bundle(place, {".ebextensions/a.config": extension}))
    for _ in range(2):
        instance.deploy(found)
    etc = place / "i-1" / "system" / "etc"
    assert {path.name: str(path.readlink()) for path in etc.iterdir()} == dict.fromkeys(
        ("localtime", "localtime.bak"), "/usr/share/zoneinfo/UTC"
    )


def test_a_command_that_takes_too_long_ends_with_what_it_has_started(place: Path, instance: Instance) -> None:
    extension = "container_commands: {slow: {command: 'sleep 61.5 & sleep 61.5; true'}}\n"
    with pytest.raises(DeploymentFailed, match="took too long"):
        instance.deploy(replace(deployment(bundle(place, {".ebextensions/a.config": extension})), timeout=1))
    time.sleep(0.2)
    assert not [line for line in processes_of(place) if "61.5" in line]
