"""project.yaml, read: the builder's tables joined with the system tables, roles, config, secrets."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping

from engine.accessfile import access_problems, jwt_settings
from engine.catalogue import shape
from engine.errors import Problem, ProblemsFound, did_you_mean
from engine.model import (
    Column,
    HttpRules,
    LiveRules,
    Path,
    ProjectFile,
    RetentionRules,
    StudioRules,
    Table,
    Value,
)
from engine.net.guard import Allowed
from engine.paths import shown
from engine.shape import check_shape, kind
from engine.store.schema import system_tables
from engine.store.url import mistaken
from engine.store.values import CHECKS, Unfit
from engine.yamlfile import Document, read_path

PROJECT_FILE = "project.yaml"
DEFAULT_DATABASE = "sqlite:///.actionflow/data.db"
POSTGRES_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
SYSTEM_TABLES = ("payment", "refund", "recurring_payment")

FEWEST_DAYS = 31
"""Stripe keeps events for 30 days, and sends them again when asked (https://docs.stripe.com/api/events)."""
NEEDED = {
    "events": "Stripe can deliver one again for 30 days: it would run a second time",
    "actions": "a client that asks again under the same Idempotency-Key would be served a second time",
}


def read_project(path: pathlib.Path) -> ProjectFile:
    """project.yaml as a ProjectFile with the system tables joined in. Raises ProblemsFound."""
    document = read_path(path, shown(path))
    problems = list(
        check_shape(
            document.data,
            shape("project"),
            document.place,
            key_of=document.key_place,
            empty="Write them; `actionflow init DIR` makes a project to begin with.",
        )
    )
    if problems:
        raise ProblemsFound(problems)
    data = document.data
    own = {name: _table(name, written, document) for name, written in data["tables"].items()}
    problems = list(_table_problems(own, data["payment"]["order_table"], document))
    if problems:
        raise ProblemsFound(problems)
    order = own[data["payment"]["order_table"]]
    tables = {**own, **system_tables(order)}
    problems = [
        *_database_problems(document),
        *access_problems(data, tables, document.place),
        *_http_problems(document),
        *_retention_problems(document),
    ]
    if problems:
        raise ProblemsFound(problems)
    written = data.get("http") or {}
    return ProjectFile(
        name=data["project"],
        file=document.file,
        database=data.get("database", DEFAULT_DATABASE),
        tables=tables,
        order_table=order.name,
        roles=data.get("roles") or {},
        config=data.get("config") or {},
        secrets={
            name: (names,) if isinstance(names, str) else tuple(names)
            for name, names in (data.get("secrets") or {}).items()
        },
        places=document.places,
        jwt=jwt_settings(data),
        studio=_studio(data.get("studio")),
        http=HttpRules(**{**written, "allow": tuple(written.get("allow", ()))}),
        origins=tuple((data.get("cors") or {}).get("origins", ())),
        live=LiveRules(**(data.get("live") or {})),
        retention=_retention(data.get("retention") or {}),
    )


def _retention(written: Mapping[str, Value]) -> RetentionRules:
    return RetentionRules(
        **{name: None if days == "forever" else days for name, days in written.items()}
    )


def _studio(written: Value) -> StudioRules:
    if isinstance(written, str):  # the only word is `off`
        return StudioRules(on=False)
    return StudioRules(**(written or {}))


def _database_problems(document: Document) -> Iterator[Problem]:
    wrong = mistaken(document.data.get("database", DEFAULT_DATABASE))
    if wrong is not None:
        yield Problem("project.database", document.place(("database",)), *wrong)


def _retention_problems(document: Document) -> Iterator[Problem]:
    for name, why in NEEDED.items():
        days = (document.data.get("retention") or {}).get(name)
        if isinstance(days, int) and days < FEWEST_DAYS:
            yield Problem(
                "project.retention",
                document.place(("retention", name)),
                f"{name} would be forgotten after {days} days, but {why}.",
                f"Write {FEWEST_DAYS} or more, or `forever`.",
            )


def _http_problems(document: Document) -> Iterator[Problem]:
    for index, entry in enumerate((document.data.get("http") or {}).get("allow", ())):
        try:
            Allowed.read(entry)
        except ValueError as error:
            yield Problem(
                "project.http_allow",
                document.place(("http", "allow", index)),
                f"'{entry}' is not where a call can go: {error}.",
                "Write a host (warehouse.internal), an address (10.0.0.7) or a network "
                "(10.0.0.0/24), with :port where only one is meant.",
            )


def _table(name: str, written: Value, document: Document) -> Table:
    columns = {}
    for column, spec in written["columns"].items():
        spec = {"type": spec} if isinstance(spec, str) else spec
        columns[column] = Column(
            name=column,
            type=spec["type"],
            nullable=bool(spec.get("optional", False)),
            unique=bool(spec.get("unique", False)),
            default=spec.get("default"),
            has_default="default" in spec,
            references=spec.get("references"),
            one_of=tuple(spec.get("one_of", ())),
        )
    return Table(
        name=name,
        columns=columns,
        key=written.get("key", "id"),
        place=document.place(("tables", name)),
        title=written.get("title", ""),
    )


def _table_problems(
    own: Mapping[str, Table], order_table: str, document: Document
) -> Iterator[Problem]:
    known = [*own, *SYSTEM_TABLES]
    if order_table not in own:
        yield Problem(
            "project.order_table",
            document.place(("payment", "order_table")),
            f"the order table '{order_table}' is not among the tables."
            + did_you_mean(order_table, list(own)),
            f"Name one of: {', '.join(own)}.",
        )
    for table in own.values():
        here: Path = ("tables", table.name)
        if table.name in SYSTEM_TABLES or table.name.startswith(("actionflow_", "sqlite_")):
            yield Problem(
                "project.system_table",
                document.place(here),
                f"'{table.name}' is a name of the engine's own tables.",
                "Give your table another name; you can read the system tables as they are.",
            )
        key = table.columns.get(table.key)
        if key is None or key.type not in ("integer", "text") or key.nullable:
            yield Problem(
                "project.key",
                document.place((*here, "key")),
                f"table '{table.name}' has no usable key: '{table.key}' must be one of its columns,"
                " of type integer or text, and never empty.",
                f"Add the column '{table.key}: integer', or name another one with `key:`.",
            )
        for column in table.columns.values():
            there = (*here, "columns", column.name)
            if column.name in POSTGRES_COLUMNS:
                yield Problem(
                    "project.column",
                    document.key_place(there),
                    f"'{column.name}' is the name of a column that PostgreSQL has in every table.",
                    "Give it another name.",
                )
            if (column.type == "reference") != (column.references is not None):
                yield Problem(
                    "project.reference",
                    document.place(there),
                    f"column '{column.name}': `type: reference` and `references: <table>` go"
                    " together.",
                    "Write both, or neither.",
                )
            elif column.references is not None and column.references not in known:
                yield Problem(
                    "project.reference",
                    document.place((*there, "references")),
                    f"column '{column.name}' references '{column.references}', which is no table."
                    + did_you_mean(column.references, known),
                    f"Known tables: {', '.join(sorted(known))}.",
                )
            if column.one_of and column.type != "text":
                yield Problem(
                    "project.one_of",
                    document.place((*there, "one_of")),
                    f"column '{column.name}' is {column.type}; `one_of` is for text.",
                    "Make it `type: text`, or remove `one_of`.",
                )
            if column.has_default and not _default_fits(column):
                yield Problem(
                    "project.default",
                    document.place((*there, "default")),
                    f"column '{column.name}' ({column.type}) has the default {column.default!r}"
                    f" ({kind(column.default)}), which does not fit.",
                    f"Give a default of type {column.type}"
                    + (f", one of: {', '.join(column.one_of)}." if column.one_of else "."),
                )


def _default_fits(column: Column) -> bool:
    if column.type not in ("integer", "amount", "boolean", "text", "currency"):
        return False
    try:
        kept = CHECKS[column.type](column.default)
    except Unfit:
        return False
    return not column.one_of or kept in column.one_of
