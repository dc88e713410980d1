"""stripe.refund_callback: what an event says of refunds, and of the payment they belong to."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model import Node, Row, Value
from engine.nodes.base import Compiler, Frame, NotOurs, NotYet, Step, node_type
from engine.nodes.stripe_rows import Applied, apply_payment, ended_payment, our_payment, tell
from engine.nodes.stripe_scope import Scope, event_of, first, insert, update
from engine.stripe import given_back, payment, refund
from engine.stripe.event import Event
from engine.stripe.facts import merge, value
from engine.stripe.refund import RefundNews
from engine.stripe.routing import EVENTS

KINDS = frozenset(EVENTS["refund"])
_UNDONE = ("FAILED", "CANCELLED")


@node_type("stripe.refund_callback")
def refund_callback(node: Node, compiler: Compiler) -> Step:
    """Keeps refunds and their payment right. Outputs: schemas/nodes/stripe.refund_callback.yaml."""
    scope = Scope.of(compiler.project)

    def step(frame: Frame) -> Value:
        event = event_of(frame, KINDS)
        if event.object.get("object") == "charge":
            return _charge(frame, scope, event)
        return _refund(frame, scope, event)

    return step


def _charge(frame: Frame, scope: Scope, event: Event) -> Value:
    """charge.refunded: the payment's cumulative figure, and in old versions each refund."""
    news = payment.charge_news(event)
    thing = f"charge {news.charge}"
    if news.state is not payment.SUCCEEDED:
        return _released(frame, scope, news, thing)
    found = ended_payment(frame, news.intent, news.charge, thing)
    if found is None:
        scope.order(frame.tx, scope.mark(news.metadata), thing)
        raise NotYet(f"{thing} was refunded, but the success of its payment was not told yet")
    refunded = refund.refunded_charge(event)
    told = merge(payment.facts_of(news), refund.charge_facts(refunded))
    for one in refunded.refunds:
        told = merge(told, refund.facts_of(one))
    applied = tell(frame, found, told)
    rows, effect = _refund_rows(frame, scope, applied, refunded.refunds)
    listed = {one.id for one in refunded.refunds} or rows
    row = max((rows[id] for id in listed), key=lambda one: _age(applied, one), default=None)
    more = refunded.total if refunded.more is None else max(refunded.more, 0)
    return _outputs(applied, row, row["amount"] if row else more, effect)


def _released(frame: Frame, scope: Scope, news: payment.PaymentNews, thing: str) -> Value:
    """An authorisation let go, which Stripe calls refunded: no money came, so none goes back."""
    applied = apply_payment(frame, scope, news, payment.facts_of(news), thing)
    return _outputs(applied, None, 0, effect=False) | {"status": "CANCELLED"}


def _refund(frame: Frame, scope: Scope, event: Event) -> Value:
    """refund.* and charge.refund.updated: one refund of a payment that must be known."""
    news = refund.refund_news(event)
    if news is None:
        raise NotOurs(f"{event.id} carries a refund without an id")
    found = our_payment(frame, news.intent, news.charge, f"refund {news.id}")
    applied = tell(frame, found, refund.facts_of(news))
    rows, effect = _refund_rows(frame, scope, applied, [news])
    row = rows[news.id]
    return _outputs(applied, row, row["amount"], effect)


def _refund_rows(
    frame: Frame, scope: Scope, applied: Applied, news: Iterable[RefundNews]
) -> tuple[dict[str, Row], bool]:
    """The rows of these refunds, and of those that stand otherwise since, by Stripe id; and whether
    that is an effect.

    Learning of a refund whose money was counted already is none; that one failed is.
    """
    rows, effect = {}, False
    named = {one.id: one for one in news}
    before = given_back.statuses(applied.facts_before)
    for refund_id, status in given_back.statuses(applied.facts).items():
        one = named.get(refund_id)
        if one is None and status == before.get(refund_id):
            continue
        row = first(frame.tx, "refund", "transaction_id", refund_id)
        if row is None and one is not None:
            row = _waiting_row(frame, scope, applied, one)
        columns = given_back.refund_columns(applied.facts, refund_id)
        columns.setdefault("currency", applied.row["currency"])
        columns["transaction_id"] = refund_id
        if row is None:
            rows[refund_id] = _new_row(frame, applied, columns)
        else:
            rows[refund_id] = update(frame, "refund", row, columns)
        effect = effect or (status in _UNDONE if row is None else status != row["status"])
    return rows, effect


def _age(applied: Applied, row: Row) -> tuple[int, str]:
    """When this refund was made, to tell the newest."""
    refund_id: str = row["transaction_id"]
    return value(applied.facts["refunds"][refund_id], "made"), refund_id


def _new_row(frame: Frame, applied: Applied, columns: Row) -> Row:
    made = insert(frame, "refund", {"payment_id": applied.row["id"], **columns})
    if made is not None:
        return made
    there = first(frame.tx, "refund", "transaction_id", columns["transaction_id"])
    assert there is not None
    return update(frame, "refund", there, columns)


def _waiting_row(frame: Frame, scope: Scope, applied: Applied, news: RefundNews) -> Row | None:
    """The pending row a refund action made, which does not know its Stripe id yet."""
    row = first(frame.tx, "refund", "id", scope.mark(news.metadata).refund_id)
    if row is None or row["payment_id"] != applied.row["id"]:
        return None
    return row if row["transaction_id"] in (None, news.id) else None


def _outputs(applied: Applied, row: Row | None, amount: int, effect: bool) -> Row:
    paid, was = applied.row, applied.before
    same = applied.found and all(paid[name] == was[name] for name in ("status", "amount_refunded"))
    processed = same and not effect
    status = row["status"] if row else "REFUNDED"
    return {
        "orderId": paid["order_id"],
        "paymentId": paid["id"],
        "paymentStatus": paid["status"],
        "paymentAmount": paid["amount"],
        "refundId": row["id"] if row else None,
        "status": "PENDING" if status == "REQUIRES_ACTION" else status,
        "refundAmount": amount,
        "totalRefunded": paid["amount_refunded"],
        "currency": paid["currency"],
        "reason": row["reason"] if row else None,
        "failureReason": row["failure_reason"] if row else None,
        "callbackProcessed": processed,
        "alreadyProcessed": processed,
    }
