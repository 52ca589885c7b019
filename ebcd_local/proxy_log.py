"""The logs of an instance's proxy, of what the load balancer's health checks got: access.log and error.log of nginx.

Their forms are nginx's own; a check as an instance logs it is quoted in
https://github.com/rootsignal/beanstalk-nginx-php-fpm/issues/8. That the application is not reached is logged as an
error, and answered 502.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ebcd_local.health_check import AGENT, Seen

FOLDER = "nginx"
LIMIT = 200_000
"""Bytes of a log before it is begun anew: a check comes with each report of health."""


def write(log_dir: Path, path: str | None, port: int, seen: Seen) -> None:
    """Log a health check. path: what it asked for; None: it only connected, and the proxy logs nothing."""
    if path is None or (seen.status is None and not seen.refused):  # or the load balancer gave up first
        return
    now, folder = datetime.now(UTC), log_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    request, status = f"GET {path} HTTP/1.1", 502 if seen.refused else seen.status
    _append(
        folder / "access.log",
        f'127.0.0.1 - - [{now:%d/%b/%Y:%H:%M:%S} +0000] "{request}" {status} 0 "-" "{AGENT}" "-"',
    )
    if seen.refused:
        _append(
            folder / "error.log",
            f"{now:%Y/%m/%d %H:%M:%S} [error] 1#1: *1 connect() failed (111: Connection refused) while connecting to "
            f'upstream, client: 127.0.0.1, server: , request: "{request}", '
            f'upstream: "http://127.0.0.1:{port}{path}", host: "127.0.0.1"',
        )


def _append(path: Path, line: str) -> None:
    full = path.exists() and path.stat().st_size > LIMIT
    with path.open("w" if full else "a", errors="replace") as log:
        log.write(line + "\n")
