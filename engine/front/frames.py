"""What goes between the front and the server: events one way, their answers the other.

Both are on this machine and of one version: native sizes, no negotiation. A frame is a head of fixed
size and a body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from engine.web.answers import BUSY, CLOSE, JSON, PROBLEM, Answer

EVENT = struct.Struct("=IId")
"""Length of the body, number of the delivery, when its headers had come (perf_counter)."""
ANSWER = struct.Struct("=IIHBB")
"""Length of the body, number of the delivery, status, and indices into KINDS and HEADERS."""
KINDS = (JSON, PROBLEM)
HEADERS = ((), BUSY, CLOSE)
Told = tuple[int, Answer]
"""The number of a delivery, and its answer."""


def answers(told: Iterable[Told]) -> bytes:
    """Frames of these answers."""
    parts = []
    for number, answer in told:
        kind, headers = KINDS.index(answer.kind), HEADERS.index(answer.headers)
        parts.append(ANSWER.pack(len(answer.body), number, answer.status, kind, headers))
        parts.append(answer.body)
    return b"".join(parts)


def read_answers(buffer: bytearray) -> list[Told]:
    """The whole answers at the buffer's beginning; they are gone from it then."""
    found = []
    at = 0
    while len(buffer) - at >= ANSWER.size:
        length, number, status, kind, headers = ANSWER.unpack_from(buffer, at)
        begin = at + ANSWER.size
        if begin + length > len(buffer):
            break
        at = begin + length
        found.append(
            (number, Answer(status, bytes(buffer[begin:at]), KINDS[kind], HEADERS[headers]))
        )
    del buffer[:at]
    return found
