"""Bytes both ways between two connections that have left HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import ClientError, StreamReader
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol

LIMIT = 64 * 1024
"""Bytes that wait for a slow receiver before its sender is paused (twice this at most)."""


class RawReader:
    """What aiohttp feeds a connection's bytes to once the connection is upgraded."""

    def __init__(self, protocol: BaseProtocol) -> None:
        self.stream = StreamReader(protocol, LIMIT, loop=asyncio.get_running_loop())

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes; the connection goes on and none are left over."""
        self.stream.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """The other side has closed."""
        self.stream.feed_eof()

    def set_exception(self, error: BaseException) -> None:
        """The connection is lost."""
        self.stream.set_exception(error)


async def pump(*ways: tuple[StreamReader, AbstractStreamWriter, Callable[[int], None]]) -> None:
    """Copy each way until one of them ends. A way: from where, to where, and who is told how many bytes pass."""
    tasks = [asyncio.create_task(_copy(*way)) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(source: StreamReader, target: AbstractStreamWriter, passed: Callable[[int], None]) -> None:
    try:
        while data := await source.readany():
            passed(len(data))
            await target.write(data)
    except (ClientError, OSError):
        return  # a connection that is lost has ended
