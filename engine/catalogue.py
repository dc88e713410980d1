"""The catalogue of node types, read from schemas/: keys, outputs, and the JSON Schemas made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from engine.model import Value
from engine.paths import share
from engine.yamlfile import read_path

Schema = dict[str, Value]
DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Output:
    """One named output: a column type or `key` (the type of the order table's key)."""

    name: str
    type: str
    nullable: bool = False
    one_of: tuple[str, ...] = ()
    doc: str = ""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One node type as schemas/nodes/<type>.yaml describes it."""

    type: str
    title: str
    doc: str
    locked: bool
    keys: Mapping[str, Schema]
    required: tuple[str, ...]
    inputs: Mapping[str, str]
    """Of a locked node: the fixed expressions it reads."""
    input_types: Mapping[str, Output]
    outputs: Mapping[str, Output] | str
    """Named outputs, or one of `row`, `row_or_null`, `rows`, `declared`, `none`."""
    only_in: tuple[str, ...]
    example: Schema
    """One such node as written."""


def output(name: str, written: Value) -> Output:
    """An output as written: a type's name, or a mapping with type, optional, one_of, doc."""
    if isinstance(written, str):
        return Output(name, written)
    return Output(
        name,
        written["type"],
        bool(written.get("optional", False)),
        tuple(written.get("one_of", ())),
        written.get("doc", ""),
    )


@cache
def catalogue() -> Mapping[str, NodeSpec]:
    """All node types by name."""
    specs = {}
    for path in sorted(share("schemas").glob("nodes/*.yaml")):
        data = read_path(path, f"schemas/nodes/{path.name}").data
        outputs = data.get("outputs", "none")
        inputs = data.get("inputs") or {}
        specs[data["type"]] = NodeSpec(
            type=data["type"],
            title=data["title"],
            doc=data.get("doc", ""),
            locked=bool(data.get("locked", False)),
            keys=data.get("keys") or {},
            required=tuple(data.get("required") or ()),
            inputs={name: written["reads"] for name, written in inputs.items()},
            input_types={name: output(name, written) for name, written in inputs.items()},
            outputs=outputs
            if isinstance(outputs, str)
            else {name: output(name, written) for name, written in outputs.items()},
            only_in=tuple(data.get("only_in") or ()),
            example=data["example"],
        )
    return specs


@cache
def definitions() -> Schema:
    """The shapes that node types, flows and project files share."""
    defs: Schema = read_path(share("schemas") / "defs.yaml", "schemas/defs.yaml").data
    return defs


def node_schema(spec: NodeSpec) -> Schema:
    """The JSON Schema of one node of this type, without what stands inside its blocks."""
    properties: Schema = {
        "id": {"$ref": "#/$defs/name"},
        "type": {"const": spec.type},
        "title": {"type": "string"},
        "locked": {"const": True} if spec.locked else {"const": False},
        **spec.keys,
    }
    required = ["id", "type", *(["locked"] if spec.locked else []), *spec.required]
    return {
        "$defs": definitions(),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


@cache
def shape(name: str) -> Schema:
    """The JSON Schema of a whole file kind: `flow` (around its nodes) or `project`."""
    data: Schema = read_path(share("schemas") / f"{name}.yaml", f"schemas/{name}.yaml").data
    return {"$defs": definitions(), **data}
