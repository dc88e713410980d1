"""Reading a request's body without trusting its length."""

from __future__ import annotations

from starlette.requests import Request


class TooLarge(Exception):
    """The body is over what is taken here."""


async def read_body(request: Request, most: int) -> bytes:
    """The raw body, never holding more than `most` bytes. Raises TooLarge, ClientDisconnect."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise TooLarge
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise TooLarge
        chunks.append(chunk)
    return b"".join(chunks)
