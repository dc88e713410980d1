"""GET /tables/{table}/subscribe: row changes as Server-Sent Events, from where the client was."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from engine.access import Caller
from engine.live.messages import event, message, verdict
from engine.live.streams import LIFE, TooManySubscribers
from engine.live.subscriber import Ending, Subscriber
from engine.model import Value
from engine.store import changes
from engine.store.base import StoreError, Transaction
from engine.web.pages import page
from engine.web.problems import problem
from engine.web.protocol import connection_of
from engine.web.query import OF_STREAMS, BadQuery, Wanted, read_query, seq_of
from engine.web.reading import caller_of, refusing
from engine.web.service import Service

log = logging.getLogger("actionflow.live")

CHUNK = 200
"""Changes read from the log at a time by a client that catches up."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY = 1_000
"""Milliseconds a browser waits before it comes again."""
WORDS: dict[Ending, str] = {
    "slow": "This client left too many changes unread. Come again with Last-Event-ID.",
    "renew": "A stream does not live for ever. Come again with Last-Event-ID and credentials.",
    "stopping": "This server is stopping. Come again with Last-Event-ID.",
}


async def subscribe(request: Request) -> Response:
    """A stream of `ready`, `state`, `row`, `remove`, `reset` and `bye` events (docs/live.md)."""
    return await run_in_threadpool(refusing, lambda: _admit(request))


def _admit(request: Request) -> Response:
    service: Service = request.app.state.service
    caller = caller_of(request, by_ticket=True)
    given = request.query_params.multi_items()
    tables = request.path_params["table"]
    wanted = read_query(service.project.file, caller, tables, given, OF_STREAMS)
    header = request.headers.get("last-event-id", "")
    since = seq_of("Last-Event-ID", header) if header else wanted.since
    if service.hub.streams.full:
        return problem(503, "busy", str(TooManySubscribers()), headers={"Retry-After": "5"})
    if request.method == "HEAD":  # what a GET would be answered with, and no stream behind it
        return Response(headers=HEADERS, media_type=EventStream.media_type)
    stream = EventStream(service, wanted, caller, connection_of(request))
    stream.begin(since)
    return stream


class _Pruned(Exception):
    """The log no longer has what comes after the client's place."""


class EventStream(Response):
    """The stream itself; it ends when the client goes, is too slow, or has had its time."""

    media_type = "text/event-stream"

    def __init__(
        self,
        service: Service,
        wanted: Wanted,
        caller: Caller,
        connection: asyncio.WriteTransport | None,
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers(HEADERS)
        del self.headers["content-length"]
        self._service = service
        self._wanted = wanted
        self._subscriber = Subscriber(connection, caller.key)
        self._until = caller.until
        self._cursor = 0
        self._opening = b""

    def begin(self, since: int | None) -> None:
        """Find where the stream begins, and what it begins with. Raises BadQuery, StoreBusy."""
        self._cursor, self._opening = self._open(since)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watching = asyncio.create_task(self._watch(receive))
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            async for chunk in self._follow():
                await send(_body(chunk))
            await send(_body(b"", more=False))
        finally:
            self._service.hub.leave(self._subscriber)
            watching.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._subscriber.end("gone")

    async def _follow(self) -> AsyncIterator[bytes]:
        hub, subscriber = self._service.hub, self._subscriber
        cursor = self._cursor
        try:
            hub.streams.enter(subscriber, self._left())
            yield self._opening
            while subscriber.ending is None and not hub.join(
                subscriber, self._wanted.interests, cursor
            ):
                found = hub.missed(self._wanted.interests, cursor)
                if found is not None:
                    cursor, messages = found
                    for at in range(0, len(messages), CHUNK):
                        yield b"".join(messages[at : at + CHUNK])
                elif not await hub.reach(cursor):
                    cursor, missed = await self._read(cursor)
                    if missed:
                        yield missed
        except (StoreError, BadQuery, TooManySubscribers) as error:
            log.warning("a stream could not go on: %s", error)
            yield event("bye", {"reason": "busy", "message": str(error)})
            return
        while True:
            data = await subscriber.take()
            if data:
                yield data
            if subscriber.ending is not None:
                break
        if subscriber.ending == "slow":
            log.info("a subscriber that did not read was cut off")
        if subscriber.ending != "gone":
            reason = subscriber.ending
            yield event("bye", {"reason": reason, "message": WORDS[reason]})

    def _left(self) -> float:
        """Seconds the caller's token is good for."""
        return LIFE if self._until is None else self._until - time.time()

    def _open(self, since: int | None) -> tuple[int, bytes]:
        """Where the stream begins, and what it begins with: a place in the log that is still there,
        or the rows as they are."""
        wanted, tables = self._wanted, [one.table for one in self._wanted.interests]
        with self._service.store.reader() as tx:
            position = changes.position(tx)
            if since is not None and changes.pruned_to(tx) <= since <= position:
                resumed = event("ready", {"tables": tables, "resumed": True}, since)
                return since, _retry() + resumed
            opening = [_retry()]
            if since is not None:
                opening.append(event("reset", {"tables": tables}))
            ready = {"tables": tables, "resumed": False}
            # The place comes with the last event: who is cut off before has to begin anew.
            if not wanted.state:
                return position, b"".join([*opening, event("ready", ready, position)])
            opening.append(event("ready", ready))
            states = [self._state(tx, name) for name in tables]
            opening += [event("state", state) for state in states[:-1]]
            opening.append(event("state", states[-1], position))
            return position, b"".join(opening)

    def _state(self, tx: Transaction, name: str) -> dict[str, Value]:
        table = self._service.project.file.tables[name]
        rows, more = page(tx, table, self._wanted)
        return {"table": name, "key": table.key, "rows": rows, "complete": more is None}

    async def _read(self, cursor: int) -> tuple[int, bytes]:
        try:
            return await run_in_threadpool(self._missed, cursor)
        except _Pruned:
            return await run_in_threadpool(self._open, cursor)

    def _missed(self, cursor: int) -> tuple[int, bytes]:
        """The changes that come next in the log, as events, and the place behind them."""
        interests = {interest.table: interest for interest in self._wanted.interests}
        tables = self._service.project.file.tables
        with self._service.store.reader() as tx:
            logged = changes.after(tx, cursor, limit=CHUNK)
            if changes.pruned_to(tx) > cursor:
                raise _Pruned
        found = []
        for change in logged:
            cursor = change.seq
            interest = interests.get(change.table)
            shown = verdict(change, interest) if interest else None
            if shown is not None:
                found.append(message(change, tables[change.table].key, shown=shown))
        return cursor, b"".join(found)


def _retry() -> bytes:
    return b"retry: %d\n" % RETRY


def _body(chunk: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}
