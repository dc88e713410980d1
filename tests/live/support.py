"""A running app without sockets: requests are ASGI calls, so that a test says when a client reads, and
when it goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import server
from engine.access import keys as api_keys
from engine.project import Project
from engine.store import changes, migrate
from engine.store.base import Transaction
from engine.web.service import Service

PROJECT = """
project: live
database: sqlite:///live.db
tables:
  order:
    key: id
    columns:
      id: integer
      user_id: text
      amount: amount
      currency: {type: currency, default: usd}
      status: {type: text, default: pending}
      urgent: {type: boolean, default: false}
      note: {type: text, optional: true}
      more: {type: json, optional: true}
  secret:
    key: name
    columns: {name: text, value: {type: text, optional: true}}
payment: {order_table: order}
roles:
  customer: {read: {order: {when: "{{ row.user_id == caller.id }}"}}}
  clerk: {read: {order: {when: "{{ row.amount < 100 }}"}, payment: {}}}
  admin: {read: {order: {}, secret: {}, payment: {}}}
  nobody: {}
"""
CALLERS = {"customer": "ada", "clerk": "cleo", "admin": "boss", "nobody": "nick"}
PATIENCE = 10.0
"""Seconds until a test gives up waiting for what has to come; nothing is measured by it."""


@dataclass
class Told:
    """One Server-Sent Event as a browser would have it."""

    name: str
    data: Any
    id: str | None


@dataclass
class Stream:
    """A client of a stream. While `reading` is not set, the server's `send` does not come back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    place: str | None = None
    events: asyncio.Queue[Told | None] = field(default_factory=asyncio.Queue)
    comments: int = 0
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    body: bytes = b""
    _rest: str = ""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            return
        await self.reading.wait()
        self.body += message["body"]
        self._rest += message["body"].decode()
        *parts, self._rest = self._rest.split("\n\n")
        for part in parts:
            self._take(part)
        if not message.get("more_body"):
            self.events.put_nowait(None)

    def _take(self, part: str) -> None:
        lines = part.split("\n")
        self.comments += sum(line.startswith(":") for line in lines)
        fields = dict(line.split(": ", 1) for line in lines if line and not line.startswith(":"))
        told = None
        if "data" in fields:
            told = Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
            self.events.put_nowait(told)
        elif "id" in fields:
            self.events.put_nowait(Told("heartbeat", None, fields["id"]))

    async def next(self) -> Told:
        """The next event; AssertionError when the stream has ended."""
        told = await asyncio.wait_for(self.events.get(), PATIENCE)
        assert told is not None, "the stream has ended"
        if told.id is not None:
            self.place = told.id
        return told

    async def expect(self, *names: str) -> list[Any]:
        """The next events, which have to be these; their data."""
        found = [await self.next() for _ in names]
        assert [one.name for one in found] == list(names), found
        return [one.data for one in found]

    async def end(self) -> None:
        """The stream has to end here."""
        assert await asyncio.wait_for(self.events.get(), PATIENCE) is None


@dataclass
class World:
    """A running app and keys for its roles."""

    app: Any
    service: Service
    keys: dict[str, str]

    def _scope(self, method: str, path: str, query: Any, headers: Mapping[str, str]) -> Any:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": (query if isinstance(query, str) else urlencode(query, True)).encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

    async def ask(
        self, path: str, query: Any = (), *, role: str | None = "admin", method: str = "GET"
    ) -> tuple[int, Any]:
        """One request and its answer."""
        stream = await self.call(method, path, query, role=role)
        return stream.status, json.loads(stream.body)

    async def call(
        self, method: str, path: str, query: Any = (), *, role: str | None = "admin"
    ) -> Stream:
        """One request; its answer has to end by itself."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        stream = Stream()
        stream.reading.set()

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        answering = self.app(self._scope(method, path, query, headers), receive, stream.send)
        await asyncio.wait_for(answering, PATIENCE)
        return stream

    @contextlib.asynccontextmanager
    async def stream(
        self,
        tables: str = "order",
        query: Any = (),
        *,
        role: str | None = "admin",
        place: str | None = None,
        reading: bool = True,
    ) -> AsyncIterator[Stream]:
        """A subscription, which is cut off at the end of the block."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        if place is not None:
            headers["Last-Event-ID"] = place
        stream = Stream()
        if reading:
            stream.reading.set()
        first = True

        async def receive() -> Any:
            nonlocal first
            if first:
                first = False
                return {"type": "http.request", "body": b"", "more_body": False}
            await stream.gone.wait()
            return {"type": "http.disconnect"}

        scope = self._scope("GET", f"/tables/{tables}/subscribe", query, headers)
        task = asyncio.create_task(self.app(scope, receive, stream.send))
        try:
            yield stream
        finally:
            stream.gone.set()
            stream.reading.set()
            await asyncio.wait_for(task, PATIENCE)

    async def write(self, work: Callable[[Transaction], Any]) -> Any:
        """Work in the writer's transaction; it is committed when this comes back."""
        return await asyncio.wrap_future(self.service.writer.submit(work))

    async def insert(self, id: int, user: str = "ada", amount: int = 1, **more: Any) -> None:
        row = {"id": id, "user_id": user, "amount": amount, **more}
        await self.write(lambda tx: tx.insert("order", row))

    async def update(self, id: int, **values: Any) -> None:
        await self.write(lambda tx: tx.update("order", {"id": id}, values))

    async def told(self) -> None:
        """Wait until the hub has told everything that is committed."""
        with self.service.store.reader() as tx:
            position = changes.position(tx)
        while self.service.hub.seen < position:
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def world(folder: pathlib.Path) -> AsyncIterator[World]:
    """The app of a project folder, running."""
    project = Project.open(folder)
    migrate.apply(project.file, folder.resolve())
    app = server.create_app(project)
    async with app.router.lifespan_context(app):
        service: Service = app.state.service
        keys = {}
        for role, caller in CALLERS.items():
            with service.store.transaction() as tx:
                keys[role] = api_keys.create(tx, project.file, role=role, caller=caller)
        yield World(app, service, keys)
