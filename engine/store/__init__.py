"""The database side: a protocol (`base`), its connectors, the schema and the engine's own tables."""
