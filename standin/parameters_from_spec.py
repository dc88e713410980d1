"""Writes parameters.json, the table of parameter names and types, from Stripe's description.

Run `python -m standin.parameters_from_spec SPEC.json` after the description changes. Source:
stripe/openapi (MIT). The table keeps only what a request check needs, each nested shape once.

Types: s text, i integer, n number, b boolean, =a|b one of these texts, [T] list, {"*": T} map of
names to T, {"|": [T, …]} one of several, a whole number: the shape with this index. A name that
ends in ! is required.
"""

import json
import sys
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("parameters.json")
_SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


class _Shapes:
    """Collects shapes, equal ones once."""

    def __init__(self) -> None:
        self.shapes: list[Any] = []
        self._index: dict[str, int] = {}

    def add(self, shape: dict[str, Any]) -> int:
        text = json.dumps(shape)
        if text not in self._index:
            self._index[text] = len(self.shapes)
            self.shapes.append(shape)
        return self._index[text]

    def type_of(self, schema: dict[str, Any]) -> Any:
        if "anyOf" in schema:
            kinds: list[Any] = []
            for option in schema["anyOf"]:
                kind = self.type_of(option)
                if kind not in kinds:
                    kinds.append(kind)
            return kinds[0] if len(kinds) == 1 else {"|": kinds}
        if "enum" in schema:
            return "=" + "|".join(schema["enum"])
        kind = schema.get("type")
        if kind == "array":
            return [self.type_of(schema["items"])]
        if kind == "object":
            if schema.get("additionalProperties"):
                return {"*": self.type_of(schema["additionalProperties"])}
            return self.object(schema.get("properties", {}), set(schema.get("required", ())))
        return _SCALARS[str(kind)]

    def object(self, properties: dict[str, Any], required: set[str]) -> int:
        return self.add(
            {
                f"{name}!" if name in required else name: self.type_of(schema)
                for name, schema in sorted(properties.items())
            }
        )


def table(spec: dict[str, Any]) -> dict[str, Any]:
    """The compact table for every operation of the description."""
    shapes = _Shapes()
    routes: dict[str, int] = {}
    for path, operations in sorted(spec["paths"].items()):
        for method, operation in sorted(operations.items()):
            properties: dict[str, Any] = {}
            required: set[str] = set()
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query":
                    properties[parameter["name"]] = parameter["schema"]
                    if parameter.get("required"):
                        required.add(parameter["name"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                properties |= content["schema"].get("properties", {})
                required |= set(content["schema"].get("required", ()))
            routes[f"{method.upper()} {path}"] = shapes.object(properties, required)
    return {
        "source": f"stripe/openapi (MIT), API version {spec['info']['version']}",
        "routes": routes,
        "shapes": shapes.shapes,
    }


def text(spec: dict[str, Any]) -> str:
    """The table as it is kept on disk, one shape a line."""
    content = table(spec)
    shapes = ",\n".join(json.dumps(shape, separators=(",", ":")) for shape in content["shapes"])
    head = json.dumps({"source": content["source"], "routes": content["routes"]}, indent=0)
    return f'{head[:-2]},\n"shapes": [\n{shapes}\n]}}\n'


if __name__ == "__main__":
    TABLE.write_text(text(json.loads(Path(sys.argv[1]).read_text())))
