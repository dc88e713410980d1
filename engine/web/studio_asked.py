"""One request of a signed-in admin: what it asks for, and how its answer or its trouble is told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import BadInput, ProblemsFound
from engine.model import Value
from engine.store.base import StoreBusy, StoreError
from engine.store.sessions import Session
from engine.studio.workshop import ChangedMeanwhile
from engine.web.body import read_body
from engine.web.problems import problem
from engine.web.service import Service

MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a signed-in admin; `given` is the JSON body of a write."""

    service: Service
    session: Session
    request: Request
    given: Mapping[str, Value]
    may_edit: bool

    def query(self, name: str) -> str | None:
        return self.request.query_params.get(name) or None

    def number(self, name: str) -> int | None:
        """A number of the query string. Raises BadInput."""
        text = self.query(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise BadInput(f"{name}: expected a whole number.")
        return int(text)

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def text(self, name: str) -> str:
        """A text of the body. Raises BadInput."""
        found = self.given.get(name)
        if not isinstance(found, str):
            raise BadInput(f"'{name}' is missing; expected text.")
        return found


async def read_json(request: Request) -> Mapping[str, Value]:
    """The body, which must be a JSON object sent as such. Raises TooLarge, ValueError."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        # A form of another site cannot send this type.
        raise ValueError("The content type is not application/json.")
    found = orjson.loads(await read_body(request, MOST_BYTES))
    if not isinstance(found, dict):
        raise ValueError("The body is no object.")
    return found


NOTHING = (
    "There is nothing under this name. It may be misspelt, or forgotten since (docs/operations.md, "
    "retention); the pages above list what there is."
)

Work = Callable[[Asked], Response]


def told(work: Callable[[Asked], Value]) -> Work:
    """The work's data as an answer, or what went wrong as a problem; None is a 404."""

    @functools.wraps(work)
    def answer(asked: Asked) -> Response:
        try:
            found = work(asked)
        except ChangedMeanwhile as error:
            return problem(409, "changed_meanwhile", str(error))
        except ProblemsFound as error:
            return problem(422, "has_mistakes", str(error))
        except BadInput as error:
            return problem(400, "bad_input", str(error))
        except StoreBusy as error:
            return problem(503, "busy", str(error), headers={"Retry-After": "5"})
        except StoreError as error:
            return problem(422, "store_refused", str(error))
        if found is None:
            return problem(404, "not_found", NOTHING)
        return Response(orjson.dumps(found, default=str), media_type="application/json")

    return answer
