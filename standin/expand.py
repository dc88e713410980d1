"""`expand[]`: puts objects where ids stand, and adds the fields that show only when asked for."""

from collections.abc import Callable, Iterable
from typing import Any

from standin.errors import Object, StripeError
from standin.state import State

# Fields Stripe leaves out unless they are asked for: (object, field) -> how to make the value.
_INCLUDABLE: dict[tuple[str, str], Callable[[State, Object], Any]] = {}
_MAX_DEPTH = 4


def includable(kind: str, field: str, make: Callable[[State, Object], Any]) -> None:
    """Declares a field that shows only when it is expanded."""
    _INCLUDABLE[kind, field] = make


Shape = Callable[[Any], Any]


def render(state: State, item: Object, paths: Iterable[str], shape: Shape) -> Object:
    """A copy of the object to answer with, expanded along the paths; `shape` makes the copies."""
    result: Object = shape(item)
    for path in paths:
        parts = path.split(".")
        if sum(part != "data" for part in parts) > _MAX_DEPTH:
            raise StripeError(
                f"You cannot expand more than {_MAX_DEPTH} levels of a property (path: {path}).",
                param="expand",
            )
        _expand(state, result, parts, path, shape)
    return result


def _expand(state: State, place: Any, parts: list[str], path: str, shape: Shape) -> None:
    if isinstance(place, list):
        for entry in place:
            _expand(state, entry, parts, path, shape)
        return
    if not parts or not isinstance(place, dict):
        return
    name = parts[0]
    make = _INCLUDABLE.get((str(place.get("object")), name))
    if make is not None and name not in place:
        place[name] = shape(make(state, place))
    value = place.get(name)
    if isinstance(value, str):
        found = state.find(value) if name not in ("id", "object") else None
        if found is None:
            raise _refused(path)
        place[name] = value = shape(found)
    elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        place[name] = value = [shape(state.find(entry) or entry) for entry in value]
    elif name not in place or (value is not None and not isinstance(value, dict | list)):
        raise _refused(path)
    _expand(state, value, parts[1:], path, shape)


def _refused(path: str) -> StripeError:
    return StripeError(
        f"This property cannot be expanded ({path}). You may want to try expanding a property "
        "named in the API reference.",
        param="expand",
    )
