"""Functions made of text: what they are given, and what a traceback shows of them."""

from __future__ import annotations

import traceback

import pytest

from engine.generated import _compiled, function

TEXT = "def add(number):\n    return number + more\n"


def test_each_function_has_what_it_was_given() -> None:
    one = function("add", TEXT, {"more": 1}, "adding")
    ten = function("add", TEXT, {"more": 10}, "adding")
    assert (one(1), ten(1)) == (2, 11)


def test_one_text_is_compiled_once() -> None:
    before = _compiled.cache_info()
    for _ in range(3):
        function("add", TEXT, {"more": 1}, "compiled once")
    after = _compiled.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


def test_a_traceback_shows_the_line_and_where_it_comes_from() -> None:
    with pytest.raises(TypeError) as raised:
        function("add", TEXT, {"more": "1"}, "a sum")(1)
    told = "".join(traceback.format_exception(raised.value))
    assert '"<generated: a sum>", line 2, in add' in told
    assert "return number + more" in told
