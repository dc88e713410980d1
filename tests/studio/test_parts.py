"""A user action is several runs: each says that it goes on, where, and where it came from."""

from __future__ import annotations

from typing import Any

import pytest

from engine.actions import Actions, Asked
from engine.model import Value
from engine.store import runs
from engine.store.base import Transaction
from engine.stripe.client import StripeUnreachable
from engine.studio.graph import FINISH
from engine.studio.runs import run_list, run_page
from tests.studio.conftest import Office
from tests.studio.world import recorded

ROWS = ("earlier", "later", "unanswered")


class Stripe:
    """Answers with a payment intent, where it is not away."""

    away = False

    def perform(self, operation: str, params: Value, **_: Value) -> Any:
        if self.away:
            raise StripeUnreachable("Stripe is away.")
        return {"ok": recorded("payment_intent.created")["data"]["object"] | {"client_secret": "x"}}


@pytest.fixture
def stripe() -> Stripe:
    return Stripe()


@pytest.fixture
def act(office: Office, stripe: Stripe) -> Any:
    return Actions(lambda: office.project, office.write, stripe)  # type: ignore[arg-type]


def pay(act: Actions, order: int) -> int:
    return act.act(Asked("pay", "boss", "admin", {"orderId": order})).status


def pages(office: Office) -> list[Any]:
    """The pages of all runs, the earliest first."""

    def read(tx: Transaction) -> list[Any]:
        return [run_page(tx, office.project, run.id) for run in reversed(runs.listing(tx))]

    return office.write(read)


def parts(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in ROWS) for row in rows]


def test_the_parts_of_an_action_name_each_other(office: Office, act: Actions) -> None:
    assert pay(act, 1) == 200
    first, second = pages(office)
    assert parts([first, second]) == [(None, 2, False), (1, None, False)]
    assert (first["action"], second["action"]) == (1, 1)
    assert (first["waits"], second["waits"]) == (True, False)
    assert first["path"]["nodes"]["pay"]["state"] == "waits"
    assert not [edge for edge in first["path"]["edges"] if edge.endswith(FINISH)]
    assert second["path"]["nodes"]["pay"]["state"] == "ran"
    assert second["path"]["resumed"] is True
    listed = run_list(office.store, office.write, office.project)["runs"]
    assert parts(listed) == [(1, None, False), (None, 2, False)]


def test_actions_that_begin_at_once_are_told_apart(
    office: Office, act: Actions, stripe: Stripe
) -> None:
    act.now = lambda: 1_790_000_000
    stripe.away = True
    assert (pay(act, 1), pay(act, 2)) == (503, 503)
    assert parts(pages(office)) == [(None, None, True), (None, None, True)]
    stripe.away = False
    assert act.recover() == 2
    assert parts(pages(office)) == [
        (None, 3, False),
        (None, 4, False),
        (1, None, False),
        (2, None, False),
    ]


def test_a_run_of_an_event_has_no_other_parts(busy: Office) -> None:
    told = pages(busy)
    assert set(parts(told)) == {(None, None, False)}
    assert {(page["action"], page["waits"]) for page in told} == {(None, False)}


def test_runs_from_before_parts_were_kept_still_say_that_they_go_on(
    office: Office, act: Actions
) -> None:
    assert pay(act, 1) == 200
    office.write(lambda tx: tx.execute("UPDATE actionflow_run SET action_id = NULL"))
    first, second = pages(office)
    assert parts([first, second]) == [(None, None, False)] * 2
    assert first["waits"] is True
    assert second["path"]["resumed"] is True


def test_an_action_that_fails_on_the_way_is_one_failed_part(office: Office, act: Actions) -> None:
    assert pay(act, 99) == 404
    assert pages(office) == []
    office.write(lambda tx: tx.update("order", {"id": 1}, {"status": "paid"}))
    assert pay(act, 1) == 422
    [page] = pages(office)
    assert (page["outcome"], page["waits"], parts([page])) == (
        "failed",
        False,
        [(None, None, False)],
    )
