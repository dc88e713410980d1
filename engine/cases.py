"""A builder's own test cases (flows/tests/*.yaml): recorded events, rows before, rows after."""

from __future__ import annotations

import copy
import itertools
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from engine.catalogue import shape
from engine.dryrun import read_event
from engine.errors import ActionflowError, BadInput, Place, Problem, ProblemsFound
from engine.model import Node, Row, Value
from engine.paths import shown
from engine.project import Project
from engine.receive import Receiver, Verdict, drain, mode_of
from engine.shape import check_shape
from engine.stripe.event import of
from engine.trace import flat
from engine.yamlfile import read_path

MOST_ORDERS = 720
DEFAULT_NOW = "2026-01-01T00:00:00Z"

Taken = tuple[str, str, str]
"""A case of a branch that a run took: flow, node, case."""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One written case, and where it stands."""

    __test__ = False  # pytest collects classes of this name otherwise

    name: str
    place: Place
    written: Mapping[str, Value]
    folder: pathlib.Path


@dataclass(slots=True)
class Result:
    """What came of a case: no failures means it passed. `taken` are the branch cases its runs took."""

    case: TestCase
    failures: list[str] = field(default_factory=list)
    taken: set[Taken] = field(default_factory=set)
    orders: int = 0


def read_cases(folder: pathlib.Path) -> list[TestCase]:
    """All cases of a project's tests/ folder. Raises ProblemsFound, BadInput when there are none."""
    files = sorted((folder / "tests").glob("*.yaml"))
    if not files:
        raise BadInput(
            f"{shown(folder / 'tests')}: no test cases here. Write one in tests/payment.yaml."
        )
    cases: list[TestCase] = []
    problems: list[Problem] = []
    for file in files:
        try:
            document = read_path(file, shown(file))
        except ProblemsFound as found:
            problems += found.problems
            continue
        found_here = list(check_shape(document.data, shape("cases"), document.place, code="case"))
        problems += found_here
        if not found_here:
            cases += [
                TestCase(written["name"], document.place(("cases", index)), written, folder)
                for index, written in enumerate(document.data["cases"])
            ]
    if problems:
        raise ProblemsFound(problems)
    return cases


def run_case(case: TestCase, project: Project) -> Result:
    """Run one case, in every order of its events when it says `shuffle`."""
    result = Result(case)
    try:
        events = [_event(case, written) for written in case.written["events"]]
        for order in _orders(events, bool(case.written.get("shuffle"))):
            result.orders += 1
            failures = list(_run_once(case, project, order, result.taken))
            if failures:
                if case.written.get("shuffle"):
                    ids = ", ".join(data["type"] for data in order)
                    result.failures.append(f"delivered in this order: {ids}")
                result.failures += failures
                break
    except ActionflowError as error:
        result.failures.append(str(error))
    return result


def _orders(events: list[dict[str, Any]], shuffle: bool) -> Iterable[tuple[dict[str, Any], ...]]:
    if not shuffle:
        return [tuple(events)]
    return itertools.islice(itertools.permutations(events), MOST_ORDERS)


def _event(case: TestCase, written: Value) -> dict[str, Any]:
    name, change = (
        (written, {}) if isinstance(written, str) else (written["event"], written.get("change", {}))
    )
    data, _, _ = read_event(case.folder / "events" / f"{name}.json")
    data = copy.deepcopy(data)
    for path, value in change.items():
        _put(data, path, value, case)
    return data


def _put(data: dict[str, Any], path: str, value: Value, case: TestCase) -> None:
    *way, last = path.split(".")
    inner: Any = data
    for part in way:
        inner = inner[int(part)] if isinstance(inner, list) else inner.get(part)
        if not isinstance(inner, dict | list):
            raise BadInput(f"{case.place}: `change` names {path}, but the event has no {part}.")
    if isinstance(inner, list):
        inner[int(last)] = value
    else:
        inner[last] = value


def _run_once(
    case: TestCase, project: Project, events: Iterable[dict[str, Any]], taken: set[Taken]
) -> Iterator[str]:
    written = case.written
    now = datetime.fromisoformat(written.get("now", DEFAULT_NOW)).timestamp()
    expect = written["expect"]
    verdicts: list[Verdict] = []
    store = project.scratch(written.get("given", project.seed()))
    try:
        with store.transaction() as tx:
            for data in events:
                event = of(data)
                receiver = Receiver(project, mode_of(event), lambda: now)
                verdicts.append(receiver.receive(tx, data, orjson.dumps(data).decode(), event))
                later = drain(receiver, tx)
                taken |= set(_taken([*verdicts, *later]))
                verdicts[-1].error = verdicts[-1].error or next(
                    (v.error for v in later if v.error), None
                )
            yield from _outcomes(expect, verdicts)
            for table, rows in expect.get("tables", {}).items():
                if table not in project.file.tables:
                    yield f"there is no table '{table}'"
                    continue
                yield from compare(table, rows, tx.find(table, {}))
    finally:
        store.close()


def _outcomes(expect: Mapping[str, Value], verdicts: list[Verdict]) -> Iterator[str]:
    outcomes = [verdict.outcome for verdict in verdicts]
    if "outcomes" in expect and outcomes != expect["outcomes"]:
        yield f"outcomes: expected {', '.join(expect['outcomes'])}; got {', '.join(outcomes)}"
    errors = [str(verdict.error) for verdict in verdicts if verdict.error]
    wanted = expect.get("error")
    if wanted is not None and not any(wanted in error for error in errors):
        yield f"error: expected one with '{wanted}'; got {'; '.join(errors) or 'none'}"
    if wanted is None and "outcomes" not in expect:
        yield from (f"the run failed: {error}" for error in errors)


def compare(table: str, wanted: list[Row], found: list[Row]) -> Iterator[str]:
    """How the rows of a table differ from those expected; only named columns count, in any order."""
    left = list(found)
    missing = []
    for row in wanted:
        match = next((one for one in left if _fits(row, one)), None)
        if match is None:
            missing.append(row)
        else:
            left.remove(match)
    for row in missing:
        # The nearest row left over is most likely the one meant: say just what differs in it.
        near = max(left, key=lambda one: _alike(row, one), default=None)
        if near is None:
            yield f"{table}: expected a row {_text(row)}; there is none"
            continue
        left.remove(near)
        differing = [
            f"{column}: expected {_text(value)}, got {_text(near.get(column))}"
            for column, value in row.items()
            if near.get(column) != value
        ]
        yield f"{table}: a row is not as expected; {'; '.join(differing)}"
    for row in left:
        yield f"{table}: a row too many: {_text({k: v for k, v in row.items() if v is not None and k != 'facts'})}"


def _fits(wanted: Row, found: Row) -> bool:
    return all(column in found and found[column] == value for column, value in wanted.items())


def _alike(wanted: Row, found: Row) -> int:
    return sum(found.get(column) == value for column, value in wanted.items())


def _text(value: Value) -> str:
    return orjson.dumps(value).decode()


def _taken(verdicts: Iterable[Verdict]) -> Iterator[Taken]:
    for verdict in verdicts:
        for entry in flat(verdict.trace):
            for note in entry.get("notes", []):
                if "case" in note and verdict.flow:
                    yield verdict.flow, entry["id"], note["case"]


def all_cases(project: Project) -> list[Taken]:
    """Every case of every branch of the project, in the order written."""

    def inside(flow: str, nodes: Iterable[Node]) -> Iterator[Taken]:
        for node in nodes:
            for case in node.cases:
                yield flow, node.id, case.name
                yield from inside(flow, case.do)
            yield from inside(flow, node.do)

    return [taken for name, one in project.flows.items() for taken in inside(name, one.flow.nodes)]
