"""The HTTP side: one module a concern; `server.py` at the top says which routes there are."""
