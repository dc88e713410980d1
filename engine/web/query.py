"""What a reading request asks for: which rows of which tables, read from path and query string."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from engine.access import AccessDenied, Caller, may_read
from engine.errors import ActionflowError, did_you_mean
from engine.live.interest import Interest
from engine.model import Column, ProjectFile, Table, Value
from engine.store.codec import stored_type
from engine.store.values import CHECKS, Unfit

OF_PAGES = frozenset({"limit", "order", "after"})
OF_STREAMS = frozenset({"limit", "order", "state", "since", "ticket"})
OPTIONS = OF_PAGES | OF_STREAMS
"""Words of the query string that are no columns; a column of such a name is asked for as
`table.column`."""
MOST_ROWS = 1_000
USUAL_ROWS = 100
MOST_TABLES = 20
MOST_VALUES = 100
WHOLE = re.compile(r"-?[0-9]{1,19}")
OWNER = re.compile(r"\{\{\s*row\.([a-z_][a-z0-9_]*)\s*==\s*caller\.id\s*\}\}")
"""The usual row rule. It is asked of the database too, so that nobody's request reads all rows."""


class BadQuery(ActionflowError):
    """The request asks for something that cannot be: 400, with a stable code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reading request. `order` is a column and whether it descends; `after` goes on behind a row."""

    interests: tuple[Interest, ...]
    limit: int = USUAL_ROWS
    order: tuple[str, bool] | None = None
    after: str | None = None
    state: bool = False
    since: int | None = None


def read_query(
    project: ProjectFile,
    caller: Caller,
    tables: str,
    given: Iterable[tuple[str, str]],
    taken: frozenset[str],
) -> Wanted:
    """The request of a caller for some `tables` (names with commas between); `taken` are the options
    it may have.

    Raises AccessDenied (a table that is not there looks like one he may not read) and BadQuery.
    """
    names = tables.split(",")
    if len(names) > MOST_TABLES or len(set(names)) < len(names):
        raise BadQuery("bad_tables", f"Name each table once, and {MOST_TABLES} at most.")
    allowed = {}
    for name in names:
        rule = may_read(project, caller, name)
        if rule is None:
            raise AccessDenied(
                "read_denied",
                f"There is no table '{name}', or the role '{caller.role}' may not read it.",
            )
        allowed[name] = rule
    options: dict[str, str] = {}
    filters: dict[str, dict[str, set[Value]]] = {name: {} for name in names}
    for word, text in given:
        if word in OPTIONS:
            if word not in taken:
                kinds = ("pages", "streams") if word in OF_PAGES else ("streams", "pages")
                raise BadQuery(
                    "bad_option",
                    f"'{word}' is an option of {kinds[0]}, {kinds[1]} have {_listed(taken)}; a column "
                    f"of this name is asked for as {names[0]}.{word}.",
                )
            options[word] = text
            continue
        table, column = _column(project, names, word)
        values = filters[table.name].setdefault(column.name, set())
        values.add(_value(project, table, column, text))
        if len(values) > MOST_VALUES:
            raise BadQuery("bad_filter", f"'{word}' is given more than {MOST_VALUES} times.")
    interests = tuple(
        _interest(project, caller, name, filters[name], allowed[name]) for name in names
    )
    orders = [_order(project, project.tables[name], options.get("order")) for name in names]
    return Wanted(
        interests,
        limit=_limit(options.get("limit")),
        order=orders[0],
        after=options.get("after"),
        state=_flag("state", options.get("state", "0")),
        since=seq_of("since", options["since"]) if options.get("since") else None,
    )


def _interest(
    project: ProjectFile,
    caller: Caller,
    name: str,
    filters: Mapping[str, set[Value]],
    allowed: object,
) -> Interest:
    table = project.tables[name]
    wanted = {column: frozenset(values) for column, values in filters.items()}
    rule = project.roles[caller.role]["read"][name].get("when", "")
    owner = OWNER.fullmatch(rule.strip())
    if owner and _kind(project, table.columns[owner[1]]) == "text":
        mine = frozenset({caller.id})
        wanted[owner[1]] = mine & wanted.get(owner[1], mine)
    assert callable(allowed)
    index = table.key if table.key in wanted else next(iter(wanted), None)
    return Interest(name, wanted, allowed, index)


def _column(project: ProjectFile, names: list[str], word: str) -> tuple[Table, Column]:
    table_name, dot, name = word.rpartition(".")
    if not dot:
        if len(names) > 1:
            raise BadQuery(
                "bad_filter",
                f"'{word}' could be of several tables; write {names[0]}.{word} or another one's.",
            )
        table_name = names[0]
    if table_name not in names:
        raise BadQuery("bad_filter", f"'{word}' is of no table that is asked for.")
    table = project.tables[table_name]
    known = [column.name for column in table.visible]
    if name not in known:
        raise BadQuery(
            "unknown_column",
            f"table '{table_name}' has no column '{name}'; it has {', '.join(known)}."
            + did_you_mean(name, known),
        )
    return table, table.columns[name]


def _value(project: ProjectFile, table: Table, column: Column, text: str) -> Value:
    """A value of the query string as the column has it; empty is null where that can be."""
    kind = _kind(project, column)
    if text == "" and column.nullable:
        return None
    value: Value = text
    if kind in ("integer", "amount") and WHOLE.fullmatch(text):
        value = int(text)
    elif kind == "boolean" and text in ("true", "false"):
        value = text == "true"
    try:
        if kind == "json":
            raise Unfit("another column", "a json column can be compared with nothing")
        if column.one_of and text not in column.one_of:
            raise Unfit(f"one of {_listed(column.one_of)}", "give one of these")
        if kind == "timestamp" and WHOLE.fullmatch(text):  # a date without dashes, or seconds?
            raise Unfit("a time as in 2026-01-31T12:00:00Z", "write it with its dashes and offset")
        return CHECKS[kind](value)
    except Unfit as unfit:
        raise BadQuery(
            "bad_filter", f"{table.name}.{column.name}: found {text[:80]!r}, {unfit}."
        ) from unfit


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_ROWS):
        raise BadQuery("bad_limit", f"limit: found {text[:40]!r}, expected 1 to {MOST_ROWS}.")
    return int(text)


def _order(project: ProjectFile, table: Table, text: str | None) -> tuple[str, bool] | None:
    if text is None:
        return None
    name = text.removeprefix("-")
    column = next((one for one in table.visible if one.name == name), None)
    if column is None or column.nullable or _kind(project, column) in ("json", "boolean"):
        known = [
            one.name
            for one in table.visible
            if not one.nullable and _kind(project, one) not in ("json", "boolean")
        ]
        raise BadQuery(
            "bad_order",
            f"order: found {text[:40]!r}, expected one of {', '.join(known)}, with - before it to "
            "descend (columns that can be empty give no order).",
        )
    return name, text != name


def _flag(name: str, text: str) -> bool:
    if text not in ("0", "1"):
        raise BadQuery("bad_option", f"{name}: found {text[:40]!r}, expected 0 or 1.")
    return text == "1"


def seq_of(name: str, text: str) -> int:
    """The seq a client has seen last. Raises BadQuery."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise BadQuery(
            "bad_last_event_id", f"{name}: found {text[:40]!r}, expected the id of an event."
        )
    return int(text)


def _kind(project: ProjectFile, column: Column) -> str:
    return stored_type(column, project.tables)


def cursor_text(values: list[Value]) -> str:
    """Where a page ended, as the `next` of an answer."""
    return orjson.dumps(values).decode()


def cursor_values(text: str, count: int) -> list[Value]:
    """The same back: `[key]` or `[value, key]`. Raises BadQuery."""
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, str) for value in values)
    ):
        return values
    raise BadQuery("bad_after", "after: expected the `next` of an earlier answer, as it was given.")
