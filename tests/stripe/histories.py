"""Stripe as a little simulator: what happens to a payment, refund, subscription or dispute, told as
the events of a named API version. Shapes by the schema of these versions (INDEX.md, spec)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.stripe.support import event

OLD, MIDDLE, NEW = "2018-02-28", "2022-11-15", "2026-05-27.dahlia"
VERSIONS = (OLD, MIDDLE, NEW)
WORDS, REFUND_INTENT = "2019-02-11", "2020-08-27"
LATEST_CHARGE, REFUND_EVENTS, PARENT = "2022-11-15", "2024-10-28", "2025-03-31"
"""The versions (compared as text) from which on a shape is the new one; see engine/stripe/read.py."""
START = 1_700_000_000


@dataclass
class Clock:
    """The second of the next event."""

    at: int = START

    def after(self, seconds: int) -> int:
        self.at += seconds
        return self.at


@dataclass
class Told:
    """Events in the order they happened."""

    version: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def tell(
        self, kind: str, thing: dict[str, Any], at: int, previous: dict[str, Any] | None = None
    ) -> None:
        number = len(self.events) + 1
        self.events.append(
            event(
                kind,
                deepcopy(thing),
                at,
                id=f"evt_{thing.get('id', 'none')}_{number}",
                version=self.version,
                previous=previous,
            )
        )


def listed(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"object": "list", "data": list(entries), "has_more": False}


class Payment(Told):
    """A payment intent with its charges, refunds and disputes."""

    def __init__(
        self,
        version: str = NEW,
        amount: int = 10_000,
        currency: str = "usd",
        metadata: dict[str, str] | None = None,
        number: int = 1,
    ) -> None:
        super().__init__(version)
        self.amount, self.currency = amount, currency
        self.metadata = {} if metadata is None else metadata
        self.id = f"pi_{number}"
        self.charges: list[dict[str, Any]] = []
        self.refunds: dict[str, dict[str, Any]] = {}

    def charge(self) -> dict[str, Any]:
        return self.charges[-1]

    def intent(self, status: str, error: dict[str, Any] | None = None) -> dict[str, Any]:
        thing: dict[str, Any] = {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_received": self.amount if status == "succeeded" else 0,
            "currency": self.currency,
            "description": None,
            "last_payment_error": error,
            "metadata": self.metadata,
            "status": status,
        }
        newest_first = [self._charge(charge) for charge in reversed(self.charges)]
        if self.version < LATEST_CHARGE:
            thing["charges"] = listed(*newest_first)
        else:
            thing["latest_charge"] = newest_first[0]["id"] if newest_first else None
        return thing

    def attempt(self, at: int, status: str, **more: Any) -> dict[str, Any]:
        charge: dict[str, Any] = {
            "id": f"ch_{self.id[3:]}_{len(self.charges) + 1}",
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.amount if status == "succeeded" else 0,
            "amount_refunded": 0,
            "captured": status == "succeeded",
            "created": at,
            "currency": self.currency,
            "disputed": False,
            "failure_code": None,
            "failure_message": None,
            "metadata": self.metadata,
            "paid": status == "succeeded",
            "payment_intent": self.id,
            "refunded": False,
            "status": status,
            **more,
        }
        if self.version < REFUND_INTENT:
            del charge["amount_captured"]
        self.charges.append(charge)
        return charge

    def create(self, at: int) -> None:
        word = "requires_source" if self.version < WORDS else "requires_payment_method"
        self.tell("payment_intent.created", self.intent(word), at)

    def act(self, at: int) -> None:
        word = "requires_source_action" if self.version < WORDS else "requires_action"
        self.tell("payment_intent.requires_action", self.intent(word), at)

    def process(self, at: int) -> None:
        self.attempt(at, "pending")
        self.tell("payment_intent.processing", self.intent("processing"), at)
        self.tell("charge.pending", self._charge(self.charge()), at)

    def fail(self, at: int, code: str = "card_declined") -> None:
        error = {"code": code, "message": f"It failed: {code}."}
        self.attempt(at, "failed", failure_code=code, failure_message=error["message"])
        word = "requires_source" if self.version < WORDS else "requires_payment_method"
        self.tell("charge.failed", self._charge(self.charge()), at)
        self.tell("payment_intent.payment_failed", self.intent(word, error), at)

    def authorize(self, at: int) -> None:
        self.attempt(at, "succeeded", captured=False, amount_captured=0)
        self.tell("charge.succeeded", self._charge(self.charge()), at)
        self.tell("payment_intent.amount_capturable_updated", self.intent("requires_capture"), at)

    def succeed(self, at: int) -> None:
        if self.charges and self.charge()["status"] == "pending":
            self.charge().update(status="succeeded", paid=True, captured=True)
        elif self.charges and self.charge()["paid"]:
            self.charge().update(captured=True, amount_captured=self.amount)
            self.tell("charge.captured", self._charge(self.charge()), at, {"captured": False})
            self.tell("payment_intent.succeeded", self.intent("succeeded"), at)
            return
        else:
            self.attempt(at, "succeeded")
        if self.version >= REFUND_INTENT:
            self.charge()["amount_captured"] = self.amount
        self.tell("charge.succeeded", self._charge(self.charge()), at)
        self.tell("payment_intent.succeeded", self.intent("succeeded"), at)

    def cancel(self, at: int) -> None:
        self.tell("payment_intent.canceled", self.intent("canceled"), at)

    def session(self, kind: str, at: int, payment_status: str, **more: Any) -> None:
        thing = {
            "id": f"cs_{self.id[3:]}",
            "object": "checkout.session",
            "amount_total": self.amount,
            "currency": self.currency,
            "metadata": self.metadata,
            "mode": "payment",
            "payment_intent": self.id,
            "payment_status": payment_status,
            "status": "expired" if kind == "expired" else "complete",
            **more,
        }
        self.tell(f"checkout.session.{kind}", thing, at)

    # Refunds: charge.refunded when one is made; then the events of its own, by version.

    def refund(self, at: int, amount: int, status: str = "succeeded") -> str:
        refund_id = f"re_{self.id[3:]}_{len(self.refunds) + 1}"
        thing: dict[str, Any] = {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "charge": self.charge()["id"],
            "created": at,
            "currency": self.currency,
            "metadata": {},
            "reason": "requested_by_customer",
            "status": status,
        }
        if self.version >= REFUND_INTENT:
            thing["payment_intent"] = self.id
        before = {"amount_refunded": self.refunded()}
        self.refunds[refund_id] = thing
        self.tell("charge.refunded", self._charge(self.charge()), at, before)
        if self.version >= REFUND_EVENTS:
            self.tell("refund.created", thing, at)
        return refund_id

    def move_refund(self, at: int, refund_id: str, status: str) -> None:
        thing = self.refunds[refund_id]
        previous = {"status": thing["status"]}
        thing["status"] = status
        if status == "failed":
            thing["failure_reason"] = "expired_or_canceled_card"
        self.tell("charge.refund.updated", thing, at, previous)
        if self.version >= REFUND_EVENTS:
            self.tell("refund.updated", thing, at, previous)
            if status == "failed":
                self.tell("refund.failed", thing, at)

    def refunded(self) -> int:
        """What Stripe counts as refunded: all but what failed or was canceled."""
        gone = ("failed", "canceled")
        return sum(one["amount"] for one in self.refunds.values() if one["status"] not in gone)

    def dispute(self, kind: str, at: int, status: str, number: int = 1) -> None:
        thing = {
            "id": f"dp_{self.id[3:]}_{number}",
            "object": "dispute",
            "amount": self.amount,
            "charge": self.charge()["id"],
            "currency": self.currency,
            "metadata": {},
            "reason": "fraudulent",
            "status": status,
        }
        if self.version >= REFUND_INTENT:
            thing["payment_intent"] = self.id
        self.tell(f"charge.dispute.{kind}", thing, at)

    def _charge(self, charge: dict[str, Any]) -> dict[str, Any]:
        total = self.refunded() if charge is self.charge() else 0
        charge = charge | {"amount_refunded": total, "refunded": total == self.amount > 0}
        if self.version < LATEST_CHARGE:
            charge["refunds"] = listed(*reversed(self.refunds.values()))
        return charge


class Subscription(Told):
    """A subscription with its invoices."""

    def __init__(
        self,
        version: str = NEW,
        metadata: dict[str, str] | None = None,
        number: int = 1,
        amount: int = 2_000,
        began: int = START,
    ) -> None:
        super().__init__(version)
        self.metadata = {} if metadata is None else metadata
        self.number, self.amount, self.invoices = number, amount, 0
        self.began = began
        self.state: dict[str, Any] = {
            "status": "incomplete",
            "cancel_at": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "start": began,
            "end": began + 2_592_000,
            "trial_end": None,
        }

    @property
    def id(self) -> str:
        return f"sub_{self.number}"

    def thing(self, state: dict[str, Any] | None = None) -> dict[str, Any]:
        state = self.state if state is None else state
        price = {"id": "price_1", "object": "price", "currency": "usd", "unit_amount": self.amount}
        item: dict[str, Any] = {"id": "si_1", "object": "subscription_item", "quantity": 1}
        thing: dict[str, Any] = {
            "id": self.id,
            "object": "subscription",
            "created": self.began,
            "customer": "cus_1",
            "metadata": self.metadata,
            **{name: found for name, found in state.items() if name not in ("start", "end")},
        }
        period = {"current_period_start": state["start"], "current_period_end": state["end"]}
        if self.version >= PARENT:
            item |= {"price": price, **period}
            thing["currency"] = "usd"
        else:
            plan = {"id": "price_1", "object": "plan", "amount": self.amount, "currency": "usd"}
            item["plan"] = plan
            thing |= {"plan": plan, "quantity": 1, **period}
        return thing | {"items": listed(item)}

    def create(self, at: int, status: str = "incomplete", trial_end: int | None = None) -> None:
        self.state["status"], self.state["trial_end"] = status, trial_end
        self.tell("customer.subscription.created", self.thing(), at)

    def update(self, at: int, **changes: Any) -> None:
        before = dict(self.state)
        self.state |= changes
        was, now = self.thing(before), self.thing()
        previous = {name: was[name] for name in was if was[name] != now[name]}
        self.tell("customer.subscription.updated", now, at, previous)

    def reprice(self, at: int, amount: int) -> None:
        was, self.amount = self.thing(), amount
        now = self.thing()
        previous = {name: was[name] for name in was if was[name] != now[name]}
        self.tell("customer.subscription.updated", now, at, previous)

    def remind(self, at: int) -> None:
        self.tell("customer.subscription.trial_will_end", self.thing(), at)

    def end(self, at: int) -> None:
        self.state |= {"status": "canceled", "canceled_at": at, "ended_at": at}
        self.tell("customer.subscription.deleted", self.thing(), at)

    def invoice(
        self,
        kinds: tuple[str, ...],
        at: int,
        paid: int,
        *,
        first: bool = False,
        until: int | None = None,
        **more: Any,
    ) -> str:
        """One invoice, told under each of these names (two of them for one change)."""
        self.invoices += 1
        invoice_id = f"in_{self.number}_{self.invoices}"
        intent, charge = f"pi_s{self.number}_{self.invoices}", f"ch_s{self.number}_{self.invoices}"
        line = {"object": "line_item", "period": {"start": at, "end": until or at + 2_592_000}}
        thing: dict[str, Any] = {
            "id": invoice_id,
            "object": "invoice",
            "amount_due": paid,
            "amount_paid": paid,
            "billing_reason": "subscription_create" if first else "subscription_cycle",
            "currency": "usd",
            "created": at,
            "status": "paid",
        }
        if self.version >= PARENT:
            details = {"metadata": self.metadata, "subscription": self.id}
            parent = {"type": "subscription_details", "subscription_details": details}
            line["parent"] = {"type": "subscription_item_details"}
            thing |= {"parent": parent, "lines": listed(line)}
        else:
            line |= {"type": "subscription", "metadata": self.metadata}
            thing |= {
                "subscription": self.id,
                "payment_intent": intent if paid else None,
                "charge": charge if paid else None,
                "paid": True,
                "lines": listed(line),
            }
        for kind in kinds:
            self.tell(f"invoice.{kind}", thing | more, at)
        if self.version >= PARENT and paid:
            link = {
                "id": f"inpay_{invoice_id}",
                "object": "invoice_payment",
                "amount_paid": paid,
                "currency": "usd",
                "invoice": invoice_id,
                "payment": {"type": "payment_intent", "payment_intent": intent},
                "status": "paid",
            }
            self.tell("invoice_payment.paid", link, at)
        return invoice_id
