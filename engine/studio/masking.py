"""What a page never shows: secrets, client secrets, tokens, and what tells one card from another."""

from __future__ import annotations

import re

from engine.model import Value

HIDDEN = "••• hidden"
SECRET_KEYS = re.compile(
    r"client_?secret|secret|password|passwd|^token$|access_?token|refresh_?token|api_?key"
    r"|private_?key|authorization|^cookie$|^ephemeral_?key",
    re.IGNORECASE,
)
CARD_KEYS = frozenset(
    {
        "card", "card_present", "interac_present", "us_bank_account", "sepa_debit", "bacs_debit",
        "au_becs_debit", "acss_debit", "bank_account",
    }
)  # fmt: skip
CARD_SHOWN = frozenset(
    {"brand", "display_brand", "funding", "country", "checks", "networks", "wallet"}
)
"""Of a card or bank account: what does not tell which one it is."""
CARD_DETAIL = frozenset(
    {"cvc", "last4", "exp_month", "exp_year", "fingerprint", "iin", "dynamic_last4", "iban"}
)
DIGITS = re.compile(r"(?<![\w.])\d(?:[ -]?\d){13,18}(?![\w.])")
IN_TEXT = re.compile(
    r"(?<![A-Za-z0-9_])(?:"
    r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9+/=]+"
    r"|whsec_[A-Za-z0-9+/=]+"
    r"|af_[A-Za-z0-9_-]{20,}"
    r"|(?:pi|seti|cs)_[A-Za-z0-9_]+_secret_[A-Za-z0-9]+"
    r"|eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r")"
)


def mask(value: Value) -> Value:
    """The same data with secrets and card detail replaced by HIDDEN; never changes `value`."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list | tuple):
        return [mask(one) for one in value]
    if isinstance(value, dict):
        return {name: _entry(name, one) for name, one in value.items()}
    return value


def mask_text(text: str) -> str:
    """A text with every secret in it replaced, whatever stands around it."""
    return DIGITS.sub(_unless_card, IN_TEXT.sub(HIDDEN, text))


def _unless_card(found: re.Match[str]) -> str:
    """Digits that pass the check of card numbers (ISO/IEC 7812-1, annex B) are one."""
    digits = [int(char) for char in found.group() if char.isdigit()]
    doubled = [d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits[::-1])]
    return HIDDEN if sum(doubled) % 10 == 0 else found.group()


def _entry(name: str, value: Value) -> Value:
    if value is None or isinstance(value, bool):
        return value
    if SECRET_KEYS.search(name) and not isinstance(value, dict | list):
        return HIDDEN
    if name in CARD_KEYS and isinstance(value, dict):
        return {key: mask(one) if key in CARD_SHOWN else _hidden(one) for key, one in value.items()}
    if name in CARD_DETAIL and not isinstance(value, dict | list):
        return HIDDEN
    return mask(value)


def _hidden(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _hidden(one) for key, one in value.items()}
    return value if value is None or isinstance(value, bool) else HIDDEN
