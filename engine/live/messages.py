"""Changes as Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from engine.live.interest import Interest
from engine.model import Row, Table, Value
from engine.store.changes import Logged


def verdict(change: Logged, interest: Interest) -> bool | None:
    """True: the row is in sight; False: it was and is no more; None: it concerns nobody here."""
    if interest.sees(change.now):
        return True
    return False if interest.sees(change.was) else None


class Told:
    """A change with the messages about it: each is made once, for however many are told."""

    __slots__ = ("_key", "_messages", "change")

    def __init__(self, change: Logged, key: str) -> None:
        self.change = change
        self._key = key
        self._messages: dict[bool, bytes] = {}

    def message(self, *, shown: bool) -> bytes:
        """See `message`."""
        made = self._messages.get(shown)
        if made is None:
            made = self._messages[shown] = message(self.change, self._key, shown=shown)
        return made


def message(change: Logged, key: str, *, shown: bool) -> bytes:
    """A change as a Server-Sent Event: `row` with the row as it is, or `remove` with its key alone."""
    row = change.now if shown else change.was
    assert row is not None
    head: dict[str, Value] = {"table": change.table, "key": row[key], "at": change.at}
    if not shown:
        return event("remove", head, change.seq)
    text = (
        orjson.dumps({**head, "op": change.op})[:-1] + b',"row":%b}' % (change.row or "").encode()
    )
    return b"id: %d\nevent: row\ndata: %b\n\n" % (change.seq, text)


def event(name: str, data: Mapping[str, Value], seq: int | None = None) -> bytes:
    """A Server-Sent Event; JSON has no line breaks, so its data is one line."""
    id = b"" if seq is None else b"id: %d\n" % seq
    return b"%bevent: %b\ndata: %b\n\n" % (id, name.encode(), orjson.dumps(data))


def heartbeat(seq: int) -> bytes:
    """Nothing new up to this seq: it moves the client's Last-Event-ID on, and starts no event."""
    return b": heartbeat\nid: %d\n\n" % seq


def visible(table: Table, row: Row) -> Row:
    """The row without the columns that the engine keeps for itself."""
    return {column.name: row[column.name] for column in table.visible}
