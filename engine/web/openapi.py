"""/openapi.json: the actions of this project, their inputs and answers (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine import __version__
from engine.catalogue import Output
from engine.inputs import inputs_of
from engine.model import Value
from engine.project import Project
from engine.run import CompiledFlow
from engine.web.service import Service

TYPES: Mapping[str, dict[str, Value]] = {
    "integer": {"type": "integer"},
    "amount": {"type": "integer", "minimum": 0, "description": "Minor units: 100 USD is 10000."},
    "boolean": {"type": "boolean"},
    "text": {"type": "string"},
    "currency": {"type": "string", "pattern": "^[A-Za-z]{3}$"},
    "timestamp": {"type": "string", "format": "date-time"},
    "json": {},
}
PROBLEM = {
    "type": "object",
    "required": ["code", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "code": {"type": "string", "description": "Stable; docs/actions.md lists them."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was found, expected, and what to do."},
    },
}


async def openapi(request: Request) -> Response:
    """The description of this server's actions."""
    service: Service = request.app.state.service
    return JSONResponse(describe(service.project))


def describe(project: Project) -> dict[str, Value]:
    """The OpenAPI document of a project's actions."""
    flows = [compiled for compiled in project.flows.values() if "action" in compiled.flow.trigger]
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Actions of {project.file.name}", "version": __version__},
        "security": [{"bearer": []}],
        "paths": {
            f"/actions/{compiled.flow.trigger['action']}": {"post": _operation(compiled)}
            for compiled in flows
        },
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": PROBLEM},
        },
    }


def _operation(compiled: CompiledFlow) -> dict[str, Value]:
    inputs = inputs_of(compiled)
    schema = {
        "type": "object",
        "required": [name for name, one in inputs.items() if not one.nullable],
        "properties": {name: _schema(one) for name, one in inputs.items()},
        "additionalProperties": False,
    }
    answer = {"type": "object", "required": list(compiled.flow.returns)}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        "operationId": compiled.flow.trigger["action"],
        "summary": compiled.flow.title,
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and input are done once and answered alike.",
                "schema": {"type": "string", "maxLength": 255},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}},
            "default": {"description": "Not done.", "content": problem},
        },
    }


def _schema(wanted: Output) -> dict[str, Value]:
    schema = dict(TYPES[wanted.type])
    if wanted.one_of:
        schema["enum"] = [*wanted.one_of, *([None] if wanted.nullable else [])]
    if wanted.nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema
