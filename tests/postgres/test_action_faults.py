"""The connection is lost in the middle of a user action: it is done once, and the answer is true."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

import pytest

from engine.store import postgres_commit
from tests.acceptance.shop import SECRET, Shop, open_shop
from tests.postgres.conftest import VARIABLE
from tests.postgres.wire import Cut, Wire, wired
from tests.store.support import PostgresConnector

MOST_COMMITS = 12


@pytest.fixture
def wire(database: PostgresConnector, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wired(database.url()) as (wire, url):
        monkeypatch.setenv(VARIABLE, url)
        yield wire


@pytest.fixture
def shop(wire: Wire, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The example shop, whose database is at the end of the wire."""
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
    with open_shop(tmp_path / "flows", f"env:{VARIABLE}") as opened:
        assert opened.service.actions is not None
        # Other work would commit between those of an action, at moments of its own.
        opened.service.stopping.set()
        opened.service.deliverer.stop()
        opened.service.writer._due.look_at = time.monotonic() + 10_000
        yield opened
        wire.refusing = False


def made(shop: Shop) -> tuple[int, int]:
    """Payment intents at Stripe, and payment rows here."""
    return len(shop.standin.state.table("payment_intent")), len(shop.rows("payment"))


@pytest.mark.parametrize("how", ["before", "after"])
def test_any_commit_of_an_action_may_lose_its_connection(shop: Shop, wire: Wire, how: Cut) -> None:
    for nth in range(MOST_COMMITS):
        wire.cut("COMMIT", how, skip=nth)
        answer = shop.act("pay", {"orderId": 1})  # without an Idempotency-Key
        assert answer.status_code == 200, answer.text
        assert made(shop) == (1, 1)
        if wire.cuts <= nth:
            assert nth == 3, "begin, up to the call, and after it"
            return
    pytest.fail("the action never came to its end")


@pytest.mark.parametrize("how", ["before", "after"])
def test_while_the_database_is_away_the_answer_says_what_is_true(
    shop: Shop, wire: Wire, how: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shop.service.actions is not None
    monkeypatch.setattr(postgres_commit, "PATIENCE", 0.0)
    shop.service.actions.pause = lambda seconds: None
    for nth in range(MOST_COMMITS):
        before = made(shop)
        order = shop.service.writer.submit(
            lambda tx: tx.insert(
                "order", {"user_id": "ada", "item": "Tea", "amount": 500, "currency": "usd"}
            )
        ).result()["id"]
        wire.cut("COMMIT", how, skip=nth, refusing=True)
        answer = shop.act("pay", {"orderId": order})
        wire.refusing = False
        if answer.status_code == 200:
            assert nth == 3, "begin, up to the call, and after it"
            return
        assert answer.status_code == 503, answer.text
        made_now = made(shop)
        if answer.json()["code"] == "busy":
            # Nothing was done, and nothing will be, though its record may be there.
            shop.service.writer.submit(no_leases).result()
            assert shop.service.actions.recover() == 0
            assert made(shop) == made_now == before
        else:
            assert answer.json()["code"] == "action_interrupted"
            assert nth > 0
            shop.service.writer.submit(no_leases).result()
            shop.service.actions.recover()
            again = shop.act("pay", {"orderId": order})
            assert again.status_code == 200, again.text
            assert made(shop) == (before[0] + 1, before[1] + 1)
    pytest.fail("the action never came to its end")


def no_leases(tx) -> None:  # type: ignore[no-untyped-def]
    """As if a minute and a half had passed."""
    tx.execute("UPDATE actionflow_action SET lease_until = NULL")
