"""The JSON Schema of flow files for editors: the catalogue's, with all that the project knows.

It accepts every flow that `check` accepts. What JSON Schema cannot say is left to `check`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from engine import cron
from engine.catalogue import DRAFT, NodeSpec, Schema, catalogue, definitions, node_schema, shape
from engine.check.event_types import CURRENT, RETIRED
from engine.check.lost import PROCESS, callback_type
from engine.check.view import View
from engine.editor import offers, tables
from engine.editor.snippets import flow_snippets, node_snippets
from engine.model import RESERVED_NAMES, STRIPE_TRIGGERS, Table
from engine.stripe.routing import EVENTS

_COMMON = {
    "id": "How other nodes read its output: {{ id.… }}. Unique in the flow",
    "title": "What it is for, in a line",
    "locked": "Not yours to change: it keeps the system tables right",
}
_BRACES = r"^\s*\{\{[\s\S]*\}\}\s*$"
_CONDITION = 'A condition is one whole expression: "{{ … }}".'


def flow_schema(view: View) -> Schema:
    """The schema of this project's flows."""
    schema: Schema = {"$schema": DRAFT, "$id": "flow.schema.json", **copy.deepcopy(shape("flow"))}
    schema["title"] = "A flow"
    schema["defaultSnippets"] = flow_snippets()
    defs = schema["$defs"]
    defs["condition"] |= {"pattern": _BRACES, "patternErrorMessage": _CONDITION}
    defs["nodes"]["items"] = {"$ref": "#/$defs/node"}
    defs["node"] = {
        "type": "object",
        "required": ["id", "type"],
        "properties": {**_common(), "type": _types()},
        "allOf": [_way(spec) for spec in catalogue().values()],
        "title": "A node",
    }
    # Only a node that has no type yet: what is offered would not fit any other.
    typed = {"type": "object", "required": ["type"]}
    new = {"if": typed, "else": {"defaultSnippets": node_snippets()}}
    _trigger(schema["properties"]["trigger"]["properties"])
    schema["allOf"] = [*_firsts(), _input_of_actions(), {"$ref": f"#/$defs/{offers.SEEN}"}]
    _project_tables(schema, view.tables)
    defs["node"]["allOf"].append(new)
    defs |= offers.overlay(view)
    return schema


def _common() -> Schema:
    names = "|".join(sorted(RESERVED_NAMES))
    told = {
        "pattern": f"^(?!({names})$)[a-z][a-zA-Z0-9_]*$",
        "patternErrorMessage": "A name begins with a small letter, then letters, digits and _; "
        f"reserved are {', '.join(sorted(RESERVED_NAMES))}.",
    }
    return {"id": {**definitions()["name"], **told, "description": _COMMON["id"]}}


def _types() -> Schema:
    """Every node type with its own words."""
    return {
        "anyOf": [
            {"const": spec.type, "title": spec.title, "description": spec.doc}
            for spec in sorted(catalogue().values(), key=lambda spec: (spec.locked, spec.type))
        ]
    }


def _way(spec: NodeSpec) -> Schema:
    """What a node of this type may be, where `type` names it."""
    named = {"type": "object", "required": ["type"], "properties": {"type": {"const": spec.type}}}
    return {"if": named, "then": _node(spec)}


def _node(spec: NodeSpec) -> Schema:
    """One node type: the words of the common keys, and what only its rule would say."""
    one = {**node_schema(spec), "title": spec.title, "description": spec.doc}
    del one["$defs"]
    # The catalogue's keys are everybody's.
    properties = one["properties"] = copy.deepcopy(one["properties"])
    properties["id"] = {}
    properties["type"] = {}
    for key, words in _COMMON.items():
        if key in properties and key != "id":
            properties[key]["description"] = words
    if properties["locked"] == {"const": False, "description": _COMMON["locked"]}:
        properties["locked"] |= {
            "doNotSuggest": True,
            "errorMessage": "This node has no lock: it is yours to change. Remove `locked`.",
        }
    if spec.type == "branch":
        _cases(properties["cases"])
    if spec.type == "flow":
        one["allOf"] = [{"$ref": f"#/$defs/{offers.SEEN}.calls"}]
    return one


def _cases(cases: Schema) -> None:
    cases["contains"] = {"required": ["else"]}
    cases["errorMessage"] = (
        "This branch has no else case. End it with: - {name: anything else, else: true, do: []}"
    )
    cases["items"] |= {
        "title": "A case",
        "if": {"required": ["else"]},
        "then": {"properties": {"when": False}},
        "else": {
            "required": ["when"],
            "errorMessage": 'A case needs when: "{{ … }}", or else: true for the last one.',
        },
    }


def _trigger(properties: Schema) -> None:
    callbacks = [
        {"const": name, "description": f"Starts on {', '.join(types)}"}
        for name, types in EVENTS.items()
    ]
    unknown = {"errorMessage": "Stripe sends no event of this name."}
    old = "|".join(sorted(RETIRED)).replace(".", "[.]")
    events = [
        {"enum": sorted(CURRENT), **unknown},
        {"type": "string", "pattern": rf"^(v[12][.].+|{old})$", **unknown},
    ]
    five = r"^\s*\S+(\s+\S+){4}\s*$"
    properties["schedule"] |= {
        "pattern": five,
        "patternErrorMessage": f"A schedule has {cron.EXPECTED}.",
        "defaultSnippets": [
            {"label": text, "description": said, "body": f'"{text}"'} for text, said in _SCHEDULES
        ],
    }
    listed = {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"anyOf": events}}
    properties["stripe"]["anyOf"] = [*callbacks, listed]


_SCHEDULES = (
    ("0 3 * * *", "every day at 03:00 UTC"),
    ("*/15 * * * *", "every quarter of an hour"),
    ("0 * * * *", "every hour"),
    ("0 6 * * MON", "on Mondays at 06:00 UTC"),
    ("0 0 1 * *", "on the first of each month"),
)


def _firsts() -> list[Schema]:
    """Each callback begins with its locked node; a charge ends in its payment."""
    known = catalogue()
    found = []
    for name in STRIPE_TRIGGERS:
        wanted = callback_type(name)
        first = f"The first node of this flow is - {{id: callback, type: {wanted}, locked: true}}"
        nodes: Schema = {
            "prefixItems": [{"properties": {"type": {"const": wanted, "errorMessage": first}}}]
        }
        if name == "recurring_charge" and PROCESS in known:
            nodes["contains"] = {"required": ["type"], "properties": {"type": {"const": PROCESS}}}
            nodes["errorMessage"] = (
                f"The flow never records the payment. Put this below `create_order`: "
                f"- {{id: process, type: {PROCESS}, locked: true}}"
            )
        trigger = {"required": ["stripe"], "properties": {"stripe": {"const": name}}}
        found.append(
            {
                "if": {"required": ["trigger"], "properties": {"trigger": trigger}},
                "then": {"properties": {"nodes": nodes}},
            }
        )
    return found


def _input_of_actions() -> Schema:
    """`input` belongs to user actions only."""
    action = {"trigger": {"required": ["action"]}}
    return {
        "if": {"required": ["trigger"], "properties": action},
        "else": {"properties": {"input": False}},
    }


def _project_tables(schema: Schema, known: Mapping[str, Table]) -> None:
    """Table names, and the columns of the table a node names. Nothing where there is no project.yaml."""
    if not known:
        return
    defs = schema["$defs"]
    for table in known.values():
        defs |= tables.shapes(table, known)
    for way in defs["node"]["allOf"]:
        kind = way["if"]["properties"]["type"]["const"]
        if kind.startswith("table."):
            _table_node(kind, way["then"], known)


def _table_node(kind: str, one: Schema, known: Mapping[str, Table]) -> None:
    own = [table for table in known.values() if kind == "table.find" or not table.system]
    names = [{"const": table.name, "description": tables.titled(table)} for table in own]
    description = one["properties"]["table"]["description"]
    one["properties"]["table"] = {"description": description, "anyOf": names}
    shape_of = {"where": "where", "order_by": "order_by", "values": "values"}
    if kind == "table.update":
        shape_of["values"] = "changes"
    keys = [key for key in shape_of if key in one["properties"]]
    one["allOf"] = [
        {
            "if": {"required": ["table"], "properties": {"table": {"const": table.name}}},
            "then": {
                "properties": {
                    key: {"$ref": f"#/$defs/{shape_of[key]}.{table.name}"} for key in keys
                }
            },
        }
        for table in own
    ]
