"""Facts that merge: what a row was told, kept so that the order of telling cannot matter.

Facts are JSON data: a tree of dicts whose leaves are registers `[key, value]`. Of two values for
one register the one with the greater key stands, and of equal keys the greater text. `merge` is
therefore the least upper bound of a lattice: commutative, associative and idempotent, so every
order of delivery and every duplicate of the same events gives the same facts, and a row's columns,
a function of its facts, the same row. Each concept chooses keys (lists of ints of one length per
register) that say which news outranks which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

Facts = dict[str, Any]
Register = list[Any]
"""`[key, value]`: a list, as it goes through a json column."""


def register(key: list[int], value: Any) -> Register:
    """A value and the key it stands or falls by."""
    return [key, value]


def merge(facts: Facts, more: Facts) -> Facts:
    """Both, with the greater of every register; neither argument is changed."""
    merged = dict(facts)
    for name, new in more.items():
        old = merged.get(name)
        if old is None:
            merged[name] = new
        elif isinstance(new, dict):
            merged[name] = merge(old, new)
        else:
            merged[name] = greater(old, new)
    return merged


def greater(one: Register, other: Register) -> Register:
    """The register that stands when both were told."""
    if one[0] != other[0]:
        return one if one[0] > other[0] else other
    if one[1] == other[1]:
        return one
    return one if encoded(one[1]) > encoded(other[1]) else other


def encoded(value: Any) -> bytes:
    """A value as bytes, equal for equal values; only to choose between and to name them."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def value(facts: Mapping[str, Any], name: str) -> Any:
    """What a register holds, or None where nothing was told."""
    found = facts.get(name)
    return None if found is None else found[1]
