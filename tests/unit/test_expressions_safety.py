"""Nothing that is written in an expression reaches Python, hangs, or ends in a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Place, RunError
from engine.expressions import ExpressionProblem, condition, parse

PLACE = Place("flow.yaml", 1, 1)
VALUES: dict[str, Any] = {
    "a": {"b": 5, "c": "text", "d": [1, 2], "e": None, "f": True, "g": 1.5},
    "x": {},
    "event": {"data": {"object": {"id": "pi_1", "items": {"data": [{"price": {"id": "p"}}]}}}},
}
PLAIN = (type(None), bool, int, str, list, dict)

# The payloads of the usual lists for server-side template injection in Jinja2.
INJECTIONS = """\
{{ config.items() }}
{{ self }}
{{ self.__init__.__globals__ }}
{{ self._TemplateReference__context.cycler.__init__.__globals__.os.popen('id').read() }}
{{ cycler.__init__.__globals__.os.popen('id').read() }}
{{ lipsum.__globals__['os'].popen('id').read() }}
{{ namespace.__init__.__globals__.os.popen('id').read() }}
{{ joiner.__init__.__globals__ }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__'] }}
{{ ''|attr('__class__') }}
{{ [].__class__.__base__ }}
{{ {}.__class__ }}
{{ ().__class__.__bases__[0].__subclasses__() }}
{{ (1).__class__ }}
{{ true.__class__ }}
{{ none.__class__ }}
{{ a.__class__ }}
{{ a['__class__'] }}
{{ a.c.__class__.__mro__ }}
{{ a.c.format }}
{{ a.c['format'] }}
{{ a.d.append }}
{{ a.b.real }}
{{ a.b.__add__ }}
{{ a.e.__class__ }}
{{ a[a.c] }}
{{ a['__cl' ~ 'ass__'] }}
{{ a['\\u005f\\u005fclass\\u005f\\u005f'] }}
{{ a.c | attr('upper') }}
{{ a.d | map('upper') | list }}
{{ a.c | format(a) }}
{{ '%s' | format(a) }}
{{ '%1000000000s' % 'x' }}
{{ a.c % 5 }}
{{ '{0.__class__}'.format(a) }}
{{ a | tojson }}
{{ a | pprint }}
{{ a | xmlattr }}
{{ a.d | pluck('__class__') }}
{{ [a] | pluck('__class__') }}
{{ a | dictsort }}
{{ dict(a=1) }}
{{ range(100000000) }}
{{ lipsum(n=10000) }}
{{ url_for.__globals__ }}
{{ get_flashed_messages.__globals__ }}
{{ request.application.__globals__.__builtins__ }}
{{ a.__globals__ }}
{{ x.__init__ }}
{{ x.__getitem__ }}
{{ event.__class__.__init__ }}
{{ event.data.object.items.__class__ }}
{{ event.data.object.items() }}
{{ loop }}
{{ super() }}
{{ caller() }}
{{ varargs }}
{{ __import__('os') }}
{{ __builtins__ }}
{{ print }}
{{ open('/etc/passwd') }}
{{ (lambda: 1)() }}
{{ [i for i in a] }}
{{ a := 5 }}
{{ 10 ** 10 ** 10 }}
{{ 'a' * 1000000000 }}
{{ [0] * 1000000000 }}
{{ 9223372036854775807 * 9223372036854775807 }}
{% for c in [].__class__.__base__.__subclasses__() %}{% endfor %}
{% set x = a %}
{% import 'os' as os %}
{% include '/etc/passwd' %}
{# comment #}
{%- raw -%}{{ a }}{%- endraw -%}
""".splitlines()


def outcome(source: str) -> Any:
    """The value, or the kind of refusal."""
    try:
        expression = parse(source, PLACE)
    except ExpressionProblem as problem:
        return problem
    try:
        return expression.evaluate(VALUES)
    except RunError as error:
        return error


@pytest.mark.parametrize("source", INJECTIONS)
def test_injections_are_refused_or_missing(source: str) -> None:
    assert isinstance(outcome(source), (ExpressionProblem, RunError))


def test_names_of_python_are_plain_keys() -> None:
    values = {"a": {"__class__": 1, "items": 2, "get": 3, "__getitem__": 4}}
    source = "{{ a.__class__ }}{{ a.items }}{{ a.get }}{{ a['__getitem__'] }}"
    assert parse(source, PLACE).evaluate(values) == "1234"


def test_what_is_no_plain_data_never_comes_out() -> None:
    class Row:
        amount = 5

        def __getitem__(self, key: str) -> object:
            return self

    for held in (Row(), Row, len, b"bytes", {1, 2}, (1, 2), 1j):
        for source in ("{{ row.x }}", "{{ row.x.amount }}", "{{ row.x | default(1) }}"):
            with pytest.raises(RunError):
                parse(source, PLACE).evaluate({"row": {"x": held}})


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    # A float may lie inside of an object that is passed on whole, never on top.
    return type(value) in PLAIN or value == 1.5


def check(source: str) -> None:
    result = outcome(source)
    if isinstance(result, ExpressionProblem):
        for problem in result.problems:
            assert problem.code.startswith("expr.")
            assert problem.message
            assert problem.mend
        return
    if isinstance(result, RunError):
        assert result.place is not None
        return
    assert type(result) in PLAIN
    assert is_plain(result)


def any_of(words: str) -> st.SearchStrategy[str]:
    return st.sampled_from(words.split(" "))


a_word = any_of(
    "a b c d e f g x . . . [ ] ( ) { } 0 1 -1 2 99 'b' 'c' \"d\" '' == != < <= > >= + - * // % ~ "
    "| , : and or not in is if else none true false defined default first last length int text "
    "json join sum min max sort unique pluck upper abs / ** 1.5 = {{ }} {% {# ' \\ \n $ & ! event "
    "data object"
)


@settings(max_examples=400, deadline=None)
@given(st.lists(a_word, max_size=14))
def test_any_row_of_words_is_a_value_or_a_clear_error(words: list[str]) -> None:
    check("{{ " + " ".join(words) + " }}")
    check("text {{" + "".join(words) + "}}")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_any_text_is_a_value_or_a_clear_error(text: str, inside: bool) -> None:
    check("{{ " + text + " }}" if inside else text)


atoms = any_of(
    "a.b a.c a.d a.e a.f a.g a.h a a.d[0] a.d[9] 0 7 'x' '12' none true [] [1,2] {'k':a.b} q"
)
trees = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, any_of("+ - * // % ~ == != < >= and or in"), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} | default({t[1]}))"),
        st.tuples(inner, inner).map(lambda t: f"[{t[0]}, {t[1]}]"),
        st.tuples(inner, any_of("length int text json sum min sort unique first")).map(
            lambda t: f"({t[0]} | {t[1]})"
        ),
        inner.map(lambda t: f"(not {t})"),
        inner.map(lambda t: f"(-{t})"),
        inner.map(lambda t: f"({t} is none)"),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(trees)
def test_any_well_formed_expression_is_a_value_or_a_clear_error(tree: str) -> None:
    check("{{ " + tree + " }}")
    check("is {{ " + tree + " }}!")


@settings(max_examples=150, deadline=None)
@given(trees)
def test_a_condition_never_gives_anything_but_a_boolean(tree: str) -> None:
    try:
        expression = condition("{{ " + tree + " }}", PLACE)
    except ExpressionProblem:
        return
    try:
        result = expression.evaluate(VALUES)
    except RunError:
        return
    assert type(result) is bool


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5000 + " }}",
        "{{ " + "[" * 5000 + " }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ " + "not " * 4000 + "a }}",
        "{{ a" + ".b" * 5000 + " }}",
        "{{ a" + " | json" * 2000 + " }}",
        "{{ " + "1 if a.f else " * 1000 + "2 }}",
        "{{ " + "a.b + " * 3000 + "1 }}",
        "{{ '" + "\\n" * 9000 + "' }}",
        "{{" * 9000,
        "{{}}" * 4000,
        "{{ a.b }} " * 1900,
        "{{ a.b ~ '" + "x" * 50_000 + "' }}",
    ],
)
def test_size_and_depth_are_bounded(source: str) -> None:
    check(source)


@pytest.mark.parametrize("source", ["{{ x.a | json }}", "{{ x.a == x.b }}", "{{ x.a in [x.b] }}"])
def test_data_nested_too_deep_is_a_clear_error(source: str) -> None:
    a: Any = []
    b: Any = []
    for _ in range(5000):
        a, b = [a], [b]
    with pytest.raises(RunError, match="too deep"):
        parse(source, PLACE).evaluate({"x": {"a": a, "b": b}})
