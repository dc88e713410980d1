"""What a bank, a buyer or a tester does to one object, each a `POST /_standin/…` with its id.

payment_intents/{id}/settle and /authenticate {outcome: succeed | fail};
setup_intents/{id}/authenticate {outcome: succeed | fail};
refunds/{id}/fail {reason}, /succeed, /require_action; charges/{id}/dispute {reason, inquiry};
disputes/{id}/close {outcome: won | lost}.
"""

from collections.abc import Callable
from typing import Any

from standin import disputes, payments, refunds, setup_intents
from standin.errors import Object
from standin.state import State

Intervention = Callable[[State, str, dict[str, Any]], Object]


def _succeeds(given: dict[str, Any]) -> bool:
    return _outcome(given, "succeed", "fail") == "succeed"


def _outcome(given: dict[str, Any], *allowed: str) -> str:
    outcome = given.get("outcome", allowed[0])
    if outcome not in allowed:
        raise ValueError(f"outcome must be one of {', '.join(allowed)}")
    return str(outcome)


def _settle(state: State, identifier: str, given: dict[str, Any]) -> Object:
    intent = state.get("payment_intent", identifier)
    payments.settle(state, intent, succeed=_succeeds(given))
    return intent


def _authenticate(state: State, identifier: str, given: dict[str, Any]) -> Object:
    intent = state.get("payment_intent", identifier)
    payments.authenticate(state, intent, succeed=_succeeds(given))
    return intent


def _authenticate_setup(state: State, identifier: str, given: dict[str, Any]) -> Object:
    intent = state.get("setup_intent", identifier)
    setup_intents.authenticate(state, intent, succeed=_succeeds(given))
    return intent


def _fail_refund(state: State, identifier: str, given: dict[str, Any]) -> Object:
    refund = state.get("refund", identifier)
    refunds.fail(state, refund, given.get("reason", "expired_or_canceled_card"))
    return refund


def _succeed_refund(state: State, identifier: str, given: dict[str, Any]) -> Object:
    refund = state.get("refund", identifier)
    refunds.succeed(state, refund)
    return refund


def _require_action(state: State, identifier: str, given: dict[str, Any]) -> Object:
    refund = state.get("refund", identifier)
    refunds.require_action(state, refund)
    return refund


def _dispute(state: State, identifier: str, given: dict[str, Any]) -> Object:
    charge = state.get("charge", identifier)
    reason = given.get("reason", "fraudulent")
    return disputes.open_dispute(state, charge, reason, inquiry=bool(given.get("inquiry")))


def _close_dispute(state: State, identifier: str, given: dict[str, Any]) -> Object:
    dispute = state.get("dispute", identifier)
    disputes.close(state, dispute, won=_outcome(given, "won", "lost") == "won")
    return dispute


INTERVENTIONS: dict[str, Intervention] = {
    "payment_intents/{id}/settle": _settle,
    "payment_intents/{id}/authenticate": _authenticate,
    "setup_intents/{id}/authenticate": _authenticate_setup,
    "refunds/{id}/fail": _fail_refund,
    "refunds/{id}/succeed": _succeed_refund,
    "refunds/{id}/require_action": _require_action,
    "charges/{id}/dispute": _dispute,
    "disputes/{id}/close": _close_dispute,
}
