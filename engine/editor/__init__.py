"""What a builder's editor shows: JSON Schemas of a project's files (docs/editor.md)."""

from engine.editor.files import DEFAULT, place_of, refresh, schemas, stale, texts, write

__all__ = ["DEFAULT", "place_of", "refresh", "schemas", "stale", "texts", "write"]
