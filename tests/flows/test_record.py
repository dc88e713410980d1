"""`actionflow record`: what happened on a server becomes a case that passes, without anyone's data."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from engine.net.client import Reply
from engine.outbox import Outbox
from engine.project import Project
from engine.receive import Receiver, drain
from engine.rows import write_rows
from engine.store import migrate
from engine.store.base import Transaction
from engine.stripe.event import of
from engine.testing.personal import Personal
from tests.flows.conftest import Ran

Actionflow = Callable[..., Ran]
NOW = 1_790_000_000


class Server:
    """The example project with its database, and events that came in."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.project = Project.open(folder)
        migrate.apply(self.project.file, folder.resolve())
        self.write(self.project.seed())

    def write(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        """Rows of the builder's site."""
        store = self.project.store()
        with store.transaction() as tx:
            write_rows(tx, rows, self.project.file)
        store.close()

    def changed(self, nodes: str) -> None:
        """The flow of payments with more nodes at its end."""
        with (self.folder / "payment_callback.yaml").open("a") as file:
            file.write(nodes.lstrip("\n"))
        self.project = Project.open(self.folder)

    def make_calls(self, reply: Reply) -> None:
        """What is due is called and answered so, and given up where that says so."""
        store = self.project.store()

        def transact(work: Callable[[Transaction], Any]) -> Any:
            with store.transaction() as tx:
                return work(tx)

        calls = Outbox(lambda: self.project, transact, now=lambda: NOW, send=lambda *_: reply)
        while due := calls.lease(5):
            for call in due:
                calls.deliver(call)
        store.close()

    def update(self, table: str, key: Any, **values: Any) -> None:
        """A change the builder's site makes."""
        store = self.project.store()
        with store.transaction() as tx:
            tx.update(table, {self.project.file.tables[table].key: key}, values)
        store.close()

    def deliver(self, name: str, **change: Any) -> str:
        """An event comes in; its id."""
        data = json.loads((self.folder / "events" / f"{name}.json").read_text())
        data["data"]["object"].update(change)
        store = self.project.store()
        with store.transaction() as tx:
            receiver = Receiver(self.project, now=lambda: NOW)
            receiver.receive(tx, data, orjson.dumps(data).decode(), of(data))
            drain(receiver, tx)
        store.close()
        return str(data["id"])


@pytest.fixture
def server(shop: pathlib.Path) -> Server:
    return Server(shop)


def cases_of(shop: pathlib.Path) -> str:
    return (shop / "tests" / "recorded.yaml").read_text()


def test_a_payment_and_its_refund(server: Server, actionflow: Actionflow) -> None:
    ids = [server.deliver(name) for name in ("payment_intent.succeeded", "charge.refunded.partial")]
    ran = actionflow("record", *reversed(ids), "--name", "a refund")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "wrote flows/events/payment_intent.succeeded.a-refund.json",
        "wrote flows/events/charge.refunded.a-refund.json",
        "wrote flows/tests/recorded.yaml",
        "run it: actionflow test -k 'recorded: a refund'",
    ]
    again = actionflow("test", "-k", "recorded: a refund")
    assert (again.code, again.out.splitlines()[-1]) == (0, "1 passed, 0 failed")
    text = cases_of(server.folder)
    assert "user_id: customer 1" in text
    assert "ada" not in text
    assert "now: '2026-09-21T14:13:20Z'" in text


HISTORIES = [
    ["customer.subscription.created", "invoice.paid.first", "invoice.paid.renewal"],
    ["customer.subscription.created.trial", "invoice.paid.trial"],
    ["payment_intent.succeeded", "refund.created", "charge.refunded.partial"],
    ["payment_intent.succeeded.disputed", "charge.dispute.created"],
    ["payment_intent.succeeded.foreign"],
    ["checkout.session.completed.unpaid", "checkout.session.async_payment_succeeded"],
]


@pytest.mark.parametrize("names", HISTORIES, ids=lambda names: names[-1])
@pytest.mark.parametrize("last_only", [False, True], ids=["all", "last"])
def test_any_history_gives_a_case_that_passes(
    names: list[str], last_only: bool, server: Server, actionflow: Actionflow
) -> None:
    ids = [server.deliver(name) for name in names]
    ran = actionflow("record", *(ids[-1:] if last_only else ids), "--name", "it")
    assert ran.code == 0, ran.err
    assert "otherwise" not in ran.out
    again = actionflow("test", "-k", "recorded: it")
    assert again.code == 0, again.out


def test_an_event_that_failed(server: Server, actionflow: Actionflow) -> None:
    server.deliver("customer.subscription.created.then_raised")
    id = server.deliver("invoice.paid.raised")
    assert actionflow("record", id, "--name", "refused").code == 0
    assert "outcomes: [waiting]" in cases_of(server.folder)
    assert actionflow("test", "-k", "refused").code == 0


def test_rows_in_a_ring_of_references(server: Server, actionflow: Actionflow) -> None:
    for name in ("customer.subscription.created", "invoice.paid.first", "invoice.paid.renewal"):
        server.deliver(name)
    # The renewal's order refers to the subscription, which refers to the order it began with.
    payment = {"order_id": 4, "amount": 2000, "currency": "usd", "transaction_id": "pi_other"}
    store = server.project.store()
    with store.transaction() as tx, tx.system_writes():
        tx.insert("payment", payment)
    store.close()
    id = server.deliver(
        "payment_intent.succeeded", id="pi_other", amount=2000, amount_received=2000
    )
    assert actionflow("record", id, "--name", "ring").code == 0
    text = cases_of(server.folder)
    assert "renewal_of: 1" in text
    assert actionflow("test", "-k", "ring").code == 0


def test_what_had_a_part_but_was_not_recorded_is_told(
    server: Server, actionflow: Actionflow
) -> None:
    first = server.deliver("payment_intent.payment_failed")
    server.update("order", 1, item="Another notebook")
    last = server.deliver("payment_intent.succeeded")
    ran = actionflow("record", first, last, "--name", "changed")
    assert ran.code == 0
    told = 'otherwise than on the server: order 1: item is "Notebook", expected "Another notebook"'
    assert told in ran.out


def test_the_run_counts_and_not_what_its_calls_did_when_they_were_given_up(
    server: Server, actionflow: Actionflow
) -> None:
    server.changed("""
  - id: tell
    type: http
    url: "https://warehouse.example/{{ callback.orderId }}"
    retry: {tries: 1}
    give_up:
      - {id: lost, type: table.insert, table: notice, values: {order_id: 1, about: lost, message: "{{ error.url }}"}}
""")
    id = server.deliver("payment_intent.succeeded")
    server.make_calls(Reply(503, {}, ""))
    ran = actionflow("record", id, "--name", "told")
    assert ran.code == 0, ran.err
    assert "otherwise" not in ran.out
    given, then = cases_of(server.folder).split("events:")
    assert ("status: pending" in given, "status: paid" in then) == (True, True)


def test_a_called_flow_is_read_with_names_of_its_own(
    server: Server, actionflow: Actionflow
) -> None:
    looks = """
flow: look
trigger: {manual: {id: integer}}
nodes:
  - {id: bought, type: set, values: {item: "{{ input.id }}"}}
  - {id: other, type: table.find, table: order, where: {id: "{{ bought.item }}"}, expect: one}
returns: {item: "{{ other.item }}"}
"""
    (server.folder / "look.yaml").write_text(looks)
    server.changed("""
  - {id: bought, type: table.find, table: order, where: {id: 2}, expect: one}
  - {id: look, type: flow, flow: look, inputs: {id: 3}}
  - {id: note, type: log, message: "{{ bought.item }}, {{ look.item }}"}
""")
    id = server.deliver("payment_intent.succeeded")
    server.update("order", 3, item="Coffee for a month")
    ran = actionflow("record", id, "--name", "calls")
    assert ran.code == 0, ran.err
    given = cases_of(server.folder).split("events:")[0]
    assert [item in given for item in ("Pencil case", "Tea", "Coffee")] == [True, True, False]


def test_nothing_there_is_overwritten(server: Server, actionflow: Actionflow) -> None:
    id = server.deliver("payment_intent.succeeded")
    assert actionflow("record", id, "--name", "once").code == 0
    before = cases_of(server.folder)
    again = actionflow("record", id, "--name", "once")
    assert again.code == 2
    assert "is there already. Choose another --name." in again.err
    (server.folder / "events" / "payment_intent.succeeded.once.json").rename(
        server.folder / "events" / "payment_intent.succeeded.kept.json"
    )
    text = before.replace("payment_intent.succeeded.once", "payment_intent.succeeded.kept")
    (server.folder / "tests" / "recorded.yaml").write_text(text)
    third = actionflow("record", id, "--name", "once")
    assert third.code == 2
    assert "there is a case 'recorded: once' already" in third.err
    assert cases_of(server.folder) == text
    assert actionflow("record", id, "--name", "twice").code == 0
    assert cases_of(server.folder).startswith(text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["evt_unknown"], "there is no event 'evt_unknown' in the inbox"),
        (["evt_x", "--name", "../../etc"], "expected letters, digits, spaces, _ and -"),
    ],
)
def test_bad_input_writes_nothing(
    words: list[str], told: str, server: Server, actionflow: Actionflow
) -> None:
    ran = actionflow("record", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert not (server.folder / "tests" / "recorded.yaml").exists()


PERSON = {
    "object": "charge",
    "customer": "cus_Nq3bWm1pXyz",
    "description": "For Grace Hopper, grace@navy.mil, from 203.0.113.9",
    "receipt_url": "https://pay.stripe.com/receipts/payment/CAcaFwoVYWNjdF8x",
    "receipt_email": "grace@navy.mil",
    "billing_details": {
        "name": "Grace Hopper",
        "email": "grace@navy.mil",
        "phone": "+12025550199",
        "address": {
            "line1": "1 Navy Way",
            "line2": None,
            "city": "Arlington",
            "state": "VA",
            "postal_code": "22202",
            "country": "US",
        },
    },
    "payment_method_details": {
        "card": {
            "last4": "4321",
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "exp_month": 3,
            "exp_year": 2027,
        }
    },
    "metadata": {"order_id": "12025550199", "buyer": "grace@navy.mil", "colour": "red"},
    "lines": [{"object": "product", "name": "Compiler", "state": "open", "amount": 4321}],
    "client_secret": "pi_1_secret_2",
    "user_id": "gh-1906",
    "ip": "2001:db8:0:0:0:0:0:1",
    "note": "customer gh-1906 called",
}
SECRET = [
    "grace",
    "Hopper",
    "navy",
    "203.0.113.9",
    "2001:db8",
    "CAcaFwo",
    "Nq3bWm1pXyz",
    "Navy Way",
    "Arlington",
    "VA",
    "22202",
    '"4321"',
    "Xt5EWL",
    "2027",
    "secret_2",
    "gh-1906",
]


@pytest.fixture
def replaced() -> dict[str, Any]:
    personal = Personal()
    personal.learn(PERSON)
    found: dict[str, Any] = personal.replaced(PERSON)
    return found


@pytest.mark.parametrize("secret", SECRET)
def test_no_personal_value_is_left(secret: str, replaced: dict[str, Any]) -> None:
    assert secret in json.dumps(PERSON)
    assert secret not in json.dumps(replaced)


def test_what_flows_go_by_stays(replaced: dict[str, Any]) -> None:
    assert replaced["billing_details"]["address"]["country"] == "US"
    assert replaced["billing_details"]["address"]["line2"] is None
    assert replaced["metadata"]["order_id"] == "12025550199"
    assert replaced["metadata"]["colour"] == "red"
    assert replaced["lines"] == PERSON["lines"]
    assert replaced["object"] == "charge"


def test_one_value_has_one_placeholder(replaced: dict[str, Any]) -> None:
    email = replaced["receipt_email"]
    assert replaced["billing_details"]["email"] == replaced["metadata"]["buyer"] == email
    assert replaced["description"] == f"For name 1, {email}, from 192.0.2.1"
    assert replaced["note"] == f"customer {replaced['user_id']} called"
    assert Personal().replaced(PERSON)["customer"] == replaced["customer"]


def test_what_is_replaced_stays_as_it_is_when_replaced_again(replaced: dict[str, Any]) -> None:
    personal = Personal()
    personal.learn(PERSON)
    assert personal.replaced(personal.replaced(PERSON)) == replaced
