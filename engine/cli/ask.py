"""Asking before something is changed that cannot be taken back."""

from __future__ import annotations

import sys

from engine.errors import BadInput


def agreed(question: str, count: int) -> bool:
    """Whether the person at the terminal says yes. Raises BadInput where nobody sits there."""
    if not sys.stdin.isatty():
        raise BadInput(
            "1 change waits for your word. Run it again with --yes to make it."
            if count == 1
            else f"{count} changes wait for your word. Run it again with --yes to make them."
        )
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
