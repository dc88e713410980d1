"""The JSON Schema of project.yaml for editors: suggestions of tables and columns it already has."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from engine.catalogue import DRAFT, Schema, shape
from engine.check.view import View
from engine.store.url import KNOWN


def project_schema(view: View) -> Schema:
    """The schema of project.yaml. What it names is defined in the same file, so it only suggests."""
    shared = copy.deepcopy(shape("project"))
    schema: Schema = {"$schema": DRAFT, "$id": "project.schema.json", **shared}
    schema["title"] = "A project"
    own = [table for table in view.tables.values() if not table.system]
    properties = schema["properties"]
    told = "Write sqlite:///FILE, postgresql://user@host:5432/name or env:NAME."
    properties["database"] |= {"pattern": KNOWN.pattern, "patternErrorMessage": told}
    tables = properties["tables"]["additionalProperties"]
    column = tables["properties"]["columns"]["additionalProperties"]
    [_, detailed] = column["anyOf"]
    detailed["properties"]["references"]["defaultSnippets"] = _names(view.tables)
    properties["payment"]["properties"]["order_table"]["defaultSnippets"] = _names(
        table.name for table in own
    )
    read = properties["roles"]["additionalProperties"]["properties"]["read"]
    read["propertyNames"] = {"anyOf": [{"enum": sorted(view.tables)}, {"type": "string"}]}
    return schema


def _names(known: Iterable[str]) -> list[Schema]:
    return [{"label": name, "body": name} for name in known]
