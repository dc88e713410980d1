"""actionflow test: the project's own cases, and which cases of its branches they reach."""

from __future__ import annotations

import argparse
import logging
import pathlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from engine.cli.main import DONE, FLOW_FAILED, guarded, project_argument, project_folder
from engine.errors import BadInput

if TYPE_CHECKING:
    from engine.testing import BranchCase, Result


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", metavar="TEXT", help="only cases whose name holds this text")
    parser.add_argument("--junit", metavar="FILE", type=pathlib.Path, help="write a JUnit report")
    parser.add_argument(
        "--all-reached", action="store_true", help="fail when a case of a branch is not reached"
    )
    parser.add_argument("--watch", action="store_true", help="run again whenever a file changes")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    folder = project_folder(options.project)
    if not options.watch:
        return _run(folder, options)
    from engine.cli.watch import watch

    watch(folder, lambda: guarded(lambda: _run(folder, options)))
    return DONE


def _run(folder: pathlib.Path, options: argparse.Namespace) -> int:
    from engine.project import Project
    from engine.testing import Bench, read_cases

    # A run that fails is told by its case, where that is not just what the case expects.
    logging.getLogger("actionflow").setLevel(logging.CRITICAL)
    project = Project.open(folder)
    cases = [case for case in read_cases(project) if (options.k or "") in case.name]
    if not cases:
        raise BadInput(f"no case has '{options.k}' in its name. Leave -k out to see all names.")
    results: list[tuple[Result, float]] = []
    bench = Bench(project)
    try:
        for case in cases:
            started = time.perf_counter()
            result = bench.run(case)
            results.append((result, time.perf_counter() - started))
            _tell(result)
    finally:
        bench.close()
    missed = bench.coverage.missed
    if options.k is None:
        _tell_coverage(len(bench.coverage.cases), missed)
    failed = sum(bool(result.failures) for result, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    if options.junit:
        _junit(options.junit, results)
    return FLOW_FAILED if failed or (options.all_reached and missed) else DONE


def _tell(result: Result) -> None:
    orders = f"{result.orders} of {result.of}" if result.orders < result.of else str(result.of)
    many = f"  ({orders} orders of delivery)" if result.of > 1 and not result.failures else ""
    print(f"{'FAIL' if result.failures else 'ok  '} {result.case.name}{many}")
    for place, told in result.failures:
        print(f"       {place}: {told}")


def _tell_coverage(count: int, missed: Sequence[BranchCase]) -> None:
    print(f"\ncases of branches reached: {count - len(missed)} of {count}")
    for one in missed:
        print(f"  not reached: {one}")


def _junit(path: pathlib.Path, results: Sequence[tuple[Result, float]]) -> None:
    """A report as CI servers read it; `classname` is the file, seconds are those of the run."""
    suite = ElementTree.Element("testsuite", name="actionflow", tests=str(len(results)))
    suite.set("failures", str(sum(bool(result.failures) for result, _ in results)))
    suite.set("time", f"{sum(took for _, took in results):.3f}")
    for result, took in results:
        place = result.case.place
        case = ElementTree.SubElement(suite, "testcase", name=result.case.name)
        case.set("classname", pathlib.PurePath(place.file).stem)
        case.set("file", place.file)
        case.set("line", str(place.line))
        case.set("time", f"{took:.3f}")
        if result.failures:
            failure = ElementTree.SubElement(case, "failure", message=result.failures[0][1])
            failure.text = "\n".join(f"{where}: {told}" for where, told in result.failures)
    try:
        ElementTree.ElementTree(suite).write(path, encoding="unicode", xml_declaration=True)
    except OSError as error:
        raise BadInput(f"{path}: the report cannot be written ({error.strerror}).") from None
