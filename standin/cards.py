"""Stripe's test cards and bank accounts: token or number, and what happens when they are charged.

Source: docs.stripe.com/testing and the SEPA and ACH test account pages.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TestMethod:
    """A way to pay in test mode and its fate."""

    token: str
    number: str
    title: str
    kind: Literal["card", "sepa_debit", "us_bank_account"] = "card"
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    # An error code and a decline code, when a charge is refused.
    decline: tuple[str, str] | None = None
    authentication: Literal["none", "always", "unless_set_up"] = "none"
    refund: Literal["succeeds", "fails_later", "pends"] = "succeeds"
    dispute: str | None = None
    # Delayed methods only: how long the bank takes, in seconds, and what it says.
    delay: int = 0
    settles: bool = True
    attaches: bool = True

    @property
    def last4(self) -> str:
        """The digits shown to a person."""
        return self.number[-4:]

    @property
    def delayed(self) -> bool:
        """Whether the money is known to come only later."""
        return self.kind != "card"


def _declined(token: str, number: str, code: str, decline: str, title: str) -> TestMethod:
    return TestMethod(token, number, title, decline=(code, decline), attaches=False)


_SOON, _LATER = 3, 180

METHODS: tuple[TestMethod, ...] = (
    TestMethod("pm_card_visa", "4242424242424242", "Visa, succeeds"),
    TestMethod("pm_card_visa_debit", "4000056655665556", "Visa debit", funding="debit"),
    TestMethod("pm_card_mastercard", "5555555555554444", "Mastercard", brand="mastercard"),
    TestMethod("pm_card_amex", "378282246310005", "American Express", brand="amex"),
    TestMethod("pm_card_discover", "6011111111111117", "Discover", brand="discover"),
    TestMethod("pm_card_de", "4000002760000016", "Visa, Germany", country="DE"),
    TestMethod("pm_card_bypassPending", "4000000000000077", "Money available at once"),
    _declined(
        "pm_card_chargeDeclined", "4000000000000002", "card_declined", "generic_decline", "Declined"
    ),
    _declined(
        "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009995",
        "card_declined",
        "insufficient_funds",
        "Declined: insufficient funds",
    ),
    _declined(
        "pm_card_chargeDeclinedLostCard",
        "4000000000009987",
        "card_declined",
        "lost_card",
        "Declined: lost card",
    ),
    _declined(
        "pm_card_chargeDeclinedStolenCard",
        "4000000000009979",
        "card_declined",
        "stolen_card",
        "Declined: stolen card",
    ),
    _declined(
        "pm_card_chargeDeclinedExpiredCard",
        "4000000000000069",
        "expired_card",
        "expired_card",
        "Declined: expired card",
    ),
    _declined(
        "pm_card_chargeDeclinedIncorrectCvc",
        "4000000000000127",
        "incorrect_cvc",
        "incorrect_cvc",
        "Declined: wrong CVC",
    ),
    _declined(
        "pm_card_chargeDeclinedProcessingError",
        "4000000000000119",
        "processing_error",
        "processing_error",
        "Declined: processing error",
    ),
    TestMethod(
        "pm_card_chargeCustomerFail",
        "4000000000000341",
        "Can be saved, then declined",
        decline=("card_declined", "generic_decline"),
    ),
    TestMethod(
        "pm_card_authenticationRequired",
        "4000002760003184",
        "Always asks for authentication",
        authentication="always",
    ),
    TestMethod(
        "pm_card_authenticationRequiredOnSetup",
        "4000002500003155",
        "Asks for authentication unless set up",
        authentication="unless_set_up",
    ),
    TestMethod(
        "pm_card_threeDSecure2Required",
        "4000000000003220",
        "3D Secure 2 required",
        authentication="always",
    ),
    TestMethod(
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "4000008260003178",
        "Authentication, then insufficient funds",
        authentication="always",
        decline=("card_declined", "insufficient_funds"),
    ),
    TestMethod("pm_card_createDispute", "4000000000000259", "Disputed later", dispute="fraudulent"),
    TestMethod(
        "pm_card_createDisputeProductNotReceived",
        "4000000000002685",
        "Disputed: not received",
        dispute="product_not_received",
    ),
    TestMethod(
        "pm_card_createDisputeInquiry",
        "4000000000001976",
        "Inquiry opened later",
        dispute="inquiry",
    ),
    TestMethod(
        "pm_card_refundFail", "4000000000005126", "Refund fails later", refund="fails_later"
    ),
    TestMethod("pm_card_pendingRefund", "4000000000007726", "Refund pends first", refund="pends"),
    TestMethod(
        "pm_sepaDebit_success",
        "AT611904300234573201",
        "SEPA debit, succeeds soon",
        kind="sepa_debit",
        country="AT",
        delay=_SOON,
    ),
    TestMethod(
        "pm_sepaDebit_successDelayed",
        "AT321904300235473204",
        "SEPA debit, succeeds after 3 minutes",
        kind="sepa_debit",
        country="AT",
        delay=_LATER,
    ),
    TestMethod(
        "pm_sepaDebit_failed",
        "AT861904300235473202",
        "SEPA debit, fails soon",
        kind="sepa_debit",
        country="AT",
        delay=_SOON,
        settles=False,
    ),
    TestMethod(
        "pm_sepaDebit_failedDelayed",
        "AT051904300235473205",
        "SEPA debit, fails after 3 minutes",
        kind="sepa_debit",
        country="AT",
        delay=_LATER,
        settles=False,
    ),
    TestMethod(
        "pm_usBankAccount_success",
        "000123456789",
        "US bank account, succeeds soon",
        kind="us_bank_account",
        delay=_SOON,
    ),
    TestMethod(
        "pm_usBankAccount_insufficientFunds",
        "000222222227",
        "US bank account, fails soon",
        kind="us_bank_account",
        delay=_SOON,
        settles=False,
    ),
)

_ALIASES = {
    "pm_card_us": "pm_card_visa",
    "pm_card_threeDSecureRequired": "pm_card_threeDSecure2Required",
    "pm_sepaDebit": "pm_sepaDebit_success",
    "pm_success_at": "pm_sepaDebit_success",
    "pm_successDelayed_at": "pm_sepaDebit_successDelayed",
    "pm_failed_at": "pm_sepaDebit_failed",
    "pm_failedDelayed_at": "pm_sepaDebit_failedDelayed",
}
_BY_TOKEN = {method.token: method for method in METHODS}
_BY_NUMBER = {method.number: method for method in METHODS}


def by_token(token: str) -> TestMethod | None:
    """The method behind a token such as `pm_card_visa`, in any of its spellings."""
    name = token.replace("tok_", "pm_card_", 1) if token.startswith("tok_") else token
    name = name.replace("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined", 1)
    return _BY_TOKEN.get(_ALIASES.get(name, name))


def by_number(number: str) -> TestMethod | None:
    """The method with this card number, IBAN or account number."""
    return _BY_NUMBER.get(number.replace(" ", "").replace("-", "").upper())


def of(token: str) -> TestMethod:
    """The method a kept payment method was made from."""
    return _BY_TOKEN[token]
