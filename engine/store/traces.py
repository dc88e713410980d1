"""A run's trace as it is kept: what can be worked out again when someone looks is left out.

An entry is a dict (engine/trace.py). Of an update the old values are kept (`was`), not all of the
row before; where a node's output is the row it wrote, `row` says so.
"""

from __future__ import annotations

from typing import Any

import orjson
from orjson import Fragment

from engine.model import Change, Value
from engine.store.seen import row_text, seen, shown_change, was

Entry = dict[str, Value]


def pack(entries: Value) -> str:
    """The trace as text. Its `changes` are Change objects, everything else is JSON data."""
    return orjson.dumps(entries, default=_kept, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def unpack(text: str) -> list[Entry]:
    """The trace as `plain` gives it; also of texts from before anything was left out."""
    found: list[Entry] = orjson.loads(text)
    for entry in found:
        _restore(entry)
    return found


def plain(entries: list[Entry]) -> list[Entry]:
    """The trace of a run as plain data, with whole rows before and after each change."""
    found = []
    for entry in entries:
        whole = {**entry}
        if "changes" in entry:
            whole["changes"] = [shown_change(change).as_json() for change in entry["changes"]]
        if "nodes" in entry:
            whole["nodes"] = plain(entry["nodes"])
        _name_row(whole)
        found.append(whole)
    return found


def _kept(change: Any) -> dict[str, Any]:
    if type(change) is not Change:
        raise TypeError
    before, after = change.before, change.after
    left = None if after is None else Fragment(row_text(change))
    if before is None or after is None:
        old = seen(before, change.hidden)
        return {"table": change.table, "key": change.key, "before": old, "after": left}
    return {"table": change.table, "key": change.key, "was": was(change), "after": left}


def _restore(entry: Entry) -> None:
    for change in entry.get("changes", ()):
        if "was" in change:
            old, row = change.pop("was"), change["after"]
            change["before"] = {name: old.get(name, value) for name, value in row.items()}
    for inner in entry.get("nodes", ()):
        _restore(inner)
    _name_row(entry)


def _name_row(entry: Entry) -> None:
    if entry.pop("row", False):
        entry["out"] = entry["changes"][0]["after"]
