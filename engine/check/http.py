"""http: where a call goes, what it carries, where an inline one may stand, and its give-up nodes."""

from __future__ import annotations

import re

from engine.check.codes import VALUE
from engine.check.fits import misfit
from engine.check.registry import Related, code, node_rule
from engine.check.types import ANY, BOOLEAN, TEXT, WHOLE, Type
from engine.check.view import every_node, trigger_name
from engine.check.walk import Here
from engine.expressions import has_expression
from engine.model import Node, Value
from engine.net.guard import Guard, Refused
from engine.net.request import header_fault

INLINE = code(
    "http.inline",
    "An inline call where nobody waits",
    "An inline call holds its run up until the other server answers. An event's run is one transaction, "
    "which must not wait for strangers; only an action's flow can, and there not inside of for_each.",
)
INLINE_KEYS = code(
    "http.inline_keys",
    "Tries for a call that is made once",
    "An inline call is made once, while the caller waits. `retry` and `give_up` belong to calls after "
    "commit.",
)
WHERE_TO = code(
    "http.url",
    "A URL that calls may not go to",
    "Calls go to public addresses by https. Anything else has to be named in project.yaml, because a URL can "
    "hold what a customer typed, and must not reach into the seller's own network.",
)
HEADER = code(
    "http.header",
    "A header that cannot be sent",
    "Some headers are written by the engine, and a header is sent once.",
)
SECRET_HEADER = code(
    "http.secret",
    "A secret in a header",
    "Headers are kept in the outbox and shown in traces, and flow files are copied and committed. The "
    "value of a secret header is read from the environment when the call is made, and kept nowhere.",
)
MAYBE_SECRET = code(
    "http.secret_value",
    "A header that may carry a secret",
    "Headers are kept in the outbox and shown in traces, where others can read them.",
    severity="warning",
)
BODY = code(
    "http.body",
    "A call with two bodies, or one where none is read",
    "A call sends `json` or `body`; with GET most servers read neither.",
)
GIVE_UP = code(
    "http.give_up",
    "A node that cannot stand in give_up",
    "The nodes of give_up run by themselves, long after the run that queued the call. There is no event to "
    "parse then, and nobody waits.",
)
ALLOW = code(
    "project.http_allow",
    "An entry of http.allow that is no host or network",
    "`http: {allow: […]}` names where calls may go beside public https addresses.",
    finder="loader",
)
ERROR = Type(
    "dict",
    fields={
        "status": Type("integer", nullable=True),
        "message": TEXT,
        "tries": Type("integer"),
        "url": TEXT,
    },
)
QUEUED = Type("dict", fields={"queued": BOOLEAN, "key": TEXT})
ANSWERED = Type(
    "dict",
    fields={
        "status": Type("integer", nullable=True),
        "ok": BOOLEAN,
        "json": ANY,
        "text": Type("text", nullable=True),
        "headers": ANY,
        "error": Type("text", nullable=True),
    },
)
_SECRET_NAME = re.compile(
    r"authorization|cookie|token|secret|api-?key|password|signature", re.IGNORECASE
)
_ORIGIN = re.compile(r"[a-z]+://[^/{]+(?=[/?])")


@node_rule("http")
def http(node: Node, here: Here) -> Type:
    """Output: `queued` and `key`, or what came back where the call is inline."""
    inline = node.keys.get("when") == "inline"
    if inline:
        _inline(node, here)
    _url(node, here)
    _headers(node, here)
    _body(node, here)
    if node.give_up:
        inner = here.scope.inner()
        inner.names["error"] = ERROR
        here.inside(node.give_up, inner)
        _give_up(node, here)
    return ANSWERED if inline else QUEUED


def _inline(node: Node, here: Here) -> None:
    trigger = trigger_name(here.flow)
    path = node.path
    looped = any(
        step == "do" and path[index - 2] != "cases" for index, step in enumerate(path) if index > 1
    )
    why = ""
    if trigger != "action":
        why = f"this flow is started by `{trigger}`, and no caller waits for it"
    elif looped or "give_up" in path:
        why = "inside of for_each, or of give_up, no answer is waited for"
    if why:
        here.say(
            INLINE,
            here.at(node, "when"),
            f"'{node.id}' is an inline call, but {why}.",
            "Leave `when` out: the call is then made after the commit, with retries. Or, in an "
            "action's flow, move it out of the loop.",
        )
    for key in ("retry", "give_up"):
        if key in node.keys:
            here.say(
                INLINE_KEYS,
                here.at(node, key),
                f"'{node.id}' is an inline call, made once; `{key}` has no place in it.",
                f"Take `{key}` out and look at `{node.id}.ok` in a branch, or leave `when: inline` out.",
                key=True,
            )


def _url(node: Node, here: Here) -> None:
    written = node.keys["url"]
    path = here.at(node, "url")
    if wrong := misfit(here.value(written, path), TEXT, "`url`"):
        here.say(wrong.code, path, wrong.message, wrong.mend)
    project = here.view.project
    if project is None:
        return
    known = written
    if has_expression(written):
        origin = _ORIGIN.match(written)
        known = f"{origin.group()}/" if origin else ""
    if not known:
        return
    try:
        Guard.of(project.http.allow).target(known)
    except Refused as refused:
        message, _, mend = str(refused).rpartition(". ")
        here.say(WHERE_TO, path, f"{message or mend.removesuffix('.')}.", mend or str(refused))


def _headers(node: Node, here: Here) -> None:
    plain: dict[str, Value] = node.keys.get("headers") or {}
    secret: dict[str, str] = node.keys.get("secret_headers") or {}
    lower = {name.lower(): name for name in plain}
    for under, names in (("headers", plain), ("secret_headers", secret)):
        for name in names:
            fault = header_fault(name, "")
            mend = "Take it out; the engine sends what belongs there."
            related: Related = ()
            if not fault and under == "secret_headers" and name.lower() in lower:
                fault = f"the header '{name}' stands in `headers` and in `secret_headers`"
                mend = "Leave it in `secret_headers` only."
                place = here.flow.place(here.at(node, "headers", lower[name.lower()]))
                related = ((place, "the other one"),)
            if fault:
                here.say(HEADER, here.at(node, under, name), f"{fault}.", mend, related, key=True)
    for name, value in plain.items():
        path = here.at(node, "headers", name)
        found = here.value(value, path)
        wanted = Type("integer") if found.kind in WHOLE else TEXT
        if found.kind != "boolean" and (wrong := misfit(found, wanted, f"the header '{name}'")):
            here.say(wrong.code, path, wrong.message, wrong.mend)
        if _SECRET_NAME.search(name):
            fixed = not (isinstance(value, str) and has_expression(value)) or "config." in str(
                value
            )
            here.say(
                SECRET_HEADER if fixed else MAYBE_SECRET,
                path,
                f"the header '{name}' "
                + (
                    "has its value in this file."
                    if fixed
                    else "is put together from the run's values."
                ),
                f"Put the whole value into an environment variable, and its name here: secret_headers: "
                f"{{{name}: WAREHOUSE_TOKEN}}.",
            )


def _body(node: Node, here: Here) -> None:
    keys = node.keys
    if "json" in keys:
        here.value(keys["json"], here.at(node, "json"))
    if "body" in keys:
        path = here.at(node, "body")
        if wrong := misfit(here.value(keys["body"], path), TEXT, "`body`"):
            code = wrong.code
            mend = "Write `json:` to send it as JSON." if code is VALUE else wrong.mend
            here.say(code, path, wrong.message, mend)
    sent = [key for key in ("json", "body") if key in keys]
    if len(sent) == 2:
        here.say(
            BODY,
            here.at(node, "body"),
            f"'{node.id}' sends both `json` and `body`.",
            "Leave one of them out.",
            key=True,
        )
    elif sent and keys.get("method") == "GET":
        here.say(
            BODY,
            here.at(node, sent[0]),
            f"'{node.id}' sends a body with GET.",
            "Use POST, or put the values into the URL with | urlencode.",
            key=True,
        )


def _give_up(node: Node, here: Here) -> None:
    for inner in every_node(node.give_up):
        if inner.locked:
            here.say(
                GIVE_UP,
                (*inner.path, "type"),
                f"'{inner.id}' is a locked node, and stands in give_up of '{node.id}'.",
                "Use table.*, branch, set, code, log or http there.",
            )
