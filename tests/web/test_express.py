"""The protocol and its transport: whoever reads no answers is read no further."""

from __future__ import annotations

import asyncio
import types

import uvicorn
from starlette.datastructures import State
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from engine.metrics import Metrics
from engine.web.desk import Desk
from engine.web.express import express

FORGED = (
    b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: t=1,v1=0\r\n"
    b"Content-Length: 2\r\n\r\n{}"
)


class Pipe(asyncio.Transport):
    """Counts answers; says whether it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = 0
        self.reading = True
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.answers += bytes(data).count(b"HTTP/1.1 400 ")

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("no request here is for the app")


def test_who_reads_no_answers_is_read_no_further() -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        state = State()
        service = types.SimpleNamespace(
            metrics=Metrics(),
            secrets=types.SimpleNamespace(webhook_secrets=("whsec_x",)),
            project=types.SimpleNamespace(database_file=None),
        )
        state.service = service
        service.desk = Desk(service)  # type: ignore[arg-type]
        kind = express(state)
        config = uvicorn.Config(nothing, http=kind)
        config.load()
        protocol = kind(config, ServerState(), {}, loop)
        pipe = Pipe()
        protocol.connection_made(pipe)
        protocol.data_received(FORGED * 3)
        assert (pipe.answers, pipe.reading) == (3, True)
        protocol.pause_writing()
        protocol.data_received(FORGED)
        assert (pipe.answers, pipe.reading) == (4, False)
        protocol.resume_writing()
        assert pipe.reading
        protocol.shutdown()
        assert pipe.closing
        protocol.connection_lost(None)

    asyncio.run(run())
