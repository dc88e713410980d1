"""Money: which integer Stripe takes for an amount, and how to show it.

Source: https://docs.stripe.com/currencies (sections presentment currencies, zero-decimal,
three-decimal, special cases). An amount is an integer of the currency's minor unit: 100 USD is
10000, 500 JPY is 500, 35.200 KWD is 35200. Where that page contradicts itself (UGX stands in the
list of zero-decimal currencies) its special cases hold, as Stripe's API answers by them
(woocommerce-gateway-stripe #2674).
"""

from __future__ import annotations

import difflib

from engine.errors import BadInput


def _codes(codes: str) -> frozenset[str]:
    return frozenset(codes.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
"""The minor unit is the unit: to charge 500 JPY say 500."""

THREE_DECIMAL = _codes("bhd jod kwd omr tnd")
"""A thousandth is the minor unit, and the last digit must be 0: 5.124 KWD is 5120 or 5130."""

WHOLE_UNITS = _codes("isk ugx")
"""Sent with two decimals that must be 00: to charge 5 ISK say 500. (HUF and TWD are whole only in
payouts, which Actionflow never makes: for charges they are ordinary two-decimal currencies.)"""

TWO_DECIMAL = _codes(
    """usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd
    cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl
    htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr
    mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek
    sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah uyu uzs wst xcd xcg yer zar zmw"""
)

CURRENCIES = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_UNITS | TWO_DECIMAL
"""Every presentment currency. (Currencies of old events, such as hrk and ltl, are shown but no
longer charged; all of them had two decimals.)"""

LARGEST = 999_999_999_999
"""Twelve digits, the most Stripe takes in any currency."""


class BadAmount(BadInput):
    """The amount cannot be sent to Stripe; nothing was sent."""


def check_amount(amount: object, currency: object) -> tuple[int, str]:
    """The amount and the currency code in lower case, if Stripe would take them.

    Raises BadAmount for a fraction (2000.0 as well), text, true or false, zero, a negative number,
    more than twelve digits, an unknown currency, and an amount its currency does not have.
    """
    code = check_currency(currency)
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise BadAmount(
            f"The amount is {amount!r:.40} ({type(amount).__name__}). Expected an integer in the "
            f"minor unit of {code}: {_example(code)}. Amounts are never fractions or text."
        )
    if not 0 < amount <= LARGEST:
        raise BadAmount(
            f"The amount is {_digits(amount)}. Expected an integer from 1 to {LARGEST}, in the "
            f"minor unit of {code}: {_example(code)}."
        )
    if code in THREE_DECIMAL and amount % 10:
        low = amount // 10 * 10
        raise BadAmount(
            f"The amount is {amount} {code} ({show(amount, code)}). Expected the last digit to be "
            f"0, as Stripe takes two decimals of {code} only. Choose {low} or {low + 10}."
        )
    if code in WHOLE_UNITS and amount % 100:
        low = amount // 100 * 100
        raise BadAmount(
            f"The amount is {amount} {code} ({show(amount, code)}). Expected the last two digits "
            f"to be 00, as {code} has no fractions. Choose {low} or {low + 100}."
        )
    return amount, code


def check_currency(currency: object) -> str:
    """The currency code in lower case, as Stripe writes it. Raises BadAmount for an unknown one."""
    code = currency.lower() if isinstance(currency, str) else ""
    if code not in CURRENCIES:
        near = difflib.get_close_matches(code, sorted(CURRENCIES), 1) if code else []
        hint = f" Did you mean {near[0]}?" if near else ""
        raise BadAmount(
            f"The currency is {currency!r:.40}. Expected the three-letter code of a currency that "
            f"Stripe charges in, such as usd, eur or jpy.{hint}"
        )
    return code


def decimals(currency: str) -> int:
    """How many of an amount's last digits stand behind the point."""
    code = currency.lower()
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def show(amount: int, currency: str) -> str:
    """The amount as people write it, without the currency: 35200 kwd is '35.200', 9899 jpy '9899'.

    A currency not listed here (one of an event of tomorrow) is shown with two decimals.
    """
    places = decimals(currency)
    if not places:
        return str(amount)
    sign = "-" if amount < 0 else ""
    unit, rest = divmod(abs(amount), 10**places)
    return f"{sign}{unit}.{rest:0{places}}"


def _digits(amount: int) -> str:
    # Python refuses to write out integers of thousands of digits.
    return str(amount) if abs(amount) < 10**20 else "a number of more than twenty digits"


def _example(code: str) -> str:
    ten = 10 * 10 ** decimals(code)
    return f"10 {code} is {ten}"
