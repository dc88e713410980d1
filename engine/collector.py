"""Python's collector of cycles, kept from an event's way."""

from __future__ import annotations

import gc


def quiet_collector() -> None:
    """Have the cyclic garbage collector leave alone what stays, and look seldom at the rest.

    Nothing on an event's way makes cycles; by its defaults it would walk all of the program's
    objects every few hundred events, for milliseconds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
