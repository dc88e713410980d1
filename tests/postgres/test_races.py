"""Where one writer gave safety for free: the same payment, order or event at two servers at once."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
import pytest

from engine.actions import Actions, Asked
from engine.answer import Answer
from engine.nodes.base import Frame
from engine.project import Project
from engine.receive import Receiver
from engine.store import inbox
from engine.store.again import committed
from engine.store.base import Store, Transaction
from engine.store.connect import open_store
from engine.stripe.event import load, of
from tests.acceptance.shop import SECRET, Shop, open_shop
from tests.acceptance.test_kill import event_for
from tests.postgres.conftest import VARIABLE
from tests.postgres.races import Race, Work
from tests.store.support import PostgresConnector


@pytest.fixture
def shop(
    database: PostgresConnector, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    """The example shop, one of the two servers."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
    with open_shop(tmp_path / "flows", f"env:{VARIABLE}") as opened:
        opened.service.stopping.set()
        opened.service.deliverer.stop()
        opened.service.writer._due.look_at = time.monotonic() + 10_000
        yield opened


@pytest.fixture
def second(shop: Shop, database: PostgresConnector) -> Iterator[Store]:
    """The other server's store."""
    file = shop.project.file
    store = open_store(database.url(), file.tables, shop.project.folder, name="second")
    try:
        yield store
    finally:
        store.close()


def acting(shop: Shop, transact: Callable[[Work], Any]) -> Actions:
    whole = shop.service.actions
    assert whole is not None
    return Actions(whole.project, transact, whole.stripe, "pk_test")


def race(
    shop: Shop,
    second: Store,
    database: PostgresConnector,
    action: str,
    given: dict[str, Any],
    *,
    key: str | None = None,
    meet_in: int = 2,
) -> tuple[Answer, Answer, Race]:
    """The same action at both servers; they meet in this transaction of the first: 1 writes the
    request down, 2 is the flow up to its first call."""
    other = acting(shop, partial(committed, second))
    asked = Asked(action, "boss", "admin", given, key)
    meeting = Race(database, shop.service.store, lambda: other.act(asked))
    transactions = 0

    def transact(work: Work) -> Any:
        nonlocal transactions
        transactions += 1
        if transactions == meet_in:
            return meeting.transact(work)
        if transactions == meet_in + 1:
            assert meeting.second  # or what the first says next decides what the second hears
        return committed(shop.service.store, work)

    answer = acting(shop, transact).act(Asked(action, "boss", "admin", dict(given), key))
    return answer, meeting.second, meeting


def test_two_payments_of_an_order_at_once_are_one(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    answer, other, meeting = race(shop, second, database, "pay", {"orderId": 1})
    assert meeting.waited
    assert (answer.status, other.status) == (200, 409), other.body
    assert other.body["code"] == "payment_in_progress"
    assert len(shop.rows("payment")) == 1
    assert len(shop.standin.state.table("payment_intent")) == 1


def test_one_idempotency_key_at_both_is_one_action(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    given = {"orderId": 1}
    answer, other, meeting = race(shop, second, database, "pay", given, key="k", meet_in=1)
    assert meeting.waited
    assert answer.status == 200
    assert other.body["code"] == "action_in_progress"
    again = acting(shop, partial(committed, second)).act(Asked("pay", "boss", "admin", given, "k"))
    assert (again.replayed, again.body) == (True, answer.body)
    assert len(shop.rows("payment")) == 1


def paid(shop: Shop) -> int:
    """A payment of order 1 that came."""
    answer = shop.act("pay", {"orderId": 1, "mode": "checkout"})
    shop.buy(answer.json()["checkoutUrl"])
    shop.deliver()
    assert shop.row("payment")["status"] == "SUCCESSFUL"
    return int(shop.row("payment")["id"])


def test_two_refunds_at_once_never_give_back_more_than_came(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    given = {"paymentId": paid(shop), "refundAmount": 6000}
    answer, other, meeting = race(shop, second, database, "refund", given)
    assert meeting.waited
    assert (answer.status, other.status) == (200, 422), other.body
    assert (other.body["code"], other.body["left"]) == ("more_than_is_left", 4000)
    assert [row["amount"] for row in shop.rows("refund")] == [6000]


def receiving(shop: Shop, body: bytes) -> Work:
    """What a server does with a delivered event."""
    data = load(body)
    receiver = Receiver(shop.project)

    def work(tx: Transaction) -> str:
        return receiver.receive(tx, data, body.decode(), of(data)).outcome

    return work


def test_the_same_event_at_both_is_one_run(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    work = receiving(shop, event_for(2))
    meeting = Race(database, shop.service.store, lambda: committed(second, work))
    assert meeting.transact(work) == "done"
    assert meeting.second == "duplicate"
    assert meeting.waited
    assert len(shop.rows("payment")) == 1
    with shop.service.store.reader() as tx:
        assert tx.execute("SELECT count(*) AS n FROM actionflow_run") == [{"n": 1}]


def test_a_refund_asked_for_while_its_payments_event_is_worked_on(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    """The action waits for the event's row, and sees what it says."""
    payment = paid(shop)
    whole = shop.stripe().refunds.create(
        {"payment_intent": shop.row("payment")["transaction_id"], "amount": 7000}
    )
    event = next(
        event
        for event in shop.stripe().events.list({"limit": 100}).data
        if event.type == "charge.refunded"
    )
    work = receiving(shop, str(event).encode())
    other = acting(shop, partial(committed, second))
    asked = Asked("refund", "boss", "admin", {"paymentId": payment, "refundAmount": 5000})
    meeting = Race(database, shop.service.store, lambda: other.act(asked))
    assert meeting.transact(work) == "done"
    assert meeting.second.status == 422, meeting.second.body
    assert meeting.second.body["left"] == 3000
    assert meeting.waited
    assert whole.amount == shop.row("payment")["amount_refunded"]


def test_both_payments_of_an_order_are_given_back_at_once(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    """Neither refund takes the other's payment for one that still pays the order."""

    def told(number: int, kind: str, **more: Any) -> Work:
        event = orjson.loads(event_for(1))
        thing = event["data"]["object"]
        event |= {"id": f"evt_{number}_{kind}", "type": kind}
        ids = {"id": f"pi_{number}", "latest_charge": f"ch_{number}"}
        event["data"]["object"] = thing | ids | more
        return receiving(shop, orjson.dumps(event))

    def refunded(number: int) -> Work:
        charge = {"id": f"ch_{number}", "object": "charge", "payment_intent": f"pi_{number}"}
        money = {"amount_captured": 10_000, "amount_refunded": 10_000, "refunded": True}
        more = charge | money | {"paid": True, "captured": True}
        return told(number, "charge.refunded", **more)

    for number in (1, 2):
        assert committed(shop.service.store, told(number, "payment_intent.succeeded")) == "done"
    other = refunded(2)
    meeting = Race(database, shop.service.store, lambda: committed(second, other))
    assert meeting.transact(refunded(1)) == "done"
    assert meeting.second == "done"
    assert meeting.waited
    assert [row["status"] for row in shop.rows("payment")] == ["REFUNDED", "REFUNDED"]
    assert shop.row("order", id=1)["status"] == "refunded"


def test_two_requests_to_subscribe_at_once_leave_one_page_open(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    stripe = shop.stripe()
    monthly = {"currency": "usd", "unit_amount": 2000, "recurring": {"interval": "month"}}
    price = stripe.prices.create({**monthly, "product_data": {"name": "Tea"}}).id
    given = {"type": "Initiate", "orderId": 3, "priceId": price}
    answer, other, meeting = race(shop, second, database, "recurring", given, meet_in=3)
    assert meeting.waited
    assert (answer.status, other.status) == (200, 409), other.body
    assert other.body["code"] == "payment_in_progress"
    assert [one.status for one in stripe.checkout.sessions.list().data] == ["open"]


def test_an_event_while_a_refund_of_its_payment_is_planned(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    """The event waits for the action's stretch; both leave their mark on the payment."""
    payment = paid(shop)
    shop.stripe().refunds.create(
        {"payment_intent": shop.row("payment")["transaction_id"], "amount": 7000}
    )
    event = next(
        event
        for event in shop.stripe().events.list({"limit": 100}).data
        if event.type == "charge.refunded"
    )
    work = receiving(shop, str(event).encode())
    meeting = Race(database, shop.service.store, lambda: committed(second, work))
    transactions = 0

    def transact(one: Work) -> Any:
        nonlocal transactions
        transactions += 1
        return meeting.transact(one) if transactions == 2 else committed(shop.service.store, one)

    asked = Asked("refund", "boss", "admin", {"paymentId": payment, "refundAmount": 3000})
    answer = acting(shop, transact).act(asked)
    assert meeting.waited
    assert answer.status == 200, answer.body
    assert meeting.second == "done"
    shop.deliver()
    row = shop.row("payment")
    assert (row["status"], row["amount_refunded"]) == ("REFUNDED", 10_000)


def test_an_event_set_aside_while_its_row_is_made_is_woken(
    shop: Shop, second: Store, database: PostgresConnector
) -> None:
    """The charge names no payment intent, as in old API versions: the two share no subject."""
    charge = {
        "id": "ch_2",
        "object": "charge",
        "amount": 10_000,
        "amount_refunded": 3000,
        "currency": "usd",
        "status": "succeeded",
        "captured": True,
        "refunded": False,
        "payment_intent": None,
        "metadata": {},
        "created": 1_780_000_000,
        "livemode": False,
    }
    refunded = receiving(shop, event_about(charge, "evt_9", "charge.refunded"))
    success = receiving(shop, event_for(2))
    meeting = Race(database, shop.service.store, lambda: committed(second, success))
    assert meeting.transact(refunded) == "ignored"
    assert meeting.second == "done"
    assert meeting.waited
    with shop.service.store.reader() as tx:
        row = inbox.show(tx, "evt_9")
    assert row is not None
    assert row.state in ("waiting", "done"), "woken; the server may have done it already"


def event_about(thing: dict[str, Any], id: str, type: str) -> bytes:
    """An event of API 2026-05-27.dahlia."""
    return orjson.dumps(
        {
            "id": id,
            "object": "event",
            "api_version": "2026-05-27.dahlia",
            "created": 1_780_000_000,
            "livemode": False,
            "type": type,
            "data": {"object": thing},
        }
    )


MADE_ONCE = """
flow: made_once
trigger: {stripe: [customer.created]}
nodes:
  - {id: there, type: table.find, table: order, where: {id: 77}}
  - id: which
    type: branch
    cases:
      - name: new
        when: "{{ there is none }}"
        do:
          - id: make
            type: table.insert
            table: order
            values: {id: 77, user_id: ada, item: tea, amount: 1, currency: usd}
      - name: there already
        else: true
        do:
          - {id: more, type: table.update, table: order, where: {id: 77}, values: {amount: "{{ there.amount + 1 }}"}}
"""


@pytest.mark.parametrize("there", [False, True], ids=["first insert", "read, then written"])
def test_a_race_runs_the_flow_once_more_and_no_oftener(
    shop: Shop, second: Store, database: PostgresConnector, there: bool
) -> None:
    """Two events that share nothing to wait for; both flows looked before either had written."""
    (shop.project.folder / "made_once.yaml").write_text(MADE_ONCE)
    project = Project.open(shop.project.folder)
    if there:
        [event] = [customer(project, "evt_0")]
        assert committed(shop.service.store, event) == "done"
    runs: list[str] = []
    meeting = Race(
        database, shop.service.store, lambda: committed(second, customer(project, "evt_2", runs))
    )
    assert meeting.transact(customer(project, "evt_1", runs)) == "done"
    assert meeting.second == "done"
    assert meeting.waited
    assert runs == ["evt_1", "evt_2", "evt_2"]
    assert shop.row("order", id=77)["amount"] == 2 + there
    with shop.service.store.reader() as tx:
        kept = tx.execute("SELECT event_id FROM actionflow_run ORDER BY event_id")
        assert [row["event_id"] for row in kept][-2:] == ["evt_1", "evt_2"]


def customer(project: Project, id: str, runs: list[str] | None = None) -> Work:
    """What a server does with an event that starts made_once; `runs` counts how often it runs."""
    thing = {"id": f"cus_{id}", "object": "customer"}
    body = event_about(thing, id, "customer.created")
    data = load(body)
    flow = project.flows["made_once"]

    def block(frame: Frame) -> None:
        if runs is not None:
            runs.append(id)
        flow.block(frame)

    counted = replace(flow, block=block)
    flows = {**project.flows, "made_once": counted}
    receiver = Receiver(Project(project.folder, project.file, flows, []))

    def work(tx: Transaction) -> str:
        return receiver.receive(tx, data, body.decode(), of(data)).outcome

    return work
