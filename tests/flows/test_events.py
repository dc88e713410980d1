"""The recorded events: made by the stand-in, the same at each run, and shaped as Stripe publishes."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from engine.project import Project
from engine.stripe.event import decode
from standin import API_VERSION
from tests.flows.conftest import EVENTS, FLOWS
from tests.standin import published
from tests.tools import record_events

ORDERS = {"1", "2", "3"}
BARE = ("refund.", "charge.refund.", "charge.dispute.", "invoice_payment.")
"""Objects to which Stripe does not copy the metadata of their payment or subscription."""
MARKED = [path for path in EVENTS if not path.stem.startswith(BARE)]


def read(path: pathlib.Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text())
    return event


def test_recording_again_gives_the_same_bytes(tmp_path: pathlib.Path) -> None:
    record_events.write(tmp_path)
    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in EVENTS}
    changed = sorted(
        name for name in again.keys() | kept.keys() if again.get(name) != kept.get(name)
    )
    assert not changed, "record them again: python -m tests.tools.record_events"


def test_an_event_no_story_tells_any_more_goes(tmp_path: pathlib.Path) -> None:
    old = tmp_path / "invented.json"
    old.write_text("{}")
    record_events.write(tmp_path)
    assert not old.exists()


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_is_named_after_its_type(path: pathlib.Path) -> None:
    event = decode(path.read_bytes())
    assert path.stem == event.type or path.stem.startswith(f"{event.type}.")
    assert not event.livemode


def test_each_event_starts_a_flow_of_the_example() -> None:
    project = Project.open(FLOWS)
    for path in EVENTS:
        assert project.flow_for(decode(path.read_bytes())) is not None, path.name


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_has_the_published_shape(path: pathlib.Path) -> None:
    if not published.available():
        pytest.skip(published.MISSING)
    event = read(path)
    if event["api_version"] == API_VERSION:
        published.check_event(event)
    else:
        # Only today's shape is published; of an older one the envelope is the same.
        assert path.stem.endswith(event["api_version"])
        published.check_object(event)


@pytest.mark.parametrize("path", MARKED, ids=lambda path: path.stem)
def test_an_event_carries_an_order_where_stripe_carries_metadata(path: pathlib.Path) -> None:
    item = read(path)["data"]["object"]
    details = (item.get("parent") or {}).get("subscription_details") or item.get(
        "subscription_details"
    )
    metadata = (details or item)["metadata"]
    if path.stem.endswith(".foreign"):
        assert metadata == {}
    else:
        assert metadata["order_id"] in ORDERS
        assert metadata["actionflow_project"] == "shop"


NEEDED = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
    "payment_intent.requires_action",
    "checkout.session.completed.paid",
    "checkout.session.completed.unpaid",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded.partial",
    "charge.refunded.full",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "refund.updated.canceled",
    "customer.subscription.created",
    "customer.subscription.updated.cancel_at_period_end",
    "customer.subscription.updated.cancel_undone",
    "customer.subscription.deleted",
    "customer.subscription.created.trial",
    "invoice.paid.trial",
    "invoice.paid.first",
    "invoice.paid.renewal",
    "invoice.payment_succeeded.renewal",
    "invoice.payment_failed",
    "invoice_payment.paid",
    "charge.dispute.created",
    "charge.dispute.closed",
    "invoice.paid.2024-06-20",
    "charge.refunded.2020-08-27",
]


@pytest.mark.parametrize("name", NEEDED)
def test_an_event_that_builders_ask_for_is_there(name: str) -> None:
    assert FLOWS / "events" / f"{name}.json" in EVENTS


def test_the_event_of_the_readme_pays_order_1() -> None:
    item = read(FLOWS / "events" / "payment_intent.succeeded.json")["data"]["object"]
    assert (item["amount"], item["currency"], item["metadata"]["order_id"]) == (10_000, "usd", "1")


def test_old_shapes_are_old() -> None:
    invoice = read(FLOWS / "events" / "invoice.paid.2024-06-20.json")["data"]["object"]
    assert invoice["subscription"].startswith("sub_")
    assert "parent" not in invoice
    charge = read(FLOWS / "events" / "charge.refunded.2020-08-27.json")["data"]["object"]
    assert [one["amount"] for one in charge["refunds"]["data"]] == [4000]
