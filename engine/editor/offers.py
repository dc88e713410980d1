"""What an editor offers where a value stands: the outputs that can be read there, as expressions.

A JSON Schema cannot look into a text, so whole expressions are offered. Which ones is known from the
flow as it was when the schema was made: each block of nodes offers the names it defines to itself and
to the blocks inside it. An overlay of suggestions: it allows everything, so it is never wrong about a
flow that has changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.catalogue import Schema, catalogue
from engine.check.flows import FlowChecks
from engine.check.scope import Scope
from engine.check.types import Type, words
from engine.check.view import View, every_node
from engine.check.walk import Here
from engine.editor.snippets import quoted
from engine.model import Flow, Node, Path

SEEN = "seen"
"""Every definition of the overlay has a name that begins so."""
_QUIET = frozenset({"run"})
"""Names nobody asks for often, but in scheduled flows."""


def overlay(view: View) -> dict[str, Schema]:
    """The definitions of the overlay; `seen` is the one that the schema of a flow refers to."""
    checks = FlowChecks(view)
    found: dict[str, Schema] = {}
    ways = []
    for flow in view.flows.values():
        checks.check(flow)
        _Blocks(flow, view, found).top()
        this = f"{SEEN}.{flow.name}"
        inside = {"nodes": _ref(this), "returns": _each(_ref(f"{this}.values"))}
        ways.append({"if": _is("flow", flow.name), "then": {"properties": _hidden(inside)}})
    found[SEEN] = {"allOf": ways}
    found[f"{SEEN}.calls"] = _calls(view)
    return found


def _calls(view: View) -> Schema:
    """The flows that can be called, and the inputs of each."""
    manual = [flow for flow in view.flows.values() if "manual" in flow.trigger]
    names = [{"label": flow.name, "description": flow.title, "body": flow.name} for flow in manual]
    inputs = [
        {
            "if": _is("flow", flow.name),
            "then": {
                "properties": {
                    "inputs": {
                        "properties": {
                            name: {"description": _declared(one)}
                            for name, one in flow.inputs.items()
                        }
                    }
                }
            },
        }
        for flow in manual
    ]
    flows: Schema = {"properties": {"flow": {"defaultSnippets": names}}}
    return {**flows, "allOf": inputs} if inputs else flows


def _declared(written: Mapping[str, object]) -> str:
    return f"{written['type']}{', or null' if written.get('optional') else ''}"


class _Blocks(Here):
    """Walks a flow as check does, and writes down what each block of nodes defines."""

    def __init__(self, flow: Flow, view: View, found: dict[str, Schema]) -> None:
        super().__init__(flow, view, lambda problem: None)
        self.found = found
        self.defines: dict[Path, dict[str, Type]] = {}
        self.docs = dict(_docs(flow))

    def top(self) -> None:
        """The whole flow."""
        self.block(self.flow.nodes)
        quiet = frozenset() if "schedule" in self.flow.trigger else _QUIET
        own = {name: one for name, one in self.scope.names.items() if name not in quiet}
        self.overlay(f"{SEEN}.{self.flow.name}", self.flow.nodes, own)

    def inside(self, nodes: tuple[Node, ...], scope: Scope) -> Scope:
        """What the checker does, and which names are new in this block."""
        outer = dict(self.scope.names)
        end = super().inside(nodes, scope)
        if nodes:
            self.defines[nodes[0].path[:-1]] = {
                name: one for name, one in end.names.items() if outer.get(name) != one
            }
        return end

    def overlay(self, this: str, nodes: tuple[Node, ...], names: Mapping[str, Type]) -> None:
        """Define the overlay of one block: what it offers everywhere in it, then its inner blocks."""
        values, conditions = _ref(f"{this}.values"), _ref(f"{this}.conditions")
        self.found[f"{this}.values"] = {"defaultSnippets": list(_values(names, self.docs))}
        self.found[f"{this}.conditions"] = {"defaultSnippets": list(_conditions(names))}
        nested = _ref(this)
        compared = {"properties": dict.fromkeys(_COMPARISONS, values)}
        case: Schema = {"when": conditions, "do": nested, "gives": _each(values)}
        keys: Schema = {
            "where": _each({"allOf": [values, compared]}),
            **dict.fromkeys(("values", "inputs", "json"), _each(values)),
            "in": {"defaultSnippets": list(_lists(names))},
            "collect": values,
            "do": nested,
            "give_up": nested,
            "cases": {"items": {"properties": _hidden(case)}},
        }
        inner = [way for node in nodes for way in self.inner(this, node)]
        self.found[this] = {"items": {"properties": _hidden(keys), "allOf": inner}}
        if not inner:
            del self.found[this]["items"]["allOf"]

    def inner(self, this: str, node: Node) -> Iterator[Schema]:
        """The blocks inside of a node that define names of their own, found again by id and case."""
        keys: Schema = {}
        for key, nodes in (("do", node.do), ("give_up", node.give_up)):
            if name := self.defined_block(f"{this}.{node.id}", nodes):
                keys[key] = _ref(name)
                keys |= {"collect": _ref(f"{name}.values")} if key == "do" else {}
        cases = []
        for index, case in enumerate(node.cases):
            if name := self.defined_block(f"{this}.{node.id}.{index}", case.do):
                inside: Schema = {"do": _ref(name), "gives": _each(_ref(f"{name}.values"))}
                cases.append(
                    {"if": _is("name", case.name), "then": {"properties": _hidden(inside)}}
                )
        if cases:
            keys["cases"] = {"items": {"allOf": cases}}
        if keys:
            yield {"if": _is("id", node.id), "then": {"properties": _hidden(keys)}}

    def defined_block(self, this: str, nodes: tuple[Node, ...]) -> str:
        """The name of the overlay made for a block, or an empty text where it would say nothing."""
        own = self.defines.get(nodes[0].path[:-1], {}) if nodes else {}
        if not own:
            return ""
        self.overlay(this, nodes, own)
        return this


_COMPARISONS = ("not", "above", "at_least", "below", "at_most")


def _docs(flow: Flow) -> Iterator[tuple[str, str]]:
    """What the catalogue says of the outputs of a flow's nodes, by their paths."""
    for node in every_node(flow.nodes):
        outputs = catalogue()[node.type].outputs
        for name, one in () if isinstance(outputs, str) else outputs.items():
            yield f"{node.id}.{name}", one.doc


def _values(names: Mapping[str, Type], docs: Mapping[str, str]) -> Iterator[Schema]:
    """Every output, as a whole expression."""
    for path, found in _paths(names):
        doc = docs.get(path)
        yield _offer(path, f"{_said(found)}. {doc}" if doc else _said(found))


def _said(found: Type) -> str:
    if not found.known:
        return "known when the flow runs"
    if found.name and found.kind in ("integer", "text"):
        return f"a key of '{found.name}'" + " or null" * found.nullable
    return words(found)


def _lists(names: Mapping[str, Type]) -> Iterator[Schema]:
    for path, found in _paths(names):
        if found.kind == "list":
            yield _offer(path, _said(found))


def _conditions(names: Mapping[str, Type]) -> Iterator[Schema]:
    """What can be asked of each output: a boolean, each of its choices, whether it is there."""
    for path, found in _paths(names):
        if found.kind == "boolean" and not found.nullable:
            yield _offer(path, "true or false")
            yield _offer(f"not {path}", "true or false")
        for choice in found.one_of if len(found.one_of) > 1 else ():
            yield _offer(f"{path} == '{choice}'", "one of its choices")
        if found.nullable:
            yield _offer(f"{path} is none", words(found))
            yield _offer(f"{path} is not none", words(found))


def _paths(names: Mapping[str, Type]) -> Iterator[tuple[str, Type]]:
    """What can be read of each name: the name itself, or each of its outputs."""
    for name, found in names.items():
        if found.kind in ("none", "null"):
            continue
        if found.nullable or found.fields is None:
            yield name, found
        for field, one in (found.fields or {}).items():
            yield f"{name}.{field}", one


def _offer(expression: str, said: str) -> Schema:
    text = quoted(expression)
    return {"label": text, "description": said, "body": text}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _each(values: Schema) -> Schema:
    return {"additionalProperties": values}


def _is(key: str, value: str) -> Schema:
    return {"required": [key], "properties": {key: {"const": value}}}


def _hidden(keys: Schema) -> Schema:
    """Keys named only to reach what stands in them; the node's own schema offers them."""
    # In allOf, since yaml-language-server drops what stands beside a $ref.
    return {key: {"doNotSuggest": True, "allOf": [one]} for key, one in keys.items()}
