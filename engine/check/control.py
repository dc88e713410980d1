"""branch, for_each, stop, fail, set, log: which way a run goes, and what it knows there."""

from __future__ import annotations

from collections.abc import Mapping

from engine.check.codes import CONSTANT, FLOAT, PART
from engine.check.registry import code, node_rule
from engine.check.scope import Facts, Scope
from engine.check.types import (
    ANY,
    INTEGER,
    NO_OUTPUT,
    NOTHING,
    Type,
    join,
    words,
)
from engine.check.walk import Here
from engine.model import RESERVED_NAMES, Case, Node

GIVES = code(
    "branch.gives",
    "Cases that do not give the same",
    "Below the branch nobody knows which case was taken, so every case that goes on has to give "
    "the same names, with values of the same type. A case that ends in stop or fail is free.",
)
LOOP_NAME = code(
    "ref.taken",
    "A name that is taken already",
    "`as` names each item of a for_each; another node's id or a reserved name would be hidden by "
    "it.",
)
NOT_A_LIST = code(
    "type.list",
    "A for_each over what is no list",
    "`in` must be one expression that gives a list, such as a table.find with `many: true`.",
)
AGAIN = code(
    "control.again",
    "A case whose condition stood above it already",
    "The first case that holds is taken, so the second one with the same condition never is.",
)


@node_rule("branch")
def branch(node: Node, here: Here) -> Type:
    """Output: what the cases give, joined."""
    scope = here.scope
    facts = dict(scope.facts)
    ends: list[Scope] = []
    given: list[tuple[Case, Mapping[str, Type]]] = []
    seen: dict[str, Case] = {}
    said = False
    for index, case in enumerate(node.cases):
        inner = scope.inner(facts)
        if case.when is not None:
            said = _repeated(case, seen, here) or said
            inner.facts, facts, told = _case(case, here, facts, quiet=said)
            said = said or told
        end = here.inside(case.do, inner)
        ends.append(end)
        outer, here.scope = here.scope, end
        path = here.at(node, "cases", index, "gives")
        fields = {key: here.value(one, (*path, key)) for key, one in case.gives.items()}
        here.scope = outer
        if not end.stopped:
            given.append((case, fields))
    scope.rejoin(ends)
    return _gives(node, here, given)


def _case(case: Case, here: Here, facts: Facts, *, quiet: bool) -> tuple[Facts, Facts, bool]:
    """The facts inside the case and in the cases below it; whether a constant was reported."""
    outer, here.scope = here.scope, here.scope.inner(facts)
    found, syntax, reading = here.condition(case.when, (*case.path, "when"))
    here.scope = outer
    if syntax is None or reading is None:
        return facts, facts, False
    told = not quiet and (found.never or found.literal is not NOTHING)
    if told:
        _constant(case, found, here)
    return reading.narrowed(syntax, facts, True), reading.narrowed(syntax, facts, False), told


def _constant(case: Case, found: Type, here: Here) -> None:
    path = (*case.path, "when")
    if found.literal is True:
        message = f"case '{case.name}' is always taken, so the cases below it never are."
        mend = "Write a condition that can be false, or make it the last case with `else: true`."
    elif found.literal is False:
        message = f"case '{case.name}' is never taken: its condition is always false."
        mend = "Write a condition that can be true, or remove the case."
    else:
        message = f"case '{case.name}' is never taken: a condition above it takes that value."
        mend = "Remove the case, or change the condition above it."
    here.say(CONSTANT, path, message, mend)


def _repeated(case: Case, seen: dict[str, Case], here: Here) -> bool:
    written = "".join(str(case.when).split())
    first = seen.setdefault(written, case)
    if first is case:
        return False
    here.say(
        AGAIN,
        (*case.path, "when"),
        f"case '{case.name}' has the same condition as case '{first.name}' above it, so it is "
        "never taken.",
        "Remove it, or change one of the two conditions.",
        ((here.flow.place((*first.path, "when")), f"case '{first.name}'"),),
    )
    return True


def _gives(node: Node, here: Here, given: list[tuple[Case, Mapping[str, Type]]]) -> Type:
    if not given:
        return Type("dict", fields={})
    first, names = given[0]
    # The names most cases agree on come from the longest list: what others lack is reported there.
    for case, fields in given[1:]:
        if len(fields) > len(names):
            first, names = case, fields
    joined = dict(names)
    related = ((first.place, f"case '{first.name}'"),)
    for case, fields in given:
        missing = [name for name in names if name not in fields]
        more = [name for name in fields if name not in names]
        if missing or more:
            odd = (
                f"has no {', '.join(map(repr, missing))}"
                if missing
                else (f"also has {', '.join(map(repr, more))}")
            )
            here.say(
                GIVES,
                (*case.path, "gives") if case.gives else case.path,
                f"`gives` of case '{case.name}' {odd}; case '{first.name}' gives "
                f"{', '.join(names)}.",
                "Give the same names in every case that goes on below the branch.",
                related,
                key=bool(case.gives),
            )
        for name in set(fields) & set(names):
            both = join(names[name], fields[name])
            if both.kind == "mixed" and names[name].kind != "mixed":
                here.say(
                    GIVES,
                    (*case.path, "gives", name),
                    f"'{name}' is {words(fields[name])} in case '{case.name}', and "
                    f"{words(names[name])} in case '{first.name}'.",
                    "Give values of one type in every case.",
                    related,
                )
                joined[name] = ANY
            elif joined[name] is not ANY:
                joined[name] = join(joined[name], fields[name])
    return Type("dict", fields=joined)


@node_rule("for_each")
def for_each(node: Node, here: Here) -> Type:
    """Output: `count`, and `results` with `collect`."""
    path = here.at(node, "in")
    listed = here.value(node.keys["in"], path)
    if listed.known and (listed.kind != "list" or listed.nullable):
        here.say(
            NOT_A_LIST,
            path,
            f"`in` of '{node.id}' is {words(listed)}; expected a list.",
            "Give a list: a table.find with `many: true`, or a list of the event.",
        )
        listed = ANY
    name = node.keys["as"]
    there = here.definitions.get(name)
    if name in RESERVED_NAMES or (there is not None and there.path != node.path) or name == node.id:
        here.say(
            LOOP_NAME,
            here.at(node, "as"),
            f"the name '{name}' is taken.",
            "Choose another name for the item.",
            here.defined(name) if name not in RESERVED_NAMES else (),
        )
    inner = here.scope.inner()
    inner.names[name] = listed.item or ANY
    end = here.inside(node.do, inner)
    results = None
    if "collect" in node.keys:
        outer, here.scope = here.scope, end
        results = here.value(node.keys["collect"], here.at(node, "collect"))
        here.scope = outer
    fields = {"count": INTEGER}
    if results is not None:
        fields["results"] = Type("list", item=results)
    return Type("dict", fields=fields)


@node_rule("set")
def set_values(node: Node, here: Here) -> Type:
    """Output: the named values."""
    found = here.value(node.keys["values"], here.at(node, "values"))
    for name, one in (found.fields or {}).items():
        if one.kind == "float":
            here.say(
                FLOAT,
                here.at(node, "values", name),
                f"'{name}' is {one.literal}, a number with a fraction; expected an integer.",
                "Write minor units (5.10 USD is 510), or put quotes around it to make it text.",
            )
    return found


@node_rule("log", "stop", "fail")
def say(node: Node, here: Here) -> Type:
    """No output; below stop and fail nothing runs."""
    for key in ("message", "reason"):
        if key in node.keys:
            found = here.value(node.keys[key], here.at(node, key))
            if found.kind in ("list", "dict", "row"):
                here.say(
                    PART,
                    here.at(node, key),
                    f"`{key}` of '{node.id}' is {words(found)}; expected text.",
                    'Put text around what you want to see: "{{ row.id }} …".',
                )
    if node.type in ("stop", "fail"):
        here.scope.stopped = True
    return NO_OUTPUT
