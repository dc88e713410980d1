"""What an action flow takes, and what is wrong with what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.catalogue import Output, output
from engine.model import Value
from engine.nodes.outputs import misfit
from engine.run import CompiledFlow


def inputs_of(compiled: CompiledFlow) -> dict[str, Output]:
    """What an action flow declares that it takes; a `key` has the type of the order table's key."""
    order = compiled.project.order
    key = order.columns[order.key].type
    declared = {name: output(name, written) for name, written in compiled.flow.inputs.items()}
    return {
        name: replace(one, type=key) if one.type == "key" else one for name, one in declared.items()
    }


def orders_of(compiled: CompiledFlow, given: Mapping[str, Value]) -> list[Value]:
    """The keys of the order table that an input names, where it fits what the flow declares."""
    named = {name for name, one in compiled.flow.inputs.items() if output(name, one).type == "key"}
    return [value for name, value in given.items() if name in named and value is not None]


def input_problems(compiled: CompiledFlow, given: Value) -> list[str]:
    """Everything wrong with an input, in words. Optional ones that are left out become null, and a
    currency is written small, as columns and Stripe have it."""
    declared = inputs_of(compiled)
    if not isinstance(given, dict):
        return [f"The body is not a JSON object; expected one with {', '.join(declared)}."]
    problems = [
        f"'{name}' is not an input; expected {', '.join(declared)}."
        for name in given
        if name not in declared
    ]
    for name, wanted in declared.items():
        if name not in given and wanted.nullable:
            given[name] = None
        elif name not in given:
            problems.append(f"'{name}' is missing; expected {wanted.type}.")
        elif wrong := misfit(wanted, given[name]):
            problems.append(f"'{name}' {wrong}")
        elif wanted.type == "currency" and given[name] is not None:
            given[name] = given[name].lower()
    return problems
