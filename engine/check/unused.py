"""What is written and never read: values of `set`, outputs of code, config, rights nobody can use."""

from __future__ import annotations

from collections.abc import Iterator

from engine.check.reads import read_by
from engine.check.registry import code, flow_rule, project_rule
from engine.check.scope import definitions
from engine.check.view import View, every_node
from engine.errors import Problem
from engine.model import RESERVED_NAMES, Flow, Path

UNREAD = code(
    "unused.value",
    "A value that nothing reads",
    "A value of a `set`, or an output of a code block, does nothing by itself. Most often the node "
    "that should read it reads another, or was forgotten.",
    severity="warning",
)
CONFIG = code(
    "unused.config",
    "A config value that no flow reads",
    "Changing it changes nothing, which is not what somebody expects who finds it in project.yaml.",
    severity="warning",
)
RIGHT = code(
    "unused.right",
    "A right to an action that no flow answers",
    "Callers of this role are told that there is no such action.",
    severity="warning",
)
_HOLDS = {"set": "values", "code": "outputs"}
"""Node types that only hold values for others, and the key that names these."""
_SHOP = frozenset({"shop_name", "shop_url"})
"""Config values that the demo shop's page reads."""


@flow_rule
def values(flow: Flow, view: View) -> Iterator[Problem]:
    """Every value of a `set` and every output of a code block is read somewhere in the flow."""
    nodes = every_node(flow.nodes)
    holding = [node for node in nodes if node.type in _HOLDS]
    read = read_by(flow, view) if holding else None
    # A name that is written wrong is a mistake of its own; what it means is not said to be unread.
    if read is None or {path[0] for path in read} - set(definitions(flow)) - RESERVED_NAMES:
        return
    for node in holding:
        key = _HOLDS[node.type]
        names = node.keys.get(key)
        if not isinstance(names, dict):
            continue
        asked = {path[1:] for path in read if path[0] == node.id}
        if asked <= {(name,) for name in names}:
            for name in names.keys() - {name for (name,) in asked}:
                what = "value" if node.type == "set" else "output"
                yield UNREAD(
                    view.key_place(flow, (*node.path, key, name)),
                    f"the {what} '{name}' of '{node.id}' is never read.",
                    f'Read it below as "{{{{ {node.id}.{name} }}}}", or remove it.',
                )


@project_rule
def config(view: View) -> Iterator[Problem]:
    """Every config value is read by some flow."""
    if view.project is None or view.broken or not view.project.config:
        return
    read: set[Path] = set()
    for flow in view.flows.values():
        found = read_by(flow, view)
        if found is None:
            return
        read |= found
    known = view.project.config
    asked = {path[1:] for path in read if path[0] == "config"}
    if asked <= {(name,) for name in known}:
        for name in sorted(known.keys() - _SHOP - {name for (name,) in asked}):
            yield CONFIG(
                view.project_place("config", name),
                f"no flow reads the config value '{name}'.",
                f'Read it in a flow as "{{{{ config.{name} }}}}", or remove it.',
            )


@project_rule
def rights(view: View) -> Iterator[Problem]:
    """Every action a role may call is answered by a flow."""
    if view.project is None or view.broken:
        return
    answered = {flow.trigger.get("action") for flow in view.flows.values()}
    for role, written in view.project.roles.items():
        for action in (written or {}).get("actions") or {}:
            if action not in answered:
                yield RIGHT(
                    view.project_place("roles", role, "actions", action),
                    f"the role '{role}' may call '{action}', but no flow answers that action.",
                    f"Add a flow with `trigger: {{action: {action}}}`, or take the right away.",
                )
