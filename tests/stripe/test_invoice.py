from __future__ import annotations

from typing import Any

import pytest

from engine.stripe.event import of
from engine.stripe.first_charge import begins
from engine.stripe.invoice import invoice_news, invoice_payment_news
from tests.stripe.histories import NEW, OLD, START, Subscription
from tests.stripe.support import event

OURS = {"order_id": "3"}


def news_of(kind: str, **thing: Any) -> Any:
    return invoice_news(of(event(kind, {"id": "in_1", "currency": "usd", **thing})))


@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("kind", ["paid", "payment_succeeded"])
def test_both_names_and_both_shapes_of_a_paid_invoice_read_the_same(
    version: str, kind: str
) -> None:
    history = Subscription(version, OURS)
    history.invoice((kind,), START, 2_000)
    news = invoice_news(of(history.events[0]))
    assert news is not None
    assert (news.status, news.id, news.subscription) == ("SUCCESSFUL", "in_1_1", "sub_1")
    assert (news.amount, news.currency, news.metadata) == (2_000, "usd", OURS)
    assert (news.period_start, news.period_end) == (START, START + 2_592_000)
    assert news.intent == (None if version == NEW else "pi_s1_1")


@pytest.mark.parametrize(
    ("thing", "subscription"),
    [
        ({"subscription": "sub_1"}, "sub_1"),
        ({"subscription": {"id": "sub_1"}}, "sub_1"),
        (
            {
                "parent": {
                    "type": "subscription_details",
                    "subscription_details": {"subscription": "sub_1"},
                }
            },
            "sub_1",
        ),
        ({"parent": None}, None),
        ({"parent": {"type": "quote_details", "subscription_details": None}}, None),
        ({}, None),
    ],
    ids=["a old path", "a expanded", "b new path", "c no parent", "d quote", "neither"],
)
def test_case_8_the_subscription_of_an_invoice_by_old_and_new_path(
    thing: dict[str, Any], subscription: str | None
) -> None:
    assert news_of("invoice.paid", amount_paid=5, **thing).subscription == subscription


@pytest.mark.parametrize(
    ("kind", "thing", "status", "amount"),
    [
        ("invoice.paid", {"amount_paid": 2_000, "amount_due": 2_000}, "SUCCESSFUL", 2_000),
        ("invoice.paid", {"amount_paid": 0, "amount_due": 0}, "FREE", 0),
        ("invoice.paid", {"amount_paid": 0, "amount_due": 0, "total": 2_000}, "FREE", 0),
        ("invoice.payment_succeeded", {"amount_due": 2_000}, "SUCCESSFUL", 2_000),
        ("invoice.payment_succeeded", {"amount_due": 0}, "FREE", 0),
        ("invoice.payment_failed", {"amount_paid": 0, "amount_due": 2_000}, "FAILED", 2_000),
        ("invoice.payment_action_required", {"amount_due": 2_000}, "PENDING", 2_000),
        ("invoice.created", {"amount_due": 2_000, "amount_paid": 0}, "PENDING", 2_000),
        ("invoice.voided", {"amount_due": 2_000, "amount_paid": 0}, "CANCELLED", 2_000),
        ("invoice.marked_uncollectible", {"amount_due": 2_000}, "FAILED", 2_000),
        ("invoice.updated", {"amount_due": 7, "amount_paid": 7, "status": "paid"}, "SUCCESSFUL", 7),
    ],
)
def test_case_17_a_zero_invoice_is_free_and_no_payment(
    kind: str, thing: dict[str, Any], status: str, amount: int
) -> None:
    news = news_of(kind, **thing)
    assert (news.status, news.amount) == (status, amount)


@pytest.mark.parametrize(
    ("thing", "began", "first"),
    [
        ({"billing_reason": "subscription_create"}, None, True),
        ({"billing_reason": "subscription_cycle", "created": START}, START, False),
        ({"billing_reason": "subscription_update", "created": START}, START, False),
        ({"date": START + 3}, START, True),
        ({"date": START + 2_592_000}, START, False),
        ({"billing_reason": "subscription", "created": START}, START, True),
        ({}, START, False),
        ({"date": START}, None, False),
    ],
)
def test_the_first_charge_is_told_from_renewals_before_billing_reason_as_well(
    thing: dict[str, Any], began: int | None, first: bool
) -> None:
    news = news_of("invoice.paid", amount_paid=1, **thing)
    assert begins(news.reason, news.made, began) is first


@pytest.mark.parametrize(
    "thing",
    [
        {"parent": {"subscription_details": {"metadata": OURS}}},
        {"subscription_details": {"metadata": OURS}},
        {"lines": {"data": [{"type": "subscription", "metadata": OURS}]}},
        {
            "lines": {
                "data": [
                    {"type": "invoiceitem", "metadata": {"order_id": "9"}},
                    {"parent": {"type": "subscription_item_details"}, "metadata": OURS},
                ]
            }
        },
    ],
)
def test_an_invoice_repeats_its_subscriptions_metadata_in_every_version(
    thing: dict[str, Any],
) -> None:
    assert news_of("invoice.paid", amount_paid=1, **thing).metadata == OURS


def test_an_upcoming_invoice_has_no_id_and_says_nothing() -> None:
    assert invoice_news(of(event("invoice.upcoming", {"object": "invoice"}))) is None


def test_an_invoice_payment_links_an_invoice_to_its_payment() -> None:
    history = Subscription(NEW, OURS)
    history.invoice(("paid",), START, 2_000)
    news = invoice_payment_news(of(history.events[1]))
    assert (news.invoice, news.intent, news.amount) == ("in_1_1", "pi_s1_1", 2_000)
