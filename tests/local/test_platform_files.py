"""What the platform brings onto an instance: bash as sh, /var/app, get-config, and hooks that run as they are sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from running import ROOT, SERVER, healthy

from ebcd_local import get_config, hooks, jail, options
from ebcd_local.instance import Deployment, Instance
from ebcd_local.platform_tree import Platform
from ebcd_local.workflow import DeploymentFailed

CRLF = "#!/bin/bash\r\nset -e\r\necho from windows\r\n"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance("i-1", tmp_path / "i-1", tmp_path / "cache" / "python")
    (tmp_path / "i-1").mkdir()
    yield made
    made.destroy()


def bundle(folder: Path, files: Mapping[str, str]) -> Path:
    path = folder / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (
            {"server.py": f"TEXT = 'one'\n{SERVER}", "Procfile": "web: python server.py"} | files
        ).items():
            archive.writestr(name, content)
    return path


def deploy(instance: Instance, folder: Path, files: Mapping[str, str], **more: Any) -> str:
    """Deploy a bundle; what eb-engine.log says of it."""
    usual = {"properties": {"COLOR": "blue"}, "options": options.effective({}, {}), "leader": True}
    instance.deploy(Deployment(bundle(folder, files), "v1", **{**usual, "environment_name": "shop", **more}))
    return (instance.log_dir / "eb-engine.log").read_text()


def commands(*lines: str) -> dict[str, str]:
    told = {f"{number:02}": {"command": line} for number, line in enumerate(lines)}
    return {".ebextensions/a.config": json.dumps({"container_commands": told})}


def hook(text: str, name: str = "postdeploy/01.sh") -> dict[str, str]:
    return {f".platform/hooks/{name}": text}


@pytest.mark.needs("bash")
@pytest.mark.parametrize(
    "command",
    [
        "source /dev/null",
        "[[ -f application.py || -f server.py ]]",
        "set -o pipefail; true | true",
        '[ "a" == "a" ]',
        "sh -c 'source /dev/null'",
    ],
)
def test_sh_is_bash(instance: Instance, tmp_path: Path, command: str) -> None:
    deploy(instance, tmp_path, commands(command) | hook(f"#!/bin/sh\n{command}\n"))


def test_the_virtual_environment_is_where_the_platform_has_it(instance: Instance, tmp_path: Path) -> None:
    activate = "source /var/app/venv/*/bin/activate && python -c 'import gunicorn' && echo activated"
    said = deploy(
        instance,
        tmp_path,
        commands(activate)
        | hook(f"#!/bin/bash\n{activate}\n", "prebuild/01.sh")
        | hook('#!/bin/bash\nsource "$PYTHONPATH/activate" && echo by PYTHONPATH\n'),
    )
    assert said.count("activated") == 2
    assert "by PYTHONPATH" in said


def test_the_application_is_where_the_platform_has_it(instance: Instance, tmp_path: Path) -> None:
    files = commands("test -f /var/app/staging/server.py") | hook(
        "#!/bin/bash\nset -e\ncd /var/app/current\ntest -f server.py\ntest -f '/var/app/current/Procfile'\n"
    )
    deploy(
        instance,
        tmp_path,
        files | {"Procfile": "web: cd /var/app/current && python server.py"},
        properties={"DATA": "/var/app/current/data"},
    )
    assert healthy(instance)
    deploy(instance, tmp_path, files)


def test_the_leader_is_told_so_and_the_application_is_not(instance: Instance, tmp_path: Path) -> None:
    files = commands("echo command $EB_IS_COMMAND_LEADER") | hook("#!/bin/bash\necho hook $EB_IS_COMMAND_LEADER\n")
    files |= {"Procfile": "web: echo process ${EB_IS_COMMAND_LEADER:-untold} && python server.py"}
    said = deploy(instance, tmp_path, files)
    assert "command true" in said
    assert "hook true" in said
    assert "process untold" in (instance.log_dir / "web.stdout.log").read_text()
    said = deploy(instance, tmp_path, files, leader=False)
    assert "command false" in said
    assert "hook false" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("environment -k COLOR", "blue"),
        ("environment --key RDS_PORT", "5432"),
        ("optionsettings -n aws:elasticbeanstalk:container:python -o WSGIPath", "application"),
        ("optionsettings --namespace aws:elasticbeanstalk:command --option-name DeploymentPolicy", "AllAtOnce"),
        ("container -k environment_name", "shop"),
        ("addons -a rds -k RDS_PORT", "5432"),
        ("platformconfig -k AppUser", "webapp"),
        ("instanceid", "i-1"),
        ("--output YAML addons -a rds", 'Description: "RDS Environment variables"\nenv:\n  RDS_PORT: "5432"'),
    ],
)
def test_get_config_answers_each_documented_form(instance: Instance, tmp_path: Path, words: str, said: str) -> None:
    told = deploy(
        instance,
        tmp_path,
        hook(f'#!/bin/bash\nset -e\necho "<$(/opt/elasticbeanstalk/bin/get-config {words})>"\n'),
        properties={"COLOR": "blue", "RDS_PORT": "5432"},
        database={"RDS_PORT": "5432"},
    )
    assert f"<{said}>" in told


def test_get_config_knows_whole_objects_and_refuses_what_there_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = {
        "environment": {"A": "1", "B": "x: y"},
        "addons": {},
        "optionsettings": {"a:b": {"C": "d"}},
        "platformconfig": {"GeneralConfig": {"AppUser": "webapp"}},
    }
    assert get_config.main(["environment"], known) == 0
    assert json.loads(capsys.readouterr().out) == known["environment"]
    assert get_config.main(["--output", "yaml", "environment"], known) == 0
    assert capsys.readouterr().out == 'A: "1"\nB: "x: y"\n'
    for words in (
        ["environment", "-k", "NO"],
        ["addons", "-a", "rds"],
        ["optionsettings", "-n", "no"],
        ["optionsettings", "-o", "C"],
        ["platformconfig", "-k", "NO"],
    ):
        assert get_config.main(words, known) == 1
        assert capsys.readouterr().err.startswith("Error: ")


def test_the_environment_s_properties_are_a_file_too(instance: Instance, tmp_path: Path) -> None:
    said = deploy(
        instance,
        tmp_path,
        hook("#!/bin/bash\nset -e\nexport $(cat /opt/elasticbeanstalk/deployment/env)\necho color is $COLOR\n"),
    )
    assert "color is blue" in said
    kept = tmp_path / "i-1" / "platform" / "opt" / "elasticbeanstalk" / "deployment"
    assert {path.stat().st_mode & 0o777 for path in kept.iterdir()} == {0o600}


@pytest.mark.parametrize("text", [CRLF, CRLF.replace("\r", "")], ids=["crlf", "lf"])
@pytest.mark.parametrize("name", ["prebuild", "predeploy", "postdeploy"])
def test_a_hook_of_windows_runs(instance: Instance, tmp_path: Path, name: str, text: str) -> None:
    assert "from windows" in deploy(instance, tmp_path, hook(text, f"{name}/01.sh"))


def test_a_hook_without_an_interpreter_fails(instance: Instance, tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match=r"01\.sh cannot be run: exec format error"):
        deploy(instance, tmp_path, hook("echo hi\n"))


def test_programs_and_links_among_the_hooks_stay_as_they_are(tmp_path: Path) -> None:
    folder, outside = tmp_path / "app" / ".platform" / "hooks" / "predeploy", tmp_path / "outside"
    folder.mkdir(parents=True)
    outside.write_bytes(b"#!/bin/sh\r\n")
    (folder / "program").write_bytes(b"\x7fELF\0\r\n")
    (folder / "link").symlink_to(outside)
    (folder.parent / "postdeploy").symlink_to(tmp_path)
    hooks.prepare(tmp_path / "app", str)
    assert (folder / "program").read_bytes() == b"\x7fELF\0\r\n"
    assert (folder / "program").stat().st_mode & 0o100
    assert outside.read_bytes() == b"#!/bin/sh\r\n"
    assert not outside.stat().st_mode & 0o100


def test_a_link_that_took_the_platform_s_place_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "i-1").mkdir()
    (tmp_path / "i-1" / "platform").symlink_to(tmp_path / "victim")
    Platform(tmp_path / "i-1", jailed=True).place(None)
    assert list((tmp_path / "victim").iterdir()) == []
    assert (tmp_path / "i-1" / "platform" / "opt" / "elasticbeanstalk" / "bin" / "get-config").exists()


def test_only_the_platform_s_own_paths_are_put_elsewhere(tmp_path: Path) -> None:
    platform = Platform(tmp_path, jailed=False)
    where = f"{tmp_path}/platform"
    assert platform.located("cd /var/app/current;ls /var/app") == f"cd {where}/var/app/current;ls {where}/var/app"
    for text in ("/var/application", "/srv/var/app/x", "/opt/elasticbeanstalk-tools", "s3://b/var/app"):
        assert platform.located(text) == text
    assert Platform(tmp_path, jailed=True).located("/var/app/current") == "/var/app/current"


def test_the_port_of_a_property_is_the_instance_s_own(instance: Instance, tmp_path: Path) -> None:
    deploy(
        instance,
        tmp_path,
        {
            "Procfile": "web: PORT=0 gunicorn --bind :15099 served:application",
            "served.py": (
                "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'x']\n"
            ),
        },
        properties={"PORT": "15099"},
    )
    assert healthy(instance)


def test_a_wsgi_path_with_a_slash_fails_as_on_the_platform(instance: Instance, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "site.zip", "w") as archive:
        archive.writestr("site1/__init__.py", "")
        archive.writestr("site1/wsgi.py", "def application(_, start):\n    start('200 OK', [])\n    return []\n")

    def served(wsgi: str) -> bool:
        found = options.effective({}, {}) | {("aws:elasticbeanstalk:container:python", "WSGIPath"): wsgi}
        instance.deploy(Deployment(tmp_path / "site.zip", "v1", {}, found, leader=True))
        deadline = time.monotonic() + 15
        while not healthy(instance) and not instance.causes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return healthy(instance)

    assert served("site1.wsgi:application")
    assert served("site1.wsgi")
    assert not served("site1/wsgi.py")
    assert "No module named 'site1/wsgi'" in instance.log_tail()


@pytest.mark.needs("bwrap")
def test_in_a_jail_the_paths_are_the_platform_s_own(instance: Instance, tmp_path: Path) -> None:
    assert jail.available(), jail.unavailable()
    python = (
        "import os; print('seen', os.listdir('/var/app/current') != [], os.path.exists('/opt/elasticbeanstalk/bin'))"
    )
    said = deploy(
        instance,
        tmp_path,
        {"look.py": python}
        | hook(
            "#!/bin/bash\nset -e\npython /var/app/current/look.py\n"
            "touch /var/app/current/written\ntouch /opt/elasticbeanstalk/x /var/x /x || echo read-only\n"
        ),
    )
    assert "seen True True" in said
    assert "read-only" in said
    assert (tmp_path / "i-1" / "current" / "written").exists()
    assert not Path("/var/app").exists()


SHIM = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
"""A jail that holds nothing: what it is asked to run it runs."""
JAILED = """
import sys
from pathlib import Path
from ebcd_local import jail, options
from ebcd_local.instance import Deployment, Instance

folder = Path(sys.argv[1])
assert jail.available(), jail.unavailable()
instance = Instance("i-1", folder / "i-1", folder / "cache" / "python")
try:
    instance.deploy(Deployment(folder / "bundle.zip", "v1", {}, options.effective({}, {}), True))
    print((instance.log_dir / "eb-engine.log").read_text())
finally:
    instance.destroy()
"""


def test_a_jail_is_found_wherever_bubblewrap_is_installed(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bwrap").write_text(SHIM)
    (tmp_path / "tools" / "bwrap").chmod(0o755)
    bundle(tmp_path, commands("echo ran in the jail"))
    path = os.pathsep.join((str(tmp_path / "tools"), os.environ["PATH"]))
    environ = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", JAILED, str(tmp_path)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert "ran in the jail" in done.stdout, done.stderr
