"""What expressions give, what they refuse and where they say the mistake is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest

from engine.errors import Place, RunError
from engine.expressions import (
    Expression,
    ExpressionFailed,
    ExpressionProblem,
    MissingValue,
    condition,
    has_expression,
    parse,
    syntax,
)
from engine.expressions.filters import FILTER_NAMES, FILTERS

PLACE = Place("flows/pay.yaml", 7, 12)
VALUES: Mapping[str, Any] = {
    "callback": {
        "orderId": 42,
        "paymentStatus": "SUCCESSFUL",
        "paymentFound": True,
        "callbackProcessed": False,
        "amount": 10_000,
        "zero": 0,
        "empty": "",
        "nothing": None,
        "items": "Stripe has a key of this name",
        "lines": [{"amount": 500, "tags": ["a"]}, {"amount": 700, "tags": []}],
        "strange key": 1,
        "fraction": 0.1,
        "decimal": Decimal("1.5"),
        "digits": "42",
        "big": 2**63 - 1,
        "template": "{{ 7*7 }} {% x %}",
        "name": "Zoë",
        "where": {"key": "orderId"},
    },
    "order": None,
    "input": {"names": ["b", "a", "b"], "numbers": [3, 1, 2], "none": [], "index": 1},
}


def evaluate(source: str, values: Mapping[str, Any] = VALUES) -> Any:
    return parse(source, PLACE).evaluate(values)


def found_in(source: str) -> tuple[str, int]:
    """Code and column of the one problem of a text."""
    with pytest.raises(ExpressionProblem) as caught:
        parse(source, PLACE)
    [problem] = caught.value.problems
    assert problem.mend
    assert problem.place.line == PLACE.line
    return problem.code, problem.place.column - PLACE.column


@pytest.mark.parametrize(
    ("source", "value"),
    [
        # one whole expression gives the object itself
        ("{{ callback.orderId }}", 42),
        ("{{callback.orderId}}", 42),
        ("{{ callback.nothing }}", None),
        ("{{ order }}", None),
        ("{{ callback.paymentFound }}", True),
        ("{{ callback.lines }}", VALUES["callback"]["lines"]),
        ("{{ callback.where }}\n", {"key": "orderId"}),
        ("{{ 'None' }}", "None"),
        ("{{ '1e5' }}", "1e5"),
        ("{{ none }}", None),
        ("{{ [] }}", []),
        ("{{ {} }}", {}),
        ("{{ [callback.zero, 'a', none, true] }}", [0, "a", None, True]),
        ("{{ {'a': callback.zero, 'b': {'c': []}} }}", {"a": 0, "b": {"c": []}}),
        # text around it always gives text
        ("Order {{ callback.orderId }}", "Order 42"),
        (" {{ callback.orderId }}", " 42"),
        ("{{ callback.orderId }}{{ callback.orderId }}", "4242"),
        ("paid: {{ callback.paymentFound }}, {{ false }}", "paid: true, false"),
        ("Hi {{ callback.name }}!\r\n", "Hi Zoë!\r\n"),
        ("{{ callback.empty }}.", "."),
        ("100% of { this } }} is text {{ 1 }}", "100% of { this } }} is text 1"),
        ("{{ '{{' }} {{ '{%' }} {{ '}}' }}", "{{ {% }}"),
        ("plain text", "plain text"),
        # keys and indexes
        ("{{ callback['orderId'] }}", 42),
        ("{{ callback['strange key'] }}", 1),
        ("{{ callback.items }}", "Stripe has a key of this name"),
        ("{{ callback[callback.where.key] }}", 42),
        ("{{ callback.lines[0].amount }}", 500),
        ("{{ callback.lines[-1].amount }}", 700),
        ("{{ callback.lines.1.amount }}", 700),
        ("{{ callback.lines[input.index].amount }}", 700),
        ("{{ callback.lines | first }}", {"amount": 500, "tags": ["a"]}),
        ("{{ (callback.lines | last).amount }}", 700),
        ("{{ {'a': 1}.a }}", 1),
        ("{{ [1, 2][1] }}", 2),
        # integers
        ("{{ callback.amount - 1 }}", 9_999),
        ("{{ 2 + 3 * 4 }}", 14),
        ("{{ (2 + 3) * 4 }}", 20),
        ("{{ callback.amount * 3 // 100 }}", 300),
        ("{{ -7 // 2 }}", -4),
        ("{{ -7 % 3 }}", 2),
        ("{{ -callback.amount }}", -10_000),
        ("{{-1}}", -1),
        ("{{ - -1 }}", 1),
        ("{{ 9223372036854775807 }}", 2**63 - 1),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ [1] + input.numbers }}", [1, 3, 1, 2]),
        ("{{ 'order ' ~ callback.orderId ~ '/' ~ true }}", "order 42/true"),
        # comparing
        ("{{ callback.paymentStatus == 'SUCCESSFUL' }}", True),
        ("{{ callback.paymentStatus != 'SUCCESSFUL' }}", False),
        ("{{ 'SUCCESSFUL' == callback.paymentStatus }}", True),
        ("{{ callback.nothing == 'x' }}", False),
        ("{{ callback.nothing != 5 }}", True),
        ("{{ callback.nothing == none }}", True),
        ("{{ callback.orderId != none }}", True),
        ("{{ callback.amount >= 10000 }}", True),
        ("{{ callback.amount < 10000 }}", False),
        ("{{ '2026-01-01T00:00:00Z' < '2026-01-02T00:00:00Z' }}", True),
        ("{{ callback.lines == callback.lines }}", True),
        ("{{ callback.lines != [] }}", True),
        ("{{ input.numbers == [3, 1, 2] }}", True),
        ("{{ [1, {'a': true}] == [1, {'a': true}] }}", True),
        ("{{ [1] == [true] }}", False),
        ("{{ {'a': 0} == {'a': false} }}", False),
        ("{{ callback.where == {'key': 'orderId'} }}", True),
        ("{{ [1] in [[true], ['1']] }}", False),
        ("{{ callback.orderId in [1, 42] }}", True),
        ("{{ 'a' not in input.names }}", False),
        ("{{ 'FUL' in callback.paymentStatus }}", True),
        ("{{ 'amount' in callback }}", True),
        ("{{ 1 in input.none }}", False),
        ("{{ none in input.names }}", False),
        # logic, lazily
        ("{{ callback.paymentFound and not callback.callbackProcessed }}", True),
        ("{{ callback.callbackProcessed or callback.amount > 1 or order.id == 1 }}", True),
        ("{{ callback.callbackProcessed and order.id == 1 }}", False),
        ("{{ order is not none and order.id == 1 }}", False),
        ("{{ 'big' if callback.amount > 100 else 'small' }}", "big"),
        ("{{ order.id if order is not none else 0 }}", 0),
        ("{{ 1 if callback.callbackProcessed else 2 if callback.paymentFound else 3 }}", 2),
        ("{{ callback.nothing is none }}", True),
        ("{{ callback.zero is none }}", False),
        ("{{ callback.fraction is none }}", False),
        ("{{ callback.missing is defined }}", False),
        ("{{ callback.missing is not defined }}", True),
        ("{{ callback.nothing is defined }}", True),
        ("{{ order.id is defined }}", False),
        ("{{ callback.lines[2] is defined }}", False),
        # filters
        ("{{ input.names | length }}", 3),
        ("{{ callback | length }}", len(VALUES["callback"])),
        ("{{ callback.name | length }}", 3),
        ("{{ callback.name | upper | lower }}", "zoë"),
        ("{{ '  a ' | trim }}", "a"),
        ("{{ callback.digits | int + 1 }}", 43),
        ("{{ '-5' | int }}", -5),
        ("{{ 5 | int }}", 5),
        ("{{ -5 | abs }}", 5),
        ("{{ callback.orderId | text == '42' }}", True),
        ("{{ input.names | join(', ') }}", "b, a, b"),
        ("{{ input.numbers | join }}", "312"),
        ("{{ input.none | join('-') }}", ""),
        ("{{ input.names | unique }}", ["b", "a"]),
        ("{{ [1, true, '1', 1] | unique }}", [1, True, "1"]),
        ("{{ input.names | sort }}", ["a", "b", "b"]),
        ("{{ input.none | sort }}", []),
        ("{{ input.numbers | reverse }}", [2, 1, 3]),
        ("{{ input.numbers | sum }}", 6),
        ("{{ input.none | sum }}", 0),
        ("{{ [callback.amount, 500] | min }}", 500),
        ("{{ input.names | max }}", "b"),
        ("{{ callback.lines | pluck('amount') | sum }}", 1200),
        ("{{ {'a': [1, none, true, 'ü']} | json }}", '{"a": [1, null, true, "ü"]}'),
        # texts
        (r"{{ 'it\'s \"x\" \n \t \\ \u00e4' }}", "it's \"x\" \n \t \\ ä"),
        ("{{ \"it's\" }}", "it's"),
        ("{{ 'two\nlines' }}", "two\nlines"),
    ],
)  # fmt: skip
def test_value(source: str, value: Any) -> None:
    result = evaluate(source)
    assert result == value
    assert type(result) is type(value)


def test_whole_gives_the_object_and_not_a_copy() -> None:
    assert evaluate("{{ callback.lines }}") is VALUES["callback"]["lines"]


@pytest.mark.parametrize(
    ("source", "code", "offset"),
    [
        ("{{ }}", "expr.empty", 0),
        ("{{ callback.orderId", "expr.unclosed", 0),
        ("a {{ b }} {{ c", "expr.unclosed", 10),
        ("{{ callback.orderId }", "expr.syntax", 20),
        ("{% if x %}a{% endif %}", "expr.statement", 0),
        ("a {{ b }} {% set x = 1 %}", "expr.statement", 10),
        ("a {# b #}", "expr.comment", 2),
        ("{{ 1.5 }}", "expr.float", 3),
        ("{{ 1e3 }}", "expr.float", 3),
        ("{{ callback.amount * 1.1 }}", "expr.float", 21),
        ("{{ callback.amount / 2 }}", "expr.divide", 3),
        ("{{ 2 ** 3 }}", "expr.power", 3),
        ("{{ 0x1F }}", "expr.number", 3),
        ("{{ 1_000 }}", "expr.number", 3),
        ("{{ 9223372036854775808 }}", "expr.number", 3),
        (f"{{{{ {'9' * 6000} }}}}", "expr.number", 3),
        ("{{ a, b }}", "expr.syntax", 4),
        ("{{ (a, b) }}", "expr.tuple", 5),
        ("{{ () }}", "expr.tuple", 4),
        ("{{ a[1:2] }}", "expr.slice", 5),
        ("{{ a[1, 2] }}", "expr.tuple", 4),
        ("{{ a[true] }}", "expr.index", 5),
        ("{{ a.b() }}", "expr.call", 6),
        ("{{ range(10) }}", "expr.call", 8),
        ("{{ default(a.b, 0) }}", "expr.call", 10),
        ("{{ a.items() }}", "expr.call", 10),
        ("{{ a | map(attribute='b') }}", "expr.argument", 7),
        ("{{ a | join(*b) }}", "expr.argument", 7),
        ("{{ a | default }}", "expr.argument", 7),
        ("{{ a.b | default(0, true) }}", "expr.argument", 9),
        ("{{ a | join('a', 'b') }}", "expr.argument", 7),
        ("{{ a | lenght }}", "expr.filter", 7),
        ("{{ a | attr('x') }}", "expr.filter", 7),
        ("{{ a | round(2) }}", "expr.filter", 7),
        ("{{ a is string }}", "expr.test", 5),
        ("{{ a is divisibleby 3 }}", "expr.test", 5),
        ("{{ a is defined }}", "expr.test", 5),
        ("{{ a is none b }}", "expr.test", 5),
        ("{{ 'a' if b }}", "expr.else", 3),
        ("{{ 1 < 2 < 3 }}", "expr.chain", 3),
        ("{{ 0 or 'd' }}", "expr.boolean", 3),
        ("{{ a or 'd' }}", "expr.boolean", 8),
        ("{{ not 1 }}", "expr.boolean", 7),
        ("{{ 1 if 'a' else 2 }}", "expr.boolean", 8),
        ("{{ 1 // 0 }}", "expr.constant", 3),
        ("{{ a + 5 % 0 }}", "expr.constant", 7),
        ("{{ false and 1 < 'a' }}", "expr.constant", 13),
        ("{{ 'a' * 3 }}", "expr.constant", 3),
        ("{{ 9223372036854775807 + 1 }}", "expr.constant", 3),
        ("{{ 'a'.upper }}", "expr.constant", 7),
        ("{{ {'a': 1}.b }}", "expr.constant", 12),
        ("{{ [1][1] }}", "expr.constant", 7),
        ("{{ {a: 1} }}", "expr.key", 4),
        ("{{ {'a': 1, 'a': 2} }}", "expr.key", 12),
        ("{{ loop.index }}", "expr.name", 3),
        ("{{ a = 1 }}", "expr.syntax", 5),
        ("{{ a && b }}", "expr.syntax", 5),
        ("{{ a || b }}", "expr.syntax", 6),
        ("{{ !a }}", "expr.syntax", 3),
        ("{{ a ? b : c }}", "expr.syntax", 5),
        ("{{ $a }}", "expr.syntax", 3),
        ("{{ a === b }}", "expr.syntax", 7),
        ("{{ a b }}", "expr.syntax", 5),
        ("{{ a + }}", "expr.syntax", 7),
        ("{{ a. }}", "expr.syntax", 6),
        ("{{ (a }}", "expr.syntax", 6),
        ("{{ a) }}", "expr.syntax", 4),
        ("{{ [a) }}", "expr.syntax", 5),
        ("{{ 'abc }}", "expr.syntax", 3),
        ("{{ 'it''s' }}", "expr.syntax", 7),
        (r"{{ '\d' }}", "expr.syntax", 3),
        (r"{{ '\x41' }}", "expr.syntax", 3),
        (r"{{ '\u0000' }}", "expr.syntax", 3),
        (r"{{ '\ud800' }}", "expr.syntax", 3),
        ("{{ + a }}", "expr.syntax", 3),
        ("{{ and }}", "expr.syntax", 3),
        ("{{ a -}}", "expr.syntax", 5),
        ("{{ lambda: 1 }}", "expr.syntax", 9),
        ("{{ 1٢ }}", "expr.number", 3),
        ("{{ a²b }}", "expr.syntax", 3),
        ("{{ " + "(" * 30 + "1" + ")" * 30 + " }}", "expr.too_large", 0),
        ("{{ " + "not " * 200 + "a }}", "expr.too_large", 0),
        ("{{ " + " + ".join(["a"] * 200) + " }}", "expr.too_large", 0),
        ("{{ a" + ".b" * 100 + " }}", "expr.too_large", 0),
        ("{{ " + "a ~ " * 400 + "a }}", "expr.too_large", 0),
        ("{{ a }}" * 101, "expr.too_large", 700),
        ("{{ a }}" + "x" * 20_000, "expr.too_large", 0),
    ],
)  # fmt: skip
def test_refused_when_parsed(source: str, code: str, offset: int) -> None:
    assert found_in(source) == (code, offset)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ callback.ordreId }}", "callback has no 'ordreId': it has orderId, .*'orderId'"),
        ("{{ calback.orderId }}", "there is no 'calback' here; .* did you mean 'callback'"),
        ("{{ order.id }}", "order has no 'id': it is null"),
        ("{{ callback.missing == none }}", "no 'missing'"),
        ("{{ not callback.missing }}", "no 'missing'"),
        ("{{ callback.missing is none }}", "no 'missing'"),
        ("{{ 'x' if callback.missing else 'y' }}", "no 'missing'"),
        ("text {{ callback.missing }}", "no 'missing'"),
        ("{{ callback.missing.deeper | length }}", "no 'missing'"),
        ("{{ callback.lines[2] }}", "callback.lines has no item 2: the list has 2 items"),
        ("{{ callback.lines[-3] }}", "no item -3"),
        ("{{ input.none | first }}", "no item 0"),
        ("{{ callback[callback.name] }}", "no 'Zoë'"),
        ("{{ calback.x | default(0) }}", "there is no 'calback'"),
        ("{{ calback.x is defined }}", "there is no 'calback'"),
        ("{{ callback[callback.missing] | default(0) }}", "no 'missing'"),
        ("{{ callback.lines[0].tags.0.0 | default(calback) }}", "text, which has nothing in"),
        ("{{ callback.get }}", "no 'get'"),
        ("{{ callback.keys }}", "no 'keys'"),
        ("{{ callback['strange  key'] }}", "no 'strange  key'"),
    ],
)  # fmt: skip
def test_missing_is_an_error_that_names_it(source: str, says: str) -> None:
    expression = parse(source, PLACE)
    with pytest.raises(RunError, match=says) as caught:
        expression.evaluate(VALUES)
    assert caught.value.place is not None
    assert caught.value.place.line == PLACE.line
    assert " ".join(source.split()) in str(caught.value)


def test_missing_value_carries_path_place_and_what_was_there() -> None:
    with pytest.raises(MissingValue) as caught:
        evaluate("{{ callback.lines[0].amuont }}")
    error = caught.value
    assert error.path == "callback.lines[0].amuont"
    assert error.place == Place(PLACE.file, 7, PLACE.column + 21)
    assert str(error) == (
        "flows/pay.yaml:7:33: callback.lines[0] has no 'amuont': it has amount, tags "
        "(in {{ callback.lines[0].amuont }}); mend: did you mean 'amount'? "
        "give a fallback with `| default(…)` if it may be absent"
    )


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ callback.orderId == '42' }}", r"42 is an integer, '42' is text.*\| text"),
        ("{{ callback.digits == 42 }}", r"'42' is text, 42 is an integer.*\| text"),
        ("{{ callback.digits != 42 }}", "never equal"),
        ("{{ callback.paymentFound == 1 }}", "true is a boolean, 1 is an integer"),
        ("{{ callback.paymentFound == 'true' }}", "never equal"),
        ("{{ callback.orderId < '42' }}", "42 is an integer, '42' is text"),
        ("{{ callback.paymentFound > callback.callbackProcessed }}", "cannot compare"),
        ("{{ callback.nothing < 5 }}", "is null.*is not none"),
        ("{{ callback.lines < callback.lines }}", "cannot compare"),
        ("{{ callback.zero or callback.paymentFound }}", "0 is an integer.*default"),
        ("{{ callback.paymentFound and callback.empty }}", "'' is text"),
        ("{{ not callback.nothing }}", "null"),
        ("{{ 1 if callback.amount else 2 }}", "`if` takes booleans"),
        ("{{ callback.paymentFound + 1 }}", "true is a boolean"),
        ("{{ callback.digits + 1 }}", r"one type.*~.*\| int"),
        ("{{ callback.digits - 1 }}", r"'42' is text.*\| int"),
        ("{{ callback.nothing + 1 }}", r"null.*default\(0\)"),
        ("{{ callback.name * 1000 }}", r"\* takes integers"),
        ("{{ input.names * 1000 }}", r"\* takes integers"),
        ("{{ callback.lines + 1 }}", r"\+ takes integers"),
        ("{{ -callback.name }}", "- takes integers"),
        ("{{ 1 // callback.zero }}", "// by zero"),
        ("{{ 1 % callback.zero }}", "% by zero"),
        ("{{ callback.big + 1 }}", "64 bits"),
        ("{{ callback.big * callback.big }}", "64 bits"),
        ("{{ -callback.big - 2 }}", "64 bits"),
        ("{{ [callback.big, 1] | sum }}", "64 bits"),
        ("{{ callback.fraction }}", "fraction"),
        ("{{ callback.decimal }}", "fraction"),
        ("{{ callback.fraction + 1 }}", "fraction"),
        ("{{ callback.fraction == 1 }}", "fraction"),
        ("{{ 1 if callback.fraction > 0 else 2 }}", "fraction"),
        ("{{ callback.fraction | default(1) }}", "fraction"),
        ("{{ [callback.fraction] }}", "fraction"),
        ("is {{ callback.fraction }}", "fraction"),
        ("is {{ callback.nothing }}", r"null cannot stand inside of text.*default\(''\)"),
        ("is {{ callback.lines }}", "a list cannot stand inside of text.*join"),
        ("is {{ callback }}", "an object cannot stand inside of text.*json"),
        ("{{ 'is ' ~ callback.nothing }}", "null cannot stand inside of text"),
        ("{{ callback.name.first }}", "'Zoë' is text, which has nothing inside"),
        ("{{ callback.name[0] }}", "'Zoë' is text, which has nothing inside"),
        ("{{ callback.amount.minor }}", "10000 is an integer"),
        ("{{ callback.lines.amount }}", "is a list.*no 'amount'.*first"),
        ("{{ callback.lines.length }}", r"\| length"),
        ("{{ callback.lines[callback.paymentFound] }}", "true is a boolean"),
        ("{{ callback[0] }}", "keys of an object are text"),
        ("{{ callback[input.index] | default(1) }}", "keys of an object are text"),
        ("{{ '42' in [1, callback.orderId] }}", "list has no such items"),
        ("{{ 1 in callback.name }}", "`in` looks for text"),
        ("{{ 1 in callback.amount }}", "`in` looks in"),
        ("{{ callback.amount | length }}", "takes text or a list or an object"),
        ("{{ callback.nothing | upper }}", "null.*default"),
        ("{{ callback.name | int }}", "no integer"),
        ("{{ ' 42' | int if callback.zero == 0 else callback.name | int }}", "no integer"),
        ("{{ callback.paymentFound | int }}", "takes an integer or text"),
        ("{{ input.names | sum }}", "has to be an integer"),
        ("{{ [1, callback.name] | max }}", "has to be an integer"),
        ("{{ input.none | max }}", "empty list"),
        ("{{ callback.lines | sort }}", "sort takes integers or texts"),
        ("{{ callback.lines | unique }}", "plain items"),
        ("{{ callback.lines | join }}", "cannot stand inside of text"),
        ("{{ input.names | join(callback.zero) }}", r"argument of \| join takes text"),
        ("{{ callback.lines | pluck('amuont') }}", "item 0 has no 'amuont'.*'amount'"),
        ("{{ input.names | pluck('a') }}", "item 0 is text"),
        ("{{ [callback] | pluck('fraction') }}", "fraction"),
    ],
)  # fmt: skip
def test_failing_says_what_was_given_and_what_to_do(source: str, says: str) -> None:
    if "' 42'" in source:  # a constant that fails is found when it is parsed
        with pytest.raises(ExpressionProblem, match=says):
            parse(source, PLACE)
        return
    expression = parse(source, PLACE)
    with pytest.raises(ExpressionFailed, match=f"(?s){says}") as caught:
        expression.evaluate(VALUES)
    assert caught.value.place is not None
    assert caught.value.place.line == PLACE.line


def test_case_12_no_float_is_computed_with() -> None:
    for written in ("5.1*100", "19.99*100", "78.4*100", "1.005*100"):
        assert found_in(f"{{{{ {written} }}}}")[0] == "expr.float"
    with pytest.raises(ExpressionProblem, match="minor units"):
        parse("{{ 5.1 * 100 }}", PLACE)
    for data in (5.1, 19.99, 2000.0, Decimal("19.99")):
        for source in ("{{ x.amount }}", "{{ x.amount * 100 }}", "{{ x.amount | int }}"):
            with pytest.raises(ExpressionFailed, match="fraction"):
                evaluate(source, {"x": {"amount": data}})
    with pytest.raises(ExpressionFailed, match="is text"):
        evaluate("{{ x.amount * 1 }}", {"x": {"amount": "2000"}})
    with pytest.raises(ExpressionFailed, match="is a boolean"):
        evaluate("{{ x.amount * 1 }}", {"x": {"amount": True}})


@pytest.mark.parametrize("kept", [0, False, "", [], {}])
def test_case_20_default_keeps_what_is_there(kept: Any) -> None:
    result = evaluate("{{ x.field | default(99) }}", {"x": {"field": kept}})
    assert result == kept
    assert type(result) is type(kept)


@pytest.mark.parametrize(
    "values",
    [{"x": {"field": None}}, {"x": {}}, {"x": None}],
    ids=["null", "absent", "null on the way"],
)
def test_case_20_default_replaces_null_and_absent(values: dict[str, Any]) -> None:
    assert evaluate("{{ x.field | default(99) }}", values) == 99
    assert evaluate("{{ x.field | default(x.more | default('')) }}", values) == ""


def test_case_20_a_fallback_is_lazy() -> None:
    assert evaluate("{{ x.field | default(y.missing) }}", {"x": {"field": 0}, "y": {}}) == 0


def test_case_21_a_skipped_or_mistyped_node_is_an_error() -> None:
    values = {"a": {"amount": 5}}
    for source in ("{{ b.amount }}", "{{ aa.amount }}", "amount {{ b.amount }}", "{{ b == none }}"):
        with pytest.raises(MissingValue, match=r"there is no '(b|aa)' here"):
            evaluate(source, values)


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{% if x %}", "{# #}", "{{", "None", "1e5", "[1]"])
def test_what_comes_out_is_never_parsed_again(text: str) -> None:
    values = {"customer": {"name": text}}
    assert evaluate("{{ customer.name }}", values) == text
    assert evaluate("Dear {{ customer.name }}!", values) == f"Dear {text}!"
    assert evaluate("{{ 'Dear ' ~ customer.name }}", values) == f"Dear {text}"


def test_results_are_capped() -> None:
    long = {"x": {"text": "a" * 60_000, "list": [1] * 6_000, "texts": ["a" * 60_000] * 9}}
    for source in (
        "{{ x.text ~ x.text }}",
        "{{ x.text + x.text }}",
        "{{ x.text }}{{ x.text }}",
        "{{ x.texts | join }}",
        "{{ x.texts | json }}",
        "{{ x.list + x.list }}",
    ):
        with pytest.raises(ExpressionFailed, match=r"longer than|more than"):
            evaluate(source, long)


def test_a_place_inside_of_block_text() -> None:
    with pytest.raises(MissingValue) as caught:
        evaluate("Dear customer,\nyour order {{ order_id }}\n")
    assert caught.value.place == Place(PLACE.file, 8, PLACE.column + 14)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ callback.paymentFound }}", True),
        ("{{ callback.paymentStatus == 'FAILED' }}", False),
        ("{{ not callback.callbackProcessed }}\n", True),
        ("{{ true }}", True),
    ],
)
def test_condition(source: str, value: bool) -> None:
    assert condition(source, PLACE).evaluate(VALUES) is value


@pytest.mark.parametrize(
    "source",
    [
        *("callback.paymentFound", "", "yes {{ true }}", "{{ true }}{{ true }}"),
        *(True, None, 1, [True], "{{ 'true' }}", "{{ 1 }}", "{{ none }}"),
    ],
)
def test_a_condition_is_one_whole_expression(source: Any) -> None:
    with pytest.raises(ExpressionProblem) as caught:
        condition(source, PLACE)
    [problem] = caught.value.problems
    assert problem.code == "expr.condition"
    assert "expected a condition" in problem.message


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ callback.amount }}", "a condition takes booleans, and 10000 is an integer"),
        ("{{ callback.paymentStatus }}", "'SUCCESSFUL' is text"),
        ("{{ callback.nothing }}", "null"),
        ("{{ callback.lines }}", "a list"),
    ],
)
def test_a_condition_gives_a_boolean(source: str, says: str) -> None:
    with pytest.raises(ExpressionFailed, match=says):
        condition(source, PLACE).evaluate(VALUES)


def paths(expression: Expression) -> list[tuple[tuple[str | int, ...], int, bool]]:
    return [
        (reference.path, reference.place.column - PLACE.column, reference.optional)
        for reference in expression.references
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ callback.orderId }}", [(("callback", "orderId"), 3, False)]),
        ("{{ a.b }} {{ c['d e'].f }}", [(("a", "b"), 3, False), (("c", "d e", "f"), 13, False)]),
        ("{{ a[0].b | first }}", [(("a", 0, "b", 0), 3, False)]),
        ("{{ a[b.c].d }}", [(("a",), 3, False), (("b", "c"), 5, False)]),
        ("{{ a.b | default(c.d) }}", [(("a", "b"), 3, True), (("c", "d"), 17, False)]),
        ("{{ (a.b ~ c) | default(1) }}", [(("a", "b"), 4, False), (("c",), 10, False)]),
        ("{{ a.b is defined and a.b > 1 }}", [(("a", "b"), 3, True), (("a", "b"), 22, False)]),
        ("{{ [a, {'x': b}][c] }}", [(("a",), 4, False), (("b",), 13, False), (("c",), 17, False)]),
        ("{{ a if b else c }}", [(("a",), 3, False), (("b",), 8, False), (("c",), 15, False)]),
        ("{{ 1 + 1 }} and text", []),
    ],
)  # fmt: skip
def test_references(source: str, expected: list[Any]) -> None:
    assert paths(parse(source, PLACE)) == expected


def test_an_expression_says_what_it_is_made_of() -> None:
    expression = parse("Order {{ callback.orderId }}.", PLACE)
    assert not expression.whole
    assert expression.parts[0] == "Order "
    assert expression.parts[2] == "."
    assert parse("{{ callback.orderId }}", PLACE).whole
    assert expression.at(9) == Place(PLACE.file, 7, 21)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{{ x }}", True), ("a {{", True), ("{% x %}", True), ("{# x", True), ("{ x }", False)],
)
def test_has_expression(text: str, expected: bool) -> None:
    assert has_expression(text) is expected


def test_walking_an_expression_visits_every_part() -> None:
    source = (
        "{{ {'k': [-a.b, not c, d[0] if e in f else g | default(h)]} | json ~ (i is none and j + 1 "
        "== 2 or k.l is defined) }}"
    )
    [part] = parse(source, PLACE).parts
    assert not isinstance(part, str)
    visited = list(syntax.walk(part))
    assert {n.name for n in visited if isinstance(n, syntax.Name)} == set("acdefghijk")
    assert {type(n) for n in visited} == set(get_args(syntax.Node))
    for node in visited:
        assert 0 <= node.at < len(source)
        assert syntax.start(node) <= node.at


def test_every_filter_says_what_it_does() -> None:
    page = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text("utf-8")
    listed = re.search(r"^Filters: .*?\n\n", page, re.DOTALL | re.MULTILINE)
    assert listed
    assert set(re.findall(r"`([a-z]+)(?:\(.*?\))?`", listed.group())) == set(FILTER_NAMES)
    for spec in FILTERS.values():
        assert spec.work.__doc__
        assert spec.optional <= len(spec.arguments)
