"""Bundles that lock their requirements or carry their wheels, on a local Beanstalk whose index goes away."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from products import Cloud, Product, make_product, running_cloud
from shop import APPLICATION


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Index:
    """A package index on loopback."""

    folder: Path
    server: ThreadingHTTPServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def wheel(self, name: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
        """Put a wheel on it; its line of a locked requirements.txt."""
        path = self.folder / name / f"{name}-{version}-{tag}.whl"
        path.parent.mkdir(exist_ok=True)
        info = f"{name}-{version}.dist-info"
        files = {
            f"{name}.py": f"version = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        }
        files[f"{info}/RECORD"] = "".join(f"{member},,\n" for member in (*files, f"{info}/RECORD"))
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in files.items():
                archive.writestr(zipfile.ZipInfo(member), text)
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    folder = tmp_path / "simple"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    made = Index(folder, server)
    made.wheel("gunicorn")  # the platform brings it
    yield made
    made.close()


@pytest.fixture
def cloud(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A local Beanstalk, and an ebcd, that know this index and no other."""
    for name, value in {
        "UV_INDEX_URL": index.url,
        "PIP_INDEX_URL": index.url,
        "PIP_CONFIG_FILE": "/dev/null",
        "UV_HTTP_RETRIES": "0",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    with running_cloud() as found:
        yield found


@pytest.fixture
def greeter(cloud: Cloud, tmp_path: Path) -> Product:
    """A product that cannot start without the package `greet`."""
    made = make_product(cloud, tmp_path)
    (made.folder / "server.py").write_text(f"import greet\n{APPLICATION}")
    ask(made, "lock")
    return made


def ask(product: Product, requirements: str) -> None:
    """Set `[bundle] requirements`."""
    text = product.configuration().partition("[bundle]")[0]
    (product.folder / "ebcd.toml").write_text(f'{text}[bundle]\nrequirements = "{requirements}"\n')


def test_what_is_locked_is_installed_and_wheels_need_no_index(greeter: Product, index: Index) -> None:
    greeter.commit("loose", **{"requirements.txt": "greet\n"})
    checked = greeter.json("check")
    assert (checked["exit_code"], checked["findings"][0]["code"], checked["findings"][0]["line"]) == (3, "unlocked", 1)
    refused = greeter.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "unlocked")
    one = greeter.commit("locked", **{"requirements.txt": index.wheel("greet")})
    assert greeter.json("ship")["exit_code"] == 0
    assert greeter.serving() == one

    ask(greeter, "wheels")
    two = greeter.commit("wheels", **{"requirements.txt": index.wheel("greet", "2.0")})
    first = greeter.json("bundle", "-o", str(index.folder / "bundle.zip"))
    index.close()
    assert greeter.json("check")["findings"] == [], "a check is offline"
    shipped = greeter.json("ship")
    assert (shipped["exit_code"], greeter.serving()) == (0, two), shipped
    assert shipped["bundle"]["content_digest"] == first["content_digest"]
    assert shipped["bundle"]["entries"] == first["entries"] == 8

    greeter.commit("three", **{"requirements.txt": f"greet==3.0 --hash=sha256:{'0' * 64}\n"})
    failed = greeter.json("ship")
    assert (failed["exit_code"], failed["error"]["code"]) == (3, "wheels"), "what is not here cannot be bundled"
    assert greeter.serving() == two


def test_wheels_that_do_not_fit_this_machine_are_refused_before_anything_is_made(
    greeter: Product, index: Index
) -> None:
    ask(greeter, "wheels")
    text = greeter.configuration()
    greeter.commit(
        "other",
        **{
            "requirements.txt": index.wheel("greet", tag="cp38-cp38-manylinux2014_aarch64"),
            "ebcd.toml": text + '[stages.production]\ncname = "greeter"\n'
            'platform = "Python 3.8 running on 64bit Amazon Linux 2"\n'
            '[stages.production.options."aws:ec2:instances"]\nSupportedArchitectures = "arm64"\n',
        },
    )
    refused = greeter.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "local-python")
    assert "no wheel of greet" in refused["error"]["why"]
    assert greeter.json("status")["live"] is None
