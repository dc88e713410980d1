"""A TCP proxy that cuts connections: between Stripe and a server, or between a server and PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any

PIECE = 65_536
AT_ONCE = 2048
"""Connections that may wait to be taken."""


class Proxy:
    """Listens on `port` and passes bytes on to `target`: a port on this machine, or a Unix socket."""

    def __init__(self, target: int | str) -> None:
        self.target = target
        self.port = 0
        self.cuts = 0
        """How many connections were cut so far."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._call(self._listen())

    def cut(self) -> int:
        """Cut every connection where it is, in the middle of whatever was passing; how many."""
        count: int = self._call(self._cut())
        return count

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._pass_on, "127.0.0.1", self.port, backlog=AT_ONCE
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> int:
        found = [writer for writer in self._writers if not writer.is_closing()]
        for writer in found:
            writer.transport.abort()
        self.cuts += len(found) // 2
        return len(found) // 2

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._tasks.add(me)
        self._writers.add(writer)
        other = None
        try:
            if isinstance(self.target, int):
                back, other = await asyncio.open_connection("127.0.0.1", self.target)
            else:
                back, other = await asyncio.open_unix_connection(self.target)
            self._writers.add(other)
            await asyncio.gather(self._copy(reader, other), self._copy(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(me)
            for one in (writer, other):
                if one is not None:
                    self._writers.discard(one)
                    one.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
