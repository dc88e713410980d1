"""kill -9 of the server under load: every acknowledged event is there, none twice."""

from __future__ import annotations

import pathlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import orjson
import pytest

from bench.ports import free_port
from engine.store.base import Transaction
from engine.stripe.signature import sign
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import SECRET, copy_of_example

ORDERS = 400
KILLS = 3


def event_for(order: int) -> bytes:
    """A signed-to-be success for an order of its own (fields of API 2026-05-27.dahlia)."""
    intent = {
        "id": f"pi_{order}",
        "object": "payment_intent",
        "amount": 10_000,
        "amount_received": 10_000,
        "currency": "usd",
        "status": "succeeded",
        "latest_charge": f"ch_{order}",
        "metadata": {"order_id": str(order)},
        "created": 1_780_000_000,
        "livemode": False,
    }
    return orjson.dumps(
        {
            "id": f"evt_{order}",
            "object": "event",
            "api_version": "2026-05-27.dahlia",
            "created": 1_780_000_000 + order,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": "payment_intent.succeeded",
            "data": {"object": intent},
        }
    )


class Load:
    """Delivers events from several connections and remembers which were acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.acknowledged: set[int] = set()
        self.enough = threading.Event()
        self._goal = 0

    def deliver(self, orders: list[int], goal: int = 0) -> None:
        """Deliver all, each once; `enough` is set after `goal` more acknowledgements."""
        self._goal = len(self.acknowledged) + goal
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._some, [orders[n::8] for n in range(8)]))

    def _some(self, orders: list[int]) -> None:
        with httpx.Client(base_url=self.url, trust_env=False) as client:
            for order in orders:
                body = event_for(order)
                header = sign(body, SECRET, int(time.time()))
                try:
                    answer = client.post(
                        "/webhooks/stripe", content=body, headers={"Stripe-Signature": header}
                    )
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    self.acknowledged.add(order)
                    if len(self.acknowledged) >= self._goal:
                        self.enough.set()


def test_kill_9_under_load_loses_nothing_and_doubles_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of_example(tmp_path / "flows")

    def make_orders(tx: Transaction) -> None:
        for order in range(1001, 1001 + ORDERS):
            row = {"id": order, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
            tx.insert("order", row)

    store = project.store()
    with store.transaction() as tx:
        make_orders(tx)
    store.close()

    server = ServerProcess(project.folder, free_port())
    load = Load(server.url)
    orders = list(range(1001, 1001 + ORDERS))
    for _ in range(KILLS):
        server.start()
        load.enough.clear()
        left = [order for order in orders if order not in load.acknowledged]
        delivering = threading.Thread(target=load.deliver, args=(left, ORDERS // (KILLS + 1)))
        delivering.start()
        assert load.enough.wait(60)
        server.kill()
        delivering.join()
    assert len(load.acknowledged) < ORDERS, "the kills came too late to prove anything"

    acknowledged = set(load.acknowledged)
    store = project.store()
    with store.reader() as tx:
        done = {
            row["id"] for row in tx.execute("SELECT id FROM actionflow_inbox WHERE state = 'done'")
        }
        assert {f"evt_{order}" for order in acknowledged} <= done
    store.close()

    # Stripe sends again what was not acknowledged; some of the others come twice as well.
    server.start()
    load.deliver(orders)
    assert server.stop() == 0
    assert load.acknowledged == set(orders)

    store = project.store()
    with store.reader() as tx:
        payments = tx.find("payment", {})
        assert len(payments) == ORDERS
        assert {row["order_id"] for row in payments} == set(orders)
        assert {row["status"] for row in payments} == {"SUCCESSFUL"}
        assert len(tx.find("order", {"status": "paid"})) == ORDERS
        assert tx.execute("SELECT count(*) AS n FROM actionflow_inbox")[0]["n"] == ORDERS
        assert tx.execute("SELECT count(*) AS n FROM actionflow_run")[0]["n"] == ORDERS
    store.close()
