"""project.yaml: config values that flows can use, and the row rules of roles."""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue import output
from engine.check.codes import UNDEFINED
from engine.check.infer import type_of
from engine.check.names import CALLER
from engine.check.near import did_you_mean
from engine.check.reading import Reading, Report
from engine.check.registry import code, project_rule
from engine.check.types import ANY, Type, of_output, of_row
from engine.check.view import View
from engine.errors import Place, Problem
from engine.expressions import ExpressionProblem, condition
from engine.model import Value
from engine.paths import shown as shown_path
from engine.shape import kind, shown

CONFIG = code(
    "config.value",
    "A config value that flows cannot use",
    "Config values are text, integers, true or false, or lists and named values of these. A number "
    "with a fraction would be rounded; an empty value is most often one that was forgotten.",
)
ENDING = code(
    "file.ending",
    "A file whose name does not end in .yaml",
    "Flows, seed rows and test cases are looked for by the end of their names. This file is passed "
    "by: a flow in it answers no event.",
    severity="warning",
)


@project_rule
def endings(view: View) -> Iterator[Problem]:
    """Every YAML file of the folder has a name that is looked for."""
    for path in view.loaded.passed_by:
        right = path.with_suffix(".yaml")
        mend = f"Rename it to {right.name}."
        if right.is_file():
            mend = f"Take it away, or give it another name: {right.name} is there, too."
        found = f"this file is not read: its name ends in {path.suffix}; expected .yaml."
        yield ENDING(Place(shown_path(path)), found, mend)


@project_rule
def config_values(view: View) -> Iterator[Problem]:
    """Every config value is one that a flow can use."""
    if view.project is not None:
        for name, value in view.project.config.items():
            yield from _config(view, value, ("config", name), name)


def _config(view: View, value: Value, path: tuple[str | int, ...], name: str) -> Iterator[Problem]:
    place = view.project_place(*path)
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _config(view, one, (*path, key), f"{name}.{key}")
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from _config(view, one, (*path, index), f"{name}[{index}]")
    elif isinstance(value, float) or value is None:
        mend = "Write minor units (5.10 USD is 510), or put quotes around it to make it text."
        if value is None:
            mend = "Give it a value, or remove it."
        yield CONFIG(
            place,
            f"the config value '{name}' is {shown(value)} ({kind(value)}); expected text, an "
            "integer, true or false.",
            mend,
        )
    elif isinstance(value, str) and "{{" in value:
        yield CONFIG(
            place,
            f"the config value '{name}' is an expression; config values are taken as they are.",
            "Write the value itself; compute with it in a flow.",
        )


@project_rule
def row_rules(view: View) -> Iterator[Problem]:
    """The `when` of every right of a role: a condition over the row, the caller and the input."""
    project = view.project
    if project is None:
        return
    for role, written in project.roles.items():
        for action, right in ((written or {}).get("actions") or {}).items():
            order = of_row(project.order, project.tables)
            names = {"order": order, "caller": CALLER, "input": _inputs(view, action)}
            if not _names_order(view, action):
                del names["order"]
            yield from _right(view, right, ("roles", role, "actions", action), names)
        for table, right in ((written or {}).get("read") or {}).items():
            if table in project.tables:
                row = of_row(project.tables[table], project.tables)
                names = {"row": row, "caller": CALLER}
                yield from _right(view, right, ("roles", role, "read", table), names)


def _inputs(view: View, action: str) -> Type:
    """What the action's flow takes."""
    for flow in view.flows.values():
        if flow.trigger.get("action") == action:
            declared = {n: of_output(output(n, w), view.order) for n, w in flow.inputs.items()}
            return Type("dict", fields=declared)
    return ANY


def _names_order(view: View, action: str) -> bool:
    """Whether the action's input can name an order: else its flow makes one, and there is none yet."""
    flows = [flow for flow in view.flows.values() if flow.trigger.get("action") == action]
    return not flows or any({"orderId", "paymentId"} & flow.inputs.keys() for flow in flows)


def _right(
    view: View, right: Value, path: tuple[str, ...], names: dict[str, Type]
) -> Iterator[Problem]:
    if right and "when" in right:
        problems: list[Problem] = []
        _row_rule(right["when"], view.project_place(*path, "when"), names, problems.append)
        yield from problems


def _row_rule(written: str, place: Place, names: dict[str, Type], report: Report) -> None:
    try:
        expression = condition(written, place)
    except ExpressionProblem as found:
        for problem in found.problems:
            report(problem)
        return

    def name_type(name: str, at: Place, say: Report) -> Type:
        if name in names:
            return names[name]
        why = f"a row rule cannot read '{name}'."
        if name == "order" and "row" not in names:
            why = "there is no `order` here: the input of this action's flow names none."
        say(
            UNDEFINED(
                at,
                f"{why}{did_you_mean(name, list(names))}",
                f"It reads {', '.join(names)}, nothing else.",
            )
        )
        return ANY

    [node] = expression.parts
    assert not isinstance(node, str), "a condition is one whole expression"
    Reading(expression.at, name_type, lambda name: (), report, type_of).boolean(
        node, {}, "this row rule"
    )
