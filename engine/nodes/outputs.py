"""Does a value fit the type a node declares for its output? Used by code blocks and called flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.catalogue import Output
from engine.errors import RunError
from engine.model import Value
from engine.shape import kind, shown


def _is_int(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _has_no_float(value: Value) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _has_no_float(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_has_no_float(v) for v in value)
    return value is None or isinstance(value, bool | int | str)


_FITS: dict[str, Callable[[Value], bool]] = {
    "integer": _is_int,
    "amount": lambda value: _is_int(value) and value >= 0,
    "boolean": lambda value: isinstance(value, bool),
    "text": _is_text,
    "currency": lambda value: _is_text(value) and len(value) == 3 and value.isalpha(),
    "timestamp": lambda value: _is_text(value) and len(value) == 20 and value.endswith("Z"),
    "json": _has_no_float,
    "key": lambda value: _is_int(value) or _is_text(value),
}


def check_outputs(declared: Mapping[str, Output], given: Value, what: str) -> dict[str, Value]:
    """`given`, when it is a dict with just the declared names and fitting values. Raises RunError."""
    if not isinstance(given, dict):
        names = ", ".join(f'"{name}": …' for name in declared)
        raise RunError(
            f"{what} gave {shown(given)} ({kind(given)}); expected a dict. "
            f"End with: return {{{names}}}"
        )
    if set(given) != set(declared):
        raise RunError(
            f"{what} gave {', '.join(map(repr, given)) or 'nothing'}; declared are "
            f"{', '.join(map(repr, declared))}. Give just the declared names."
        )
    for name, output in declared.items():
        wrong = misfit(output, given[name])
        if wrong:
            raise RunError(f"{what} gave {name}, which {wrong}")
    return given


def misfit(output: Output, value: Value) -> str:
    """What is wrong with a value of this declared type, as `is … ; expected …`; empty when it fits."""
    fits = output.nullable if value is None else _FITS[output.type](value)
    if fits and output.one_of and value is not None:
        fits = value in output.one_of
    if fits:
        return ""
    expected = output.type + (" or null" if output.nullable else "")
    expected += f", one of: {', '.join(output.one_of)}" if output.one_of else ""
    hint = " Money is a whole number of minor units." if output.type == "amount" else ""
    return f"is {shown(value)} ({kind(value)}); expected {expected}.{hint}"
