"""Currencies and the smallest and largest amounts, in minor units.

Source: docs.stripe.com/currencies (presentment currencies, minimum and maximum amounts).
"""

from standin.errors import StripeError

_CODES = (
    "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bif bmd bnd bob brl bsd bwp byn "
    "bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip "
    "gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jpy kes kgs khr kmf krw kyd kzt "
    "lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mro mur mvr mwk mxn myr mzn nad ngn nio "
    "nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle "
    "sll sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof "
    "xpf yer zar zmw bhd jod kwd omr tnd"
)
CURRENCIES = frozenset(_CODES.split())
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
ZERO_DECIMAL = frozenset(
    (
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    )
)
_WHOLE_UNITS = frozenset(("isk", "ugx"))
_MINIMUM = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200,
    "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
_MAXIMUM = 99_999_999


def currency(code: str, param: str = "currency") -> str:
    """The code in lower case, when Stripe knows it."""
    lower = code.lower()
    if lower not in CURRENCIES:
        raise StripeError(
            f"Invalid currency: {code}. Stripe currently supports these currencies: "
            f"{', '.join(sorted(CURRENCIES))}",
            param=param,
        )
    return lower


def chargeable(amount: int, code: str, param: str = "amount") -> int:
    """The amount, when it can be charged in the currency."""
    if amount < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=param,
        )
    if amount < _MINIMUM.get(code, 1):
        raise StripeError(
            "Amount must convert to at least the minimum charge amount allowed "
            f"({_MINIMUM[code]} {code}).",
            code="amount_too_small",
            param=param,
        )
    if amount > _MAXIMUM:
        raise StripeError(
            f"Amount must be no more than {_MAXIMUM} {code}.", code="amount_too_large", param=param
        )
    step = 10 if code in THREE_DECIMAL else 100 if code in _WHOLE_UNITS else 1
    if amount % step:
        raise StripeError(
            f"Invalid amount: {amount}. Amounts in {code} must be divisible by {step}.",
            code="parameter_invalid_integer",
            param=param,
        )
    return amount


def shown(amount: int, code: str) -> str:
    """The amount as a person reads it, such as 12.50 USD."""
    digits = 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
    whole, part = divmod(amount, 10**digits)
    return f"{whole:,}{f'.{part:0{digits}}' if digits else ''} {code.upper()}"
