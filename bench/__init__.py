"""How fast it is, beside a handwritten peer and a server that does nothing: `python -m bench`."""
