"""The database side: a protocol (`base`), connectors, the schema and the engine's own tables."""
