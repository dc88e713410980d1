"""Search, such as `status:"active" AND metadata["order_id"]:"42"`, with negation and ranges."""

import operator
import re
from collections.abc import Callable
from typing import Any

from standin.api import Call, operation
from standin.errors import Object, StripeError

_CLAUSE = re.compile(
    r"""\s*(-?)(\w+)(?:\[(?:"([^"]*)"|'([^']*)')\])?\s*(>=|<=|>|<|:|~)\s*"""
    r"""(?:"([^"]*)"|'([^']*)'|(\d+)|(null))\s*"""
)
_JOINT = re.compile(r"(AND|OR)\b", re.IGNORECASE)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    ":": operator.eq,
    "~": lambda value, wanted: str(wanted).lower() in str(value).lower(),
}
Test = Callable[[Object], bool]


def parse(query: str) -> Test:
    """The test that a query stands for; clauses are joined by AND or by OR, not by both."""
    clauses: list[Test] = []
    joints: set[str] = set()
    place = 0
    while True:
        match = _CLAUSE.match(query, place)
        if match is None:
            raise StripeError("We were unable to parse your search query.", param="query")
        clauses.append(_clause(match))
        place = match.end()
        if place == len(query):
            break
        joint = _JOINT.match(query, place)
        if joint is None or len(joints | {joint[1].upper()}) > 1:
            raise StripeError("We were unable to parse your search query.", param="query")
        joints.add(joint[1].upper())
        place = joint.end()
    every = any if joints == {"OR"} else all
    return lambda item: every(clause(item) for clause in clauses)


def _clause(match: re.Match[str]) -> Test:
    negative, field, quoted, single, sign, text, text2, number, null = match.groups()
    key = quoted if quoted is not None else single
    given = text if text is not None else text2

    def holds(item: Object) -> bool:
        value = item.get(field)
        if key is not None:
            value = (value or {}).get(key)
        if null:
            found = value is None
        elif value is None:
            found = False
        elif number is not None:
            found = isinstance(value, int) and _COMPARE[sign](value, int(number))
        else:
            found = _COMPARE[sign](str(value), given)
        return found != bool(negative)

    return holds


def _search(kind: str) -> Callable[[Call], Object]:
    def answer(call: Call) -> Object:
        test = parse(call.params["query"])
        found = [item for item in call.state.table(kind).values() if test(item)][::-1]
        start = int(call.get("page") or 0)
        end = start + call.get("limit", 10)
        more = len(found) > end
        return {
            "object": "search_result",
            "data": found[start:end],
            "has_more": more,
            "next_page": str(end) if more else None,
            "url": call.url,
        }

    return answer


for _kind in (
    "charge",
    "customer",
    "invoice",
    "payment_intent",
    "price",
    "product",
    "subscription",
):
    operation("GET", f"/v1/{_kind}s/search")(_search(_kind))
