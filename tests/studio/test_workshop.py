"""Editing flows: drafts checked within their project, differences, and files written whole or not at all."""

from __future__ import annotations

import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput, ProblemsFound
from engine.studio import workshop
from engine.studio.workshop import ChangedMeanwhile
from tests.studio.conftest import Office

NAME = "payment_callback"
WRONG = '  - {id: tell, type: log, message: "{{ callback.orderID }}"}\n'
RIGHT = '  - {id: tell, type: log, message: "{{ callback.orderId }}"}\n'


@pytest.fixture
def file(office: Office) -> pathlib.Path:
    return office.project.folder / f"{NAME}.yaml"


def test_a_draft_is_checked_as_if_it_were_the_file(office: Office, file: pathlib.Path) -> None:
    before = file.read_text()
    drafted = workshop.draft(office.project, NAME, before + WRONG)
    [problem] = drafted.as_json()["problems"]
    assert problem["code"] == "ref.output"
    assert problem["here"] is True
    assert problem["place"]["line"] == len(before.splitlines()) + 1
    assert drafted.as_json()["graph"]["nodes"][-2]["id"] == "tell"
    assert file.read_text() == before


def test_what_another_file_says_is_told_apart(office: Office, file: pathlib.Path) -> None:
    other = office.project.folder / "refund_callback.yaml"
    other.write_text(other.read_text() + WRONG)
    found = workshop.draft(office.project, NAME, file.read_text()).as_json()
    assert [problem["here"] for problem in found["problems"]] == [False]


def test_text_that_is_no_flow_has_a_problem_and_no_graph(office: Office) -> None:
    for text in ("", "nodes: [", "- 1", "flow: x\nflow: y\n", "\x00"):
        found = workshop.draft(office.project, NAME, text).as_json()
        assert found["errors"] > 0
        assert found["graph"] is None


def test_a_secret_in_the_text_is_an_error_before_it_is_saved(
    office: Office, file: pathlib.Path
) -> None:
    text = (
        file.read_text() + '  - {id: tell, type: log, message: "sk_live_51H8abcDEFabcDEFabcDEF"}\n'
    )
    drafted = workshop.draft(office.project, NAME, text)
    assert any(problem.code.startswith("secret.") for problem in drafted.errors)


def test_a_flow_cannot_be_written_under_another_name(office: Office, file: pathlib.Path) -> None:
    text = file.read_text().replace(f"flow: {NAME}", "flow: other")
    drafted = workshop.draft(office.project, NAME, text)
    assert drafted.errors
    for name in ("../secrets", "project", "nothing", ""):
        with pytest.raises(BadInput, match="no flow"):
            workshop.draft(office.project, name, text)
    with pytest.raises(BadInput, match="bytes"):
        workshop.draft(office.project, NAME, "#" * (workshop.LARGEST + 1))


def test_saving_writes_the_whole_file(office: Office, file: pathlib.Path) -> None:
    before = file.read_text()
    file.chmod(0o640)
    new = workshop.save(
        workshop.draft(office.project, NAME, before + RIGHT), workshop.digest(before)
    )
    assert file.read_text() == before + RIGHT
    assert new == workshop.digest(before + RIGHT)
    assert file.stat().st_mode & 0o777 == 0o640
    assert not list(file.parent.glob(".*.yaml.*"))


def test_saving_is_refused_with_mistakes_and_after_another_change(
    office: Office, file: pathlib.Path
) -> None:
    before = file.read_text()
    with pytest.raises(ProblemsFound):
        workshop.save(workshop.draft(office.project, NAME, before + WRONG), workshop.digest(before))
    assert file.read_text() == before
    theirs = before + "# theirs\n"
    file.write_text(theirs)
    drafted = workshop.draft(office.project, NAME, before + RIGHT)
    with pytest.raises(ChangedMeanwhile, match="changed on disk"):
        workshop.save(drafted, workshop.digest(before))
    assert file.read_text() == theirs
    file.unlink()
    with pytest.raises(BadInput, match="cannot be read"):
        workshop.save(drafted, workshop.digest(theirs))


TEXTS = st.lists(
    st.sampled_from(["a", "b", "--- a", "+++ b", "@@ -1 +1 @@", "- x", "+ y", ""])
).map(lambda lines: "".join(f"{line}\n" for line in lines))


@given(TEXTS, TEXTS)
def test_a_difference_leads_from_the_one_to_the_other(before: str, after: str) -> None:
    lines = workshop.diff_lines(before, after)
    old, new = before.splitlines(), after.splitlines()
    for line in lines:
        if line["old"] is not None:
            assert old[line["old"] - 1] == line["text"]
        if line["new"] is not None:
            assert new[line["new"] - 1] == line["text"]
    gone = {line["old"] for line in lines if line["kind"] == "gone"}
    added = {line["new"] for line in lines if line["kind"] == "add"}
    kept = [text for number, text in enumerate(old, 1) if number not in gone]
    assert kept == [text for number, text in enumerate(new, 1) if number not in added]
    assert bool(lines) == (before != after)
    assert all(re.match("@@", line["text"]) for line in lines if line["kind"] == "part")


def test_line_endings_alone_are_a_difference() -> None:
    assert [line["kind"] for line in workshop.diff_lines("a\n", "a\r\n")] == ["part"]
