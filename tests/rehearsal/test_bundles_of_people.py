"""Repositories as people have them: what the platform takes is shipped, what cannot run is refused before anything is sent."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from products import Product

WSGI = (
    "def application(environ, start_response):\n"
    "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
    "    return [b'hello']\n"
)
SETTING = "option_settings:\n  aws:elasticbeanstalk:container:python:\n    WSGIPath: {}\n"


def commit(product: Product, files: dict[str, str], links: dict[str, str] | None = None) -> None:
    """The product's repository with these files alone, beside ebcd.toml."""
    git = ["git", "-C", str(product.folder), "-c", "user.name=T", "-c", "user.email=t@example.com"]
    configuration = (product.folder / "ebcd.toml").read_text()
    subprocess.run([*git, "rm", "-rfq", "--ignore-unmatch", "."], check=True)
    for name, text in {"ebcd.toml": configuration, "requirements.txt": "", **files}.items():
        path = product.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in (links or {}).items():
        (product.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (product.folder / name).symlink_to(target)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "People's"], check=True)


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({"site1/wsgi.py": WSGI, ".ebextensions/django.config": SETTING.format("site1.wsgi:application")}, {}),
        ({"application/__init__.py": WSGI}, {}),
        ({"deploy/Procfile": "web: gunicorn --bind :8000 app:application\r\n", "src/app.py": WSGI},
         {"Procfile": "deploy/Procfile", "app.py": "src/app.py"}),
    ],
    ids=["wsgi path", "package", "links"],
)  # fmt: skip
def test_what_the_platform_takes_is_live(product: Product, files: dict[str, str], links: dict[str, str]) -> None:
    commit(product, files, links)
    checked = product.json("check")
    assert (checked["exit_code"], checked["findings"]) == (0, [])
    assert product.json("ship")["exit_code"] == 0


def test_what_cannot_run_is_refused_before_anything_is_sent(product: Product) -> None:
    before = product.cloud.last_call()
    commit(product, {"Procfile": "web: gunicorn shop:app", "shop.py": WSGI, "hidden.py": "def f(:"})
    checked = product.json("check")
    assert checked["exit_code"] == 3
    assert [(item["code"], item["path"], item["line"], item["severity"]) for item in checked["findings"]] == [
        ("no-object", "Procfile", 1, "error"),
        ("syntax-elsewhere", "hidden.py", 1, "warning"),
    ]
    shipped = product.json("ship")
    assert (shipped["exit_code"], shipped["error"]["code"]) == (3, "check-failed")
    assert "shop:application" in shipped["error"]["hint"]
    sent = [call["operation"] for call in product.cloud.calls(before)]
    assert [name for name in sent if name.startswith(("Create", "Update", "Put"))] == []


def test_one_finding_is_let_through_with_its_reason(product: Product) -> None:
    commit(product, {"application.py": WSGI, "notes/key.txt": "token = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'"})
    assert product.json("check")["exit_code"] == 3
    path = product.folder / "ebcd.toml"
    allowed = '\n[[check.allow]]\nrule = "secret"\npath = "notes/*"\nreason = "of a service that there is no more"\n'
    path.write_text(path.read_text() + allowed)
    commit(product, {"application.py": WSGI, "notes/key.txt": "token = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'"})
    assert product.json("check")["findings"] == []
    commit(product, {"application.py": WSGI})
    (finding,) = product.json("check")["findings"]
    assert (finding["code"], finding["severity"], finding["path"]) == ("allow", "warning", "ebcd.toml")


def test_an_application_in_a_folder_of_a_repository(product: Product, tmp_path: Path) -> None:
    configuration = (product.folder / "ebcd.toml").read_text()
    api = {"services/api/application.py": WSGI, "services/api/ebcd.toml": configuration}
    commit(product, {**api, "services/api/requirements.txt": "", "services/web/Procfile": "web: x", "README.md": ""})
    folder = product.folder / "services" / "api"
    listed = product.json("bundle", "--list", folder=folder)["paths"]
    assert [item["path"] for item in listed] == ["application.py", "ebcd.toml", "requirements.txt"]
    (product.folder / "README.md").write_text("another team's change")
    shipped = product.json("ship", folder=folder)
    assert shipped["exit_code"] == 0
    top = product.folder / "ebcd.toml"
    top.write_text(configuration + '\n[bundle]\nroot = "services/api"\n')
    assert product.json("check", "HEAD")["findings"] == []
    top.write_text(configuration + '\n[bundle]\nroot = "services/none"\n')
    refused = product.json("check")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "no-root")
    assert "services/none" in refused["error"]["what"]
