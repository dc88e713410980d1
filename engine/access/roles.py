"""What a role may do: actions, and tables to read. What project.yaml does not grant is denied."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache

from engine.access.caller import Caller
from engine.access.errors import AccessDenied
from engine.errors import Place
from engine.expressions import Expression, condition
from engine.model import Path, ProjectFile, Row, Value

log = logging.getLogger("actionflow.access")

Grant = Mapping[str, Value]
"""What stands behind an action or a table in a role: nothing, or a row rule (`when`)."""
compiled = lru_cache(maxsize=1024)(condition)


def may_call(project: ProjectFile, caller: Caller, action: str) -> Grant:
    """What the caller's role is granted for this action, its row rule not looked at. Raises AccessDenied."""
    grant = _grant(project, caller, "actions", action)
    if grant is None:
        raise AccessDenied("action_denied", f"The role '{caller.role}' may not call '{action}'.")
    return grant


def authorize(
    project: ProjectFile,
    caller: Caller,
    action: str,
    order: Row | None,
    input: Mapping[str, Value] | None = None,
) -> None:
    """Let the caller do this action (pay, refund, recurring) on this order, or raise AccessDenied.

    `order` is None when there is no such order: with a row rule that is answered as an order of
    somebody else, so that nobody learns which orders there are; without a row rule it passes, and
    the action says that there is none. The rule reads `order`, `caller` (id, role) and `input`; where
    the input names no order (the flow makes one, say) it can hold only if it does not read `order`.
    """
    grant = may_call(project, caller, action)
    if "when" not in grant:
        return
    path: Path = ("roles", caller.role, "actions", action, "when")
    values = {"order": order, "caller": caller.as_value(), "input": dict(input or {})}
    detail = f"There is no such order, or this caller may not call '{action}' on it."
    decides = order is not None
    if order is None and input is not None and not any(map(input.get, ("orderId", "paymentId"))):
        decides = not _reads_order(project, grant["when"], path)
        detail = f"The input names no order; expected the orderId of one to call '{action}' on."
        if decides:
            detail = f"This caller may not call '{action}' with this input."
    allowed = False
    if decides:
        try:
            allowed = _holds(project, grant["when"], path, values)
        except Exception as error:
            log.warning("denied, as the rule failed: %s", error)
    if not allowed:
        raise AccessDenied("order_denied", detail)


def may_read(project: ProjectFile, caller: Caller, table: str) -> Callable[[Row], bool] | None:
    """Which rows of a table the caller may read, as a function of the row; None for none at all.

    The rule (`when`) reads `row` and `caller`. A rule that fails on a row hides it; the first
    failure of the function given back is logged, the others only at debug level.
    """
    grant = _grant(project, caller, "read", table) if table in project.tables else None
    if grant is None:
        return None
    if "when" not in grant:
        return lambda row: True
    path: Path = ("roles", caller.role, "read", table, "when")
    rule, who = grant["when"], caller.as_value()
    level = logging.WARNING

    def allowed(row: Row) -> bool:
        nonlocal level
        try:
            return _holds(project, rule, path, {"row": row, "caller": who})
        except Exception as error:
            log.log(level, "hidden, as the rule failed: %s", error)
            level = logging.DEBUG
            return False

    return allowed


def _grant(project: ProjectFile, caller: Caller, kind: str, name: str) -> Grant | None:
    role = project.roles.get(caller.role) or {}
    granted: Grant | None = (role.get(kind) or {}).get(name)
    return granted


def _holds(project: ProjectFile, rule: str, path: Path, values: Mapping[str, Value]) -> bool:
    return _rule(project, rule, path).evaluate(values) is True


def _reads_order(project: ProjectFile, rule: str, path: Path) -> bool:
    return any(one.path[0] == "order" for one in _rule(project, rule, path).references)


def _rule(project: ProjectFile, rule: str, path: Path) -> Expression:
    return compiled(rule, project.places.get(path, Place(project.file)))
