"""What a builder's editor shows: JSON Schemas of a project's files (docs/editor.md)."""

from engine.editor.files import DEFAULT, place_of, refresh, schemas, stale, texts, write
from engine.editor.flow import flow_schema

__all__ = ["DEFAULT", "flow_schema", "place_of", "refresh", "schemas", "stale", "texts", "write"]
