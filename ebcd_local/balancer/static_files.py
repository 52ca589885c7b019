"""Static folders that are served without the application, as the platform's proxy does.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-cfg-staticfiles.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from ebcd_local.balancer.exchange import Bytes

_NOT_FOUND = "There is no such file.\n"


def find(folders: Mapping[str, Path], path: str) -> tuple[Path, str] | None:
    """The folder whose prefix a request's path has, the longest one, and the rest of the path."""
    for prefix in sorted(folders, key=len, reverse=True):
        bare = prefix.rstrip("/")
        if path == bare or path.startswith(f"{bare}/"):
            return folders[prefix], path[len(bare) :].lstrip("/")
    return None


async def answer(request: web.BaseRequest, folder: Path, rest: str, count: Bytes) -> web.StreamResponse:
    """The file, or a refusal. Nothing outside the folder is read, whatever `..` or a link says. count: where the file's
    bytes are added.
    """
    if request.method not in {"GET", "HEAD"}:
        return web.Response(status=405, headers={"Allow": "GET, HEAD"})
    path = await asyncio.to_thread(resolve, folder, rest)
    if path is None:
        return web.Response(status=404, text=_NOT_FOUND)
    count.sent += path.stat().st_size if request.method == "GET" else 0
    return web.FileResponse(path)


def resolve(folder: Path, rest: str) -> Path | None:
    """The file that the rest of a request's path, percent-encoded, names in a folder. A folder that a link has taken
    the place of has none: the application has put it there, and this server reads more than it may.
    """
    name = unquote(rest)
    if "\0" in name:
        return None
    try:
        root = folder.resolve(strict=True)
        path = (root / name.lstrip("/")).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links that lead in a circle
        return None
    return path if root == folder and path.is_relative_to(root) and path.is_file() else None
