"""Every recorded event and object goes through the readers, in the API version it was found in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.stripe import (
    dispute,
    facts,
    given_back,
    invoice,
    payment,
    refund,
    routing,
    standing,
    subscription,
)
from engine.stripe.checkout import session_news
from engine.stripe.event import BadEvent, Event, decode
from tests.stripe.support import ABSENT, EVENTS, event, files, is_event, load, name_of

pytestmark = pytest.mark.skipif(not files(), reason=ABSENT)

NOT_EVENTS = {
    f"v2-thin/v1.billing.meter.error_report_triggered.stripe{n}" for n in ("", ".2", ".3")
}
"""Samples of an SDK's tests without `created`, which no thin event of Stripe's lacks."""

STATUSES = {"PENDING", "PROCESSING", "SUCCESSFUL", "FAILED", "CANCELLED"} | {
    "REFUNDING",
    "PARTIALLY_REFUNDED",
    "REFUNDED",
}

# What Stripe calls an event whose object is of this kind; the newest snapshot of it.
KIND_OF = {
    "payment_intent": "payment_intent.created",
    "charge": "charge.succeeded",
    "refund": "refund.updated",
    "dispute": "charge.dispute.updated",
    "checkout.session": "checkout.session.completed",
    "subscription": "customer.subscription.updated",
    "invoice": "invoice.finalized",
    "invoice_payment": "invoice_payment.paid",
}


def told(read: Event) -> tuple[Any, dict[str, Any]]:
    """The news of an event and the facts that follow; (None, {}) where it is about nothing ours."""
    thing = read.object.get("object")
    if read.type.startswith("charge.dispute."):
        news: Any = dispute.dispute_news(read)
        return news, dispute.facts_of(news)
    if read.type == "charge.refunded":
        counted = refund.refunded_charge(read)
        known = refund.charge_facts(counted)
        for one in counted.refunds:
            known = facts.merge(known, refund.facts_of(one))
        return counted, known
    if thing == "refund":
        news = refund.refund_news(read)
        return news, refund.facts_of(news)
    if thing == "checkout.session":
        news = session_news(read)
        return news, payment.facts_of(news)
    if thing == "charge":
        news = payment.charge_news(read)
        return news, payment.facts_of(news)
    if thing == "payment_intent":
        news = payment.intent_news(read)
        return news, payment.facts_of(news)
    if thing == "subscription":
        news = subscription.subscription_news(read)
        return news, subscription.facts_of(news)
    if thing == "invoice":
        return invoice.invoice_news(read), {}
    if thing == "invoice_payment":
        return invoice.invoice_payment_news(read), {}
    return None, {}


def check(read: Event) -> None:
    """What holds for every event whatever its version."""
    news, known = told(read)
    if routing.trigger_of(read) is not None:
        assert news is not None, "an event that starts a callback must be read"
        assert routing.subject_of(read), "and hang on some id"
    for name in ("amount", "total"):
        amount = getattr(news, name, None)
        assert amount is None or (type(amount) is int and amount >= 0)
    currency = getattr(news, "currency", None)
    assert currency is None or (len(currency) == 3 and currency == currency.lower())
    # Facts go through a json column and come back the same, and merging them twice changes nothing.
    assert json.loads(json.dumps(known)) == known
    assert facts.merge(known, known) == known
    status, total = given_back.refunded_status(known, None)
    assert status is None or status in STATUSES
    assert total >= 0


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_every_file_is_read(path: Path) -> None:
    data = load(path)
    if is_event(data):
        if name_of(path) in NOT_EVENTS:
            with pytest.raises(BadEvent, match="`created` is None"):
                decode(path.read_bytes())
            return
        read = decode(path.read_bytes())
        assert read.id == data["id"]
        assert read.type == data["type"]
        assert read.api_version == data.get("api_version")
        check(read)
        return
    # A bare object of the API: as the snapshot of an event about it, and of any other event.
    kind = KIND_OF.get(data.get("object", ""), "customer.updated")
    check(decode(json.dumps(event(kind, data)).encode()))


def _meaning(path: str) -> tuple[Any, ...]:
    found = sorted(EVENTS.glob(path + ".json"))
    assert found, f"{path} is named in this test but not in the folder"
    read = decode(found[0].read_bytes())
    news, _ = told(read)
    match news:
        case payment.PaymentNews():
            state = news.state.status if news.state else ("waiting" if news.waiting else None)
            return (
                state,
                news.transaction_id,
                news.charge,
                news.amount,
                news.currency,
                news.failure_code,
            )
        case refund.RefundNews():
            return news.status, news.id, news.intent, news.charge, news.amount
        case refund.RefundedCharge():
            return news.total, news.more, tuple(one.id for one in news.refunds)
        case dispute.DisputeNews():
            return news.status, news.charge, news.intent, news.amount
        case subscription.SubscriptionNews():
            standing = news.standing
            return standing.status, standing.period_end, news.amount, news.currency, news.price
        case invoice.InvoiceNews():
            return news.status, news.subscription, news.amount, news.reason, news.charge
        case invoice.InvoicePaymentNews():
            return news.invoice, news.intent, news.amount
        case _:
            return ()


# Written by hand from the files: what each says, and which old or new path it says it on.
MEANINGS: list[tuple[str, tuple[Any, ...], str]] = [
    (
        "2017-05-25/charge.succeeded.stripe.connect",
        (
            "SUCCESSFUL",
            "ch_1C3T3MDTLHiiDklrEkWcj4XK",
            "ch_1C3T3MDTLHiiDklrEkWcj4XK",
            1000,
            "usd",
            None,
        ),
        "a charge without payment intent is a payment of its own",
    ),
    (
        "2018-01-23/charge.succeeded.rubymock",
        ("PROCESSING", "ch_00000000000000", "ch_00000000000000", 100, "usd", None),
        "captured: false is no success",
    ),
    (
        "2018-01-23/charge.captured.rubymock",
        ("SUCCESSFUL", "ch_00000000000000", "ch_00000000000000", 100, "usd", None),
        "captured is",
    ),
    (
        "2018-01-23/charge.pending.rubymock",
        ("PROCESSING", "ch_00000000000000", "ch_00000000000000", 100, "usd", None),
        "",
    ),
    (
        "2018-02-28/payment_intent.succeeded.rubymock",
        ("SUCCESSFUL", "pi_00000000000000", "ch_00000000000000", 900, "eur", None),
        "charges.data[0]",
    ),
    (
        "2018-02-28/payment_intent.payment_failed.rubymock",
        (
            "FAILED",
            "pi_00000000000000",
            "py_00000000000000",
            200,
            "eur",
            "payment_intent_payment_attempt_failed",
        ),
        "requires_source, the old word",
    ),
    (
        "2018-02-28/payment_intent.processing.rubymock",
        ("PROCESSING", "pi_00000000000000", "ch_00000000000000", 900, "eur", None),
        "",
    ),
    (
        "2018-02-28/payment_intent.canceled.rubymock",
        ("CANCELLED", "pi_00000000000000", None, 200, "eur", None),
        "",
    ),
    (
        "2019-05-16/checkout.session.completed.asyncstripe.None.None",
        ("waiting", "pi_00000000000000", None, None, None, None),
        "no payment_status yet: not paid until the intent says so",
    ),
    (
        "2020-03-02/checkout.session.completed.syncengine.payment.paid",
        ("SUCCESSFUL", "pi_1IqxJOJDPojXS6LN9uOebAea", None, 999, "eur", None),
        "",
    ),
    (
        "2020-03-02/charge.expired.syncengine",
        (
            "CANCELLED",
            "pi_3KtoMeJDPojXS6LN0XnGDnI3",
            "ch_3KtoMeJDPojXS6LN0igeffJ6",
            2500,
            "usd",
            None,
        ),
        "",
    ),
    (
        "2020-08-27/payment_intent.payment_failed.rubymock.2",
        (
            "FAILED",
            "pi_000000000000000000000000",
            "ch_000000000000000000000000",
            2000,
            "usd",
            "card_declined",
        ),
        "last_payment_error",
    ),
    (
        "2020-08-27/payment_intent.amount_capturable_updated.rubymock",
        (
            "PROCESSING",
            "pi_000000000000000000000000",
            "ch_000000000000000000000000",
            2000,
            "usd",
            None,
        ),
        "authorised, not captured",
    ),
    (
        "2022-11-15/payment_intent.created.stripe",
        (
            "PROCESSING",
            "pi_1NapVsJr3d0nrouDshVXbcy2",
            "ch_1NapVsJr3d0nrouD9PvjR6hG",
            1099,
            "usd",
            None,
        ),
        "latest_charge",
    ),
    (
        "2018-01-23/charge.refunded.rubymock.full",
        (100, 100, ("re_CGC7eRLJsgeV1m",)),
        "expanded refunds",
    ),
    ("2022-08-01/charge.refunded.webhookdb.full", (500, 500, ("re_3NtYaBLelvCURGkU1ug4Q86u",)), ""),
    (
        "2018-01-23/charge.refund.updated.rubymock.succeeded",
        ("REFUNDED", "re_00000000000000", None, "ch_00000000000000", 100),
        "no payment_intent on old refunds",
    ),
    (
        "2020-03-02/refund.created.syncengine.succeeded",
        (
            "REFUNDED",
            "re_1Nispe2eZvKYlo2Cd31jOCgZ",
            "pi_1GszsK2eZvKYlo2CfhZyoZLp",
            "ch_1NirD82eZvKYlo2CIvbtLWuY",
            1000,
        ),
        "",
    ),
    (
        "2020-03-02/refund.failed.syncengine.succeeded",
        (
            "FAILED",
            "re_1Nispe2eZvKYlo2Cd31jOCgZ",
            "pi_1GszsK2eZvKYlo2CfhZyoZLp",
            "ch_1NirD82eZvKYlo2CIvbtLWuY",
            1000,
        ),
        "the type's word counts more than the sample's status",
    ),
    ("2018-01-23/charge.dispute.closed.rubymock.won", ("won", "ch_00000000000000", None, 1000), ""),
    (
        "2014-11-05/customer.subscription.trial_will_end.rubymock.trialing",
        ("trialing", 1423323929, 2499, "eur", "kx0AFo_00000000000000"),
        "plan and quantity, no items",
    ),
    (
        "2018-01-23/customer.subscription.deleted.rubymock.canceled",
        ("canceled", 1518388478, 1500, "usd", "2bf80c62-01d6-403d-85d7-d54d9039d140"),
        "items.data[].plan",
    ),
    (
        "2020-08-27/customer.subscription.created.rubymock.active",
        ("active", 1650998510, 1500, "usd", "price_000000000000000000000000"),
        "period on the root",
    ),
    (
        "2017-01-27/invoice.updated.stripity",
        ("SUCCESSFUL", "sub_4YV71U6zbBC5ST", 2000, None, "ch_19l8PP2eZvKYlo2CJo3S4Ka5"),
        "paid: true, no status, no amount_paid",
    ),
    (
        "2020-03-02/invoice.paid.syncengine.subscription_create",
        ("FREE", "sub_JbpBbyTnwwDuSH", 0, "subscription_create", None),
        "a zero invoice is no payment",
    ),
    (
        "2020-08-27/invoice.paid.rubymock.subscription_update",
        ("SUCCESSFUL", "sub_00000000000000", 10000, "subscription_update", "ch_00000000000000"),
        "",
    ),
    (
        "2020-08-27/invoice.paid.rubymock.manual",
        ("SUCCESSFUL", None, 2000, "manual", "ch_000000000000000000000000"),
        "an invoice of its own has no subscription",
    ),
    (
        "2025-03-31.basil/invoice.payment_succeeded.foks.subscription_create",
        ("SUCCESSFUL", "PLACEHOLDER_SubscriptionID", 190, "subscription_create", None),
        "under parent; no charge any more",
    ),
    (
        "2023-10-16/invoice_payment.paid.syncengine",
        ("in_103Q0w2eZvKYlo2C5PYwf6Wf", "pi_103Q0w2eZvKYlo2C364X582Z", 2000),
        "",
    ),
]


@pytest.mark.parametrize(
    ("path", "meaning"),
    [(path, meaning) for path, meaning, _ in MEANINGS],
    ids=[path + (f" ({why})" if why else "") for path, _, why in MEANINGS],
)
def test_what_a_recorded_event_means(path: str, meaning: tuple[Any, ...]) -> None:
    assert _meaning(path) == meaning


@pytest.mark.parametrize(
    "path",
    [path for path in files() if path.name.startswith("object.subscription.official")],
    ids=name_of,
)
def test_a_subscription_of_every_version_has_its_period(path: Path) -> None:
    found = load(path)
    start, end = standing.period_of(found)
    # Fixtures keep stale keys, so by version: the root until acacia, the items from basil on.
    holder = found if path.parent.name < "2025-03-31" else found["items"]["data"][0]
    assert (start, end) == (holder["current_period_start"], holder["current_period_end"])
    assert end is not None


@pytest.mark.parametrize(
    "path",
    [path for path in files() if path.name.startswith("object.subscription.official")],
    ids=name_of,
)
def test_a_subscription_of_every_version_has_its_price(path: Path) -> None:
    read = decode(json.dumps(event("customer.subscription.created", load(path))).encode())
    news = subscription.subscription_news(read)
    assert news is not None
    assert news.price
    assert news.currency == "usd"
    assert news.customer
