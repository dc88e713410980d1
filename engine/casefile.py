"""A builder's test cases as written (flows/tests/*.yaml): read, and every mistake found at its place."""

from __future__ import annotations

import copy
import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.catalogue import shape
from engine.check.near import did_you_mean
from engine.dryrun import read_event
from engine.errors import BadInput, Place, Problem, ProblemsFound
from engine.model import Path, Row, Table, Value
from engine.paths import shown
from engine.project import Project
from engine.shape import check_shape
from engine.store.base import BadValue
from engine.store.codec import TableCodec
from engine.store.values import Unfit, timestamp
from engine.stripe.event import BadEvent, Event, of, when
from engine.yamlfile import Document, read_path

TESTS, EVENTS = "tests", "events"

Rows = Mapping[str, list[Row]]


class Delivery(NamedTuple):
    """Stripe delivers this event, recorded under this name."""

    name: str
    data: dict[str, Any]
    event: Event


class Written(NamedTuple):
    """The builder's site writes these rows."""

    rows: Rows


class Pause(NamedTuple):
    """So many seconds pass."""

    seconds: int


Step = Delivery | Written | Pause


@dataclass(frozen=True, slots=True)
class TestCase:
    """One case. `now` is timestamp text; `places` finds each part by its path inside the case."""

    __test__ = False  # pytest collects classes of this name otherwise

    name: str
    place: Place
    given: Rows
    now: str
    steps: tuple[Step, ...]
    shuffle: bool
    outcomes: list[str] | None
    error: str | None
    tables: Rows
    places: Mapping[Path, Place] = field(repr=False)

    def place_of(self, *path: str | int) -> Place:
        """Where this part of the case is written; the case itself where it is not written at all."""
        return self.places.get(path, self.place)


def read_cases(project: Project) -> list[TestCase]:
    """All cases of a project's tests/ folder. Raises ProblemsFound, BadInput when there are none."""
    folder = project.folder / TESTS
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadInput(
            f"{shown(folder)}: no test cases here. Write one in {shown(folder / 'payment.yaml')}; "
            "docs/testing.md says how."
        )
    cases: list[TestCase] = []
    problems: list[Problem] = []
    for file in files:
        try:
            document = read_path(file, shown(file))
        except ProblemsFound as found:
            problems += found.problems
            continue
        wrong = list(check_shape(document.data, shape("cases"), document.place, code="case"))
        if not wrong:
            reader = _Reader(project, document)
            cases += [case for case in map(reader.case, range(len(document.data["cases"]))) if case]
            wrong = reader.problems
        problems += wrong
    problems += _repeated(cases)
    if problems:
        raise ProblemsFound(problems)
    return cases


def _repeated(cases: list[TestCase]) -> Iterator[Problem]:
    """Two cases of one name cannot be told apart in a report."""
    seen: dict[str, Place] = {}
    for case in cases:
        if case.name in seen:
            yield Problem(
                "case.repeated",
                case.place,
                f"there is another case '{case.name}'.",
                "Give each case a name of its own.",
                related=((seen[case.name], "the first of that name"),),
            )
        seen.setdefault(case.name, case.place)


class _Reader:
    """Reads the cases of one file; what is wrong is kept in `problems`."""

    def __init__(self, project: Project, document: Document) -> None:
        self.project, self.document = project, document
        self.problems: list[Problem] = []
        self._events: dict[str, dict[str, Any] | None] = {}

    def case(self, index: int) -> TestCase | None:
        """The case, or None when something in it is wrong."""
        at: Path = ("cases", index)
        written = self.document.data["cases"][index]
        before = len(self.problems)
        expect = written["expect"]
        given = written["given"] if "given" in written else self.project.seed()
        if "given" in written:
            self._rows(given, (*at, "given"), whole=True)
        self._rows(expect.get("tables", {}), (*at, "expect", "tables"), whole=False)
        steps = [self._step(one, (*at, "events", n)) for n, one in enumerate(written["events"])]
        now = self._now(written, at, [one for one in steps if isinstance(one, Delivery)])
        self._outcomes(written, at)
        if len(self.problems) > before:
            return None
        places = self.document.places
        return TestCase(
            name=written["name"],
            place=self.document.place(at),
            given=given,
            now=now,
            steps=tuple(one for one in steps if one is not None),
            shuffle=written.get("shuffle", False),
            outcomes=expect.get("outcomes"),
            error=expect.get("error"),
            tables=expect.get("tables", {}),
            places={path[2:]: place for path, place in places.items() if path[:2] == at},
        )

    def _problem(self, code: str, path: Path, message: str, mend: str) -> None:
        self.problems.append(Problem(f"case.{code}", self.document.place(path), message, mend))

    def _now(self, written: Value, at: Path, deliveries: list[Delivery]) -> str:
        if "now" not in written:
            newest = max((one.event.created for one in deliveries), default=0)
            return str(when(newest))
        try:
            return timestamp(written["now"])
        except Unfit as unfit:
            found = f"`now` is {written['now']!r}; expected {unfit.expected}."
            self._problem("now", (*at, "now"), found, "Write it like 2026-01-31T12:00:00Z.")
            return ""

    def _outcomes(self, written: Value, at: Path) -> None:
        outcomes = written["expect"].get("outcomes")
        if outcomes is None:
            return
        path = (*at, "expect", "outcomes")
        events = sum(isinstance(one, str) or "event" in one for one in written["events"])
        if written.get("shuffle"):
            self._problem(
                "outcomes",
                path,
                "`outcomes` are in the order of the events, and `shuffle` changes that order.",
                "Take one of the two out; the tables at the end say whether all went well.",
            )
        elif len(outcomes) != events:
            found = f"{len(outcomes)} outcomes for {events} events; expected one for each."
            self._problem("outcomes", path, found, "Name what becomes of each event delivered.")

    # --- steps

    def _step(self, written: Value, at: Path) -> Step | None:
        if isinstance(written, str):
            return self._delivery(written, {}, at, at)
        if "event" in written:
            return self._delivery(written["event"], written.get("change", {}), (*at, "event"), at)
        if "rows" in written:
            self._rows(written["rows"], (*at, "rows"), whole=True)
            return Written(written["rows"])
        return Pause(written["wait"])

    def _delivery(self, name: str, change: Value, at: Path, step: Path) -> Delivery | None:
        if name not in self._events:
            self._events[name] = self._recorded(name, at)
        recorded = self._events[name]
        if recorded is None:
            return None
        data = copy.deepcopy(recorded) if change else recorded
        for path, value in change.items():
            self._put(data, path, value, (*step, "change", path))
        try:
            return Delivery(name, data, of(data))
        except BadEvent as error:
            self._problem("change", (*step, "change"), str(error), "Change something else.")
            return None

    def _recorded(self, name: str, at: Path) -> dict[str, Any] | None:
        folder = self.project.folder / EVENTS
        known = [path.stem for path in folder.glob("*.json")]
        if name not in known:
            near = did_you_mean(name.removesuffix(".json"), known)
            self._problem(
                "event",
                at,
                f"there is no recorded event '{name}' in {shown(folder)}.{near}",
                "Name a file of that folder without .json; `actionflow record` makes more of them.",
            )
            return None
        try:
            return read_event(folder / f"{name}.json")[0]
        except BadInput as error:
            self._problem("event", at, str(error), "Save the body of a webhook, unchanged.")
            return None

    def _put(self, data: dict[str, Any], path: str, value: Value, at: Path) -> None:
        """Set the value at a dotted path. Only metadata takes keys that are not there."""
        *way, last = path.split(".")
        inner: Any = data
        for done, part in enumerate([*way, last]):
            if isinstance(inner, list) and part.isdecimal() and int(part) < len(inner):
                key: Any = int(part)
            elif isinstance(inner, dict) and (part in inner or (way and way[-1] == "metadata")):
                key = part
            else:
                around = ".".join(way[:done]) or "the event"
                known = list(inner) if isinstance(inner, dict) else []
                near = did_you_mean(part, known)
                found = f"`change` names {path}, but {around} has no '{part}'.{near}"
                self._problem("change", at, found, "Name a value which the recorded event has.")
                return
            if done == len(way):
                inner[key] = value
            else:
                inner = inner[key]

    # --- rows

    def _rows(self, rows: Rows, at: Path, *, whole: bool) -> None:
        """Check names and values; `whole` rows are to be inserted, others to be compared."""
        tables = self.project.file.tables
        for name, listed in rows.items():
            table = tables.get(name)
            if table is None:
                near = did_you_mean(name, tables)
                message = f"there is no table '{name}'.{near}"
                self._problem("table", (*at, name), message, f"Tables: {', '.join(tables)}.")
                continue
            codec = TableCodec(table, tables, {}, {})
            for index, row in enumerate(listed):
                self._row(row, table, codec, (*at, name, index), whole=whole)

    def _row(self, row: Row, table: Table, codec: TableCodec, at: Path, *, whole: bool) -> None:
        known = [column.name for column in table.visible]
        before = len(self.problems)
        for name, value in row.items():
            if name not in known:
                near = did_you_mean(name, known, key=(table.name, table.key))
                message = f"table '{table.name}' has no column '{name}'.{near}"
                self._problem("column", (*at, name), message, f"Its columns: {', '.join(known)}.")
                continue
            try:
                kept = codec.encoders[name](value)
            except BadValue as error:
                self._problem("value", (*at, name), str(error), "Correct the value.")
            else:
                # As the database keeps it: USD is usd, a time is UTC. JSON is compared as data.
                if codec.types[name] != "json":
                    row[name] = kept
        if whole and len(self.problems) == before:
            try:
                codec.new_row(row, "2000-01-01T00:00:00Z")
            except BadValue as error:
                self._problem("value", at, str(error), "Add the value.")
