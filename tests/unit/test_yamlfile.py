"""What strict YAML reads, what it refuses, and where it says the mistake is."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Place
from engine.yamlfile import Document, YamlProblem, read, read_path

FLOW = """\
# yaml-language-server: $schema=../schemas/flow.schema.json
flow: payment_callback
title: A one-time payment settles or fails an order
trigger: {stripe: payment}
nodes:
  - {id: callback, type: stripe.payment_callback, locked: true}
  - id: outcome
    type: branch
    cases:
      - name: paid
        when: "{{ callback.paymentStatus == 'SUCCESSFUL' }}"
        do: &settle
          - {id: mark_paid, type: table.update, where: {id: "{{ callback.orderId }}"}}
      - {name: still open, else: true, do: []}
  - id: sums
    type: code
    code: |
      total = 0
      for line in lines:
        total += line['amount']
"""


@pytest.fixture(params=["libyaml", "pyyaml"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test holds with libyaml's parser and with PyYAML's own."""
    if request.param == "pyyaml":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml here")


def problems(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(YamlProblem) as caught:
        read(text, "flow.yaml")
    assert all(found.message and found.mend for found in caught.value.problems)
    return [(p.code, p.place.line, p.place.column) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # YAML 1.2's own words
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        ("0", 0),
        ("-7", -7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.50", 1.5),
        ("-0.5", -0.5),
        # what YAML 1.1 or other readers would turn into something else
        *[
            (text, text)
            for text in (
                *("on", "off", "yes", "no", "y", "n", "On", "NO", "tRUE", "nUll"),
                *("012", "010", "0x1F", "0o17", "0b1", "1_000", "+12", "1e3", "1.5e3", "1.", ".5"),
                *("1:30", "12:30:00", "2026-01-01", "2026-01-01T00:00:00Z"),
                *(".inf", "-.inf", ".nan", "NaN", "Infinity", "=", "1,000", "١٢"),
            )
        ],
        # quoted and block text is text
        ("'42'", "42"),
        ('"true"', "true"),
        ("''", ""),
        ("|\n  12", "12"),
        (">-\n  a\n  b\n", "a b"),
        ('"{{ x }}"', "{{ x }}"),
        ("!!str 42", "42"),
        ("!!int 42", 42),
        ("!!null ~", None),
        ("!!bool true", True),
        ("!!float 1.5", 1.5),
        ("!!seq [1]", [1]),
        ("!!map {a: 1}", {"a": 1}),
    ],
)
def test_scalar(written: str, value: object) -> None:
    data = read(f"a: {written}", "flow.yaml").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_case_22_words_of_yaml_1_1_stay_text() -> None:
    document = read(
        "on: 1\noff: 2\nno: 3\nyes: 4\nstatus: on\ncurrency: [no, ok]\n"
        "at: 12:30:00\ncode: 010\nsum: 1_000\nday: 2026-01-01\nnothing: ~\n",
        "flow.yaml",
    )
    texts = {"status": "on", "at": "12:30:00", "code": "010", "sum": "1_000", "day": "2026-01-01"}
    keys = {"on": 1, "off": 2, "no": 3, "yes": 4, "currency": ["no", "ok"], "nothing": None}
    assert document.data == texts | keys


@pytest.mark.parametrize(
    ("text", "second", "first"),
    [
        ("charge:\n  type: set\ncharge:\n  type: log\n", (3, 1), (1, 1)),
        ("- id: a\n  set: {x: 1}\n  type: set\n  set: {y: 2}\n", (4, 3), (2, 3)),
        (
            "nodes:\n  callback: {locked: true}\n  other: {}\n  callback: {locked: false}\n",
            (4, 3),
            (2, 3),
        ),
        ('{a: 1, "a": 2}', (1, 9), (1, 2)),
        ("? a\n: 1\n? a\n: 2", (3, 3), (1, 3)),
    ],
)
def test_case_23_a_repeated_key_names_both_lines(
    text: str, second: tuple[int, int], first: tuple[int, int]
) -> None:
    with pytest.raises(YamlProblem) as caught:
        read(text, "flow.yaml")
    [problem] = caught.value.problems
    assert problem.code == "yaml.repeated_key"
    assert problem.place == Place("flow.yaml", *second)
    assert [place for place, _ in problem.related] == [Place("flow.yaml", *first)]
    assert f"line {first[0]} " in problem.message
    assert f"line {second[0]}" in problem.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !order x", [("yaml.tag", 1, 4)]),
        ("a: !!python/object:os.system x", [("yaml.tag", 1, 4)]),
        ("a: !!timestamp 2026-01-01", [("yaml.tag", 1, 4)]),
        ("a: !!int twelve", [("yaml.tag", 1, 4)]),
        ("a: !!map [1]", [("yaml.tag", 1, 4)]),
        ("a: !h!x 1", [("yaml.tag", 1, 4)]),
        ("b: &b {x: 1}\na:\n  <<: *b\n  y: 2", [("yaml.merge", 3, 3)]),
        ("1: x", [("yaml.key", 1, 1)]),
        ("~: x", [("yaml.key", 1, 1)]),
        ("true: x", [("yaml.key", 1, 1)]),
        ("a: {1.5: x}", [("yaml.key", 1, 5)]),
        ("? [a, b]\n: x", [("yaml.key", 1, 3)]),
        ("? {a: b}\n: x", [("yaml.key", 1, 3)]),
        ("a: &x 1\n*x : 2", [("yaml.key", 2, 1)]),
        ("&x a: 2", [("yaml.key", 1, 1)]),
        ("a: &x\n  b: *x", [("yaml.alias", 2, 6)]),
        ("a: &x [1, *x]", [("yaml.alias", 1, 11)]),
        ("a: *nobody", [("yaml.alias", 1, 4)]),
        ("a: *bold*", [("yaml.syntax", 1, 4)]),
        ("a: 1\n---\nb: 2", [("yaml.documents", 2, 1)]),
        ("%YAML 1.1\n---\na: yes", [("yaml.directive", 1, 1)]),
        ("%YAML 3.0\n---\na: yes", [("yaml.directive", 1, 1)]),
        ("a: 9223372036854775808", [("yaml.number", 1, 4)]),
        (f"a: {'9' * 5000}", [("yaml.number", 1, 4)]),
        (f"a: {'9' * 500}.0", [("yaml.number", 1, 4)]),
        ("when: {{ x }}", [("yaml.unquoted_expression", 1, 7)]),
        ("- {{ x }}", [("yaml.unquoted_expression", 1, 3)]),
        ("a: [{{ x }}]", [("yaml.unquoted_expression", 1, 5)]),
        ("a: {b: {{ x }}}", [("yaml.unquoted_expression", 1, 8)]),
        ("when: {{ x }} == 5", [("yaml.unquoted_expression", 1, 7)]),
        ("when: {{ x['a b'] }} and more\nb: 1", [("yaml.unquoted_expression", 1, 7)]),
        ("when: {{ x", [("yaml.unquoted_expression", 1, 7)]),
        ("a: {{ x }}\nb: {{ y }}", [("yaml.unquoted_expression", n, 4) for n in (1, 2)]),
        ("a:\n\t- b", [("yaml.tab", 2, 1)]),
        ("\ta: b", [("yaml.tab", 1, 1)]),
        ("a: b: c", [("yaml.syntax", 1, 5)]),
        ("title: Note: paid", [("yaml.syntax", 1, 12)]),
        ("a: - b", [("yaml.syntax", 1, 4)]),
        ("a: 1\nb: 'x", [("yaml.syntax", 2, 4)]),
        ("a: [1, 2\nb: c", [("yaml.syntax", 1, 4)]),
        ("a: {x: 1\nb: c", [("yaml.syntax", 1, 4)]),
        ("a: b\nfoo", [("yaml.syntax", 2, 1)]),
        ("a: |x\n  b", [("yaml.syntax", 1, 4)]),
        ("a: @x", [("yaml.syntax", 1, 4)]),
        ("a: 'x' y", [("yaml.syntax", 1, 8)]),
        ("a: ]", [("yaml.syntax", 1, 4)]),
        ("a: b\n- c", [("yaml.syntax", 2, 1)]),
        ("- a\nb: c", [("yaml.syntax", 2, 1)]),
        ("a: 1\nb\0: 2", [("yaml.character", 2, 2)]),
        ('a: "x\\0y"', [("yaml.character", 1, 5)]),
        ("a: x\ud800", [("yaml.character", 1, 5)]),
        ("a: x\u2028y", [("yaml.character", 1, 5)]),
        ("a: x\x1b[31m", [("yaml.character", 1, 5)]),
        (
            "a: 1\na: 2\n1: b\nc: !x y",
            [("yaml.repeated_key", 2, 1), ("yaml.key", 3, 1), ("yaml.tag", 4, 4)],
        ),
    ],
)
def test_refused_with_its_place(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize("text", ['a: "x\\ud800"', 'a: "\\q"', 'a: "\\x0"'])
def test_a_bad_escape_names_its_line(text: str) -> None:
    # The two parsers point at different characters of the escape.
    [(_, line, _)] = problems(f"b: 1\n{text}")
    assert line == 2


def test_an_unquoted_expression_is_told_to_be_quoted() -> None:
    with pytest.raises(YamlProblem, match="put quotes around the expression"):
        read("nodes:\n  - when: {{ callback.paymentFound }}\n", "flow.yaml")


def test_problems_read_as_sentences_with_place_and_mend() -> None:
    with pytest.raises(YamlProblem) as caught:
        read("a: 1\nwhere:\n\tid: 3\n", "flows/pay.yaml")
    assert str(caught.value).splitlines() == [
        "flows/pay.yaml:3:1: error [yaml.tab] found a tab; expected spaces, for YAML indents with "
        "spaces only (the line is: id: 3)",
        "    mend: replace the tab by spaces, as many as the neighbouring lines have",
    ]


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 2, 1),
        (("flow",), 2, 7),
        (("trigger", "stripe"), 4, 19),
        (("nodes",), 6, 3),
        (("nodes", 0), 6, 5),
        (("nodes", 1, "cases", 0, "when"), 11, 16),
        (("nodes", 1, "cases", 0, "do", 0, "where", "id"), 13, 62),
        (("nodes", 2, "code"), 18, 7),
        (("nodes", 2, "nothing", "here"), 15, 5),
    ],
)
def test_every_value_keeps_its_place(path: tuple[str | int, ...], line: int, column: int) -> None:
    assert read(FLOW, "f.yaml").place(path) == Place("f.yaml", line, column)


def test_keys_keep_their_places_too() -> None:
    document = read(FLOW, "f.yaml")
    assert document.key_places[("trigger",)] == Place("f.yaml", 4, 1)
    assert document.key_places[("nodes", 1, "cases", 0, "when")] == Place("f.yaml", 11, 9)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_places_with_a_bom_windows_lines_and_wide_characters(ending: str) -> None:
    text = "\ufeff" + ending.join(["# Zahlung für 🛒", "'клю́ч 🛒': 'да'", "b: {x: 🛒, y: 'z'}"])
    document = read(text, "f.yaml")
    assert document.data == {"клю́ч 🛒": "да", "b": {"x": "🛒", "y": "z"}}
    assert document.place(("b", "y")) == Place("f.yaml", 3, 15)
    assert document.places[("клю́ч 🛒",)] == Place("f.yaml", 2, 13)


def test_an_alias_gives_a_copy_with_places() -> None:
    document = read("a: &x {b: [1, 2]}\nc: *x\nd: [*x]\n", "f.yaml")
    assert document.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": [{"b": [1, 2]}]}
    assert document.data["c"] is not document.data["a"]
    assert document.data["c"]["b"] is not document.data["a"]["b"]
    assert document.place(("c",)) == Place("f.yaml", 2, 4)
    assert document.place(("c", "b", 1)) == Place("f.yaml", 1, 15)
    assert document.key_places[("d", 0, "b")] == Place("f.yaml", 1, 8)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_alias_bombs_end_at_a_line() -> None:
    [(code, line, _)] = problems(bomb(12))
    assert (code, line) == ("yaml.size", 5)


def test_a_bomb_of_few_but_large_texts_ends_too() -> None:
    text = f"a: &a {'x' * 200_000}\nb: [{', '.join(['*a'] * 100)}]"
    [(code, line, _)] = problems(text)
    assert (code, line) == ("yaml.size", 2)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200 + "]" * 200,
        "- " * 200 + "x",
        "\n".join(" " * n + f"k{n}:" for n in range(200)),
        "{a: " * 200 + "}" * 200,
        "a: &a [1]\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1 if n else ''}]" for n in range(100)),
    ],
)
def test_deep_nesting_is_refused(text: str) -> None:
    [(code, _, _)] = problems(text)
    assert code == "yaml.depth"


def test_sixty_levels_are_read() -> None:
    data = read("[" * 60 + "]" * 60, "f.yaml").data
    for _ in range(59):
        [data] = data
    assert data == []


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_is_null(text: str) -> None:
    document = read(text, "f.yaml")
    assert document.data is None
    assert document.place(("nodes", 0)).file == "f.yaml"


def test_no_more_than_twenty_problems_are_listed() -> None:
    assert len(problems("\n".join(f"{n}: x" for n in range(500)))) == 20


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"a: \xff", "yaml.encoding", (1, 4)),
        ("a: 1\nb: é".encode("latin-1"), "yaml.encoding", (2, 4)),
        ("a: 1".encode("utf-16"), "yaml.encoding", (1, 1)),
        (b"a: " + b"x" * 1024 * 1024, "yaml.size", (1, 1)),
        (b"a: \x00", "yaml.character", (1, 4)),
        (b"a: 1\na: 2", "yaml.repeated_key", (2, 1)),
    ],
)
def test_a_bad_file(tmp_path: Path, content: bytes, code: str, place: tuple[int, int]) -> None:
    file = tmp_path / "pay.yaml"
    file.write_bytes(content)
    with pytest.raises(YamlProblem) as caught:
        read_path(file, "flows/pay.yaml")
    [problem] = caught.value.problems
    assert (problem.code, problem.place) == (code, Place("flows/pay.yaml", *place))


def test_a_good_file_may_begin_with_a_bom(tmp_path: Path) -> None:
    file = tmp_path / "pay.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert read_path(file).data == {"a": 1}
    assert read_path(file).file == str(file)


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\0b.yaml", "x" * 5000, "/dev/zero"])
def test_no_such_file_is_a_problem(tmp_path: Path, name: str) -> None:
    with pytest.raises(YamlProblem) as caught:
        read_path(tmp_path / name)
    assert [problem.code for problem in caught.value.problems] == ["yaml.file"]


def check_shape(document: Document) -> None:
    """Plain data only, and a place for each value and key."""

    def walk(data: object, path: tuple[str | int, ...]) -> None:
        assert path in document.places
        if isinstance(data, dict):
            for key, value in data.items():
                assert type(key) is str
                assert (*path, key) in document.key_places
                walk(value, (*path, key))
        elif isinstance(data, list):
            for index, value in enumerate(data):
                walk(value, (*path, index))
        else:
            assert data is None or type(data) in (bool, int, float, str)
            assert not isinstance(data, float) or math.isfinite(data)

    walk(document.data, ())


def outcome(text: str) -> Document | YamlProblem:
    try:
        return read(text, "f.yaml")
    except YamlProblem as problem:
        return problem


def read_or_refuse(text: str) -> None:
    result = outcome(text)
    if isinstance(result, Document):
        check_shape(result)
        return
    assert result.problems
    for found in result.problems:
        assert found.code.startswith("yaml.")
        assert found.mend
        assert found.place.column >= 1
        assert 1 <= found.place.line <= 1 + text.count("\n") + text.count("\r")


yaml_like = st.text(st.sampled_from("ab1: -[]{}\n\t'\"&*!|>?%@#,~<.\\x0"), max_size=80)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=200), yaml_like))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refuse(text)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(FLOW)),
    st.integers(0, 40),
    st.one_of(st.text(max_size=8), yaml_like),
)
def test_any_mutated_flow_is_read_or_refused(start: int, length: int, put: str) -> None:
    read_or_refuse(FLOW[:start] + put + FLOW[start + length :])


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, b: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(b)
    try:
        document = read_path(file)
    except YamlProblem:
        return
    check_shape(document)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(plain, st.booleans())
def test_what_pyyaml_writes_is_read_back(data: object, flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, default_style='"')
    quoted = read(text, "f.yaml")
    check_shape(quoted)
    # With every scalar quoted and tagged, what comes back is exact.
    assert quoted.data == data
