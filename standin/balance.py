"""Balance transactions: what payments, refunds and disputes do to the balance, in minor units."""

from standin.api import Call, operation
from standin.errors import Object
from standin.state import State

_CATEGORY = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "adjustment": "dispute",
}


def record(state: State, kind: str, source: Object, amount: int, *, fee: int = 0) -> Object:
    """Books an amount (negative when money leaves) for a charge, refund or dispute."""
    now = state.clock_for(source).now()
    code = source["currency"]
    return state.add(
        {
            "id": state.ids.new("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now + 2 * 86_400,
            "balance_type": "payments",
            "created": now,
            "currency": code,
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [
                {
                    "amount": fee,
                    "application": None,
                    "currency": code,
                    "description": "Stripe processing fees",
                    "type": "stripe_fee",
                }
            ]
            if fee
            else [],
            "net": amount - fee,
            "reporting_category": _CATEGORY[kind],
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )


def fee_for(amount: int) -> int:
    """Stripe's usual 2.9 % and 30, so that net and amount differ as they do in real life."""
    return (amount * 29 + 500) // 1000 + 30


@operation("GET", "/v1/balance_transactions/{id}")
def _retrieve(call: Call) -> Object:
    return call.state.get("balance_transaction", call.path["id"])
