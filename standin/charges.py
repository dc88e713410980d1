"""Charges: one attempt to take money, made by a payment intent."""

from standin import balance
from standin.api import Call, operation
from standin.cards import TestMethod
from standin.errors import Object, StripeError
from standin.events import emit, updated
from standin.expand import includable
from standin.listing import page, whole
from standin.metadata import merge
from standin.state import State, snapshot

_PATH = "/v1/charges/{charge}"


def create(
    state: State, intent: Object, item: Object, method: TestMethod, *, authenticated: bool
) -> Object:
    """A charge for the intent's amount, still without an outcome."""
    prefix = "ch" if method.kind == "card" else "py"
    charge: Object = {
        "id": state.ids.new(prefix),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": None,
        "billing_details": item["billing_details"],
        "calculated_statement_descriptor": "STAND-IN",
        "captured": False,
        "created": state.now(intent["customer"]),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": item["id"],
        "payment_method_details": _details(state, intent, item, method, authenticated),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": intent["shipping"],
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }
    state.hidden(charge["id"])["method"] = method.token
    return state.add(charge)


def _details(
    state: State, intent: Object, item: Object, method: TestMethod, authenticated: bool
) -> Object:
    shown = item[method.kind]
    kept: tuple[str, ...]
    if method.kind == "sepa_debit":
        kept = ("bank_code", "branch_code", "country", "fingerprint", "last4")
        details = {name: shown[name] for name in kept} | {"mandate": state.ids.new("mandate")}
    elif method.kind == "us_bank_account":
        kept = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4")
        details = {name: shown[name] for name in kept} | {
            "mandate": state.ids.new("mandate"),
            "payment_reference": None,
            "routing_number": shown["routing_number"],
        }
    else:
        kept = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
        details = {name: shown[name] for name in kept} | {
            "amount_authorized": None if method.decline else intent["amount"],
            "authorization_code": None if method.decline else state.ids.text(6).upper(),
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "last4": method.last4,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": method.brand,
            "network_token": {"used": False},
            "network_transaction_id": None,
            "overcapture": {
                "maximum_amount_capturable": intent["amount"],
                "status": "unavailable",
            },
            "regulated_status": "unregulated",
            "three_d_secure": {
                "authentication_flow": "challenge",
                "electronic_commerce_indicator": "05",
                "exemption_indicator": None,
                "result": "authenticated",
                "result_reason": None,
                "transaction_id": state.ids.text(20),
                "version": "2.2.0",
            }
            if authenticated
            else None,
            "wallet": None,
        }
    return {method.kind: details, "type": method.kind}


def outcome(kind: str, reason: str | None = None) -> Object:
    """What the network said: authorized, or declined for a reason."""
    good = kind == "authorized"
    return {
        "advice_code": None if good else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": None if good else "01",
        "network_status": "approved_by_network" if good else "declined_by_network",
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete."
        if good
        else "The bank did not return any further details with this decline.",
        "type": kind,
    }


def settle_balance(state: State, charge: Object) -> None:
    """Books the captured amount, after the payment as automatic_async does, and says so."""
    before = snapshot(charge)
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    booked = balance.record(
        state,
        kind,
        charge,
        charge["amount_captured"],
        fee=balance.fee_for(charge["amount_captured"]),
    )
    charge["balance_transaction"] = booked["id"]
    charge["receipt_url"] = f"{state.url}/_standin/receipts/{charge['id']}"
    emit(state, "charge.updated", charge, before)


def refunds(state: State, charge: Object) -> Object:
    """The charge's refunds, newest first; shown only when expanded."""
    items = state.where("refund", charge=charge["id"])
    return whole(items[::-1], f"/v1/charges/{charge['id']}/refunds")


includable("charge", "refunds", refunds)


@operation("GET", "/v1/charges")
def _list(call: Call) -> Object:
    wanted = {n: call.params[n] for n in ("customer", "payment_intent") if n in call.params}
    return page(call.state.where("charge", **wanted), call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("charge", call.path["charge"])


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    charge = _retrieve(call)
    before = snapshot(charge)
    for name in ("description", "receipt_email", "transfer_group"):
        if name in call.params:
            charge[name] = call.params[name] or None
    if call.text("customer"):
        if charge["customer"]:
            raise StripeError("The customer of a charge cannot be changed.", param="customer")
        charge["customer"] = call.state.get(
            "customer", call.params["customer"], "customer", status=400
        )["id"]
    if "fraud_details" in call.params:
        charge["fraud_details"] = {
            name: value for name, value in call.params["fraud_details"].items() if value
        }
    charge["metadata"] = merge(charge["metadata"], call.get("metadata"))
    updated(call.state, "charge.updated", charge, before)
    return charge
