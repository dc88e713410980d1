"""Disputes: the buyer's bank takes the money back, and the seller wins or loses."""

from standin import balance, cards
from standin.api import Call, operation
from standin.errors import Object, StripeError
from standin.events import emit
from standin.listing import page
from standin.metadata import merge
from standin.payment_outcomes import LISTENERS
from standin.state import State, snapshot

_PATH = "/v1/disputes/{dispute}"
_FEE = 1500
_RESPONSE_SECONDS = 7 * 86_400
_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def open_dispute(state: State, charge: Object, reason: str, *, inquiry: bool = False) -> Object:
    """The bank disputes the whole charge; an inquiry does not move money yet."""
    if not charge["captured"] or "card" not in charge["payment_method_details"]:
        raise StripeError("The stand-in disputes card payments that went through, and only those.")
    if state.where("dispute", charge=charge["id"]):
        raise StripeError("This charge is disputed already.")
    now = state.clock_for(charge).now()
    dispute: Object = {
        "id": state.ids.new("du"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(_EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + _RESPONSE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    state.add(dispute)
    charge["disputed"] = True
    emit(state, "charge.dispute.created", dispute)
    if not inquiry:
        _move(state, dispute, -dispute["amount"], _FEE)
        emit(state, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _move(state: State, dispute: Object, amount: int, fee: int) -> None:
    booked = balance.record(state, "adjustment", dispute, amount, fee=fee)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], dict(booked)]


def close(state: State, dispute: Object, *, won: bool) -> None:
    """Ends the dispute; a won one gives the money back."""
    if dispute["status"] in ("won", "lost", "warning_closed"):
        raise StripeError("This dispute is already closed.", code="dispute_already_closed")
    inquiry = dispute["status"].startswith("warning")
    before = snapshot(dispute)
    dispute["status"] = "warning_closed" if inquiry else "won" if won else "lost"
    emit(state, "charge.dispute.updated", dispute, before)
    emit(state, "charge.dispute.closed", dispute)
    if won and not inquiry:
        _move(state, dispute, dispute["amount"], 0)
        emit(state, "charge.dispute.funds_reinstated", dispute)


def _after_payment(state: State, intent: Object) -> None:
    if intent["status"] != "succeeded":
        return
    charge = state.get("charge", intent["latest_charge"])
    reason = cards.of(state.hidden(charge["id"])["method"]).dispute
    if reason and not state.where("dispute", charge=charge["id"]):
        inquiry = reason == "inquiry"
        open_dispute(state, charge, "fraudulent" if inquiry else reason, inquiry=inquiry)


LISTENERS.append(_after_payment)


@operation("GET", "/v1/disputes")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("charge", "payment_intent") if n in call.params}
    return page(call.state.where("dispute", **wanted), call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("dispute", call.path["dispute"])


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    dispute = _retrieve(call)
    if dispute["status"] in ("won", "lost", "warning_closed"):
        raise StripeError("This dispute is closed.", code="dispute_already_closed")
    before = snapshot(dispute)
    given = call.get("evidence") or {}
    dispute["evidence"] |= {name: value or None for name, value in given.items()}
    if given:
        dispute["evidence_details"]["has_evidence"] = True
    dispute["metadata"] = merge(dispute["metadata"], call.get("metadata"))
    if given and call.get("submit", True):
        dispute["evidence_details"]["submission_count"] += 1
        inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
    if dispute != before:
        emit(call.state, "charge.dispute.updated", dispute, before)
    # Stripe's own magic words decide a test dispute.
    verdict = dispute["evidence"]["uncategorized_text"]
    if call.get("submit", True) and verdict in ("winning_evidence", "losing_evidence"):
        close(call.state, dispute, won=verdict == "winning_evidence")
    return dispute


@operation("POST", _PATH + "/close")
def _close(call: Call) -> Object:
    dispute = _retrieve(call)
    close(call.state, dispute, won=False)
    return dispute
