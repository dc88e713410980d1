"""The audit of `python -m chaos` finds what is lost or doubled: here both are planted."""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.events import body
from chaos.audit import audit, audit_end
from chaos.world import World, event_of, world
from engine.receive import Receiver
from engine.store import outbox
from engine.stripe.event import decode, load

COUNT = 12
POISON, TOLD = 5, 7
KINDS = {POISON: "poison", TOLD: "told"}
EVENT = event_of(3)

PLANTED = [
    (
        f"DELETE FROM actionflow_inbox WHERE id = '{EVENT}'",
        "acknowledged and not done: 1 (order 3)",
    ),
    (
        f"UPDATE actionflow_inbox SET state = 'waiting' WHERE id = '{EVENT}'",
        "acknowledged and not done: 1 (order 3)",
    ),
    (f"DELETE FROM actionflow_run WHERE event_id = '{EVENT}'", "runs: lost: 1 (order 3)"),
    ("DELETE FROM payment WHERE order_id = 3", "payments: lost: 1 (order 3)"),
    ("UPDATE payment SET status = 'PENDING' WHERE order_id = 3", "payments: lost: 1 (order 3)"),
    ("UPDATE \"order\" SET status = 'pending' WHERE id = 3", "paid: lost: 1 (order 3)"),
    ("DELETE FROM ledger WHERE order_id = 3", "booked: lost: 1 (order 3)"),
    ("DELETE FROM actionflow_outbox", f"calls: lost: 1 (order {TOLD})"),
    ("UPDATE product SET sold = 0 WHERE id = 4", "product 4: sold 0 times"),
    ("UPDATE product SET sold = 2 WHERE id = 4", "product 4: sold 2 times"),
    (
        "INSERT INTO ledger (order_id, event_id) SELECT order_id, event_id FROM ledger WHERE order_id = 3",
        "booked: doubled: 1 (order 3)",
    ),
    (
        "INSERT INTO actionflow_run (event_id, flow, flow_digest, outcome, started_at, duration_us, trace)"
        " SELECT event_id, flow, flow_digest, outcome, started_at, duration_us, trace"
        f" FROM actionflow_run WHERE event_id = '{EVENT}'",
        "runs: doubled: 1 (order 3)",
    ),
    (
        f"UPDATE \"order\" SET status = 'paid' WHERE id = {POISON}",
        f"paid: without a done event: 1 (order {POISON})",
    ),
]


@pytest.fixture
def shop(tmp_path: pathlib.Path) -> Iterator[World]:
    """A world whose events were all received, one of them in vain."""
    with world(tmp_path, count=COUNT, kind=lambda order: KINDS.get(order, "plain")) as made:
        store = made.project.store()
        with store.transaction() as tx:
            for order in made.orders:
                text = body(order)
                Receiver(made.project).receive(tx, load(text), text.decode(), decode(text))
            tx.execute("UPDATE actionflow_inbox SET state = 'dead' WHERE state = 'waiting'")
            for call in outbox.after(tx, 0):
                outbox.done(tx, call.id, status=200, now=tx.now)
                made.warehouse.hear(f"/orders/{TOLD}", call.key)
        store.close()
        yield made


def said(shop: World) -> list[str]:
    return audit_end(shop.found(), shop.wanted(), set(shop.orders), shop.warehouse.told)


def test_a_sound_world_passes(shop: World) -> None:
    assert said(shop) == []
    assert audit(shop.found(), shop.wanted(), set(range(1, 4))) == []


@pytest.mark.parametrize(("sql", "expected"), PLANTED)
def test_what_is_planted_is_found(shop: World, sql: str, expected: str) -> None:
    store = shop.project.store()
    with store.transaction() as tx:
        tx.execute(sql)
    store.close()
    assert any(one.startswith(expected) for one in said(shop)), said(shop)


def test_calls_that_were_not_made_or_made_under_two_keys(shop: World) -> None:
    told = shop.warehouse.told
    told[TOLD]["another"] = 1
    assert said(shop) == [f"called under two keys: 1 (order {TOLD})"]
    told.clear()
    assert said(shop) == [f"never called: 1 (order {TOLD})"]
    told[2] = Counter(x=1)
    assert "called for nothing: 1 (order 2)" in said(shop)


def test_a_dead_letter_nobody_wanted_and_one_that_is_missing(shop: World) -> None:
    shop.kind = lambda order: "poison" if order == 1 else KINDS.get(order, "plain")
    assert "no dead letter: 1 (order 1)" in said(shop)
    shop.kind = lambda order: "told" if order == TOLD else "plain"
    found = said(shop)
    assert f"dead letter: 1 (order {POISON})" in found
    assert f"acknowledged and not done: 1 (order {POISON})" in found
