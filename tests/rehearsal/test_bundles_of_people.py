"""Repositories as people have them: what the platform takes is shipped, what cannot run is refused before that."""

from __future__ import annotations

import shutil

import pytest
from products import Product

WSGI = (
    "def application(environ, start_response):\n"
    "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
    "    return [b'hello']\n"
)
SETTING = "option_settings:\n  aws:elasticbeanstalk:container:python:\n    WSGIPath: {}\n"


def configuration(product: Product, more: str = "") -> str:
    """An ebcd.toml as short as it may be."""
    head = f'application = "{product.name}"\nregion = "eu-central-1"\ndefault_stage = "local"\n{more}'
    return f'{head}\n[stages.local]\ntarget = "local"\ncname = "{product.name}"\nstable = "1s"\nbake = "1s"\n'


def commit(product: Product, files: dict[str, str], links: dict[str, str] | None = None) -> None:
    """The product's repository with these files alone, beside an ebcd.toml and requirements."""
    for item in product.folder.iterdir():
        if item.is_dir() and not item.is_symlink() and item.name != ".git":
            shutil.rmtree(item)
        elif item.name != ".git":
            item.unlink()
    for name, text in {"ebcd.toml": configuration(product), "requirements.txt": "", **files}.items():
        path = product.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, target in (links or {}).items():
        (product.folder / name).symlink_to(target)
    product.git("add", "-A")
    product.git("commit", "-qm", "People's")


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({"site1/wsgi.py": WSGI, ".ebextensions/django.config": SETTING.format("site1.wsgi:application")}, {}),
        ({"application/__init__.py": WSGI}, {}),
        (
            {"deploy/Procfile": "web: gunicorn --bind :8000 app:application\r\n", "src/app.py": WSGI},
            {"Procfile": "deploy/Procfile", "app.py": "src/app.py"},
        ),
    ],
    ids=["wsgi path", "package", "links"],
)
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
    allowed = '[[check.allow]]\nrule = "secret"\npath = "notes/*"\nreason = "of a service that there is no more"\n'
    toml = {"ebcd.toml": configuration(product, allowed), "application.py": WSGI}
    commit(product, {**toml, "notes/key.txt": "token = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'"})
    assert product.json("check")["findings"] == []
    commit(product, toml)
    (finding,) = product.json("check")["findings"]
    assert (finding["code"], finding["severity"], finding["path"]) == ("allow", "warning", "ebcd.toml")
    planned = product.json("ship", "--plan")
    assert (planned["exit_code"], planned["warnings"]) == (0, [finding])


def test_a_ship_shows_a_few_of_many_warnings(product: Product) -> None:
    commit(product, {"application.py": WSGI, **{f".ebextensions/{number}.yml": "" for number in range(7)}})
    done = product.ebcd("ship", "--plan")
    told = [line.strip() for line in done.stderr.splitlines() if line.startswith("    ! ")]
    assert done.returncode == 0
    assert told[0] == "! .ebextensions/0.yml  Beanstalk reads files that end in .config only. (extension-name)"
    assert len(told) == 6
    assert told[-1] == f"! 2 more: {product.command('check').replace('check', 'check HEAD')}"
    assert len(product.json("ship", "--plan")["warnings"]) == 7


def test_an_application_in_a_folder_of_a_repository(product: Product) -> None:
    api = {"services/api/application.py": WSGI, "services/api/ebcd.toml": configuration(product)}
    commit(product, {**api, "services/api/requirements.txt": "", "services/web/Procfile": "web: x", "README.md": ""})
    folder, top = product.folder / "services" / "api", product.folder / "ebcd.toml"
    listed = product.json("bundle", "--list", folder=folder)["paths"]
    assert [item["path"] for item in listed] == ["application.py", "ebcd.toml", "requirements.txt"]
    (product.folder / "README.md").write_text("another team's change")
    assert product.json("ship", folder=folder)["exit_code"] == 0
    top.write_text(configuration(product, '[bundle]\nroot = "services/api"\n'))
    assert product.json("check", "HEAD")["findings"] == []
    top.write_text(configuration(product, '[bundle]\nroot = "services/none"\n'))
    refused = product.json("check")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "no-root")
    assert "services/none" in refused["error"]["what"]
