"""Places inside of a text, however YAML writes it: the character in the file is the one that is meant."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Place
from engine.yamlfile import read

WRITTEN = {
    "as it is": 'a: "one {{ x }} two"',
    "escaped quotes": r'a: "say \"hi\" to {{ x }}"',
    "many of them": r'a: "\"\"\"\"{{ x }}\"\"{{ y }}"',
    "escapes of every size": r'a: "\x41\u00e9\U0001F600 \t{{ x }}\n{{ y }}"',
    "a slash and a backslash": r'a: "\/\\{{ x }}"',
    "a folded double-quoted text": 'a: "one\n  two {{ x }}\n\n  three {{ y }}"',
    "blanks before a fold": 'a: "one   \n   {{ x }}"',
    "a break that is escaped": 'a: "one \\\n  two\\\n  {{ x }}"',
    "a text over lines with escapes": 'a: "\\"one\\"\n  \\"two\\" {{ x }}"',
    "doubled single quotes": "a: 'it''s {{ x }} isn''t {{ y }}'",
    "a folded single-quoted text": "a: 'it''s\n  {{ x }}'",
    "a plain text over lines": "a: one\n  two {{ x }}\n  three",
    "folded block text": "a: >\n  one\n  two {{ x }}\n\n  three\n    {{ y }}\n",
    "folded block text with an indent": "b: 1\na: >-\n    one\n    {{ x }}\n",
    "literal block text": "a: |\n  one\n  {{ x }}\n   {{ y }}\n",
    "inside of a list in brackets": r'a: ["\"", "\"{{ x }}"]',
    "a tag before it": r'a: !!str "\"{{ x }}"',
    "Windows lines": 'a: "one\r\n  two \\"{{ x }}"\r\n',
}


def spots(text: str) -> list[tuple[str, str]]:
    """Of each mark `x` and `y` of the last text: what is meant, and what stands at the place found."""
    document = read(text, "f.yaml")
    path, value = [(p, v) for p, v in _texts(document.data, ()) if "{{" in v][-1]
    lines = text.replace("\r\n", "\n").split("\n")
    found = []
    for offset, char in enumerate(value):
        if char in "xy":
            place = document.place(path).within(value, offset)
            found.append((char, lines[place.line - 1][place.column - 1]))
    return found


def _texts(data: object, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], str]]:
    if isinstance(data, str):
        return [(path, data)]
    parts = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data if isinstance(data, list) else [])
    )
    return [one for key, part in parts for one in _texts(part, (*path, key))]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mark_is_found_where_it_stands(name: str) -> None:
    found = spots(WRITTEN[name])
    assert found
    assert all(meant == there for meant, there in found)


CHARS = st.text(st.sampled_from(list("ab \"'\\\n\té\u00a0\U0001f600{}:#")), max_size=30)


@given(
    before=CHARS,
    between=CHARS,
    style=st.sampled_from(['"', "'", ">", None]),
    width=st.integers(5, 80),
)
def test_whatever_is_dumped_is_found_again(
    before: str, between: str, style: str | None, width: int
) -> None:
    value = f"{before}{{{{ x }}}}{between}{{{{ y }}}}"
    text = yaml.dump({"a": value}, default_style=style, width=width, allow_unicode=True)
    if read(text, "f.yaml").data["a"] != value:  # a dumper's own mistakes are not ours
        return
    assert all(meant == there for meant, there in spots(text))


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=30))
def test_json_is_read_with_its_places(before: str) -> None:
    text = json.dumps(
        {"a": f"{before.replace(chr(0), '')}{{{{ x }}}}".encode("utf-8", "ignore").decode()}
    )
    last = spots(text)[-1]
    assert last == ("x", "x")


def test_a_place_with_spots_is_equal_to_the_place() -> None:
    place = read(r'a: "\"{{ x }}"', "f.yaml").place(("a",))
    assert place == Place("f.yaml", 1, 5)
    assert hash(place) == hash(Place("f.yaml", 1, 5))
