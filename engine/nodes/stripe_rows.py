"""The payment row that an event is about: found or made, and told the news.

A system row's `facts` hold what was told of it (engine/stripe/facts.py); its other columns follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.model import Row, Value
from engine.nodes.base import Frame, NotOursYet, NotYet
from engine.nodes.stripe_scope import Scope, first, insert, update
from engine.store.base import Transaction
from engine.stripe import dispute, given_back, payment, refund
from engine.stripe.event import second_of
from engine.stripe.facts import Facts, merge, register
from engine.stripe.metadata import Mark

ENDED = ("SUCCESSFUL", "CANCELLED")
"""How a payment stands for good, refunds aside."""


def find_payment(
    tx: Transaction, intent: str | None, charge: str | None, session: str | None = None
) -> Row | None:
    """The payment row of these Stripe ids: by payment intent, charge, or checkout session."""
    wanted = [intent] if intent is not None else []
    if charge is not None:
        wanted.append(charge)
    if wanted:
        rows = tx.find("payment", {"transaction_id": wanted}, lock=True)
        if rows:
            return next((row for row in rows if row["transaction_id"] == intent), rows[0])
    if session is not None and (row := first(tx, "payment", "checkout_session_id", session)):
        return row
    return None if intent else first(tx, "payment", "charge_id", charge)


def payment_facts(tx: Transaction, row: Row) -> Facts:
    """What was told of a payment row. A row that was put there with a state of its own (a test's
    given rows, an import) says that state, weaker than any news."""
    known: Facts | None = row["facts"]
    if known is not None:
        return known
    status = row["status"]
    if status == "PENDING":
        return {}
    refunded = status in ("REFUNDING", "PARTIALLY_REFUNDED", "REFUNDED")
    state = "SUCCESSFUL" if refunded else status
    final = {"SUCCESSFUL": 2, "CANCELLED": 1}.get(state, 0)
    seed: Facts = {"state": {"status": register([final, 0, 0, 0], state)}}
    total = row["amount_refunded"] or (row["amount"] if status == "REFUNDED" else 0)
    if not total:
        return seed
    for one in tx.find("refund", {"payment_id": row["id"], "transaction_id": {"not": None}}):
        seed = merge(seed, refund.seed_facts(one["transaction_id"], one["status"], one["amount"]))
    if given_back.total_refunded(seed, None) < total:
        # As Stripe's figure would be: what was made until then is in it, what fails later was.
        seed["counted"] = register([second_of(row["updated_at"]), total], total)
    return seed


def payment_columns(facts: Facts, amount: int | None) -> Row:
    """A payment row's columns out of its facts; `amount` is what the row has already."""
    columns: dict[str, Any] = payment.state_columns(facts)
    if len(facts) == 1 and "state" in facts:  # nothing but how the payment itself stands
        columns["status"] = facts["state"]["status"][1]
        columns["amount_refunded"] = 0
        columns["disputed"] = False
        return columns
    status, refunded = given_back.refunded_status(facts, columns.get("amount", amount))
    if status is not None:
        columns["status"] = status
    columns["amount_refunded"] = refunded
    columns["disputed"] = dispute.disputed(facts)
    return columns


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Applied:
    """A payment row before and after news. `found` is false where this news made the row."""

    row: Row
    facts: Facts
    before: Row
    facts_before: Facts
    found: bool

    def __init__(
        self, row: Row, facts: Facts, before: Row, facts_before: Facts, found: bool
    ) -> None:
        self.row = row
        self.facts = facts
        self.before = before
        self.facts_before = facts_before
        self.found = found

    @property
    def settled(self) -> str:
        """How the payment stands, refunds aside."""
        return _settled(self.row)

    @property
    def settled_before(self) -> str | None:
        return _settled(self.before) if self.found else None


def _settled(row: Row) -> str:
    status: str = row["status"]
    return "SUCCESSFUL" if "REFUND" in status else status


def tell(
    frame: Frame, row: Row, told: Facts, ids: Row | None = None, own: Row | None = None
) -> Applied:
    """Merge news into a payment row. `ids` are Stripe ids the row may not know yet, `own` columns
    that no fact decides."""
    before = payment_facts(frame.tx, row)
    facts = merge(before, told)
    values = payment_columns(facts, row["amount"])
    if facts != row["facts"]:
        values["facts"] = facts
    for column, known in (ids or {}).items():
        if known is not None and row[column] is None:
            values[column] = known
    values.update(own or {})
    after = update(frame, "payment", row, values)
    applied = Applied(after, facts, row, before, found=True)
    ended = applied.settled in ENDED and applied.settled_before not in ENDED
    announce(frame, None if ended else row, after)
    return applied


def ended_payment(frame: Frame, intent: str | None, charge: str | None, thing: str) -> Row | None:
    """The payment row that a refund or dispute is about, or None where none has these ids.

    Raises NotYet while the payment is open: a refund follows a success, so the builder's flow for
    the success must have run before the one for the refund. The payment's end wakes what waits.
    """
    row = find_payment(frame.tx, intent, charge)
    if row is not None and _settled(row) not in ENDED:
        raise NotYet(f"{thing} is of payment {row['id']}, whose success was not told yet")
    return row


def our_payment(frame: Frame, intent: str | None, charge: str | None, thing: str) -> Row:
    """As `ended_payment`. Raises NotOurs where no payment has these ids."""
    row = ended_payment(frame, intent, charge, thing)
    if row is None:
        raise NotOursYet(
            f"{thing} is of {intent or charge or 'no charge'}, which is no payment of ours (so far)"
        )
    return row


def apply_payment(
    frame: Frame, scope: Scope, news: payment.PaymentNews, told: Facts, thing: str
) -> Applied:
    """Merge news into the payment row it means; make the row if the object is marked as ours.

    Raises NotOurs (no row has these ids and no metadata marks it, or it does not tell an amount to
    make a row of), NotYet (its order does not exist).
    """
    ids = {"transaction_id": news.transaction_id, "checkout_session_id": news.session}
    row = find_payment(frame.tx, news.intent, news.charge, news.session)
    if row is not None:
        return tell(frame, row, told, ids)
    mark = scope.mark(news.metadata)
    order_id = scope.order(frame.tx, mark, thing)
    row = _waiting_row(frame.tx, mark, order_id, ids)
    if row is not None:
        return tell(frame, row, told, ids)
    columns = payment_columns(told, None)
    amount, currency = columns.get("amount", news.amount), columns.get("currency", news.currency)
    if amount is None or currency is None:
        raise NotOursYet(f"{thing} tells no amount yet; set aside until its payment does")
    values: Row = {
        "order_id": order_id,
        "amount": amount,
        "currency": currency,
        "facts": told,
        **columns,
    }
    for name, value in ids.items():
        if value is not None:
            values[name] = value
    made = insert(frame, "payment", values)
    if made is None:
        return apply_payment(frame, scope, news, told, thing)
    announce(frame, None, made)
    return Applied(made, told, made, {}, False)


def _waiting_row(tx: Transaction, mark: Mark, order_id: Value, ids: Row) -> Row | None:
    """The pending row an action made for this object: of the same order, and not another's yet."""
    if mark.payment_id is None:
        return None
    row = first(tx, "payment", "id", mark.payment_id)
    if row is None or row["order_id"] != order_id:
        return None
    taken = any(value and row[name] not in (None, value) for name, value in ids.items())
    return None if taken else row


def announce(frame: Frame, before: Row | None, after: Row) -> None:
    """Stripe ids the row knows since now: events set aside for them can run. With None before, all
    of its ids."""
    for column in ("transaction_id", "charge_id", "checkout_session_id", "invoice_id"):
        found = after[column]
        if found is not None and (before is None or before[column] != found):
            frame.subjects.append(found)
