import json
from pathlib import Path
from typing import Any

import pytest

from engine.stripe.event import of
from engine.stripe.routing import CHECKOUT, DISPUTE, EVENTS, subject_of, trigger_of
from tests.stripe.support import ABSENT, SHARED, event

ENUM = SHARED / "stripe-openapi" / "event-types.json"


def route(kind: str, **thing: Any) -> tuple[str | None, str | None]:
    read = of(event(kind, thing))
    return trigger_of(read), subject_of(read)


@pytest.mark.parametrize(
    ("kind", "thing", "expected"),
    [
        ("payment_intent.succeeded", {"id": "pi_1"}, ("payment", "pi_1")),
        ("charge.succeeded", {"id": "ch_1"}, ("payment", "ch_1")),
        ("charge.succeeded", {"id": "ch_1", "payment_intent": "pi_1"}, ("payment", "pi_1")),
        ("charge.failed", {"id": "ch_1", "payment_intent": {"id": "pi_1"}}, ("payment", "pi_1")),
        ("charge.refunded", {"id": "ch_1", "payment_intent": None}, ("refund", "ch_1")),
        ("charge.refund.updated", {"id": "re_1", "charge": "ch_1"}, ("refund", "ch_1")),
        (
            "refund.created",
            {"id": "re_1", "charge": "ch_1", "payment_intent": "pi_1"},
            ("refund", "pi_1"),
        ),
        ("charge.dispute.created", {"id": "dp_1", "charge": "ch_1"}, (None, "ch_1")),
        (
            "checkout.session.completed",
            {"id": "cs_1", "mode": "payment", "payment_intent": "pi_1"},
            ("payment", "pi_1"),
        ),
        (
            "checkout.session.expired",
            {"id": "cs_1", "mode": "payment", "payment_intent": None},
            ("payment", "cs_1"),
        ),
        (
            "checkout.session.completed",
            {"id": "cs_1", "mode": "subscription", "subscription": "sub_1"},
            ("recurring_management", "sub_1"),
        ),
        ("checkout.session.completed", {"id": "cs_1", "mode": "setup"}, (None, "cs_1")),
        (
            "checkout.session.completed",
            {"id": "cs_1", "subscription": "sub_1"},
            ("recurring_management", "sub_1"),
        ),
        ("checkout.session.completed", {"id": "cs_1", "setup_intent": "seti_1"}, (None, "cs_1")),
        (
            "checkout.session.completed",
            {"id": "cs_1", "payment_intent": "pi_1"},
            ("payment", "pi_1"),
        ),
        ("customer.subscription.updated", {"id": "sub_1"}, ("recurring_management", "sub_1")),
        ("invoice.paid", {"id": "in_1", "subscription": "sub_1"}, ("recurring_charge", "sub_1")),
        (
            "invoice.paid",
            {
                "id": "in_1",
                "parent": {
                    "type": "subscription_details",
                    "subscription_details": {"subscription": "sub_1"},
                },
            },
            ("recurring_charge", "sub_1"),
        ),
        ("invoice.paid", {"id": "in_1", "parent": None}, ("recurring_charge", "in_1")),
        (
            "invoice.paid",
            {"id": "in_1", "parent": {"type": "quote_details", "subscription_details": None}},
            ("recurring_charge", "in_1"),
        ),
        (
            "invoice_payment.paid",
            {"id": "inpay_1", "invoice": "in_1"},
            ("recurring_charge", "in_1"),
        ),
        ("invoice.upcoming", {}, (None, None)),
        ("customer.updated", {"id": "cus_1"}, (None, "cus_1")),
        ("a.type.of.tomorrow", {"id": "x_1"}, (None, "x_1")),
    ],
)
def test_where_an_event_goes_and_what_it_hangs_on(
    kind: str, thing: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    assert route(kind, **thing) == expected


def test_a_thin_event_hangs_on_what_it_points_at() -> None:
    thin = {
        "id": "evt_1",
        "object": "v2.core.event",
        "type": "v1.payment_intent.succeeded",
        "created": "2026-11-25T10:00:00Z",
        "livemode": True,
        "related_object": {"id": "pi_1", "type": "payment_intent", "url": "/v1/…"},
    }
    assert (trigger_of(of(thin)), subject_of(of(thin))) == ("payment", "pi_1")


def test_the_table_names_event_types_that_stripe_has() -> None:
    path: Path = ENUM
    if not path.exists():
        pytest.skip(ABSENT)
    known = set(json.loads(path.read_text()))
    ours = {kind for kinds in EVENTS.values() for kind in kinds} | set(DISPUTE) | set(CHECKOUT)
    assert ours <= known
