"""What time does to a subscription: trial ends, renewals, retries, planned ends."""

import functools

from standin import intervals, invoice_lines, invoice_object, invoices, setup_intents, subscriptions
from standin.errors import Object
from standin.events import emit, updated
from standin.state import State, snapshot

_DAY = 86_400
_INCOMPLETE_SECONDS = 23 * 3600
_TRIAL_NOTICE_SECONDS = 3 * _DAY


def start(state: State, subscription: Object, *, pay: bool, off_session: bool) -> None:
    """Makes the first invoice, announces the subscription and, with `pay`, tries to collect."""
    trial = subscription["trial_end"] is not None
    lines = [
        invoice_lines.for_item(
            state, item, item["current_period_start"], item["current_period_end"], trial=trial
        )
        for item in subscription["items"]["data"]
    ]
    if trial:
        subscription["status"] = "trialing"
    invoice = _invoice(state, subscription, lines, "subscription_create")
    subscription["latest_invoice"] = invoice["id"]
    if subscription["collection_method"] == "send_invoice":
        subscription["status"] = "trialing" if trial else "active"
    _finalize(state, subscription, invoice)
    if trial and not pay and not invoices.method_for(state, invoice):
        setup = setup_intents.create(state, customer=subscription["customer"])
        subscription["pending_setup_intent"] = setup["id"]
    state.hidden(subscription["id"])["announced"] = True
    emit(state, "customer.subscription.created", subscription)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        if pay:
            invoices.charge(state, invoice, off_session=off_session)
        clock = state.clock_of(subscription["customer"])
        clock.at(
            clock.now() + _INCOMPLETE_SECONDS,
            functools.partial(_still_incomplete, state, subscription),
        )
    plan(state, subscription)


def plan(state: State, subscription: Object) -> None:
    """Puts the next moments on the clock; one that does not apply any more will do nothing."""
    clock = state.clock_of(subscription["customer"])
    end = subscriptions.period_end(subscription)
    clock.at(end, functools.partial(_period_ends, state, subscription, end))
    if subscription["cancel_at"] is not None:
        when = subscription["cancel_at"]
        clock.at(max(when, clock.now()), functools.partial(_planned_end, state, subscription, when))
    if subscription["status"] == "trialing":
        notice = max(subscription["trial_end"] - _TRIAL_NOTICE_SECONDS, clock.now())
        job = functools.partial(_trial_will_end, state, subscription, subscription["trial_end"])
        if notice == clock.now():
            job()
        else:
            clock.at(notice, job)


def _invoice(state: State, subscription: Object, lines: list[Object], reason: str) -> Object:
    customer = state.get("customer", subscription["customer"], "customer")
    pending = state.hidden(subscription["id"]).pop("pending", [])
    sends = subscription["collection_method"] == "send_invoice"
    now = state.now(customer["id"])
    periods = [line["period"] for line in lines] or [{"start": now, "end": now}]
    return invoice_object.create(
        state,
        customer,
        subscription["currency"],
        [*pending, *lines],
        reason,
        subscription=subscription,
        collection_method=subscription["collection_method"],
        due_date=now + (subscription["days_until_due"] or 30) * _DAY if sends else None,
        period_start=now if reason == "subscription_create" else periods[0]["start"],
        period_end=now,
    )


def invoice_now(state: State, subscription: Object) -> Object:
    """Invoices what is pending, as proration_behavior always_invoice asks for."""
    invoice = _invoice(state, subscription, [], "subscription_update")
    subscription["latest_invoice"] = invoice["id"]
    _finalize(state, subscription, invoice)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        invoices.charge(state, invoice)
    return invoice


def _finalize(state: State, subscription: Object, invoice: Object) -> None:
    invoices.finalize(state, invoice)
    if subscription["collection_method"] == "send_invoice":
        emit(state, "invoice.sent", invoice)


def _still_incomplete(state: State, subscription: Object) -> None:
    if subscription["status"] == "incomplete":
        subscriptions.expire(state, subscription)


def _planned_end(state: State, subscription: Object, when: int) -> None:
    if subscription["status"] not in subscriptions.ENDED and subscription["cancel_at"] == when:
        subscriptions.cancel(state, subscription)


def _trial_will_end(state: State, subscription: Object, trial_end: int) -> None:
    if subscription["status"] == "trialing" and subscription["trial_end"] == trial_end:
        emit(state, "customer.subscription.trial_will_end", subscription)


def _period_ends(state: State, subscription: Object, end: int) -> None:
    if subscription["status"] in (*subscriptions.ENDED, "paused", "incomplete"):
        return
    if subscriptions.period_end(subscription) != end:
        return
    if subscription["cancel_at"] == end:
        subscriptions.cancel(state, subscription)
        return
    if subscription["status"] == "trialing" and not _may_go_on(state, subscription):
        return
    renew(state, subscription)


def _may_go_on(state: State, subscription: Object) -> bool:
    """Whether a trial turns into a paid period when nobody left a card."""
    choice = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    latest = state.table("invoice").get(subscription["latest_invoice"] or "")
    has_method = latest is not None and invoices.method_for(state, latest) is not None
    if has_method or choice == "create_invoice":
        return True
    if choice == "cancel":
        subscriptions.cancel(state, subscription)
        return False
    before = snapshot(subscription)
    subscription["status"] = "paused"
    emit(state, "customer.subscription.updated", subscription, before)
    emit(state, "customer.subscription.paused", subscription)
    return False


def renew(state: State, subscription: Object) -> None:
    """Begins the next period: its draft invoice, and the collection an hour later."""
    before = snapshot(subscription)
    start = subscriptions.period_end(subscription)
    if subscription["status"] in ("trialing", "paused"):
        start = min(start, state.now(subscription["customer"]))
        subscription |= {"status": "active", "billing_cycle_anchor": start}
        if before["status"] == "trialing" and subscription["trial_end"] > start:
            subscription["trial_end"] = start
    for item in subscription["items"]["data"]:
        rule = item["price"]["recurring"]
        anchor = subscription["billing_cycle_anchor"]
        item["current_period_start"] = start
        item["current_period_end"] = intervals.next_end(
            anchor, rule["interval"], rule["interval_count"], start
        )
    lines = [
        invoice_lines.for_item(
            state, item, item["current_period_start"], item["current_period_end"]
        )
        for item in subscription["items"]["data"]
    ]
    invoice = _invoice(state, subscription, lines, "subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    emit(state, "customer.subscription.updated", subscription, before)
    _collect_later(state, subscription, invoice)
    plan(state, subscription)


def _collect_later(state: State, subscription: Object, invoice: Object) -> None:
    paused = subscription["pause_collection"]
    if paused or subscription["status"] == "unpaid":
        behavior = paused["behavior"] if paused else "keep_as_draft"
        if behavior == "keep_as_draft":
            invoice["auto_advance"] = False
        elif behavior == "void":
            invoices.finalize(state, invoice)
            if invoice["status"] == "open":
                invoices.void(state, invoice)
        else:
            invoices.mark_uncollectible(state, invoice)
        return
    clock = state.clock_of(subscription["customer"])
    when = clock.now() + state.billing.finalize_after
    invoice["automatically_finalizes_at"] = when
    clock.at(when, functools.partial(_collect, state, subscription, invoice))


def _collect(state: State, subscription: Object, invoice: Object) -> None:
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    if subscription["status"] in subscriptions.ENDED:
        return
    _finalize(state, subscription, invoice)
    if invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        invoices.charge(state, invoice)


def _after_failure(state: State, invoice: Object, outcome: str) -> None:
    """Plans the next try of a renewal, or ends it after the last."""
    subscription = invoices.subscription_of(state, invoice)
    if subscription is None or outcome == "paid" or not invoice["auto_advance"]:
        return
    if invoice["billing_reason"] == "subscription_create":
        return
    tries = state.hidden(invoice["id"]).setdefault("tries", 0)
    clock = state.clock_of(subscription["customer"])
    if tries < len(state.billing.retry_days):
        when = clock.now() + state.billing.retry_days[tries] * _DAY
        state.hidden(invoice["id"])["tries"] = tries + 1
        before = snapshot(invoice)
        invoice["next_payment_attempt"] = when
        updated(state, "invoice.updated", invoice, before)
        clock.at(when, functools.partial(_retry, state, invoice, when))
        return
    if state.billing.after_retries == "canceled":
        subscriptions.cancel(state, subscription, "payment_failed")
    else:
        earlier = snapshot(subscription)
        subscription["status"] = state.billing.after_retries
        updated(state, "customer.subscription.updated", subscription, earlier)


def _retry(state: State, invoice: Object, when: int) -> None:
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == when:
        invoice["next_payment_attempt"] = None
        invoices.charge(state, invoice)


invoices.OUTCOMES.append(_after_failure)
