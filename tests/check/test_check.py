"""check as others call it: a folder, a loaded project, an editor's text; and cases 21 to 23."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from engine.check import check, check_flow_text, check_folder
from engine.check.secrets import PATTERN
from engine.errors import Place
from engine.load import load_folder
from tests.check import corpus

ROOT = pathlib.Path(__file__).parents[2]
Write = Callable[..., pathlib.Path]


@pytest.fixture
def write(tmp_path: pathlib.Path) -> Write:
    """A sound project with these files changed; nodes of lab.yaml by themselves."""

    def made(lab: str = "", **files: str) -> pathlib.Path:
        written = dict(corpus.base())
        if lab:
            written["lab.yaml"] = corpus.LAB + lab
        written |= {f"{name}.yaml": text for name, text in files.items()}
        for name, text in written.items():
            (tmp_path / name).write_text(text, "utf-8")
        return tmp_path

    return made


def codes(folder: pathlib.Path) -> list[str]:
    return [problem.code for problem in check_folder(folder)]


def test_the_example_project_is_clean() -> None:
    assert [str(problem) for problem in check_folder(ROOT / "flows")] == []


def test_the_corpus_starts_from_a_sound_project(write: Write) -> None:
    assert codes(write()) == []


def test_a_folder_without_a_project_is_a_finding(tmp_path: pathlib.Path) -> None:
    [problem] = check_folder(tmp_path)
    assert (problem.code, problem.place.line) == ("project.missing", 1)
    (tmp_path / "project.yml").write_text("project: shop\n")
    [problem] = check_folder(tmp_path)
    assert "here, but project.yml. Rename it to project.yaml." in problem.message


def test_problems_come_in_the_order_of_the_files(write: Write) -> None:
    folder = write(
        lab='  - {id: b, type: log, message: "{{ x }} {{ y }}"}\n  - {id: a, type: lgo}\n',
        aaa='flow: aaa\ntrigger: {manual: {}}\nnodes:\n  - {id: a, type: log, message: "{{ x }}"}\n'
        '  - {id: b, type: log, message: "{{ x }} {{ y }}"}\n',
    )
    places = [problem.place for problem in check_folder(folder)]
    assert len(places) == 4
    assert places == sorted(places)


def test_loaded_problems_are_among_the_findings(write: Write) -> None:
    loaded = load_folder(write(lab="  - {id: a, type: lgo}\n"))
    assert [problem.code for problem in loaded.problems] == ["node.unknown"]
    assert check(loaded) == loaded.problems


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ('  - {id: a, type: log, message: "{{ input.word }}"}\n', []),
        ('  - {id: a, type: log, message: "{{ input.wrd }}"}\n', ["ref.input"]),
        ("  - {id: a, type: lgo}\n", ["node.unknown"]),
        ("  - {id: a, type: log, message: sk_test_0123456789}\n", ["secret.file"]),
        ("  - {id: a, type: flow, flow: lab}\n", ["call.inputs", "call.recursion"]),
        ("  - {id: a\n", ["yaml.syntax"]),
    ],
)
def test_an_editors_text_is_checked_against_the_rest_of_the_project(
    write: Write, nodes: str, expected: list[str]
) -> None:
    folder = write(lab='  - {id: old, type: log, message: "{{ nowhere }}"}\n')
    loaded = load_folder(folder)
    file = loaded.flows["lab"].file
    found = check_flow_text(corpus.LAB + nodes, file, loaded)
    assert [problem.code for problem in found] == expected
    assert {problem.place.file for problem in found} <= {file}


def test_an_editors_text_may_be_of_a_new_flow(write: Write) -> None:
    folder = write()
    text = "flow: more\ntrigger: {stripe: refund}\nnodes: []\n"
    found = check_flow_text(text, str(folder / "more.yaml"), load_folder(folder))
    assert [problem.code for problem in found] == ["event.twice", "locked.missing"]


def test_checking_changes_nothing_in_what_was_loaded(write: Write) -> None:
    loaded = load_folder(write(lab='  - {id: a, type: log, message: "{{ x }}"}\n'))
    once = check(loaded)
    assert (check(loaded), loaded.problems) == (once, [])


def test_related_places_point_at_the_definition(write: Write) -> None:
    folder = write(
        lab="  - {id: row, type: table.find, table: order, where: {id: 1}}\n"
        '  - {id: a, type: log, message: "{{ row.amount }}"}\n'
    )
    [problem] = check_folder(folder)
    [(place, why)] = problem.related
    assert (place.line, place.column, why) == (4, 10, "'row' is defined here")


def test_a_secret_is_never_printed(write: Write) -> None:
    secret = "sk_live_" + "A1b2C3d4E5" * 3
    folder = write(
        lab=f"  - {{id: {secret}, type: {secret}, {secret}: {secret}}}\n"
        f'  - {{id: a, type: log, message: "{{{{ {secret} }}}}"}}\n',
        project=corpus.base()["project.yaml"].replace("STRIPE_SECRET_KEY", secret),
    )
    found = check_folder(folder)
    assert {problem.code for problem in found} == {"secret.file"}
    assert not any(PATTERN.search(str(problem)) for problem in found)


# Cases of /work/shared/cases.md.


def test_case_21_a_typo_is_refused_and_a_skipped_output_named(write: Write) -> None:
    nodes = (
        "  - id: way\n    type: branch\n    cases:\n"
        '      - {name: a, when: "{{ input.flag }}", do: [{id: a, type: set, values: {amount: 5}}]}\n'
        "      - {name: b, else: true, do: []}\n"
        "  - {id: mark, type: table.update, table: order, where: {id: 1}, values:"
        ' {amount: "{{ NAME.amount }}"}}\n'
    )
    [skipped] = check_folder(write(lab=nodes.replace("NAME", "a")))
    assert skipped.code == "ref.inside"
    assert "'a' is defined inside case 'a' of 'way'" in skipped.message
    [typo] = check_folder(write(lab=nodes.replace("NAME", "aa")))
    assert (typo.code, typo.place.line) == ("ref.undefined", 9)


def test_case_22_words_that_yaml_1_1_changes_stay_as_they_are_written(write: Write) -> None:
    scalars = "on: 1, off: 2, no: 3, yes: 4"
    folder = write(
        lab=f"  - {{id: a, type: set, values: {{{scalars}, list: [no, ok]}}}}\n"
        '  - {id: b, type: log, message: "{{ a.on + a.off + a.no + a.yes }} {{ a.list[0] }}"}\n'
        "  - {id: c, type: table.update, table: order, where: {id: 1}, values:"
        " {note: 12:30:00, user_id: 010, currency: on, due: 2026-01-01}}\n"
    )
    found = [(problem.code, problem.message.split(";")[0]) for problem in check_folder(folder)]
    assert found == [
        ("type.value", "column 'currency' of 'order' is \"on\" (text)"),
        ("type.value", "column 'due' of 'order' is \"2026-01-01\" (text)"),
    ]


def test_case_23_two_nodes_of_one_name_are_refused_with_both_lines(write: Write) -> None:
    [twice] = check_folder(
        write(lab="  - {id: charge, type: log, message: x}\n" * 2),
    )
    assert (twice.code, twice.place.line, twice.related[0][0].line) == ("node.twice", 5, 4)
    locked = corpus.base()["refund_callback.yaml"] + "  - {id: callback, type: log, message: x}\n"
    [replaced] = [p for p in check_folder(write(refund_callback=locked)) if p.place.line == 6]
    assert (replaced.code, replaced.related[0][0].line) == ("node.twice", 4)


def test_a_place_is_where_an_editor_would_put_the_cursor(write: Write) -> None:
    lab = '  - {id: a, type: log, message: "ä {{ input.word }} and {{ nowhere }}"}\n'
    [problem] = check_folder(write(lab=lab))
    column = lab.index("nowhere") + 1
    assert problem.place == Place(problem.place.file, 4, column)
