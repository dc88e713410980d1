"""A small project with the locked nodes, and deliveries to it as the engine makes them: an event
that is not ours (so far) is set aside until a row of its subject appears, one that is too early is
tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import Place
from engine.model import Column, Node, ProjectFile, Row, Table
from engine.nodes.base import REGISTRY, Frame, NotOurs, NotYet
from engine.run import load_node_types
from engine.store.connect import memory
from engine.store.schema import system_tables
from engine.stripe.event import of
from engine.stripe.routing import DISPUTE, subject_of, trigger_of

load_node_types()

PLACE = Place("flow.yaml")
ORDER = Table(
    "order",
    {
        "id": Column("id", "integer"),
        "amount": Column("amount", "amount", nullable=True),
        "note": Column("note", "text", nullable=True),
    },
    "id",
)
TEXT_ORDER = Table("order", {"code": Column("code", "text")}, "code")


def project_of(order: Table = ORDER) -> ProjectFile:
    tables = {order.name: order, **system_tables(order)}
    return ProjectFile("shop", "project.yaml", "sqlite:///x.db", tables, order.name)


class _Compiler:
    """As much of a compiler as the locked nodes ask for."""

    flow: Any = None

    def __init__(self, project: ProjectFile) -> None:
        self.project = project

    def place(self, node: Node, *keys: str | int) -> Place:
        return PLACE


class World:
    """A project's database and its five flows. `pays` is what the builder's create_order gives for
    a charge, by the charge callback's output."""

    def __init__(self, order: Table = ORDER, pays: Callable[[Row], Row] | None = None) -> None:
        self.project = project_of(order)
        self.store = memory(self.project.tables)
        compiler: Any = _Compiler(self.project)

        def step(kind: str) -> Callable[[Frame], Any]:
            return REGISTRY[kind].compile(Node("n", kind, {}, PLACE, ()), compiler)

        self.steps = {
            "payment": step("stripe.payment_callback"),
            "refund": step("stripe.refund_callback"),
            "recurring_management": step("stripe.recurring_management_callback"),
            "recurring_charge": step("stripe.recurring_charge_callback"),
            "dispute": step("stripe.dispute_callback"),
        }
        self.process = step("stripe.process_recurring_payment")
        self.pays = pays
        self.aside: dict[str, list[dict[str, Any]]] = {}
        self.waiting: list[dict[str, Any]] = []
        self.reasons: list[str] = []
        self.outputs: list[Row] = []
        """What each callback gave, in the order they ran."""

    def add(self, table: str, **values: Any) -> Row:
        with self.store.transaction() as tx, tx.system_writes():
            return tx.insert(table, values)

    def rows(self, table: str) -> list[Row]:
        with self.store.transaction() as tx:
            return tx.find(table, {})

    def only(self, table: str) -> Row:
        (row,) = self.rows(table)
        return row

    def deliver(self, *events: dict[str, Any]) -> Row | None:
        """Deliver each; the last one's callback output, None where it was set aside or waits."""
        output: Row | None = None
        for event in events:
            output = self._deliver(event)
        return output

    def settle(self, *events: dict[str, Any]) -> None:
        """Deliver each, then try those that wait until none of them gets further."""
        self.deliver(*events)
        while self.waiting:
            again, self.waiting = self.waiting, []
            self.deliver(*again)
            assert len(self.waiting) < len(again), "what waits must get its turn"

    def run(
        self, event: dict[str, Any], now: str = "2026-11-25T10:00:00Z"
    ) -> tuple[Row, list[str]]:
        """One run in a transaction of its own: the callback's output and the subjects it woke.

        Raises what the node raises; then nothing of it is kept.
        """
        read = of(event)
        name = "dispute" if read.type in DISPUTE else trigger_of(read)
        assert name, f"{read.type} starts no callback"
        with self.store.transaction() as tx:
            tx.now = now
            values: dict[str, Any] = {"event": event}
            frame = Frame(values, tx, self.project, tx.now)
            with tx.savepoint():
                output = self.steps[name](frame)
                if name == "recurring_charge":
                    self._charge(frame, output)
                elif not output["callbackProcessed"]:
                    self._order(frame, name, output)
            return output, frame.subjects

    def _deliver(self, event: dict[str, Any]) -> Row | None:
        try:
            output, subjects = self.run(event)
        except NotOurs as reason:
            self.reasons.append(str(reason))
            self.aside.setdefault(subject_of(of(event)) or "", []).append(event)
            return None
        except NotYet as reason:
            self.reasons.append(str(reason))
            self.waiting.append(event)
            return None
        self.outputs.append(output)
        for subject in subjects:
            self.deliver(*self.aside.pop(subject, []))
        return output

    def _order(self, frame: Frame, name: str, output: Row) -> None:
        """The example's payment and refund flows: what they make of the order."""
        if "note" not in self.project.order.columns:
            return
        where: Row = {"id": output["orderId"]}
        if name == "payment" and output["paymentStatus"] == "SUCCESSFUL":
            frame.tx.update("order", where, {"note": "paid"})
        elif name == "payment" and output["paymentStatus"] == "FAILED":
            frame.tx.update("order", where | {"note": [None, "failed"]}, {"note": "failed"})
        elif name == "refund" and output["totalRefunded"]:
            whole = output["totalRefunded"] == output["paymentAmount"]
            frame.tx.update("order", where, {"note": "refunded" if whole else "partly refunded"})
        elif name == "refund":
            refunded = where | {"note": ["refunded", "partly refunded"]}
            frame.tx.update("order", refunded, {"note": "paid"})

    def _charge(self, frame: Frame, output: Row) -> None:
        """The example's charge flow: the first charge pays the order, a renewal makes one."""
        if output["callbackProcessed"] or output["status"] != "SUCCESSFUL":
            return
        if self.pays is not None:
            given = self.pays(output)
        elif output["firstCharge"]:
            given = {"orderId": output["orderId"], "amount": output["amount"]}
        else:
            made = frame.tx.insert("order", {"amount": output["amount"], "note": "renewal"})
            given = {"orderId": made["id"], "amount": made["amount"]}
        frame.values["create_order"] = given
        output["process"] = self.process(frame)

    def picture(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows without what may differ from one order of delivery to another."""
        names: dict[tuple[str, Any], Any] = {}
        orders = [(row["amount"], row["note"]) for row in self.rows("order")]
        drawn: dict[str, list[tuple[Any, ...]]] = {"order": sorted(orders, key=str)}
        for table in ("recurring_payment", "payment", "refund"):
            shown = []
            for row in self.rows(table):
                stripe = row.get("transaction_id") or row.get("subscription_id")
                names[table, row["id"]] = stripe
                facts = row.pop("facts")
                # Which order a renewal made depends on the run; that it is one of its own does not.
                renewal = row.get("type") == "recurring"
                row["order_id"] = "renewal's" if renewal else row.get("order_id")
                for column in ("payment_id", "recurring_payment_id"):
                    if row.get(column) is not None:
                        row[column] = names[column.removesuffix("_id"), row[column]]
                for column in ("id", "created_at", "updated_at"):
                    del row[column]
                shown.append((*sorted(row.items()), ("facts", facts)))
            drawn[table] = sorted(shown, key=repr)
        return drawn
