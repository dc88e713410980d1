"""Reading one value out of a Stripe object, whatever API version wrote it.

`VERSIONS` lists what moved; every reader tries the old path, then the new one, and never asks which
version it has: accounts pinned to an old one still get new fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Data = Mapping[str, Any]


class Moved(NamedTuple):
    """One difference between API versions that a reader here bridges, and how we know of it."""

    version: str
    what: str
    old: str
    new: str
    source: str


_ENORMOUS = 10**15  # no amount, second or quantity of Stripe's comes near

_INDEX = "shared/stripe-events/INDEX.md"
VERSIONS: tuple[Moved, ...] = (
    Moved("2017-05-25", "Connect account of an event", "user_id", "account", f"{_INDEX} row 'old'"),
    Moved(
        "2018-02-28 (payment intents)",
        "a payment's id",
        "charge.id",
        "payment_intent.id",
        "recorded charges without payment_intent: 2018-01-23, 2022-08-01",
    ),
    Moved(
        "2019-02-11",
        "payment intent status words",
        "requires_source, requires_source_action",
        "requires_payment_method, requires_action",
        "2018-02-28 payment_intent.payment_failed says requires_source",
    ),
    Moved(
        "2019-03-14",
        "second an invoice was made",
        "invoice.date",
        "invoice.created",
        f"{_INDEX} row '2018-11 .. 2019-03'",
    ),
    Moved(
        "2019-12-03",
        "a session's mode",
        "by what it holds",
        "session.mode",
        "2019-05-16 checkout.session.completed without mode or payment_status",
    ),
    Moved(
        "2020-08-27",
        "payment intent of a refund",
        "by refund.charge",
        "refund.payment_intent",
        f"{_INDEX} row '2020-08-27'",
    ),
    Moved(
        "2020-08-27",
        "a subscription's price",
        "plan, quantity",
        "items.data[].price, items.data[].quantity",
        "2014-11-05 and 2018-01-23 subscription events; items.data[].plan in between",
    ),
    Moved(
        "2022-11-15",
        "charge of a payment intent",
        "charges.data[0].id",
        "latest_charge",
        f"{_INDEX} row '2022-11-15'",
    ),
    Moved(
        "2022-11-15",
        "refunds of a charge",
        "charge.refunds.data",
        "not sent; refund.* events tell",
        f"{_INDEX} row '2022-11-15'",
    ),
    Moved(
        "2025-03-31.basil",
        "subscription of an invoice",
        "invoice.subscription",
        "invoice.parent.subscription_details.subscription",
        f"{_INDEX} row '2025-03-31.basil'",
    ),
    Moved(
        "2025-03-31.basil",
        "a subscription's metadata on its invoice",
        "invoice.subscription_details.metadata, lines.data[].metadata",
        "invoice.parent.subscription_details.metadata",
        f"{_INDEX} row '2025-03-31.basil'",
    ),
    Moved(
        "2025-03-31.basil",
        "payment of an invoice",
        "invoice.payment_intent, invoice.charge",
        "invoice_payment.payment, sent as invoice_payment.paid",
        f"{_INDEX} row '2025-03-31.basil'",
    ),
    Moved(
        "2025-03-31.basil",
        "a subscription's period",
        "current_period_start, current_period_end",
        "items.data[].current_period_start, …_end",
        f"{_INDEX} row '2025-03-31.basil'",
    ),
    Moved(
        "2025-03-31.basil",
        "tax on top of an invoice's prices",
        "invoice.tax, invoice.total_tax_amounts[].inclusive",
        "invoice.total_taxes[].tax_behavior",
        f"{_INDEX} row '2025-03-31.basil'",
    ),
    Moved(
        "2025-03-31.basil",
        "a subscription's discounts",
        "discount",
        "discounts[]",
        f"{_INDEX} rows '2024-04-10', '2025-03-31.basil'",
    ),
)


def id_of(found: object) -> str | None:
    """The id in a field that holds an id, or the whole object where Stripe expanded it."""
    if type(found) is str and found and "\0" not in found:  # nearly always, at once
        return found
    if found is None:
        return None
    if type(found) is dict:
        return text(found.get("id"))
    return text(found.get("id")) if isinstance(found, Mapping) else text(found)


def whole(found: object) -> int | None:
    """An integer (an amount in minor units, a second, a quantity), or None where there is none."""
    if type(found) is not int and (isinstance(found, bool) or not isinstance(found, int)):
        return None
    return found if -_ENORMOUS < found < _ENORMOUS else None


def text(found: object) -> str | None:
    """Text, or None where there is none; without NUL characters, which no database column takes."""
    if type(found) is str and found and "\0" not in found:  # nearly always, at once
        return found
    if not isinstance(found, str):
        return None
    return (found.replace("\0", "") if "\0" in found else found) or None


def part(found: object) -> Data:
    """The object in a field, empty where there is none."""
    if type(found) is dict:
        return found
    return found if found is not None and isinstance(found, Mapping) else {}


def listed(found: object) -> list[Data]:
    """The objects of a Stripe list ({object: list, data: […]}), none where it is absent or null."""
    if found is None:
        return []
    data = part(found).get("data")
    return [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []


def currency_of(thing: Data) -> str | None:
    """The currency code, lower case as Stripe writes it."""
    found = thing.get("currency")
    if type(found) is str and len(found) == 3 and found.isascii() and found.isalpha():
        return found.lower()
    found = text(found)
    code = found.lower() if found else ""
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None


def invoice_subscription(invoice: Data) -> str | None:
    """The subscription an invoice belongs to, or None for one of its own (one-off, quote)."""
    details = part(part(invoice.get("parent")).get("subscription_details"))
    return id_of(invoice.get("subscription")) or id_of(details.get("subscription"))
