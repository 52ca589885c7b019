"""How gunicorn serves `application`. gunicorn reads this file by itself: the Procfile needs no shell to expand PORT."""

import os
import sys
from typing import Any

# Beanstalk's nginx passes requests to 8000 on loopback, or to PORT where that environment property is set.
bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"

# One import for all workers, which then share its memory. What must not cross a fork is opened after it.
preload_app = True
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
# Twice as many as database connections: a request that waits for its turn, or is being refused, holds a thread alone.
threads = 16

# The load balancer closes an idle connection after 60 s. It must be the one that does: were gunicorn first,
# a request already on its way would be lost.
keepalive = 75

# A worker that is told to stop answers what it has begun, for as long as the load balancer drains (20 s).
graceful_timeout = 20
timeout = 30

# No client may set what WSGI takes from the server: by default the peer on loopback could, and that is the proxy.
forwarder_headers = ""

accesslog = None  # nginx writes one
control_socket_disable = True  # otherwise a file in $HOME that all instances on one machine would share


def post_fork(_: object, __: object) -> None:
    """Let threads take turns more often than every 5 ms: a page is not to wait behind another workspace's long text."""
    sys.setswitchinterval(0.0005)


def worker_exit(_: object, worker: Any) -> None:
    """Write out the metrics of the last minute, and close the connections to the database."""
    application = getattr(worker, "wsgi", None)  # there is none where it could not be loaded
    if application is not None:
        application.close()
