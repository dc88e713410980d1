"""A process before the server's own: it speaks HTTP with whoever delivers events, on a core of its own.

`child` is that process, `parent` starts and watches it, `feed` brings the writer what it sends.
"""
