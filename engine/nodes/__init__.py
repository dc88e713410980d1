"""The node types: one module each, found by name through the registry in `base`."""
