"""Reads a builder's test cases (flows/tests/*.yaml), and finds every mistake in them at its place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson

from engine import clock, cron
from engine.catalogue import shape
from engine.check.near import did_you_mean
from engine.check.rows import Rows, check_rows
from engine.errors import BadInput, Place, Problem, ProblemsFound
from engine.inputs import input_problems
from engine.model import Path, Value
from engine.paths import shown
from engine.project import Project
from engine.shape import check_shape
from engine.store.values import Unfit, timestamp
from engine.stripe.event import BadEvent, of
from engine.testing.case import Act, Delivery, Due, Pause, Replies, Step, TestCase, Written
from engine.testing.recorded import Recorded, put
from engine.yamlfile import Document, read_path

FOLDER = "tests"
_RUNS = frozenset({"event", "schedule"})
"""Steps that have an outcome, besides the mere names of events."""
SOMEONE = {"id": "someone", "role": "admin"}


def read_cases(project: Project) -> list[TestCase]:
    """All cases of a project's tests/ folder. Raises ProblemsFound, BadInput when there are none."""
    folder = project.folder / FOLDER
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadInput(
            f"{shown(folder)}: no test cases here. Write one in {shown(folder / 'payment.yaml')}; "
            "docs/testing.md says how."
        )
    cases: list[TestCase] = []
    problems: list[Problem] = []
    recorded = Recorded(project.folder)
    seed: Rows = {}
    try:
        seed = project.seed()
    except ProblemsFound as found:
        problems += found.problems
    for file in files:
        try:
            document = read_path(file, shown(file))
        except ProblemsFound as found:
            problems += found.problems
            continue
        wrong = list(
            check_shape(
                document.data,
                shape("cases"),
                document.place,
                code="case",
                key_of=document.key_place,
            )
        )
        if not wrong:
            reader = _Reader(project, document, recorded, seed)
            cases += [case for case in map(reader.case, range(len(document.data["cases"]))) if case]
            wrong = reader.problems
        problems += wrong
    problems += _repeated(cases)
    if problems:
        raise ProblemsFound(list(dict.fromkeys(problems)))
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

    def __init__(
        self, project: Project, document: Document, recorded: Recorded, seed: Rows
    ) -> None:
        self.project, self.document = project, document
        self.recorded, self.seed = recorded, seed
        self.problems: list[Problem] = []

    def case(self, index: int) -> TestCase | None:
        """The case, or None when something in it is wrong."""
        at: Path = ("cases", index)
        written = self.document.data["cases"][index]
        before = len(self.problems)
        expect = written["expect"]
        given = written.get("given", self.seed)
        if "given" in written:
            self._rows(given, (*at, "given"), alone=True)
        self._rows(expect.get("tables", {}), (*at, "expect", "tables"), whole=False)
        steps = [self._step(one, (*at, "events", n)) for n, one in enumerate(written["events"])]
        now = self._now(written, at, [one for one in steps if isinstance(one, Delivery)])
        replies = self._replies(written.get("replies", {}), (*at, "replies"))
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
            replies=replies,
            shuffle=written.get("shuffle", False),
            outcomes=expect.get("outcomes"),
            error=expect.get("error"),
            calls=expect.get("calls"),
            tables=expect.get("tables", {}),
            places={path[2:]: place for path, place in places.items() if path[:2] == at},
        )

    def _problem(self, code: str, path: Path, message: str, mend: str) -> None:
        self.problems.append(Problem(f"case.{code}", self.document.place(path), message, mend))

    def _rows(self, rows: Rows, at: Path, *, whole: bool = True, alone: bool = False) -> None:
        found = check_rows(rows, self.project.file, self.document, at, whole=whole, alone=alone)
        self.problems += found

    def _now(self, written: Value, at: Path, deliveries: list[Delivery]) -> str:
        if "now" not in written:
            newest = max((one.event.created for one in deliveries), default=1_767_225_600)
            return clock.timestamp(newest)
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
        events = sum(isinstance(one, str) or bool(_RUNS & one.keys()) for one in written["events"])
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
        if "act" in written:
            return self._act(written, at)
        if "rows" in written:
            self._rows(written["rows"], (*at, "rows"))
            return Written(written["rows"])
        if "schedule" in written:
            return self._due(written["schedule"], (*at, "schedule"))
        return Pause(written["wait"])

    def _delivery(self, name: str, change: Value, at: Path, step: Path) -> Delivery | None:
        data = self._event(name, at)
        if data is None:
            return None
        if change:
            data = copy.deepcopy(data)
        for path, value in change.items():
            try:
                put(data, path, value)
            except BadInput as error:
                mend = "Name a value which the recorded event has."
                self._problem("change", (*step, "change", path), str(error), mend)
        try:
            return Delivery(name, data, orjson.dumps(data).decode(), of(data))
        except BadEvent as error:
            self._problem("change", (*step, "change"), str(error), "Change something else.")
            return None

    def _event(self, name: str, at: Path) -> dict[str, Any] | None:
        try:
            return self.recorded.event(name)
        except BadInput as error:
            file = self.recorded.path(name)
            if file is not None:
                place, told = Place(shown(file)), str(error).removeprefix(f"{shown(file)}: ")
                mend = "Record it again, or take the file away."
                self.problems.append(Problem("case.recording", place, told, mend))
                return None
            mend = "Name a file of that folder without .json; `actionflow record` makes more."
            self._problem("event", at, str(error), mend)
            return None

    def _act(self, written: Value, at: Path) -> Act | None:
        name = written["act"]
        compiled = self.project.action(name)
        if compiled is None:
            flows = [one.flow.trigger.get("action") for one in self.project.flows.values()]
            known = sorted(str(action) for action in flows if action)
            near = did_you_mean(name, known)
            mend = f"Actions: {', '.join(known) or 'none'}."
            self._problem("action", (*at, "act"), f"no flow is the action '{name}'.{near}", mend)
            return None
        given = dict(written.get("input", {}))
        if "answer" not in written:
            # A case that expects a refusal may be about just such an input.
            for wrong in input_problems(compiled, dict(given)):
                self._problem("input", (*at, "input"), wrong, "Give what the flow's `input` says.")
        caller = {**SOMEONE, **written.get("caller", {})}
        return Act(name, given, caller, written.get("answer"), self.document.place(at))

    def _due(self, name: str, at: Path) -> Due | None:
        scheduled = self.project.schedules()
        if name not in scheduled:
            near = did_you_mean(name, list(scheduled))
            mend = f"Scheduled flows: {', '.join(scheduled) or 'none'}."
            self._problem("schedule", at, f"no flow '{name}' has a schedule.{near}", mend)
            return None
        if cron.never(scheduled[name]):
            mend = "Give it another schedule; `actionflow check` says more."
            self._problem("schedule", at, f"the schedule of '{name}' never comes.", mend)
            return None
        return Due(self.project.flows[name].flow)

    def _replies(self, written: Value, at: Path) -> Replies:
        found: dict[str, list[dict[str, Value]]] = {}
        for name, replies in written.items():
            listed = replies if isinstance(replies, list) else [replies]
            found[name] = []
            for one in listed:
                data = self._event(one, (*at, name)) if isinstance(one, str) else None
                found[name].append(data["data"]["object"] if data else one)
        return found
