"""What `ebcd init` finds to serve, and the command that serves it: by its source, which is never run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ebcd.init import Asked, Found, Seen, decide

FLASK = "from flask import Flask\n"
APP = FLASK + "app = Flask(__name__)\n"
FACTORY = FLASK + "def create_app(config=None):\n    app = Flask(__name__)\n    return app\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
GUNICORN = "gunicorn --bind 127.0.0.1:$PORT --workers 2 --threads 8"
UVICORN = "uvicorn --host 127.0.0.1 --port $PORT --proxy-headers"


def of(files: dict[str, str]) -> Found:
    return decide(Seen("shop", files=files, paths=tuple(files)), Asked())


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"app.py": APP}, f"{GUNICORN} app:app"),
        ({"app.py": FLASK + "server: Flask = Flask(__name__)\n"}, f"{GUNICORN} app:server"),
        ({"shop/__init__.py": FACTORY}, f"{GUNICORN} 'shop:create_app()'"),
        (
            {"shop/__init__.py": FACTORY, "run.py": "from shop import create_app\napp = create_app()\n"},
            f"{GUNICORN} run:app",
        ),
        (
            {
                "shop/__init__.py": FACTORY.replace("config=None", "config"),
                "wsgi.py": "from shop import *\napplication = create_app('live')\n",
            },
            f"{GUNICORN} wsgi:application",
        ),
        (
            {"shop/__init__.py": FLASK + "app = Flask(__name__)\n", "wsgi.py": "from shop import app as application\n"},
            f"{GUNICORN} wsgi:application",
        ),
        (
            {
                "shop/web.py": FLASK + "app = Flask(__name__)\n",
                "shop/__init__.py": "",
                "shop/wsgi.py": "from .web import app\n",
            },
            f"{GUNICORN} shop.wsgi:app",
        ),
        ({"a.py": "app = 1\n", "shop/wsgi.py": "application = get()\n"}, f"{GUNICORN} shop.wsgi:application"),
        ({"src/shop/web.py": APP}, f"{GUNICORN} --pythonpath src shop.web:app"),
        ({"app.py": APP + "app = ProxyFix(app)\n"}, f"{GUNICORN} app:app"),
        (
            {"app.py": FLASK + "if True:\n    try:\n        app = Flask(__name__)\n    except OSError: ...\n"},
            f"{GUNICORN} app:app",
        ),
        ({"main.py": "def app(environ, start_response):\n    return []\n"}, f"{GUNICORN} main:app"),
        ({"main.py": "async def app(scope, receive, send):\n    ...\n"}, f"{UVICORN} main:app"),
        ({"main.py": FASTAPI}, f"{UVICORN} main:app"),
        ({"main.py": FASTAPI, "requirements.txt": "fastapi\nhypercorn\n"}, "hypercorn --bind 127.0.0.1:$PORT main:app"),
        ({"main.py": FASTAPI, "requirements.txt": "fastapi\ndaphne\n"}, "daphne -b 127.0.0.1 -p $PORT main:app"),
        (
            {"main.py": "from fastapi import FastAPI\ndef create_app():\n    return FastAPI()\n"},
            f"{UVICORN.replace('uvicorn', 'uvicorn --factory')} main:create_app",
        ),
        (
            {"main.py": "from aiohttp import web\napp = web.Application()\n"},
            "gunicorn --bind 127.0.0.1:$PORT --worker-class aiohttp.GunicornWebWorker main:app",
        ),
        ({"main.py": "import falcon\napp = falcon.App()\n"}, f"{GUNICORN} main:app"),
        (
            {
                "site/manage.py": "",
                "requirements.txt": "django",
                "site/config/settings.py": "DEBUG = True\n",
                "site/config/__init__.py": "",
                "site/config/wsgi.py": "from django.core.wsgi import *\napplication = get_wsgi_application()\n",
            },
            f"{GUNICORN} --pythonpath site config.wsgi:application",
        ),
        (
            {
                "server.py": "import os, http.server\nPORT = int(os.environ['PORT'])\n"
                "http.server.HTTPServer(('', PORT), None).serve_forever()\n"
            },
            "python server.py",
        ),
    ],
)
def test_the_command_that_serves_it(files: dict[str, str], command: str) -> None:
    found = of(files)
    assert found.runs is not None
    assert found.runs.value == command
    assert [item.content for item in found.files if item.path == "Procfile"] == [f"web: {command}\n"]
    assert ("PORT" in {item.name for item in found.aws_env}) is ("$PORT" in command)


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": "app = Other()\n"},
        {"main.py": "class Application: ...\napp = Application()\n"},
        {"main.py": "from fastapi import FastAPI\napp = FastAPI(\n"},
        {"tests/test_app.py": APP},
        {"examples/app.py": FASTAPI},
        {"shop/__init__.py": FACTORY.replace("config=None", "config")},
        {"setup.py": "application == 1\n"},
        {"server.py": "import http.server\nhttp.server.HTTPServer(('', 80), None).serve_forever()\n"},
    ],
)
def test_what_is_no_application_is_not_guessed_at(files: dict[str, str]) -> None:
    found = of(files)
    assert found.runs is None
    assert [item.path for item in found.files if item.path == "Procfile"] == []
    assert "ebcd init --run 'gunicorn MODULE:APPLICATION'" in found.missing[0].hint


def test_the_command_may_be_told() -> None:
    found = decide(Seen("shop", files={"a.py": ""}), Asked(run="python -m shop --port $PORT"))
    assert found.runs is not None
    assert (found.runs.value, found.runs.source) == ("python -m shop --port $PORT", "--run")
    assert found.files[0].content == "web: python -m shop --port $PORT\n"


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({"app.py": APP + "@app.route('/')\ndef a(): ...\n"}, "/"),
        ({"app.py": APP + "@app.post('/healthz')\ndef a(): ...\n@app.get('/x')\ndef b(): ...\n"}, "/x"),
        (
            {
                "app.py": FLASK
                + "@app.route('/ping', methods=['POST'])\ndef a(): ...\n@app.route('/in')\ndef b(): ...\n"
            },
            "/in",
        ),
        ({"app.py": FLASK + "@app.get('/x/<int:y>')\ndef a(): ...\n@app.get('/health/')\ndef b(): ...\n"}, "/health/"),
        ({"app.py": "bp = Blueprint('b', __name__, url_prefix='/b')\n@bp.get('/up')\ndef a(): ...\n"}, "/b/up"),
        (
            {
                "app.py": "app.register_blueprint(own.bp, url_prefix='/new')\n",
                "own.py": "bp = Blueprint('b', __name__, url_prefix='/old')\n@bp.get('/up')\ndef a(): ...\n",
            },
            "/new/up",
        ),
        (
            {
                "main.py": FASTAPI + "app.include_router(own.r, prefix='/v1')\n",
                "own.py": "r = APIRouter(prefix='/in')\n@r.get('/livez')\nasync def a(): ...\n",
            },
            "/v1/in/livez",
        ),
        ({"main.py": FASTAPI}, "/openapi.json"),
        ({"main.py": "app.router.add_get('/ready', ready)\napp.router.add_get('/health', health)\n"}, "/health"),
        ({"main.py": "routes = [Route('/status', status), Route('/', home)]\n"}, "/status"),
        (
            {
                "p/urls.py": "urlpatterns = [path('api/', include('own.urls'))]\n",
                "own/urls.py": "urlpatterns = [path('ping/', ping), path('<int:pk>/', one)]\n",
            },
            "/api/ping/",
        ),
        ({"p/urls.py": "urlpatterns = [path('admin/', admin.site.urls), path('x/', x)]\n"}, "/admin/login/"),
        ({"p/urls.py": "urlpatterns = [path('admin/', admin.site.urls), path('', x)]\n"}, "/"),
        ({"w.py": "def application(e, s):\n    if e['PATH_INFO'] == '/readyz': ...\n"}, "/readyz"),
        ({"tests/test_a.py": "client.get('/healthz')\n"}, "/"),
    ],
)
def test_the_path_that_a_healthy_release_answers(files: dict[str, str], path: str) -> None:
    assert of(files).smoke.value == path
    assert decide(Seen("shop", files=files), Asked(health="/own")).smoke.value == "/own"


def test_an_asgi_application_without_a_server_is_told_what_brings_one() -> None:
    assert "uvicorn" in of({"main.py": FASTAPI, "requirements.txt": "fastapi\n"}).missing[0].hint
    for brings in ("fastapi\nuvicorn", "fastapi[standard]", "FastAPI [all]", "fastapi\nhypercorn"):
        assert of({"main.py": FASTAPI, "requirements.txt": brings}).missing == ()


_PATHS = some.sampled_from(["app.py", "wsgi.py", "shop/urls.py", "manage.py", "Procfile", "settings.py"])


@settings(deadline=None)
@given(some.dictionaries(_PATHS, some.text(max_size=200), max_size=4))
def test_any_text_is_read_to_its_end(files: dict[str, str]) -> None:
    of(files)
