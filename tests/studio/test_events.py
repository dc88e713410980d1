"""The inbox as the studio shows it, and running events again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.errors import BadInput
from engine.store import inbox
from engine.store.base import Transaction
from engine.studio import events
from tests.studio.conftest import Office
from tests.studio.world import HISTORY, LATE, LATE_ORDER, late_payment, recorded


def listed(office: Office, **wanted: Any) -> dict[str, Any]:
    with office.store.reader() as tx:
        return events.event_list(tx, **wanted)


def replay(office: Office, id: str) -> Mapping[str, Any]:
    return office.write(lambda tx: events.replay(tx, office.receiver, id))


def test_events_are_listed_by_state_and_type(busy: Office) -> None:
    found = listed(busy)
    assert len(found["events"]) == len(HISTORY) + 1
    assert found["counts"] == {"received": 0, "waiting": 1, "dead": 0, "ignored": 2}
    [late] = listed(busy, state="waiting")["events"]
    assert late["id"] == LATE
    assert f"order {LATE_ORDER}" in late["reason"]
    types = {event["type"] for event in listed(busy, type="charge.refunded")["events"]}
    assert types == {"charge.refunded"}
    with pytest.raises(BadInput, match="is no state; expected one of"):
        listed(busy, state="odd")


def test_pages_of_events_go_on_where_they_ended(busy: Office) -> None:
    whole = [event["id"] for event in listed(busy)["events"]]
    seen: list[str] = []
    before = None
    while True:
        page = listed(busy, limit=3, before=before)
        seen += [event["id"] for event in page["events"]]
        if page["before"] is None:
            break
        before = tuple(page["before"])
    assert seen == whole


def test_an_event_is_shown_with_its_runs_and_no_secret(busy: Office) -> None:
    secret = recorded("payment_intent.succeeded")["data"]["object"]["client_secret"]
    assert "_secret_" in secret
    for event in listed(busy)["events"]:
        with busy.store.reader() as tx:
            page = events.event_page(tx, event["id"])
        assert page is not None
        assert secret not in str(page)
        assert page["body"]["id"] == event["id"]
        assert len(page["runs"]) == (0 if event["state"] == "ignored" else 1)
    with busy.store.reader() as tx:
        assert events.event_page(tx, "evt_none") is None


def test_a_replay_runs_what_is_not_done(busy: Office) -> None:
    again = replay(busy, LATE)
    assert again["outcome"] == "waiting"
    assert again["run"] is not None
    named = {"id": LATE_ORDER, "user_id": "ada", "item": "x", "amount": 10000, "currency": "usd"}
    busy.write(lambda tx: tx.insert("order", named))
    assert replay(busy, LATE)["outcome"] == "done"
    with busy.store.reader() as tx:
        assert tx.find("order", {"id": LATE_ORDER})[0]["status"] == "paid"
    with pytest.raises(BadInput, match="its effects are there"):
        replay(busy, LATE)
    with pytest.raises(BadInput, match="no event"):
        replay(busy, "evt_none")


def test_the_oldest_dead_letters_come_first(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [f"evt_{number}" for number in range(4)]
    for id in ids:
        office.receive(late_payment(id))

        def bury(tx: Transaction, id: str = id) -> None:
            inbox.fail(tx, id, error="no", next_try_at=None, now=tx.now, flow="payment_callback")

        office.write(bury)
    monkeypatch.setattr(events, "MOST_REPLAYED", 3)
    with office.store.reader() as tx:
        assert events.dead_letters(tx) == ids[:3]
