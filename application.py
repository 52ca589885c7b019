"""What Elastic Beanstalk serves: `application`. Run as a program it is a development server on loopback."""

import os
import signal
import sys
import threading
from pathlib import Path

from aespo.web import create_application

ROOT = Path(__file__).resolve().parent


def develop() -> None:
    """Serve on loopback, with a PostgreSQL of one's own where DATABASE_URL names none."""
    from werkzeug.serving import run_simple  # a deployment has gunicorn

    from aespo import worker
    from aespo.db.migrate import main as migrate
    from aespo.development import EmbeddedPostgres, data_folder

    environ = dict(os.environ)
    port = int(environ.get("PORT", "8000"))
    if environ.get("DATABASE_URL"):
        run_simple("127.0.0.1", port, create_application(environ, ROOT), threaded=True)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the database is stopped, too
    with EmbeddedPostgres(data_folder()) as postgres:
        urls = postgres.database("aespo")
        environ |= {"DATABASE_URL": urls.app, "DATABASE_OWNER_URL": urls.owner}
        sys.stderr.write(f"{migrate(environ)}\nAespo at http://localhost:{port}; data in {data_folder()}\n")
        stop = threading.Event()
        jobs = threading.Thread(target=worker.run, args=(environ, stop))
        jobs.start()
        try:
            run_simple("127.0.0.1", port, create_application(environ, ROOT), threaded=True)
        finally:
            stop.set()
            jobs.join()  # the database is stopped behind it


if __name__ == "__main__":
    develop()
else:
    application = create_application(os.environ, root=ROOT)
