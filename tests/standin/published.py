"""Checks requests, answers and events against Stripe's published description, read in place."""

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

import jsonschema

# The folder lies beside the checkout, wherever that is.
_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "stripe-openapi"
FOLDER = Path(os.environ.get("STRIPE_OPENAPI", _BESIDE))
SPEC = FOLDER / "spec-reduced.json"
MISSING = f"Stripe's published description is not here: {SPEC}"
# What the reduced description leaves out; their objects are checked where they have a schema.
UNPUBLISHED = (
    "/v1/payment_methods",
    "/v1/webhook_endpoints",
    "/v1/balance_transactions",
    "/v1/account",
)


def available() -> bool:
    """Whether the description can be read."""
    return SPEC.exists()


@functools.cache
def spec() -> dict[str, Any]:
    """The description as Stripe publishes it."""
    loaded: dict[str, Any] = json.loads(SPEC.read_text())
    return loaded


def _strict(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: nullable becomes a type, and no field may be invented."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {
        # The names under `properties` are data, not keywords.
        key: {name: _strict(inner) for name, inner in value.items()}
        if key == "properties"
        else _strict(value)
        for key, value in node.items()
        if key not in ("nullable", "description", "example") and not key.startswith("x-")
    }
    if "properties" in result:
        result.setdefault("additionalProperties", False)
    if node.get("nullable") is True:
        # A $ref swallows its siblings and an enum would still refuse null: wrap instead.
        return {"anyOf": [result, {"type": "null"}]}
    return result


@functools.cache
def _root() -> dict[str, Any]:
    schemas = spec()["components"]["schemas"]
    return {"components": {"schemas": {name: _strict(kind) for name, kind in schemas.items()}}}


@functools.cache
def _validator(pointer: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**_root(), "$ref": pointer})


def check_object(item: dict[str, Any]) -> None:
    """The object has the published shape of its kind and no field more; so has each of a list."""
    kind = item["object"]
    if kind in ("list", "search_result"):
        for entry in item["data"]:
            check_object(entry)
        return
    if item.get("deleted") and f"deleted_{kind}" in spec()["components"]["schemas"]:
        kind = f"deleted_{kind}"
    if kind not in spec()["components"]["schemas"]:
        assert kind == "webhook_endpoint" or item.get("deleted"), kind
        return
    schemas = _root()["components"]["schemas"]
    missing = [name for name in _shown_always(kind) if name not in item]
    assert not missing, f"{kind} {item['id']} lacks {missing}"
    error = jsonschema.exceptions.best_match(
        _validator(f"#/components/schemas/{kind}").iter_errors(item)
    )
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path)
        raise AssertionError(f"{kind} at {place}: {error.message[:600]}")
    assert kind in schemas


def _shown_always(kind: str) -> list[str]:
    required: list[str] = spec()["components"]["schemas"][kind].get("required", [])
    return required


def check_event(event: dict[str, Any]) -> None:
    """The event and the object in it have their published shapes."""
    check_object(event)
    check_object(event["data"]["object"])
    previous = event["data"].get("previous_attributes")
    if previous is not None:
        assert event["type"].split(".")[-1] in ("updated", "detached", "canceled"), event["type"]
        assert previous, f"{event['type']} says that nothing changed"


def check_answer(method: str, path: str, status: int, body: Any) -> None:
    """The answer has the shape that the operation declares."""
    if status >= 400:
        error = jsonschema.exceptions.best_match(
            _validator("#/components/schemas/error").iter_errors(body)
        )
        assert error is None, error and error.message[:600]
        return
    operation = find(method, path)
    if operation is None:
        assert path.startswith(UNPUBLISHED) or path.endswith("payment_methods"), path
    else:
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        validator = jsonschema.Draft202012Validator({**_root(), **_strict(schema)})
        error = jsonschema.exceptions.best_match(validator.iter_errors(body))
        if error is not None:
            place = "/".join(str(part) for part in error.absolute_path)
            raise AssertionError(f"{method} {path} at {place}: {error.message[:600]}")
    check_object(body)


def find(method: str, path: str) -> dict[str, Any] | None:
    """The published operation for a concrete path."""
    best: dict[str, Any] | None = None
    for template, operations in spec()["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if method.lower() in operations and re.fullmatch(pattern, path):
            if "{" not in template:
                return dict(operations[method.lower()])
            best = operations[method.lower()]
    return best
