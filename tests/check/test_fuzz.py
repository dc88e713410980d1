"""Whatever stands in the files: check gives problems with places and never a traceback."""

from __future__ import annotations

import copy
import pathlib
import tempfile
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.check import CODES, check_flow_text, check_folder
from engine.errors import Problem
from engine.load import load_folder
from engine.yamlfile import read
from tests.check import corpus

FLOWS = [name for name in corpus.base() if name != "project.yaml"]
SOUND = [
    one.files["lab.yaml"] for one in corpus.mistakes() if not one.expect and "lab.yaml" in one.files
]
MOST_PROBLEMS = 2000


def check_files(files: dict[str, str | bytes]) -> list[Problem]:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
            (pathlib.Path(folder) / name).write_bytes(data)
        return check_folder(pathlib.Path(folder))


def assert_well_formed(problems: list[Problem]) -> None:
    assert len(problems) <= MOST_PROBLEMS
    for problem in problems:
        assert problem.code in CODES
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert problem.message
        assert problem.mend


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400) | st.text(max_size=400))
def test_any_bytes_in_a_flow_or_the_project_file(content: str | bytes) -> None:
    files: dict[str, str | bytes] = {**corpus.base(), "odd.yaml": content}
    assert_well_formed(check_files(files))
    assert_well_formed(check_files({**corpus.base(), "project.yaml": content}))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_sound_file_cut_copied_and_garbled(data: st.DataObject) -> None:
    files = dict(corpus.base())
    text = data.draw(st.sampled_from([*SOUND, *files.values()]))
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 60)))
    middle = data.draw(
        st.text(max_size=8)
        | st.sampled_from(["{{", "}}", "'", '"', "\n", "\t", "- ", ": ", "*a", "&a", "null", "1.5"])
        | st.just(text[begin:end] * 2)
    )
    garbled = text[:begin] + middle + text[end:]
    name = "project.yaml" if text.startswith("project:") else "lab.yaml"
    assert_well_formed(check_files({**files, name: garbled}))


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["{{ input.word }}", "{{ a }}", "{{ input.some + 1 }}", "x {{ event.a }}", "{{ [1][9] }}",
         "order", "payment", "table.find", "branch", "code", "lab", "return {}", "{{ {'a': 1}.b }}"]
    )
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in items:
            found += _paths(one, (*path, key))
    return found


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_a_sound_file_with_values_changed_moved_and_taken_away(data: st.DataObject) -> None:
    files = dict(corpus.base())
    name = data.draw(st.sampled_from([*files, "lab.yaml"]))
    text = data.draw(st.sampled_from(SOUND)) if name == "lab.yaml" else files[name]
    document = read(text, name).data
    for _ in range(data.draw(st.integers(1, 3))):
        paths = _paths(document)
        if not paths:
            break
        *inside, last = data.draw(st.sampled_from(paths))
        parent = document
        for step in inside:
            parent = parent[step]
        change = data.draw(st.sampled_from(["replace", "remove", "rename", "copy"]))
        if change == "replace":
            parent[last] = data.draw(values)
        elif change == "remove":
            del parent[last]
        elif isinstance(parent, list):
            parent.append(copy.deepcopy(parent[last]))
        else:
            parent[data.draw(st.text(max_size=8))] = copy.deepcopy(parent[last])
    assert_well_formed(check_files({**files, name: yaml.safe_dump(document, sort_keys=False)}))


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200) | st.sampled_from(SOUND), file=st.sampled_from(["lab.yaml", ""]))
def test_any_text_in_an_editor(text: str, file: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in corpus.base().items():
            (pathlib.Path(folder) / name).write_text(content, "utf-8")
        loaded = load_folder(pathlib.Path(folder))
    assert_well_formed(check_flow_text(text, file, loaded))


def test_large_and_deep_files_stay_within_bounds() -> None:
    many = "".join(f'  - {{id: n{i}, type: log, message: "{{{{ x{i} }}}}"}}\n' for i in range(200))
    deep = "".join(
        f"{'    ' * i}  - id: b{i}\n{'    ' * i}    type: for_each\n{'    ' * i}    in: '{{{{ [1] }}}}'\n"
        f"{'    ' * i}    as: i{i}\n{'    ' * i}    do:\n"
        for i in range(100)
    )
    nested = "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"
    wide = "{{ " + " and ".join(["input.flag"] * 5000) + " }}"
    code = "x = " + "(" * 3000 + "1" + ")" * 3000
    block = f"  - id: c\n    type: code\n    outputs: {{x: integer}}\n    code: |\n      {code}\n"
    huge = "flow: huge\n" + "# comment\n" * 200_000
    for text in (
        corpus.LAB + many,
        corpus.LAB + deep,
        f'{corpus.LAB}  - {{id: a, type: log, message: "{nested}"}}\n',
        f'{corpus.LAB}  - {{id: a, type: log, message: "{wide}"}}\n',
        corpus.LAB + block,
        huge,
        "a: &a [1]\n"
        + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}]\n" for i in range(9)),
    ):
        found = check_files({**corpus.base(), "lab.yaml": text})
        assert found
        assert_well_formed(found)
