"""What comes in a bundle and must do no harm: archives, .ebextensions, Procfiles."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from ebcd_local import ebextensions, procfile
from ebcd_local.archive import BadArchive, unpack


def archive(tmp_path: Path, *entries: tuple[str, str, int]) -> Path:
    """A zip of (name, content, mode)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            made.writestr(info, content)
    path = tmp_path / "bundle.zip"
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil", "x", 0o100644)],
        [("a/../../evil", "x", 0o100644)],
        [("/tmp/evil", "x", 0o100644)],
        [("a\\..\\evil", "x", 0o100644)],
        [("link", "/etc", 0o120777)],
        [("link", "../..", 0o120777)],
        [("dir/link", "../../out", 0o120777)],
    ],
)
def test_nothing_leaves_the_folder(tmp_path: Path, entries: list[tuple[str, str, int]]) -> None:
    with pytest.raises(BadArchive, match="leaves it"):
        unpack(archive(tmp_path, *entries), tmp_path / "root")
    assert not (tmp_path / "root").exists()
    assert not (tmp_path / "evil").exists()


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"no zip at all")
    with pytest.raises(BadArchive, match="no zip file"):
        unpack(path, tmp_path / "root")


def test_modes_and_inner_links_are_kept(tmp_path: Path) -> None:
    made = archive(tmp_path, ("run.sh", "#!/bin/sh", 0o100755), ("a.txt", "a", 0o100644), ("d/l", "../a.txt", 0o120777))
    unpack(made, tmp_path / "root")
    assert (tmp_path / "root" / "run.sh").stat().st_mode & stat.S_IXUSR
    assert not (tmp_path / "root" / "a.txt").stat().st_mode & stat.S_IXUSR
    assert (tmp_path / "root" / "d" / "l").read_text() == "a"


def extensions(tmp_path: Path, **files: str) -> ebextensions.Extensions:
    names = [(f".ebextensions/{name}", content, 0o100644) for name, content in files.items()]
    return ebextensions.read(archive(tmp_path, *names))


def test_both_forms_of_option_settings_are_read_in_file_order(tmp_path: Path) -> None:
    found = extensions(
        tmp_path,
        **{
            "02.config": "option_settings:\n  aws:x:\n    Name: second\n    Flag: true\n",
            "01.config": "option_settings:\n  - {namespace: 'aws:x', option_name: Name, value: first}\n"
            "  - {option_name: COLOR, value: 1}\n",
            "03.json": '{"option_settings": {"aws:x": {"Name": "not read"}}}',
            "04.config": '{"option_settings": {"aws:y": {"Json": "too"}}}',
        },
    )
    assert found.options == {
        ("aws:x", "Name"): "second",
        ("aws:x", "Flag"): "true",
        ("aws:elasticbeanstalk:application:environment", "COLOR"): "1",
        ("aws:y", "Json"): "too",
    }
    assert found.problems == ()


@pytest.mark.parametrize(
    "content",
    [
        "a: [",
        "- a list",
        "option_settings: text",
        "container_commands: {a: {no: command}}",
        "a: &a [x, x]\nb: [*a, *a]",
        "!!python/object/apply:os.system ['true']",
        "# " + "x" * 1_000_001,
    ],
)
def test_an_invalid_file_is_skipped_whole_and_named(tmp_path: Path, content: str) -> None:
    found = extensions(tmp_path, **{"bad.config": content, "good.config": "option_settings: {aws:x: {A: b}}"})
    assert found.options == {("aws:x", "A"): "b"}
    assert len(found.problems) == 1
    assert ".ebextensions/bad.config" in found.problems[0]


def test_a_procfile_names_its_processes() -> None:
    assert procfile.processes("# a comment\nweb: run --it\n\nworker-1:  two: three\n") == {
        "web": "run --it",
        "worker-1": "two: three",
    }


@pytest.mark.parametrize("text", ["web run", "web:", "we b: run", "", "# only a comment"])
def test_a_procfile_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(procfile.BadProcfile):
        procfile.processes(text)


@pytest.mark.parametrize("path", ["application", "a.b:app", "site1/wsgi.py", "application.py"])
def test_the_wsgi_path_goes_to_gunicorn_as_it_is_written(path: str) -> None:
    options = {("aws:elasticbeanstalk:container:python", "WSGIPath"): path}
    assert procfile.default_processes(options)["web"].endswith(f" {path}")


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("gunicorn --bind :8000 --workers 3 a:b", "gunicorn --bind 127.0.0.1:5 --workers 3 a:b"),
        ("gunicorn a:b -b 0.0.0.0:8000", "gunicorn a:b -b 127.0.0.1:5"),
        ("gunicorn -b:8000 a:b", "gunicorn -b127.0.0.1:5 a:b"),
        ("gunicorn --bind=[::]:${PORT} a:b", "gunicorn --bind=127.0.0.1:5 a:b"),
        ("gunicorn --bind '*:8000' a:b", "gunicorn --bind '127.0.0.1:5' a:b"),
        ('gunicorn --bind "0.0.0.0:$PORT" a:b', 'gunicorn --bind "127.0.0.1:5" a:b'),
        ("gunicorn --bind :80001 a:b", "gunicorn --bind :80001 a:b"),
        ("gunicorn --bind unix:/tmp/x a:b", "gunicorn --bind unix:/tmp/x a:b"),
        ("uvicorn a:b --port 8000", "uvicorn a:b --port 5"),
        ("daphne a:b -p $PORT", "daphne a:b -p 5"),
        ("hypercorn a:b --bind 0.0.0.0:15099", "hypercorn a:b --bind 127.0.0.1:5"),
        ("waitress-serve --listen=*:8000 a:b", "waitress-serve --listen=127.0.0.1:5 a:b"),
        ("python serve.py --port 9000 --workers 8000", "python serve.py --port 9000 --workers 8000"),
        ("uvicorn a:b --port 9000", "uvicorn a:b --port 9000"),
        ("hypercorn -b unix:/tmp/x a:b", "hypercorn -b unix:/tmp/x a:b"),
    ],
)
def test_the_platforms_port_is_the_instances_own(command: str, run: str) -> None:
    assert procfile.on_loopback(command, 5, frozenset({"8000", "15099", ""})) == run


@pytest.mark.parametrize(
    ("command", "run"),
    [
        ("uvicorn a:b", "uvicorn --port 5 a:b"),
        ("uvicorn a:b --proxy-headers", "uvicorn --port 5 a:b --proxy-headers"),
        ("python -m uvicorn a:b", "python -m uvicorn --port 5 a:b"),
        ("./migrate -p x && exec uvicorn a:b | tee -p log", "./migrate -p x && exec uvicorn --port 5 a:b | tee -p log"),
        ("hypercorn a:b", "hypercorn --bind 127.0.0.1:5 a:b"),
        ("daphne -v 2 a:b", "daphne -p 5 -v 2 a:b"),
        ("uvicorn --uds /tmp/x a:b", "uvicorn --uds /tmp/x a:b"),
        ("daphne -u /tmp/x a:b", "daphne -u /tmp/x a:b"),
        ("hypercorn -c hypercorn.toml a:b", "hypercorn -c hypercorn.toml a:b"),
        ("gunicorn -k uvicorn.workers.UvicornWorker a:b", "gunicorn -k uvicorn.workers.UvicornWorker a:b"),
        ("gunicorn -k uvicorn a:b", "gunicorn -k uvicorn a:b"),
        ("echo uvicorn", "echo uvicorn"),
        ("exec /var/app/venv/x/bin/uvicorn a:b", "exec /var/app/venv/x/bin/uvicorn --port 5 a:b"),
        ("A=1 B=2 uvicorn a:b", "A=1 B=2 uvicorn --port 5 a:b"),
        ("pip install uvicorn x && uvicorn a:b", "pip install uvicorn x && uvicorn --port 5 a:b"),
        ("newrelic-admin run-program uvicorn a:b", "newrelic-admin run-program uvicorn --port 5 a:b"),
        ("python -m my-uvicorn a:b", "python -m my-uvicorn a:b"),
    ],
)
def test_a_server_that_listens_on_the_platforms_port_by_itself_is_told_the_instance_s_own(
    command: str, run: str
) -> None:
    assert procfile.on_loopback(command, 5) == run
    assert procfile.on_loopback(command, 5, frozenset({"8000", "15099"})) == command, "there it listens on 8000"


@pytest.mark.parametrize(
    ("own", "whole"),
    [
        ("", "--bind 127.0.0.1:5"),
        ("--threads 2", "--threads 2 --bind 127.0.0.1:5"),
        ("--bind 0.0.0.0:9 --threads 2 -b :8", "--threads 2 --bind 127.0.0.1:5"),
    ],
)
def test_gunicorn_binds_to_loopback_whatever_its_arguments(own: str, whole: str) -> None:
    assert " ".join(procfile.gunicorn_arguments(own, 5).split()) == whole
