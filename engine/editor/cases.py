"""The JSON Schemas of test cases and of seed.yaml for editors: the project's own tables, events, roles.

What is made by `record` or by hand between two refreshes (events, replies) only suggests; tables and
columns judge, as they do in flows.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from engine.catalogue import DRAFT, Schema, shape
from engine.check.view import View, every_node
from engine.editor import tables
from engine.model import Flow
from engine.tick import cron_of

STRIPE_CALLS = (
    "checkout.sessions.create",
    "checkout.sessions.expire",
    "checkout.sessions.retrieve",
    "payment_intents.cancel",
    "payment_intents.create",
    "payment_intents.retrieve",
    "refunds.create",
    "subscriptions.update",
)
"""What locked nodes ask Stripe for."""
_EVENT_STEP, _CHANGED, _ACT = 0, 1, 2
"""Where schemas/cases.yaml lists these kinds of steps."""


def cases_schema(view: View) -> Schema:
    """The schema of tests/*.yaml."""
    schema: Schema = {"$schema": DRAFT, "$id": "cases.schema.json", **copy.deepcopy(shape("cases"))}
    schema["title"] = "Test cases"
    defs = schema["$defs"]
    case = schema["properties"]["cases"]["items"]
    case["title"] = "A case"
    case["defaultSnippets"] = [_NEW_CASE]
    steps = case["properties"]["events"]["items"]["anyOf"]
    steps[_EVENT_STEP] = _event(view, steps[_EVENT_STEP]["description"])
    changed = steps[_CHANGED]["properties"]
    changed["event"] = _event(view, changed["event"]["description"])
    [due] = [one for one in steps if one.get("required") == ["schedule"]]
    due["properties"]["schedule"]["anyOf"] = [*_scheduled(view), {"type": "string"}]
    steps[_ACT : _ACT + 1] = list(_acts(steps[_ACT], view)) or [steps[_ACT]]
    replies = case["properties"]["replies"]
    replies["properties"] = dict.fromkeys(_replied(view), replies["additionalProperties"])
    defs |= tables.rows(view.tables)
    return schema


def seed_schema(view: View) -> Schema:
    """The schema of seed.yaml: rows by table; a file of nothing but comments has none."""
    schema: Schema = {"$schema": DRAFT, "$id": "seed.schema.json", "title": "Rows to begin with"}
    defs = tables.rows(view.tables)
    defs["rows"]["type"] = ["object", "null"]
    return {**schema, "$defs": defs, "$ref": "#/$defs/rows"}


_NEW_CASE: Schema = {
    "label": "a case",
    "description": "What happens, and how it ends",
    "body": {
        "name": "${1:a payment}",
        "events": ["${2:payment_intent.succeeded}"],
        "expect": {"tables": {"${3:order}": ["{${4:id: 1, status: paid}}"]}},
    },
}


def _event(view: View, description: str) -> Schema:
    """A recorded event by name; any other text, too: it may have been recorded since."""
    known = sorted(path.stem for path in (view.loaded.folder / "events").glob("*.json"))
    some = [{"enum": known}] if known else []
    return {"description": description, "anyOf": [*some, {"type": "string"}]}


def _actions(view: View) -> dict[str, Flow]:
    """The project's flows of user actions, by action."""
    flows = view.flows.values()
    return {str(flow.trigger["action"]): flow for flow in flows if "action" in flow.trigger}


def _scheduled(view: View) -> list[Schema]:
    """The project's scheduled flows by name."""
    flows = [flow for flow in view.flows.values() if cron_of(flow)]
    return [{"const": flow.name, "description": flow.title} for flow in flows]


def _acts(written: Schema, view: View) -> Iterable[Schema]:
    """The step of each action, with its inputs; `caller` may be one of the project's roles."""
    for name, flow in _actions(view).items():
        one = copy.deepcopy(written)
        properties = one["properties"]
        properties["act"] = {"const": name, "description": flow.title}
        if view.project is not None and view.project.roles:
            roles = [{"enum": sorted(view.project.roles)}, {"type": "string"}]
            properties["caller"]["properties"]["role"] = {"anyOf": roles}
        properties["input"]["properties"] = {
            key: {"description": f"{one['type']}{', optional' * bool(one.get('optional'))}"}
            for key, one in flow.inputs.items()
        }
        yield one


def _replied(view: View) -> list[str]:
    """What `replies` may answer: calls to Stripe, and the project's http nodes."""
    nodes = (node for flow in view.flows.values() for node in every_node(flow.nodes))
    return [*STRIPE_CALLS, *sorted({node.id for node in nodes if node.type == "http"})]
