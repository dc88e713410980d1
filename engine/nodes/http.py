"""http: a call to another server, made after the commit, or inline in an action."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import orjson

from engine.errors import Place, RunError
from engine.expressions import ExpressionProblem, has_expression, parse
from engine.model import Node, Path, Value
from engine.net.request import MOST_BODY, Request, header_fault
from engine.nodes.base import Compiler, Frame, Step, node_type
from engine.nodes.journal import HttpCall
from engine.shape import kind, shown
from engine.store import outbox, runs

JSON, TEXT = "application/json", "text/plain; charset=utf-8"
RETRY: Mapping[str, int] = {"tries": 8, "first_delay": 5, "longest_delay": 3600}
NOT_KEPT = frozenset({"event", "config", "run", "now", "error"})
"""Names the give-up nodes find again without keeping them: the event is in the inbox."""


@node_type("http")
def http(node: Node, compiler: Compiler) -> Step:
    """Output: `queued` and `key`; inline `status`, `ok`, `json`, `text`, `headers`, `error`."""
    written = _written(node, compiler)
    if node.keys.get("when", "after_commit") == "inline":
        return _inline(node, compiler, written)
    return _after_commit(node, compiler, written)


def _after_commit(node: Node, compiler: Compiler, written: Callable[[Frame], Request]) -> Step:
    flow = compiler.flow
    retry = {**RETRY, **(node.keys.get("retry") or {})}
    compiler.block(node.give_up)  # a mistake in it is met now, not when the last try has failed
    reads = tuple(read_paths(node.keys.get("give_up")))

    def step(frame: Frame) -> Value:
        request = written(frame)
        name = {"origin": frame.origin, "flow": flow.name, "node": node.id}
        ordinal = outbox.next_ordinal(frame.tx, **name)
        key = key_of(frame, flow.name, node.id, ordinal)
        if node.give_up:
            # The called flow's text, too, is needed when its give-up nodes run.
            runs.record_flow(
                frame.tx, digest=flow.digest, name=flow.name, source=flow.source, now=frame.now
            )
        outbox.queue(
            frame.tx,
            **name,
            key=key,
            flow_digest=flow.digest,
            ordinal=ordinal,
            event_id=frame.parsed.id if frame.parsed else None,
            call=Request.of({**request.as_json(), "key": key}).as_json(),
            retry=retry,
            kept=pruned(frame.values, reads) if node.give_up else None,
            now=frame.now,
        )
        return {"queued": True, "key": key}

    return step


def _inline(node: Node, compiler: Compiler, written: Callable[[Frame], Request]) -> Step:
    for name in ("retry", "give_up"):
        if name in node.keys:
            raise RunError(
                f"an inline call is made once, while the caller waits; `{name}` belongs to calls "
                "after commit. Look at `ok` and `status` of its output in a branch.",
                node=node.id,
                place=compiler.place(node, name),
            )

    def step(frame: Frame) -> Value:
        if frame.journal is None:
            raise RunError(
                "an inline call waits for its answer, which only the flow of a user action can, and "
                "not inside for_each or a called flow. Leave `when` out to call after commit."
            )
        request = written(frame)
        key = key_of(frame, compiler.flow.name, node.id, 0)
        call = HttpCall(Request.of({**request.as_json(), "key": key}))
        return frame.journal.call(f"{node.id}.call", call)

    return step


def key_of(frame: Frame, flow: str, node: str, ordinal: int) -> str:
    """The Idempotency-Key: the same whenever this run is tried again, on whatever version of the flow."""
    # Actions are numbered: that of a restored database begins at another time than the one before.
    begun = () if frame.journal is None else (frame.journal.now,)
    words = "\n".join((frame.project.name, frame.origin, *begun, flow, node, str(ordinal)))
    return f"af_{hashlib.sha256(words.encode()).hexdigest()[:32]}"


def _written(node: Node, compiler: Compiler) -> Callable[[Frame], Request]:
    """The call as a function of the run, with every expression in it evaluated."""
    keys = node.keys
    if "json" in keys and "body" in keys:
        raise RunError(
            "a call sends `json` or `body`, not both; leave one out.",
            node=node.id,
            place=compiler.place(node, "body"),
        )
    url = compiler.value(node, "url")
    headers = compiler.value(node, "headers") if keys.get("headers") else None
    sent = compiler.value(node, "json") if "json" in keys else None
    text = compiler.value(node, "body") if "body" in keys else None
    secret: dict[str, str] = keys.get("secret_headers") or {}
    for under in ("headers", "secret_headers"):
        for name in keys.get(under) or ():
            if fault := header_fault(name, ""):
                raise RunError(f"{fault}.", node=node.id, place=compiler.place(node, under, name))
    timeout = keys.get("timeout", compiler.project.http.timeout)
    method = keys.get("method", "POST")

    def request(frame: Frame) -> Request:
        values = frame.values
        given = {
            name: _header(name, value)
            for name, value in (headers(values) if headers else {}).items()
        }
        body = orjson.dumps(sent(values)).decode() if sent else None
        if text:
            body = _as_text(text(values), "body")
        made = Request(
            method=method,
            url=_as_text(url(values), "url"),
            headers=_typed(given, JSON if sent else TEXT if text else ""),
            secret_headers=secret,
            body=body,
            timeout=timeout,
            node=node.id,
        )
        # Shown before it is looked at, so that the trace of a failed run has it.
        frame.inputs = seen(made)
        for name, value in given.items():
            if fault := header_fault(name, value):
                raise RunError(f"{fault}.", place=compiler.place(node, "headers", name))
        if body is not None and (size := len(body.encode())) > MOST_BODY:
            raise RunError(f"the call sends {size} bytes; expected at most {MOST_BODY}.")
        return made

    return request


def seen(request: Request) -> dict[str, Value]:
    """The call as a trace shows it: secrets by the names of their variables."""
    secret = {name: f"${variable}" for name, variable in request.secret_headers.items()}
    shown_call: dict[str, Value] = {"method": request.method, "url": request.url}
    if request.headers or secret:
        shown_call["headers"] = {**request.headers, **secret}
    if request.body is not None:
        is_json = request.headers.get("Content-Type") == JSON
        shown_call["body"] = orjson.loads(request.body) if is_json else request.body
    return shown_call


def _typed(headers: dict[str, str], content_type: str) -> dict[str, str]:
    if not content_type or any(name.lower() == "content-type" for name in headers):
        return headers
    return {"Content-Type": content_type, **headers}


def _as_text(value: Value, key: str) -> str:
    if not isinstance(value, str):
        raise RunError(f"`{key}` gave {shown(value)} ({kind(value)}); expected text.")
    return value


def _header(name: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | str):
        return str(value)
    raise RunError(f"the header '{name}' gave {shown(value)} ({kind(value)}); expected text.")


def read_paths(written: Value) -> Iterator[Path]:
    """What the expressions in a piece of YAML read, as paths from a name on."""
    if isinstance(written, dict):
        for one in written.values():
            yield from read_paths(one)
    elif isinstance(written, list):
        for one in written:
            yield from read_paths(one)
    elif isinstance(written, str) and has_expression(written):
        try:
            found = parse(written, Place(""))
        except ExpressionProblem:
            return  # the text of a code block, not an expression
        yield from (reference.path for reference in found.references)


def pruned(values: Mapping[str, Value], paths: tuple[Path, ...]) -> dict[str, Value]:
    """The parts of `values` that these paths reach; nothing else of the run is kept."""
    kept: dict[str, Value] = {}
    # The shorter path first: it takes along all that lies behind it.
    for path in sorted(set(paths), key=len):
        if path[0] not in NOT_KEPT and path[0] in values:
            _keep(values, path, kept)
    return kept


def _keep(source: Value, path: Path, kept: dict[str, Value]) -> None:
    step, *rest = path
    name = str(step)
    found = source[step]
    if not rest or not isinstance(rest[0], str) or not isinstance(found, dict):
        kept[name] = found
        return
    if name in kept and kept[name] is found:
        return
    inner = kept.setdefault(name, {})
    if rest[0] in found:
        _keep(found, tuple(rest), inner)
