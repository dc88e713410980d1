"""Lists: newest first, in pages, with Stripe's cursors."""

from collections.abc import Iterable
from typing import Any

from standin.errors import Object, StripeError, missing


def page(items: Iterable[Object], params: dict[str, Any], url: str) -> Object:
    """One page of the items, which come oldest first."""
    newest = list(items)[::-1]
    created = params.get("created")
    if created is not None:
        newest = [item for item in newest if _in_range(item["created"], created)]
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise StripeError(
            f"Invalid integer: {limit}. The limit must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise StripeError(
            "You cannot parameterize both ending_before and starting_after.",
            param="ending_before",
        )
    ids = [item["id"] for item in newest]
    if after:
        start = _position(ids, after, "starting_after") + 1
        shown = newest[start : start + limit]
        more = len(newest) > start + limit
    elif before:
        end = _position(ids, before, "ending_before")
        shown = newest[max(0, end - limit) : end]
        more = end > limit
    else:
        shown, more = newest[:limit], len(newest) > limit
    return {"object": "list", "data": shown, "has_more": more, "url": url}


def whole(items: list[Object], url: str) -> Object:
    """A short list inside another object, in its own order."""
    return {"object": "list", "data": items, "has_more": False, "url": url}


def _position(ids: list[str], identifier: str, param: str) -> int:
    if identifier not in ids:
        raise missing("object", identifier, param, status=400)
    return ids.index(identifier)


def _in_range(value: int, bounds: int | dict[str, int]) -> bool:
    if isinstance(bounds, int):
        return value == bounds
    return (
        value > bounds.get("gt", value - 1)
        and value >= bounds.get("gte", value)
        and value < bounds.get("lt", value + 1)
        and value <= bounds.get("lte", value)
    )
