"""Metadata rules: merged by key, an empty value removes a key, an empty hash removes all."""

from typing import Any

from standin.errors import StripeError


def merge(old: dict[str, str], given: Any) -> dict[str, str]:
    """The metadata after an update; `given` is a hash of texts or the empty text."""
    if given is None:
        return dict(old)
    if given == "":
        return {}
    result = dict(old)
    for key, value in given.items():
        if len(key) > 40:
            raise StripeError(
                f"Metadata keys can be at most 40 characters long: {key}", param="metadata"
            )
        if len(value) > 500:
            raise StripeError(
                "Metadata values can have up to 500 characters, but you passed in a value that "
                f"is {len(value)} characters. Invalid value: {value}",
                param=f"metadata[{key}]",
            )
        if value == "":
            result.pop(key, None)
        else:
            result[key] = value
    if len(result) > 50:
        raise StripeError("Metadata can have at most 50 keys.", param="metadata")
    return result
