"""Row changes as they are shown: without the columns that the engine keeps for itself.

The log of changes and the record of a run both tell of a change, so what they tell is worked out once.
"""

from __future__ import annotations

import orjson

from engine.model import Change, Row


def seen(row: Row | None, hidden: tuple[str, ...]) -> Row | None:
    """The row without these columns."""
    if row is None or not hidden:
        return row
    row = row.copy()
    for name in hidden:
        del row[name]
    return row


def shown_change(change: Change) -> Change:
    """The change without them."""
    before, after = seen(change.before, change.hidden), seen(change.after, change.hidden)
    return Change(change.table, change.key, before, after)


def row_text(change: Change) -> bytes:
    """The row it left, as JSON; for anything but a delete."""
    text = change.text
    if text is None:
        text = change.text = orjson.dumps(seen(change.after, change.hidden))
    return text


def was(change: Change) -> Row:
    """What was different before; for an update."""
    found = change.was
    if found is None:
        before, after, hidden = change.before, change.after, change.hidden
        assert before is not None
        assert after is not None
        if change.columns is not None:
            found = {name: before[name] for name in change.columns if before[name] != after[name]}
        else:
            found = {
                name: value
                for name, value in before.items()
                if value != after[name] and name not in hidden
            }
        change.was = found
    return found
