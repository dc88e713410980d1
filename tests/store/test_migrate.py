"""Migrations keep data, tell what they do, and refuse what could harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.model import Column, ProjectFile, Row, Table
from engine.store.base import (
    ConstraintViolation,
    DatabaseOutdated,
    MigrationRefused,
    StoreError,
    UniqueViolation,
)
from engine.store.migrate import Step
from tests.store.support import ORDER, Connector, column, project, table

ID = column("id", "integer")
AMOUNT = column("amount", "amount")
STATUS = column("status", "text", default="new")
PLAIN = table("order", ID, STATUS, AMOUNT)
ROWS: list[Row] = [{"amount": 5}, {"amount": 5, "status": "paid"}]


def with_columns(*columns: Column, without: tuple[str, ...] = ()) -> Table:
    """The plain order table with columns added, replaced or taken out."""
    wanted = {**PLAIN.columns, **{column.name: column for column in columns}}
    return replace(PLAIN, columns={n: c for n, c in wanted.items() if n not in without})


def start(connector: Connector, *tables: Table, rows: list[Row] = ROWS) -> None:
    """A migrated database of these tables, with orders in it."""
    store = connector.migrated(project(*(tables or (PLAIN,))))
    with store.transaction() as tx:
        for row in rows:
            tx.insert("order", row)
    store.close()


def go(connector: Connector, *tables: Table, **more: Any) -> list[Step]:
    """Migrate; the plan says what is done, and there is nothing left to do."""
    file = project(*tables, **more)
    planned = connector.plan(file)
    done = connector.apply(file)
    assert [step.sentence for step in done] == [step.sentence for step in planned]
    assert connector.plan(file) == []
    assert connector.apply(file) == []
    return done


def rows(connector: Connector, file: ProjectFile, table: str = "order") -> list[Row]:
    store = connector.open(file)
    with store.reader() as tx:
        return tx.find(table, {})


def schema(connector: Connector) -> list[tuple[Any, ...]]:
    """Everything the database says of its tables, and what it remembers of the project."""
    return [
        *connector.schema(),
        *connector.by_hand("SELECT * FROM actionflow_meta ORDER BY key"),
    ]


def refused(connector: Connector, *tables: Table, **more: Any) -> str:
    """The migration is refused for one reason, and nothing has changed."""
    before = schema(connector)
    file = project(*tables, **more)
    with pytest.raises(MigrationRefused) as planned:
        connector.plan(file)
    with pytest.raises(MigrationRefused) as applied:
        connector.apply(file)
    assert schema(connector) == before
    assert applied.value.reasons == planned.value.reasons
    [reason] = applied.value.reasons
    return reason


def test_a_new_database_gets_all_tables_at_once(connector: Connector) -> None:
    go(connector, ORDER)
    store = connector.open(project())
    with store.transaction() as tx, tx.system_writes():
        order = tx.insert("order", {"amount": 5})
        payment = tx.insert("payment", {"order_id": order["id"], "amount": 5, "currency": "usd"})
        tx.insert("refund", {"payment_id": payment["id"], "amount": 5, "currency": "usd"})
    with pytest.raises(ConstraintViolation, match=r"payment\.order_id"), store.transaction() as tx:
        tx.delete("order", {"id": order["id"]})


def test_columns_are_added_and_data_is_kept(connector: Connector) -> None:
    start(connector)
    wanted = with_columns(
        column("note", "text", nullable=True),
        column("code", "text", nullable=True, unique=True),
        column("size", "integer", default=4),
        column("open", "boolean", default=True),
        column("tags", "json", default=["it's"]),
        column("due", "timestamp", nullable=True, default="2026-01-01T01:00:00+01:00"),
        column("parent", "reference", nullable=True, references="order"),
        column("paid_by", "reference", nullable=True, references="payment"),
    )
    steps = go(connector, wanted)
    assert any(
        step.sql.startswith('ALTER TABLE "order" ADD COLUMN "size" ')
        and step.sql.endswith(" NOT NULL DEFAULT 4")
        for step in steps
    )
    added = {
        "note": None,
        "code": None,
        "size": 4,
        "open": True,
        "tags": ["it's"],
        "due": "2026-01-01T00:00:00Z",
        "parent": None,
        "paid_by": None,
    }
    assert rows(connector, project(wanted)) == [
        {"id": 1, "status": "new", "amount": 5, **added},
        {"id": 2, "status": "paid", "amount": 5, **added},
    ]
    store = connector.open(project(wanted))
    with store.transaction() as tx:
        tx.insert("order", {"amount": 1, "parent": 1, "code": "a"})
        with pytest.raises(ConstraintViolation, match=r"order\.parent"), tx.savepoint():
            tx.insert("order", {"amount": 1, "parent": 99})
        with pytest.raises(UniqueViolation, match=r"order\.code"), tx.savepoint():
            tx.insert("order", {"amount": 1, "code": "a"})


def test_a_required_column_can_join_an_empty_table(connector: Connector) -> None:
    start(connector, rows=[])
    wanted = with_columns(column("owner", "text"))
    go(connector, wanted)
    store = connector.open(project(wanted))
    with store.transaction() as tx:
        assert tx.insert("order", {"amount": 1, "owner": "ann"})["owner"] == "ann"


def test_a_required_reference_with_a_default_is_added_and_checked(
    connector: Connector,
) -> None:
    start(connector)
    good = with_columns(column("parent", "reference", references="order", default=1))
    wrong = with_columns(column("parent", "reference", references="order", default=9))
    before = schema(connector)
    with pytest.raises(ConstraintViolation, match="rows refer to rows of 'order'"):
        connector.apply(project(wrong))
    assert schema(connector) == before
    go(connector, good)
    assert [row["parent"] for row in rows(connector, project(good))] == [1, 1]


def test_tables_may_refer_to_each_other_in_a_circle(connector: Connector) -> None:
    user = table("user", ID, column("last", "reference", references="order", nullable=True))
    wanted = with_columns(column("user", "reference", references="user"))
    go(connector, wanted, user)
    store = connector.open(project(wanted, user))
    with store.transaction() as tx:
        tx.insert("user", {})
        tx.insert("order", {"amount": 1, "user": 1})
        tx.update("user", {"id": 1}, {"last": 1})


def test_what_is_gone_from_the_project_file_is_left_in_place_and_said_once(
    connector: Connector,
) -> None:
    extra = table("extra", ID, column("text", "text"))
    start(connector, with_columns(column("note", "text", nullable=True, unique=True)), extra)
    steps = go(connector, with_columns(column("note", "text", nullable=True)))
    assert [step.sentence for step in steps if "left in place" in step.sentence] == [
        "The table 'extra' is no longer in the project file; it is left in place.",
        "order.note is no longer unique in the project file; its rule is left in place and still "
        "refuses a second row of the same value (DROP INDEX takes it away).",
    ]
    steps = go(connector, PLAIN)
    assert steps[0].sentence.startswith("The column 'order.note' is not in the project file")
    assert connector.by_hand("SELECT count(*) FROM extra") == [(0,)]
    assert connector.by_hand('SELECT note FROM "order"') == [(None,), (None,)]


def test_a_required_column_left_in_place_does_not_stop_new_rows(connector: Connector) -> None:
    start(connector)
    wanted = with_columns(without=("amount",))
    steps = go(connector, wanted)
    assert any("lets 'amount' be null" in step.sentence for step in steps)
    store = connector.open(project(wanted))
    with store.transaction() as tx:
        tx.insert("order", {})
    store.close()
    assert connector.by_hand('SELECT amount FROM "order" ORDER BY id') == [(5,), (5,), (None,)]
    assert "no value" in str(refused(connector, PLAIN)) or "null there (id 3)" in refused(
        connector, PLAIN
    )


def test_a_column_that_comes_back_has_its_data_still(connector: Connector) -> None:
    start(connector)
    go(connector, with_columns(without=("status",)))
    go(connector, PLAIN)
    assert [row["status"] for row in rows(connector, project(PLAIN))] == ["new", "paid"]


def test_a_column_may_become_optional_and_required_again(connector: Connector) -> None:
    user = table("line", ID, column("order", "reference", references="order"))
    start(connector, PLAIN, user)
    optional = with_columns(replace(STATUS, nullable=True))
    go(connector, optional, user)
    store = connector.open(project(optional, user))
    with store.transaction() as tx:
        tx.insert("line", {"order": 1})
        tx.update("order", {"id": 1}, {"status": None})
    store.close()
    assert "rows have null there (id 1)" in refused(connector, PLAIN, user)
    store = connector.open(project(optional, user))
    with store.transaction() as tx:
        tx.update("order", {"id": 1}, {"status": "new"})
    store.close()
    go(connector, PLAIN, user)
    assert rows(connector, project(PLAIN, user), "line") == [{"id": 1, "order": 1}]


def test_an_integer_may_become_a_reference_when_all_rows_fit(connector: Connector) -> None:
    loose = table("line", ID, column("order", "integer"))
    bound = table("line", ID, column("order", "reference", references="order"))
    start(connector, PLAIN, loose)
    store = connector.open(project(PLAIN, loose))
    with store.transaction() as tx:
        tx.insert("line", {"order": 1})
        tx.insert("line", {"order": 7})
    store.close()
    assert "rows name no row of it (id 2)" in refused(connector, PLAIN, bound)
    connector.by_hand("DELETE FROM line WHERE id = 2")
    go(connector, PLAIN, bound)
    store = connector.open(project(PLAIN, bound))
    with pytest.raises(ConstraintViolation), store.transaction() as tx:
        tx.insert("line", {"order": 7})


REFUSALS: list[tuple[str, tuple[Table, ...], str]] = [
    (
        "a required column without default",
        (with_columns(column("owner", "text")),),
        "order.owner: the new column is required and has no default",
    ),
    (
        "unique with a default",
        (with_columns(column("code", "integer", default=1, unique=True)),),
        "order.code: the new column is unique",
    ),
    (
        "unique over repeated values",
        (with_columns(replace(AMOUNT, unique=True)),),
        "values are there more than once (5 (int) in 2 rows, id 1 to 2)",
    ),
    (
        "another type, kept alike",
        (with_columns(replace(AMOUNT, type="integer")),),
        "order.amount: its type is amount in the database and integer in the project file",
    ),
    (
        "another type, kept otherwise",
        (with_columns(replace(AMOUNT, type="text")),),
        "order.amount: its type is amount in the database and text",
    ),
    (
        "a column renamed",
        (with_columns(column("state", "text", default="new"), without=("status",)),),
        'ALTER TABLE "order" RENAME COLUMN "status" TO "state"',
    ),
    (
        "another key",
        (
            with_columns(),
            table("line", column("no", "integer"), column("order", "integer"), key="no"),
        ),
        "table 'line': its key is 'id' in the database and 'no'",
    ),
    (
        "a table renamed",
        (with_columns(), table("lines", ID, column("order", "reference", references="order"))),
        'ALTER TABLE "line" RENAME TO "lines"',
    ),
    (
        "a reference to another table",
        (with_columns(), table("line", ID, column("order", "reference", references="payment"))),
        "line.order: it refers to 'order' in the database and to 'payment'",
    ),
    (
        "a reference no more",
        (with_columns(), table("line", ID, column("order", "integer"))),
        "line.order: its type is reference in the database and integer",
    ),
    (
        "a system table's name",
        (with_columns(), table("Payment", ID)),
        "'Payment': this is the name of a system table",
    ),
    (
        "a name of the engine's",
        (with_columns(), table("actionflow_notes", ID)),
        "'actionflow_notes': names that begin with",
    ),
    (
        "names alike but for capitals",
        (with_columns(), table("Order", ID)),
        "tables 'order' and 'Order'",
    ),
    (
        "columns alike but for capitals",
        (with_columns(column("Status", "text", nullable=True)),),
        "columns 'order.status' and 'Status'",
    ),
]


@pytest.mark.parametrize(
    ("tables", "reason"), [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS]
)
def test_what_could_harm_is_refused_with_the_reason(
    connector: Connector, tables: tuple[Table, ...], reason: str
) -> None:
    line = table("line", ID, column("order", "reference", references="order"))
    start(connector, PLAIN, line)
    connector.by_hand('INSERT INTO line ("order") VALUES (1)')
    assert reason in refused(connector, *tables)


def test_all_reasons_are_told_at_once(connector: Connector) -> None:
    start(connector)
    wrong = with_columns(column("owner", "text"), replace(AMOUNT, unique=True))
    with pytest.raises(MigrationRefused) as found:
        connector.plan(project(wrong))
    assert len(found.value.reasons) == 2


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (project(table("bill", ID, AMOUNT), order="bill"), "the order table is 'order'"),
        (
            project(PLAIN, table("bill", ID, AMOUNT), order="bill"),
            "Binding an order table is final",
        ),
        (project(table("bill", ID, AMOUNT), order="order"), "is gone from project.yaml"),
        (
            project(table("order", column("no", "integer"), AMOUNT, key="no")),
            "the key of the order table 'order' is 'id'",
        ),
        (project(PLAIN, name="other"), "belongs to the project 'shop', and this is 'other'"),
    ],
    ids=["renamed", "replaced", "dropped", "another key", "another project"],
)
def test_the_order_table_is_bound_for_good(
    connector: Connector, file: ProjectFile, reason: str
) -> None:
    start(connector)
    before = schema(connector)
    for act in (connector.plan, connector.apply):
        with pytest.raises(MigrationRefused, match=reason):
            act(file)
    assert schema(connector) == before


def test_an_order_table_lost_from_the_database_is_not_made_again(
    connector: Connector,
) -> None:
    start(connector)
    connector.by_hand('ALTER TABLE "order" RENAME TO bill')
    assert "has lost its order table 'order'" in refused(connector, PLAIN)
    with pytest.raises(DatabaseOutdated):
        connector.open(project(PLAIN))


def test_an_order_table_must_be_among_the_tables(connector: Connector) -> None:
    file = ProjectFile("shop", "project.yaml", "sqlite:///shop.db", {"order": PLAIN}, "ordr")
    with pytest.raises(MigrationRefused, match="'ordr' is not among the tables"):
        connector.plan(file)


def test_a_migration_that_fails_half_way_leaves_nothing(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(connector)
    before = schema(connector)

    def fails(*args: object) -> None:
        raise StoreError("no more")

    monkeypatch.setattr("engine.store.meta.write", fails)
    wanted = with_columns(column("note", "text", nullable=True), replace(STATUS, nullable=True))
    with pytest.raises(StoreError, match="no more"):
        connector.apply(project(wanted))
    assert schema(connector) == before
    monkeypatch.undo()
    go(connector, wanted)


def test_a_store_opens_only_on_the_tables_it_is_given(connector: Connector) -> None:
    start(connector)
    wanted = with_columns(column("note", "text", nullable=True))
    with pytest.raises(DatabaseOutdated, match="Run `actionflow migrate`"):
        connector.open(project(wanted))
    go(connector, wanted)
    connector.open(project(wanted))
    other = with_columns(column("note", "text", nullable=True), replace(STATUS, one_of=("new",)))
    connector.open(project(other))


def test_a_column_dropped_by_hand_is_noticed_and_made_again(connector: Connector) -> None:
    start(connector, with_columns(column("note", "text", nullable=True)))
    connector.by_hand('ALTER TABLE "order" DROP COLUMN note')
    wanted = with_columns(column("note", "text", nullable=True))
    with pytest.raises(DatabaseOutdated):
        connector.open(project(wanted))
    go(connector, wanted)
    assert len(rows(connector, project(wanted))) == 2


def test_a_table_renamed_by_hand_as_advised_keeps_its_data(connector: Connector) -> None:
    start(connector, PLAIN, table("line", ID, column("n", "integer")))
    connector.by_hand("INSERT INTO line (n) VALUES (7)")
    connector.by_hand('ALTER TABLE "line" RENAME TO "lines"')
    connector.by_hand('ALTER TABLE "lines" RENAME COLUMN "n" TO "number"')
    lines = table("lines", ID, column("number", "integer"))
    go(connector, PLAIN, lines)
    assert rows(connector, project(PLAIN, lines), "lines") == [{"id": 1, "number": 7}]


def test_a_running_server_goes_on_over_a_migration(connector: Connector) -> None:
    start(connector)
    server = connector.open(project(PLAIN))
    server.claim_server()
    with server.transaction() as tx:
        tx.update("order", {"id": 1}, {"amount": 6})
    go(connector, with_columns(column("n", "integer", default=1), replace(STATUS, nullable=True)))
    with server.transaction() as tx:
        tx.update("order", {"id": 1}, {"amount": 7})
        tx.insert("order", {"amount": 8})
        assert [row["amount"] for row in tx.find("order", {})] == [7, 5, 8]
