"""Does a type fit where its value is put: a column, a declared input, a declared output?"""

from __future__ import annotations

from dataclasses import dataclass

from engine.check.codes import CHOICE, CURRENCY, FLOAT, NULL_VALUE, REFERENCE, VALUE
from engine.check.near import did_you_mean
from engine.check.registry import Code
from engine.check.types import NOTHING, TEXTS, WHOLE, Type, words
from engine.shape import kind, shown
from engine.store.values import CHECKS, Unfit


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value does not fit: the code of the problem, what is wrong, and the mend."""

    code: Code
    message: str
    mend: str


def misfit(found: Type, wanted: Type, what: str, *, nulls: bool = True) -> Misfit | None:
    """Why `found` does not fit `what` (in words), which is of type `wanted`; None when it fits."""
    if found.kind == "float":
        return Misfit(
            FLOAT,
            f"{what} is given {found.literal}, a number with a fraction; expected {words(wanted)}.",
            "Write an integer; money is in minor units (5.10 USD is 510).",
        )
    if found.nullable and not wanted.nullable and nulls and wanted.known:
        given = "null" if found.kind == "null" else "a value that may be null"
        return Misfit(
            NULL_VALUE,
            f"{what} is given {given}; expected {words(wanted)}.",
            "Check it before (is not none), give a fallback with | default(…), or let it be empty "
            "with `optional: true`.",
        )
    if found.kind == "null" or not found.known or not wanted.known:
        return None
    if found.kind == "mixed":
        wrong = (misfit(one, wanted, what, nulls=nulls) for one in found.options)
        return next((one for one in wrong if one is not None), None)
    if found.literal is not NOTHING and wanted.kind in CHECKS:
        return _written(found, wanted, what)
    if not _kind_fits(found, wanted):
        return Misfit(
            VALUE,
            f"{what} is given {words(found)}; expected {words(wanted)}.",
            _mend(found, wanted),
        )
    if found.name and wanted.name and found.name != wanted.name and found.kind != "row":
        return Misfit(
            REFERENCE,
            f"{what} is given a key of '{found.name}'; expected a key of '{wanted.name}'.",
            f"Give the key of a row of '{wanted.name}'.",
        )
    return _choices(found, wanted, what)


def _written(found: Type, wanted: Type, what: str) -> Misfit | None:
    """A value written down: what the store itself would say."""
    value = found.literal
    try:
        kept = CHECKS[wanted.kind](value)
    except Unfit as unfit:
        mend = unfit.mend[:1].upper() + unfit.mend[1:] + "."
        if wanted.kind == "amount":
            mend = "Write minor units as a plain whole number: 10 USD is 1000."
        said = f"{what} is {shown(value)} ({kind(value)}); expected {unfit.expected}."
        return Misfit(VALUE, said, mend)
    if wanted.kind == "currency" and kept != value:
        return Misfit(
            CURRENCY,
            f"{what} is {shown(value)}; currency codes are kept in small letters.",
            f"Write {kept}.",
        )
    return _choices(found, wanted, what)


def _choices(found: Type, wanted: Type, what: str) -> Misfit | None:
    if not wanted.one_of or not found.one_of:
        return None
    odd = [one for one in found.one_of if one not in wanted.one_of]
    if not odd:
        return None
    near = did_you_mean(odd[0], list(wanted.one_of))
    choices = ", ".join(wanted.one_of)
    if found.literal is not NOTHING:
        return Misfit(
            CHOICE,
            f"{what} is '{odd[0]}', which is not one of its choices.{near}",
            f"Choose one of: {choices}.",
        )
    return Misfit(
        CHOICE,
        f"{what} is given a text that can be {', '.join(map(repr, odd))}; its choices are others.",
        f"Choices are: {choices}. Give one of them in a case for each value, or add to `one_of`.",
    )


def _kind_fits(found: Type, wanted: Type) -> bool:
    if wanted.kind in WHOLE:
        return found.kind in WHOLE
    if wanted.kind == "timestamp":
        # The store reads ISO 8601 text and Unix seconds, too.
        return found.kind in ("timestamp", "text", "integer")
    if wanted.kind == "currency":
        return found.kind in ("currency", "text")
    if wanted.kind == "text":
        return found.kind in TEXTS
    return found.kind == wanted.kind


def _mend(found: Type, wanted: Type) -> str:
    if wanted.kind == "text" and found.kind in (*WHOLE, "boolean"):
        return "Turn it into text with | text."
    if wanted.kind in WHOLE and found.kind in TEXTS:
        return "Turn it into an integer with | int, or give another value."
    if wanted.kind == "boolean":
        return "Compare it, as in x == 'paid' or x > 0."
    if found.kind == "row":
        return "Name one of its columns, as in row.id."
    if found.kind == "list":
        return "Take one item (| first), or go through the list with for_each."
    return f"Give {words(wanted)}."
