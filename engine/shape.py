"""JSON Schema findings in a builder's words: one small function for each schema keyword."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from engine.errors import Place, Problem, did_you_mean
from engine.model import Path, Value

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Schema = Mapping[str, Value]
Saying = tuple[str, str]
"""What is wrong, and the mend."""

_SAYINGS: dict[str, Callable[[ValidationError], Saying]] = {}


def check_shape(
    data: Value,
    schema: Schema,
    place_of: Callable[[Path], Place],
    *,
    code: str = "shape",
    under: Path = (),
    key_of: Callable[[Path], Place] | None = None,
    empty: str = "Write them, or remove the file.",
) -> Iterator[Problem]:
    """Every way in which `data` is not as `schema` says; `under` is where data stands in its file.

    `key_of` gives the place of a key, and `empty` is the mend of a file without anything in it.
    """
    if data is None and not under:
        keys = ", ".join(f"`{name}`" for name in schema["required"])
        found = f"this file is empty, or has nothing but comments; expected {keys}."
        yield Problem(f"{code}.type", place_of(()), found, empty)
        return
    validator = _validator(json.dumps(schema, sort_keys=True))
    for error in sorted(validator.iter_errors(data), key=lambda e: [str(p) for p in e.path]):
        deepest = _deepest(error)
        if (saying := _of_name(deepest)) is not None:
            place = (key_of or place_of)((*under, *deepest.absolute_path, str(deepest.instance)))
            kept = "enum" if deepest.validator == "enum" else "propertyNames"
            yield Problem(f"{code}.{kept}", place, *saying)
            continue
        say = _SAYINGS.get(str(deepest.validator), _anything)
        message, mend = say(deepest)
        path = (*under, *deepest.absolute_path)
        if deepest.validator == "additionalProperties":
            path = (*path, _extra(deepest)[0])
        yield Problem(f"{code}.{deepest.validator}", place_of(path), message, mend)


@cache
def _validator(schema: str) -> Value:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(schema))


def _deepest(error: ValidationError) -> ValidationError:
    """Of the failed alternatives, the finding that went furthest into the data."""
    while error.context:
        error = max(error.context, key=lambda e: (len(e.absolute_path), e.validator != "type"))
    return error


def _saying(keyword: str) -> Callable[..., Callable[[ValidationError], Saying]]:
    def register(say: Callable[[ValidationError], Saying]) -> Callable[[ValidationError], Saying]:
        _SAYINGS[keyword] = say
        return say

    return register


def kind(value: Value) -> str:
    """What a YAML value is, in words."""
    words = {bool: "true or false", int: "a whole number", float: "a number with a fraction"}
    words |= {str: "text", list: "a list", dict: "a mapping", type(None): "nothing"}
    return words.get(type(value), type(value).__name__)


def shown(value: Value, most: int = 60) -> str:
    """A value as a builder wrote it, cut when long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _known(error: ValidationError) -> list[str]:
    """The keys the schema at this finding names."""
    schema: Value = error.schema
    return sorted(schema.get("properties", ()))


def _where(error: ValidationError) -> str:
    path = list(error.absolute_path)
    names = [str(part) for part in path if isinstance(part, str)]
    if path and not isinstance(path[-1], str) and names:
        return f"this entry of '{names[-1]}'"
    if names:
        return f"'{names[-1]}'"
    instance: Value = error.instance
    name = instance.get("id") if isinstance(instance, dict) else None
    if isinstance(name, str):
        return f"the node '{name}'"
    return "this node" if "locked" in _known(error) else "this file"


def _extra(error: ValidationError) -> list[str]:
    known = _known(error)
    instance: Value = error.instance
    return [name for name in instance if name not in known] or [""]


@_saying("additionalProperties")
def _unknown_key(error: ValidationError) -> Saying:
    known = _known(error)
    name = _extra(error)[0]
    mend = f"Known keys here: {', '.join(known)}."
    return f"'{name}' is not a key that belongs here.{did_you_mean(name, known)}", mend


@_saying("required")
def _missing_key(error: ValidationError) -> Saying:
    required: Value = error.validator_value
    instance: Value = error.instance
    missing = [name for name in required if name not in instance]
    what = ", ".join(f"'{name}'" for name in missing)
    verb = "are" if len(missing) > 1 else "is"
    schema: Value = error.schema
    described = schema.get("properties", {}).get(missing[0], {})
    if missing == ["locked"]:
        return (
            f"{what} {verb} missing in {_where(error)}.",
            "Add `locked: true`: it is not yours to change.",
        )
    why = described.get("description", "") if len(missing) == 1 else ""
    return f"{what} {verb} missing in {_where(error)}.", f"Add {what}{': ' + why if why else ''}."


@_saying("type")
def _wrong_type(error: ValidationError) -> Saying:
    wanted: Value = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    words = {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
    }
    words |= {"boolean": "true or false", "null": "nothing", "number": "a number"}
    expected = " or ".join(words.get(name, name) for name in names)
    found = f"{shown(error.instance)} ({kind(error.instance)})"
    mend = f"Write {expected} here."
    if expected == "a mapping" and _where(error)[0] == "'":
        name = _where(error).strip("'")
        mend = f"Write `{name}: {{name: value}}`, or `name: value` on lines of their own below it."
    return f"{_where(error)} is {found}; expected {expected}.", mend


_MEANT = {
    **dict.fromkeys(("string", "str", "varchar", "char", "uuid", "email"), "text"),
    **dict.fromkeys(("int", "number", "bigint", "serial"), "integer"),
    **dict.fromkeys(("money", "decimal", "numeric", "float", "double", "price"), "amount"),
    **dict.fromkeys(("bool", "yes/no"), "boolean"),
    **dict.fromkeys(("date", "datetime", "time"), "timestamp"),
    **dict.fromkeys(("object", "dict", "map", "list", "array", "jsonb"), "json"),
}
"""Type names that other tools have, and ours."""


@_saying("enum")
def _not_listed(error: ValidationError) -> Saying:
    listed: Value = error.validator_value
    allowed = [str(value) for value in listed]
    meant = _MEANT.get(str(error.instance).lower())
    near = f" Did you mean '{meant}'?" if meant in allowed else ""
    near = near or did_you_mean(str(error.instance), allowed)
    money = " Money is an amount: a whole number of minor units." if meant == "amount" else ""
    message = f"{_where(error)} is {shown(error.instance)}, which is not one of the choices.{near}"
    return message, f"Choose one of: {', '.join(allowed)}.{money if near else ''}"


@_saying("const")
def _not_that(error: ValidationError) -> Saying:
    if _where(error) == "'locked'" and error.validator_value is False:
        return "this node has no lock: it is yours to change.", "Remove `locked`."
    wanted = shown(error.validator_value)
    return f"{_where(error)} is {shown(error.instance)}; expected {wanted}.", f"Write {wanted}."


@_saying("pattern")
def _odd_text(error: ValidationError) -> Saying:
    schema: Value = error.schema
    wanted = schema.get("description") or f"text like {error.validator_value}"
    wanted = f"{wanted[:1].lower()}{wanted[1:]}"
    if schema.get("writeOnly"):  # what stands there may be a secret
        return f"{_where(error)} is something else; expected {wanted}.", "Write its name here."
    return f"{_where(error)} is {shown(error.instance)}; expected {wanted}.", _form(error)


def _of_name(error: ValidationError) -> Saying | None:
    """What is wrong with the name of a key, where that is what the finding is about."""
    steps = [step for step in error.absolute_schema_path if step != "$ref"]
    if len(steps) < 2 or steps[-2] != "propertyNames":
        return None
    name = str(error.instance)
    if error.validator == "enum":
        listed: Value = error.validator_value
        allowed = [str(one) for one in listed]
        found = f"'{name}' is none of the keys that {_where(error)} takes."
        return found + did_you_mean(name, allowed), f"Choose one of: {', '.join(allowed)}."
    if error.validator == "maxLength":
        found = (
            f"'{name[:20]}…' has {len(name)} characters; expected at most {error.validator_value}."
        )
        return found, "Give it a shorter name."
    schema: Value = error.schema
    wanted = schema.get("description") or f"text like {schema.get('pattern')}"
    return f"'{name}' in {_where(error)} is no name that can be used; expected {wanted}.", _form(
        error
    )


def _form(error: ValidationError) -> str:
    """The mend of a text of the wrong form: the same in the right one, where there is such."""
    text = unicodedata.normalize("NFKD", str(error.instance)).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", words).lower()
    for one in (words, snake):
        if re.search(str(error.validator_value), one):
            return f"Write {one}."
    return "Begin it with a letter." if words[:1].isdigit() else "Write it in this form."


@_saying("minItems")
@_saying("minProperties")
@_saying("minLength")
def _empty(error: ValidationError) -> Saying:
    return (
        f"{_where(error)} is empty.",
        "Put at least one in; where the key may be left out, remove it.",
    )


@_saying("maxProperties")
@_saying("maxItems")
def _too_many(error: ValidationError) -> Saying:
    most: Value = error.validator_value
    instance: Value = error.instance
    message = f"{_where(error)} has {len(instance)} entries; expected at most {most}."
    return message, "Take some out, or write them in another place."


def _anything(error: ValidationError) -> Saying:
    return f"{_where(error)}: {error.message}", "See docs/flows.md for what may stand here."
