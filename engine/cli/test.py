"""actionflow test: the project's own cases, and which cases of its branches they reach."""

from __future__ import annotations

import argparse
import pathlib
from xml.etree import ElementTree

from engine.cli.main import DONE, FLOW_FAILED, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", metavar="TEXT", help="only cases whose name holds this text")
    parser.add_argument("--junit", metavar="FILE", type=pathlib.Path, help="write a JUnit report")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.cases import Result, all_cases, read_cases, run_case
    from engine.project import Project

    project = Project.open(project_folder(options.project))
    cases = [case for case in read_cases(project.folder) if (options.k or "") in case.name]
    results: list[Result] = []
    for case in cases:
        result = run_case(case, project)
        results.append(result)
        many = f" ({result.orders} orders of delivery)" if result.orders > 1 else ""
        print(f"{'ok  ' if not result.failures else 'FAIL'} {case.name}{many}")
        for failure in result.failures:
            print(f"       {failure}")
        if result.failures:
            print(f"       {case.place}")
    taken = {one for result in results for one in result.taken}
    reachable = all_cases(project)
    missed = [one for one in reachable if one not in taken]
    print(f"\ncases of branches reached: {len(reachable) - len(missed)} of {len(reachable)}")
    for flow, node, name in missed:
        print(f"  not reached: {flow}, {node}: {name}")
    failed = sum(bool(result.failures) for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    if options.junit:
        _junit(options.junit, results)
    return FLOW_FAILED if failed else DONE


def _junit(path: pathlib.Path, results) -> None:  # type: ignore[no-untyped-def]
    suite = ElementTree.Element("testsuite", name="actionflow", tests=str(len(results)))
    suite.set("failures", str(sum(bool(result.failures) for result in results)))
    for result in results:
        case = ElementTree.SubElement(suite, "testcase", name=result.case.name)
        case.set("classname", pathlib.PurePath(result.case.place.file).stem)
        if result.failures:
            failure = ElementTree.SubElement(case, "failure", message=result.failures[0])
            failure.text = "\n".join([*result.failures, str(result.case.place)])
    ElementTree.ElementTree(suite).write(path, encoding="unicode", xml_declaration=True)
