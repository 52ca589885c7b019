"""What the web process starts: its module and object are in the bundle, and it listens where the proxy asks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bundles import LOCAL, codes, found_alone, on
from stages import STAGE

from ebcd.check import Severity
from ebcd.check.command import Served, served
from ebcd.model import OptionSetting, Target, Tier

PYTHON, ENVIRONMENT = "aws:elasticbeanstalk:container:python", "aws:elasticbeanstalk:application:environment"
REQUIREMENTS = "Flask==3.0\ngunicorn\n"
WSGI = "application = 1\n"


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("gunicorn app:app", Served("gunicorn", "app:app")),
        (
            "gunicorn --bind :8000 --workers 3 --threads 2 project.wsgi:application",
            Served("gunicorn", "project.wsgi:application", "8000"),
        ),
        ("gunicorn project.wsgi --log-file - --timeout 120 -w2", Served("gunicorn", "project.wsgi")),
        (
            "gunicorn -w 4 -k uvicorn.workers.UvicornWorker --bind 0.0.0.0:$PORT app.main:app",
            Served("gunicorn", "app.main:app", None),
        ),
        ("gunicorn 'app:create_app()' -b 127.0.0.1:${PORT:-8000}", Served("gunicorn", "app:create_app()", None)),
        ("gunicorn -b=0.0.0.0:5000 --reload app:app", Served("gunicorn", "app:app", "5000")),
        ("gunicorn --preload --bind=unix:/tmp/gunicorn8000 app:app", Served("gunicorn", "app:app", None)),
        ("gunicorn -c gunicorn.conf.py app:app", Served("gunicorn", "app:app", None, elsewhere=True)),
        ("gunicorn --chdir src app:app", Served("gunicorn", "app:app", None, elsewhere=True)),
        ("gunicorn -b :8000 -b :8001 app:app", Served("gunicorn", "app:app", None)),
        ("cd backend && gunicorn app:app", Served("gunicorn", "app:app", folder="backend")),
        ("cd ./a/b; cd c && exec gunicorn app:app", Served("gunicorn", "app:app", folder="a/b/c")),
        ("cd .. && gunicorn app:app", None),
        ("cd $HOME && gunicorn app:app", None),
        (
            "PYTHONPATH=backend gunicorn config.wsgi --log-file -",
            Served("gunicorn", "config.wsgi", None, elsewhere=True),
        ),
        ("DJANGO_SETTINGS_MODULE=a.b gunicorn a.wsgi", Served("gunicorn", "a.wsgi")),
        ("newrelic-admin run-program gunicorn app:app", Served("gunicorn", "app:app")),
        ("ddtrace-run python -m gunicorn app:app", Served("gunicorn", "app:app")),
        ('uv run python -m gunicorn -b "0.0.0.0:${PORT:=8000}" a:b', Served("gunicorn", "a:b", None)),
        ("python manage.py migrate && gunicorn a.wsgi", Served("gunicorn", "a.wsgi")),
        ("gunicorn app:app 2>&1 | tee log", Served("gunicorn", "app:app")),
        ("gunicorn app:app > log 2>&1", Served("gunicorn", "app:app")),
        ("/var/app/venv/staging-LQM1lest/bin/gunicorn app:app", Served("gunicorn", "app:app")),
        ("false || gunicorn app:app", None),
        ("gunicorn $(cat module)", None),
        ("gunicorn 'app:app", None),
        ("sh start.sh", None),
        ("bash -c 'gunicorn app:app'", None),
        ("", None),
        ("FOO=1", None),
        ("uvicorn app.main:app --host 0.0.0.0 --port 8080", Served("uvicorn", "app.main:app", "8080")),
        ("uvicorn main:app --proxy-headers", Served("uvicorn", "main:app", "8000")),
        ("uvicorn main:create --factory --port=$PORT", Served("uvicorn", "main:create", None, factory=True)),
        ("uvicorn --app-dir src main:app", Served("uvicorn", "main:app", None, elsewhere=True)),
        ("hypercorn app:app --bind 0.0.0.0:8000", Served("hypercorn", "app:app", "8000")),
        ("daphne -b 0.0.0.0 -p 8000 project.asgi:application", Served("daphne", "project.asgi:application", "8000")),
        ("waitress-serve --port=8000 app:app", Served("waitress-serve", "app:app", "8000")),
        ("waitress-serve app:app", Served("waitress-serve", "app:app", "8080")),
        ("flask run --host 0.0.0.0", Served("flask", "", "5000")),
        ("flask --app x run -p $PORT", Served("flask")),
        ("FLASK_APP=a flask run", Served("flask", "", None, elsewhere=True)),
        ("python manage.py runserver 0.0.0.0:8000", Served("runserver", "", "8000")),
        ("python manage.py runserver --noreload", Served("runserver", "", "8000")),
        ("python3 app.py --debug", Served("python", "app.py")),
        ("python -m http.server", None),
        ("streamlit run app.py", Served("streamlit", "", "8501")),
        ("node server.js", None),
    ],
)
def test_what_a_command_starts(command: str, found: Served | None) -> None:
    assert served(command) == found


FINE: list[dict[str, str]] = [
    {"Procfile": "web: gunicorn application:application", "application.py": WSGI},
    {"Procfile": "web: gunicorn app:app", "app.py": "from flask import Flask\napp = Flask(__name__)"},
    {"Procfile": "web: gunicorn app:app", "app/__init__.py": "app: object = None"},
    {"Procfile": "web: gunicorn app:app", "app/__init__.py": "from .factory import app"},
    {"Procfile": "web: gunicorn app:app", "app.py": "try:\n    app = 1\nexcept Exception:\n    raise"},
    {"Procfile": "web: gunicorn app:app", "app.py": "if True:\n    (app, other) = (1, 2)"},
    {"Procfile": "web: gunicorn app:app", "app.py": "with open('x') as app:\n    pass"},
    {"Procfile": "web: gunicorn app:app", "app.py": "for app in [1]: pass"},
    {"Procfile": "web: gunicorn app:app", "app.py": "(app := 1)"},
    {"Procfile": "web: gunicorn app:app", "app.py": "from other import *"},
    {"Procfile": "web: gunicorn app:app", "app.py": "globals()['app'] = 1"},
    {"Procfile": "web: gunicorn app:app", "app.py": "def make():\n    global app\n    app = 1\nmake()"},
    {"Procfile": "web: gunicorn app:app", "app.py": "def __getattr__(name): return 1"},
    {"Procfile": "web: gunicorn app:app", "app.py": "import sys\nsys.modules[__name__] = 1"},
    {"Procfile": "web: gunicorn app:app", "app.py": "import a.b as app"},
    {"Procfile": "web: gunicorn app:app", "app.py": "class app: pass"},
    {"Procfile": "web: gunicorn app:app", "app.py": "match 1:\n    case app: pass"},
    {"Procfile": "web: gunicorn 'app:create_app()'", "app.py": "def create_app(): pass"},
    {"Procfile": "web: gunicorn \"app:create_app('production')\"", "app.py": "def create_app(x): pass"},
    {"Procfile": "web: gunicorn a.b.c:d", "a/b/c.py": "d = 1"},
    {"Procfile": "web: gunicorn a.b.c:d", "a/b/c.cpython-311-x86_64-linux-gnu.so": ""},
    {"Procfile": "web: gunicorn main:server.app", "main.py": "server = 1"},
    {"Procfile": "web: gunicorn --chdir src app:app", "src/app.py": "app = 1"},
    {"Procfile": "web: cd src && gunicorn app:app", "src/app.py": "app = 1"},
    {"Procfile": "web: gunicorn shop.wsgi", "requirements.txt": "./shop\n"},
    {"Procfile": "web: gunicorn shop.wsgi", "requirements.txt": "-e .\n", "src/shop/wsgi.py": ""},
    {"Procfile": "web: gunicorn shop.wsgi", "requirements.txt": "git+https://example.com/shop.git\n"},
    {"Procfile": "web: gunicorn shop.wsgi", "requirements.txt": "x @ https://example.com/x.whl\n"},
    {"Procfile": "web: gunicorn superset.app:create_app", "requirements.txt": "apache-superset==4\n"},
    {
        "Procfile": "web: gunicorn my_shop.wsgi",
        "requirements.txt": "-r requirements/prod.txt\n",
        "requirements/prod.txt": "my-shop==1",
    },
    {"Procfile": "web: gunicorn shop.wsgi", "Pipfile": "[packages]\nshop = '*'"},
    {"Procfile": "web: gunicorn made:app", ".platform/hooks/prebuild/01.sh": "#!/bin/sh\ncp x made.py"},
    {
        "Procfile": "web: gunicorn shop.made:app",
        "shop/a.py": "",
        ".ebextensions/a.config": "container_commands: {a: {command: cp x shop/made.py}}",
    },
    {
        "Procfile": "web: gunicorn app:app",
        ".ebextensions/a.config": f"option_settings: {{'{ENVIRONMENT}': {{PYTHONPATH: /var/app/current/src}}}}",
    },
    {"Procfile": "web: uvicorn app.main:app --host 0.0.0.0 --port 8000", "app/main.py": "app = 1"},
    {"Procfile": "web: python manage.py runserver 0.0.0.0:8000", "manage.py": ""},
    {"Procfile": "web: python app.py", "app.py": "import os\napp.run(port=int(os.environ['PORT']))"},
    {"Procfile": "web: python app.py", "app.py": "from werkzeug.serving import run_simple\nrun_simple('', 8000, app)"},
    {"Procfile": "web: python app.py", "app.py": "from flask import Flask\napp = Flask('x')\napp.run(port=8000)"},
    {"Procfile": "web: ./start", "start": ""},
    {"Procfile": "web: gunicorn app:app", "src/app.py": "app = 1", "gunicorn.conf.py": "chdir = 'src'"},
    {"Procfile": "web: gunicorn app:app", "app.py": "app = 1", "gunicorn.conf.py": "bind = ':8000'"},
    {"Procfile": "web: gunicorn --config gunicorn.conf.py gettingstarted.wsgi", "gunicorn.conf.py": ""},
    {"Procfile": "web: sh -c 'cd x && gunicorn y:z'"},
    {"Procfile": "# a comment\n\nweb: gunicorn app:app\nworker: celery -A x worker\n", "app.py": "app = 1"},
    {"Procfile": "web: gunicorn app:app\r\n", "app.py": "app = 1\r\n"},
    {
        "Procfile": "web: gunicorn app:app",
        "app.py": "app = 1",
        ".ebextensions/a.config": f"option_settings: {{'{ENVIRONMENT}': {{PORT: 5000}}}}",
    },
    {"application.py": WSGI, ".ebextensions/a.config": f"option_settings: {{'{ENVIRONMENT}': {{PORT: 5000}}}}"},
    {"Procfile": "web: gunicorn --bind :5000 app:app", "app.py": "app = 1", ".platform/nginx/nginx.conf": ""},
    {
        "Procfile": "web: gunicorn --bind :5000 app:app",
        "app.py": "app = 1",
        ".ebextensions/a.config": f"option_settings: {{'{ENVIRONMENT}': {{PORT: 5000}}}}",
    },
    {
        "Procfile": "web: gunicorn --bind :80 app:app",
        "app.py": "app = 1",
        ".ebextensions/a.config": "option_settings: {'aws:elasticbeanstalk:environment:proxy': {ProxyServer: none}}",
    },
    {"application.py": WSGI},
    {"application.py": "from shop import app as application"},
    {"application/__init__.py": WSGI},
    {"application.py": "\ufeffapplication = 1"},
    *(
        {"site1/__init__.py": "", "site1/wsgi.py": WSGI, "site1/asgi.py": "app = 1", ".ebextensions/a.config": text}
        for text in (
            f"option_settings:\n  {PYTHON}:\n    WSGIPath: {path}\n"
            for path in ("site1.wsgi", "site1.wsgi:application", "'site1.asgi:app'")
        )
    ),
    {
        "shop/__init__.py": WSGI,
        ".ebextensions/a.config": f"option_settings:\n  - namespace: {PYTHON}\n"
        "    option_name: WSGIPath\n    value: shop\n",
    },
    {"shop.py": WSGI, ".ebextensions/a.config": f'{{\n\t"option_settings": {{"{PYTHON}": {{"WSGIPath": "shop"}}}}\n}}'},
]


@pytest.mark.parametrize("files", FINE)
def test_what_can_run_is_no_finding(files: dict[str, str]) -> None:
    assert found_alone(on("3.11"), **{"requirements.txt": REQUIREMENTS, **files}) == []


A = ".ebextensions/a.config"
BAD: list[tuple[dict[str, str], str, tuple[str, int | None], str]] = [
    ({"Procfile": "web: gunicorn app:app", "application.py": WSGI}, "no-module", ("Procfile", 1), "application"),
    ({"Procfile": "\nweb: gunicorn app:app", "src/app.py": ""}, "no-module", ("Procfile", 2), "src.app:app"),
    ({"Procfile": "web: gunicorn a.wsgi", "a/app.py": ""}, "no-module", ("Procfile", 1), "Commit it"),
    (
        {"Procfile": "web: gunicorn app:app", "app.py": "application = 1"},
        "no-object",
        ("Procfile", 1),
        "app:application",
    ),
    ({"Procfile": "web: gunicorn app", "app.py": "app = 1"}, "no-object", ("Procfile", 1), "app:app"),
    (
        {"Procfile": "web: gunicorn app:app", "app.py": "def create_app(): pass"},
        "no-object",
        ("Procfile", 1),
        "'app:create_app()'",
    ),
    ({"Procfile": "web: uvicorn main:app", "main.py": "def f():\n    app = 1"}, "no-object", ("Procfile", 1), "Bind"),
    (
        {"Procfile": "web: gunicorn app:app", "app/__init__.py": "", "app/app.py": "app = 1"},
        "no-object",
        ("Procfile", 1),
        "Bind",
    ),
    ({"application.py": "app = 1"}, "no-object", ("Procfile", None), "application:app"),
    ({"Procfile": "web: python run.py"}, "no-module", ("Procfile", 1), "Commit"),
    ({"Procfile": "web: gunicorn -b :5000 app:app", "app.py": "app = 1"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: gunicorn --bind 0.0.0.0:80 app:app", "app.py": "app = 1"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: uvicorn app:app --port 80", "app.py": "app = 1"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: waitress-serve app:app", "app.py": "app = 1"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: flask run"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: streamlit run app.py"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: python manage.py runserver 5000"}, "port", ("Procfile", 1), "$PORT"),
    ({"Procfile": "web: python app.py", "app.py": "app = Flask('x')\napp.run()"}, "port", ("app.py", 2), "PORT"),
    (
        {"Procfile": "web: python app.py", "app.py": "import uvicorn\n\nuvicorn.run(app, port=5000)"},
        "port",
        ("app.py", 3),
        "PORT",
    ),
    (
        {
            "Procfile": "web: gunicorn -b :8000 app:app",
            "app.py": "app = 1",
            A: f"option_settings: {{'{ENVIRONMENT}': {{PORT: 5000}}}}",
        },
        "port",
        ("Procfile", 1),
        "$PORT",
    ),
    (
        {"site1/wsgi.py": WSGI, A: f"option_settings:\n  {PYTHON}:\n    WSGIPath: site1/wsgi.py"},
        "wsgi-path",
        (A, 3),
        "site1.wsgi:application",
    ),
    (
        {"application.py": WSGI, A: f"option_settings:\n  {PYTHON}:\n    WSGIPath: application.py"},
        "wsgi-path",
        (A, 3),
        "application:application",
    ),
    (
        {
            "a/b.py": "app = 1",
            A: f"option_settings:\n- {{option_name: WSGIPath, namespace: {PYTHON}, value: a/b.py:app}}",
        },
        "wsgi-path",
        (A, 2),
        "a.b:app",
    ),
    ({"site1/wsgi.py": "", A: f"option_settings:\n  {PYTHON}:\n    WSGIPath: site1.wsgi"}, "no-object", (A, 3), "Bind"),
    ({"shop.py": WSGI, A: f"option_settings:\n  {PYTHON}:\n    WSGIPath: shopp"}, "no-module", (A, 3), "shop"),
]


@pytest.mark.parametrize(("files", "code", "place", "hint"), BAD)
def test_what_cannot_run_is_found_with_its_place(
    files: dict[str, str], code: str, place: tuple[str, int | None], hint: str
) -> None:
    (finding,) = found_alone(on("3.11"), **{"requirements.txt": REQUIREMENTS, **files})
    assert (finding.severity, finding.code, (finding.path, finding.line)) == (Severity.ERROR, code, place)
    assert hint in finding.hint


def test_a_stage_s_own_setting_wins() -> None:
    wrong = {
        A: f"option_settings:\n  {PYTHON}:\n    WSGIPath: site1/wsgi.py",
        "shop/wsgi.py": WSGI,
        "requirements.txt": "",
    }
    stage = on("3.11", OptionSetting(PYTHON, "WSGIPath", "shop.wsgi"))
    assert [(item.code, item.severity) for item in found_alone(stage, **wrong)] == [("overridden", Severity.WARNING)]
    (finding,) = found_alone(on("3.11", OptionSetting(PYTHON, "WSGIPath", "shop/wsgi.py")), **{**wrong, A: "{}"})
    assert (finding.code, finding.path) == ("wsgi-path", "ebcd.toml")


def test_the_same_value_twice_is_no_finding() -> None:
    files = {A: f"option_settings:\n  {PYTHON}:\n    NumThreads: 20", "application.py": WSGI, "requirements.txt": ""}
    assert codes(on("3.11", OptionSetting(PYTHON, "NumThreads", "20")), **files) == []
    (finding,) = found_alone(on("3.11", OptionSetting(PYTHON, "NumThreads", "5")), **files)
    assert (finding.code, finding.path, finding.line, finding.severity) == ("overridden", A, 3, Severity.WARNING)


def test_a_local_instance_has_a_port_of_its_own() -> None:
    """What a command's options say is put in its place there; what a script says is not."""
    files = {"Procfile": "web: python app.py", "app.py": "app = Flask('x')\napp.run(port=8000)", "requirements.txt": ""}
    assert codes(on("3.11"), **files) == []
    assert codes(LOCAL, **files) == ["port"]
    assert codes(LOCAL, **{**files, "Procfile": "web: gunicorn -b :8000 app:app"}) == []


def test_a_worker_has_nothing_that_answers_users() -> None:
    worker = replace(STAGE, platform="Python 3.11 running on 64bit Amazon Linux 2023", tier=Tier.WORKER)
    assert codes(worker, **{"Procfile": "web: gunicorn -b :5000 nothing:app", "requirements.txt": ""}) == []


def test_other_platforms_are_not_asked() -> None:
    docker = replace(STAGE, platform="Docker running on 64bit Amazon Linux 2023", target=Target.AWS)
    assert codes(docker, Dockerfile="FROM python", **{"app.py": "def f(:"}) == []


LINKED = {"deploy/Procfile": "web: gunicorn app:app", "deploy/app.py": "app = 1", "requirements.txt": ""}


@pytest.mark.parametrize(
    ("links", "codes_found"),
    [
        ({"Procfile": "deploy/Procfile", "app.py": "deploy/app.py"}, []),
        ({"Procfile": "./deploy/../deploy/Procfile", "app.py": "deploy/app.py"}, []),
        ({"Procfile": "p", "p": "ops/Procfile", "ops": "deploy", "app.py": "ops/app.py"}, []),
        ({"Procfile": "deploy/Procfile"}, ["no-module"]),
        ({"Procfile": "deploy/None"}, ["procfile"]),
        ({"Procfile": "p", "p": "Procfile"}, ["procfile"]),
        ({"Procfile": "deploy"}, ["procfile"]),
    ],
)
def test_control_files_may_be_links(links: dict[str, str], codes_found: list[str]) -> None:
    assert codes(on("3.11"), links, **LINKED) == codes_found


def test_a_package_may_be_a_link_and_so_may_requirements() -> None:
    links = {"shop": "src/shop", "requirements.txt": "src/requirements.txt"}
    files = {"Procfile": "web: gunicorn shop.wsgi", "src/shop/wsgi.py": WSGI, "src/requirements.txt": "x\n"}
    assert codes(on("3.11"), links, **files) == []
