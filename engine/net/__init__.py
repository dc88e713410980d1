"""Calls to other servers: one as data (`Request`), where it may go (`Guard`), and sending it."""

from engine.net.guard import Guard, Refused
from engine.net.request import Request

__all__ = ["Guard", "Refused", "Request"]
