"""Those an action or a flow talks to, played by a case's `replies`: Stripe, and servers of `http` nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.errors import BadInput
from engine.model import HttpRules, Row, Value
from engine.net import Request
from engine.net.client import Reply
from engine.testing.case import Replies


@dataclass(slots=True)
class Others:
    """Answers every call, and keeps it: `{call: operation or node, …}`."""

    replies: Replies
    calls: list[Row] = field(default_factory=list)

    def copy(self) -> Others:
        """The same, for another way the case may go."""
        return Others(self.replies, list(self.calls))

    def perform(
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        id: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Stripe's answer, as engine.stripe.client gives it. Raises BadInput where there is none."""
        reply = self._next({"call": operation, "id": id, "params": dict(params)})
        if reply is None:
            raise BadInput(
                f"the action asks Stripe for {operation}, and the case has no reply to it. Add to "
                f"the case: replies: {{{operation}: NAME}}, a recorded event whose object Stripe "
                "answers, or the object itself, or {error: {code: …, message: …}}."
            )
        if "error" in reply:
            return {"error": {"status": 400, "message": "", **reply["error"]}}
        return {"ok": dict(reply)}

    def ask(self, request: Request, rules: HttpRules) -> dict[str, Value]:
        """The answer to an inline call: 200 where the case says nothing."""
        reply = self._http(request)
        text = None if "json" in reply else reply.get("text")
        status = reply.get("status", 200)
        return {
            "status": status,
            "ok": 200 <= status < 300,
            "json": reply.get("json"),
            "text": text,
            "headers": {},
            "error": None,
        }

    def send(self, request: Request, rules: HttpRules) -> Reply:
        """The answer to a call made after the commit: 200 where the case says nothing."""
        reply = self._http(request)
        text = orjson.dumps(reply["json"]).decode() if "json" in reply else reply.get("text")
        return Reply(reply.get("status", 200), {}, text)

    def _http(self, request: Request) -> Mapping[str, Value]:
        body = request.body
        sent = {"json": orjson.loads(body)} if body and body[:1] in "{[" else {"body": body}
        call = {"call": request.node, "method": request.method, "url": request.url, **sent}
        return self._next(call) or {}

    def _next(self, call: Row) -> dict[str, Value] | None:
        before = sum(one["call"] == call["call"] for one in self.calls)
        self.calls.append(call)
        replies = self.replies.get(call["call"])
        return replies[min(before, len(replies) - 1)] if replies else None
