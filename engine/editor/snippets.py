"""Snippets: what an editor writes for a new node or a new flow, with its tab stops."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

from engine.catalogue import NodeSpec, Schema, catalogue
from engine.model import Value

_FIXED = frozenset({"type", "locked", "else", "stripe"})
"""Keys whose values are no tab stops."""
_NAMED = frozenset({"where", "values", "inputs", "outputs", "json", "gives"})
"""Mappings whose keys are the builder's own names, so tab stops too."""
_PLAIN = re.compile(r"[A-Za-z][\w .,'-]*")
"""Text that needs no quotes in YAML. A placeholder may become anything, so this is cautious."""

FLOWS = {
    "payment_callback": "payment",
    "refund_callback": "refund",
    "recurring_management_callback": "recurring_management",
    "recurring_charge_callback": "recurring_charge",
}


def node_snippets() -> list[Schema]:
    """One for each node type, made of its example."""
    return [_snippet(spec.type, spec.title, spec.doc, spec.example) for spec in _in_order()]


def flow_snippets() -> list[Schema]:
    """A whole flow for each of the four callbacks, for other events, schedules and calls."""
    known = catalogue()
    found = []
    for name, trigger in FLOWS.items():
        first = known[f"stripe.{trigger}_callback"]
        nodes = [first.example]
        if trigger == "recurring_charge":
            nodes += [_ORDER, known["stripe.process_recurring_payment"].example]
        body = {"flow": name, "title": first.title, "trigger": {"stripe": trigger}, "nodes": nodes}
        found.append(_snippet(f"flow: {name}", first.title, first.doc, body))
    events = {
        "flow": "customer_created",
        "title": "What it is for",
        "trigger": {"stripe": ["customer.created"]},
        "nodes": [{"id": "note", "type": "log", "message": "seen"}],
    }
    called = {
        "flow": "shared",
        "title": "What it is for",
        "trigger": {"manual": {"amount": "amount"}},
        "nodes": [],
    }
    scheduled = {
        "flow": "every_night",
        "title": "What it is for",
        "trigger": {"schedule": "0 3 * * *"},
        "nodes": [],
    }
    more = (
        ("flow: other events", "A flow for other events of Stripe", "Lists them.", events),
        ("flow: on a schedule", "A flow that a schedule starts", "Five fields, UTC.", scheduled),
        ("flow: called by others", "A flow that others call", "Declares its inputs.", called),
    )
    found += [_snippet(*one) for one in more]
    return found


_ORDER: Schema = {
    "id": "create_order",
    "type": "set",
    "values": {"orderId": "{{ callback.orderId }}", "amount": "{{ callback.amount }}"},
}


def quoted(expression: str) -> str:
    """A whole expression as it is written into YAML."""
    return json.dumps(f"{{{{ {expression} }}}}", ensure_ascii=False)


def _in_order() -> list[NodeSpec]:
    """The builder's own nodes first."""
    return sorted(catalogue().values(), key=lambda spec: (spec.locked, spec.type))


def _snippet(label: str, title: str, doc: str, example: Value) -> Schema:
    body = _body(example, itertools.count(1))
    return {"label": label, "description": f"{title}. {doc}", "body": body}


def _body(written: Value, stops: Iterator[int], key: str = "") -> Value:
    if isinstance(written, dict):
        named = key in _NAMED
        return {
            f"${{{next(stops)}:{name}}}" if named else name: _body(one, stops, name)
            for name, one in written.items()
        }
    if isinstance(written, list):
        return [_body(one, stops, key) for one in written] or "[]"
    if isinstance(written, bool) or key in _FIXED:
        return written
    return _leaf(written, next(stops))


def _leaf(written: Value, stop: int) -> str:
    text = str(written)
    if "\n" in text:
        lines = [f"    {line}" for line in _escaped(text).rstrip().split("\n")]
        return "\n".join(["|", *lines])
    inner = re.fullmatch(r"\{\{ (.*) \}\}", text)
    if inner:
        # The tab stop is what stands between the braces.
        return f'"{{{{ ${{{stop}:{_escaped(inner.group(1))}}} }}}}"'
    stands = f"${{{stop}:{_escaped(text)}}}"
    return stands if _PLAIN.fullmatch(text) or not isinstance(written, str) else f'"{stands}"'


def _escaped(text: str) -> str:
    return re.sub(r"([\\$}])", r"\\\1", text)
