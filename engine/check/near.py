"""`Did you mean 'x'?` for a name that is not there, stricter than the loader's guess."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str], *, key: tuple[str, str] | None = None) -> str:
    """` Did you mean 'x'?`, or an empty text when nothing is near.

    A name that differs only by case and underscores (order_id, orderId) is meant before any other.
    `key` is (table, key column): order_id and orderId on a row of `order` mean its `id`.
    """
    names = list(known)
    flat = {_flat(one): one for one in names}
    found = flat.get(_flat(name))
    if (
        found is None
        and key is not None
        and _flat(name) in (_flat("".join(key)), _flat(f"{key[0]}id"))
    ):
        found = key[1]
    if found is None:
        close = get_close_matches(_flat(name), list(flat), n=1, cutoff=0.7)
        found = flat[close[0]] if close else None
    return f" Did you mean '{found}'?" if found is not None else ""


def _flat(name: str) -> str:
    return name.replace("_", "").lower()
