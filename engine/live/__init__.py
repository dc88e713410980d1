"""Live results: the change log told to whoever may see it (docs/live.md)."""
