"""Checks a request's parameters against Stripe's published names and types, and gives values.

`parameters.json` comes from the published description (see parameters_from_spec); the few
operations that the reduced description leaves out are written here, after the SDK's types.
"""

import functools
import json
from pathlib import Path
from typing import Any

from standin.errors import StripeError, required

_METADATA: Any = {"|": [{"*": "s"}, "="]}
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "s")
_BILLING: Any = {
    "address": {"|": [_ADDRESS, "="]},
    "email": "s",
    "name": "s",
    "phone": "s",
    "tax_id": "s",
}
_PAGE: Any = {"ending_before": "s", "expand": ["s"], "limit": "i", "starting_after": "s"}
_OWN: dict[str, Any] = {
    "POST /v1/payment_methods": {
        "allow_redisplay": "=always|limited|unspecified",
        "billing_details": _BILLING,
        "card": {
            "cvc": "s",
            "exp_month": "i",
            "exp_year": "i",
            "networks": {"preferred": "=cartes_bancaires|mastercard|visa"},
            "number": "s",
            "token": "s",
        },
        "customer": "s",
        "expand": ["s"],
        "metadata": _METADATA,
        "payment_method": "s",
        "radar_options": {"session": "s"},
        "sepa_debit": {"iban!": "s"},
        "type": "s",
        "us_bank_account": {
            "account_holder_type": "=company|individual",
            "account_number": "s",
            "account_type": "=checking|savings",
            "financial_connections_account": "s",
            "routing_number": "s",
        },
    },
    "GET /v1/payment_methods": _PAGE | {"allow_redisplay": "s", "customer": "s", "type": "s"},
    "GET /v1/payment_methods/{payment_method}": {"expand": ["s"]},
    "POST /v1/payment_methods/{payment_method}": {
        "allow_redisplay": "=always|limited|unspecified",
        "billing_details": _BILLING,
        "card": {"exp_month": "i", "exp_year": "i"},
        "expand": ["s"],
        "metadata": _METADATA,
    },
    "POST /v1/payment_methods/{payment_method}/attach": {"customer!": "s", "expand": ["s"]},
    "POST /v1/payment_methods/{payment_method}/detach": {"expand": ["s"]},
    "GET /v1/customers/{customer}/payment_methods": _PAGE | {"allow_redisplay": "s", "type": "s"},
    "POST /v1/webhook_endpoints": {
        "api_version": "s",
        "connect": "b",
        "description": "s",
        "enabled_events!": ["s"],
        "expand": ["s"],
        "metadata": _METADATA,
        "url!": "s",
    },
    "GET /v1/webhook_endpoints": _PAGE,
    "GET /v1/webhook_endpoints/{webhook_endpoint}": {"expand": ["s"]},
    "POST /v1/webhook_endpoints/{webhook_endpoint}": {
        "description": "s",
        "disabled": "b",
        "enabled_events": ["s"],
        "expand": ["s"],
        "metadata": _METADATA,
        "url": "s",
    },
    "DELETE /v1/webhook_endpoints/{webhook_endpoint}": {},
    "GET /v1/account": {"expand": ["s"]},
    "GET /v1/balance_transactions/{id}": {"expand": ["s"]},
}


@functools.cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("parameters.json").read_text())
    return loaded


def known(route: str) -> bool:
    """Whether the operation, such as `POST /v1/refunds`, has a parameter list."""
    return route in _OWN or route in _table()["routes"]


def check(route: str, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters as values; raises Stripe's error for an unknown, missing or unreadable one."""
    kind = _OWN[route] if route in _OWN else _table()["routes"][route]
    shape = _shape(kind)
    unknown = [name for name in given if name not in shape and f"{name}!" not in shape]
    if unknown:
        raise _unknown(unknown, "")
    return _object(shape, given, "")


def _shape(kind: Any) -> dict[str, Any]:
    shape: dict[str, Any] = _table()["shapes"][kind] if isinstance(kind, int) else kind
    return shape


def _unknown(names: list[str], prefix: str) -> StripeError:
    full = [f"{prefix}[{name}]" if prefix else name for name in names]
    plural = "s" if len(full) > 1 else ""
    return StripeError(
        f"Received unknown parameter{plural}: {', '.join(full)}",
        code="parameter_unknown",
        param=full[0],
    )


def _object(shape: dict[str, Any], given: dict[str, Any], path: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in given.items():
        kind = shape.get(name, shape.get(f"{name}!"))
        if kind is None:
            raise _unknown([name], path)
        result[name] = _value(kind, value, f"{path}[{name}]" if path else name)
    for name in shape:
        if name.endswith("!") and name[:-1] not in given:
            raise required(f"{path}[{name[:-1]}]" if path else name[:-1])
    return result


def _value(kind: Any, value: Any, path: str) -> Any:
    if isinstance(kind, str):
        return _scalar(kind, value, path)
    if isinstance(kind, list):
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise StripeError("Invalid array", param=path)
        items = sorted(value.items(), key=lambda pair: int(pair[0]))
        return [_value(kind[0], item, f"{path}[{key}]") for key, item in items]
    if isinstance(kind, dict) and "|" in kind:
        return _union(kind["|"], value, path)
    if not isinstance(value, dict):
        raise StripeError("Invalid object", param=path)
    if isinstance(kind, dict) and "*" in kind:
        return {name: _value(kind["*"], item, f"{path}[{name}]") for name, item in value.items()}
    return _object(_shape(kind), value, path)


def _union(kinds: list[Any], value: Any, path: str) -> Any:
    if isinstance(value, str):
        texts = [kind for kind in kinds if isinstance(kind, str)]
        # The narrowest type first: `trial_end` is the word now, or else a whole number.
        for kind in sorted(texts, key="sinb=".find, reverse=True):
            try:
                return _scalar(kind, value, path)
            except StripeError as error:
                last = error
        raise last if texts else StripeError("Invalid object", param=path)
    nested = [kind for kind in kinds if not isinstance(kind, str)]
    if not nested:
        raise StripeError("Invalid string", param=path)
    for kind in nested[:-1]:
        try:
            return _value(kind, value, path)
        except StripeError:
            continue
    return _value(nested[-1], value, path)


def _scalar(kind: str, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise StripeError(f"Invalid {_NAMES.get(kind[0], 'string')}: {{...}}", param=path)
    if kind == "s":
        return value
    if kind == "i":
        digits = value.removeprefix("-")
        # isdecimal also takes other scripts' digits, Stripe does not.
        if digits.isascii() and digits.isdecimal() and len(digits) < 20:
            return int(value)
        raise StripeError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    if kind == "n":
        try:
            return float(value)
        except ValueError:
            raise StripeError(f"Invalid number: {value}", param=path) from None
    if kind == "b":
        if value in ("true", "false"):
            return value == "true"
        raise StripeError(f"Invalid boolean: {value}", param=path)
    allowed = kind[1:].split("|")
    if value in allowed:
        return value
    choices = [choice for choice in allowed if choice]
    raise StripeError(
        f"Invalid {path}: must be one of {', '.join(choices)}" if choices else "Invalid value",
        param=path,
    )


_NAMES = {"s": "string", "i": "integer", "n": "number", "b": "boolean", "=": "string"}
