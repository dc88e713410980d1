"""Refunds: partial, pending, failing later, never above what is left of the charge."""

import functools

from standin import balance, cards
from standin.api import Call, operation
from standin.errors import Object, StripeError, required
from standin.events import emit, updated
from standin.listing import page
from standin.metadata import merge
from standin.state import State, snapshot

_PATH = "/v1/refunds/{refund}"
# How long a test refund takes to fail or to arrive, in seconds.
_LATER = 10
_OPEN = ("pending", "requires_action")


def create(state: State, charge: Object, amount: int | None, **fields: object) -> Object:
    """Gives back a part (minor units), or all that is left, of a captured charge."""
    left = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"] and not _refundable(state, charge):
        raise StripeError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if left == 0:
        raise StripeError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    wanted = left if amount is None else amount
    if wanted < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
        )
    if wanted > left:
        raise StripeError(
            f"Refund amount ({wanted} {charge['currency']}) is greater than unrefunded amount on "
            f"charge ({left} {charge['currency']})",
            param="amount",
        )
    card = charge["id"].startswith("ch_")
    method = cards.of(state.hidden(charge["id"])["method"])
    pending = method.refund == "pends" or not card
    refund: Object = {
        "id": state.ids.new("re" if card else "pyr"),
        "object": "refund",
        "amount": wanted,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": state.clock_for(charge).now(),
        "currency": charge["currency"],
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        }
        if card
        else {"type": method.kind},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if pending else "succeeded",
        "transfer_reversal": None,
    } | fields
    if pending:
        refund["pending_reason"] = "processing"
    state.add(refund)
    booked = balance.record(state, "refund" if card else "payment_refund", refund, -wanted)
    refund["balance_transaction"] = booked["id"]
    charge["amount_refunded"] += wanted
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    emit(state, "refund.created", refund)
    emit(state, "charge.refunded", charge)
    if card and not pending:
        _reference(state, refund)
    clock = state.clock_for(charge)
    if pending:
        clock.at(clock.now() + _LATER, functools.partial(_if_open, state, refund))
    elif method.refund == "fails_later":
        clock.at(clock.now() + _LATER, functools.partial(_if_good, state, refund))
    return refund


def _refundable(state: State, charge: Object) -> bool:
    disputes = state.where("dispute", charge=charge["id"])
    return all(dispute["is_charge_refundable"] for dispute in disputes)


def _updated(state: State, refund: Object, before: Object) -> None:
    emit(state, "refund.updated", refund, before)
    emit(state, "charge.refund.updated", refund, before)


def _reference(state: State, refund: Object) -> None:
    """The bank's reference arrives: the first of several events about one and the same refund."""
    before = snapshot(refund)
    refund["destination_details"]["card"] |= {
        "reference": "".join(str(ord(letter) % 10) for letter in refund["id"][-16:]),
        "reference_status": "available",
    }
    _updated(state, refund, before)


def _if_open(state: State, refund: Object) -> None:
    if refund["status"] == "pending":
        succeed(state, refund)


def _if_good(state: State, refund: Object) -> None:
    if refund["status"] == "succeeded":
        fail(state, refund, "expired_or_canceled_card")


def succeed(state: State, refund: Object) -> None:
    """A refund under way arrives."""
    if refund["status"] not in _OPEN:
        raise StripeError(f"The refund has the status {refund['status']}.")
    before = snapshot(refund)
    refund["status"] = "succeeded"
    for name in ("pending_reason", "next_action", "instructions_email"):
        refund.pop(name, None)
    _updated(state, refund, before)


def require_action(state: State, refund: Object) -> None:
    """The buyer has to say where the money goes; such a refund can be canceled."""
    if refund["status"] != "pending":
        raise StripeError(f"The refund has the status {refund['status']}.")
    before = snapshot(refund)
    refund.pop("pending_reason", None)
    refund |= {
        "status": "requires_action",
        "instructions_email": "buyer@example.com",
        "next_action": {
            "display_details": {
                "email_sent": {
                    "email_sent_at": refund["created"],
                    "email_sent_to": "buyer@example.com",
                },
                "expires_at": refund["created"] + 30 * 86_400,
            },
            "type": "display_details",
        },
    }
    _updated(state, refund, before)


def fail(state: State, refund: Object, reason: str) -> None:
    """A refund, even one that had succeeded, comes back: the charge counts it no more."""
    if refund["status"] not in (*_OPEN, "succeeded"):
        raise StripeError(f"The refund has the status {refund['status']}.")
    before = snapshot(refund)
    _end(state, refund, "failed")
    refund["failure_reason"] = reason
    _updated(state, refund, before)
    emit(state, "refund.failed", refund)


def cancel(state: State, refund: Object) -> None:
    """Takes back a refund that waits for the buyer."""
    if refund["status"] != "requires_action":
        raise StripeError(
            f"You cannot cancel this refund because it has a status of {refund['status']}. Only a "
            "refund with the status requires_action may be canceled."
        )
    before = snapshot(refund)
    _end(state, refund, "canceled")
    refund["failure_reason"] = "merchant_request"
    _updated(state, refund, before)


def _end(state: State, refund: Object, status: str) -> None:
    charge = state.get("charge", refund["charge"])
    charge["amount_refunded"] -= refund["amount"]
    charge["refunded"] = False
    for name in ("pending_reason", "next_action"):
        refund.pop(name, None)
    booked = balance.record(state, "refund_failure", refund, refund["amount"])
    refund |= {"status": status, "failure_balance_transaction": booked["id"]}


def _charge_of(call: Call) -> Object:
    state = call.state
    if call.text("charge"):
        charge = state.get("charge", call.params["charge"], "charge", status=400)
        intent = call.text("payment_intent")
        if intent and charge["payment_intent"] != intent:
            raise StripeError("The charge does not belong to the payment intent.", param="charge")
        if not charge["captured"]:
            raise StripeError(
                f"Charge {charge['id']} is not captured; cancel its payment intent instead.",
                code="charge_not_refundable",
            )
        return charge
    if call.text("payment_intent"):
        wanted = call.params["payment_intent"]
        intent_object = state.get("payment_intent", wanted, "payment_intent", status=400)
        if intent_object["status"] != "succeeded":
            raise StripeError(
                f"This PaymentIntent ({wanted}) does not have a successful charge to refund."
            )
        return state.get("charge", intent_object["latest_charge"])
    raise required("payment_intent")


@operation("POST", "/v1/refunds")
def _create(call: Call) -> Object:
    call.refuse("reverse_transfer", "refund_application_fee", "origin")
    charge = _charge_of(call)
    metadata = merge({}, call.get("metadata"))
    fields: dict[str, object] = {"reason": call.text("reason"), "metadata": metadata}
    return create(call.state, charge, call.get("amount"), **fields)


@operation("GET", "/v1/refunds")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("charge", "payment_intent") if n in call.params}
    return page(call.state.where("refund", **wanted), call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("refund", call.path["refund"])


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    refund = _retrieve(call)
    before = snapshot(refund)
    refund["metadata"] = merge(refund["metadata"], call.get("metadata"))
    updated(call.state, "refund.updated", refund, before)
    updated(call.state, "charge.refund.updated", refund, before)
    return refund


@operation("POST", _PATH + "/cancel")
def _cancel(call: Call) -> Object:
    refund = _retrieve(call)
    cancel(call.state, refund)
    return refund
