"""Every case of the corpus: just the expected problems, at their places, in their words."""

from __future__ import annotations

import collections

import pytest

from engine.check import CODES
from tests.check import corpus

MISTAKES = corpus.mistakes()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one.topic}: {one.name}")
def test_a_project_has_just_the_problems_its_case_lists(mistake: corpus.Mistake) -> None:
    problems = corpus.problems(mistake)
    told = [{k: v for k, v in one.items() if k != "mend"} for one in mistake.expect]
    assert [corpus.found(problem) for problem in problems] == told
    for problem, one in zip(problems, mistake.expect, strict=True):
        assert problem.mend == one.get("mend", problem.mend)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: f"{one.topic}: {one.name}")
def test_each_problem_says_what_to_do_in_whole_sentences(mistake: corpus.Mistake) -> None:
    for problem in corpus.problems(mistake):
        assert problem.code in CODES
        assert problem.severity == CODES[problem.code].severity
        assert problem.mend
        if CODES[problem.code].finder == "check":
            assert problem.message[-1] in ".?"
            assert problem.mend[-1] in ".?}]"
        for place, why in problem.related:
            assert place.line >= 1
            assert why


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    broken = [one for one in MISTAKES if one.expect]
    names = collections.Counter((one.topic, one.name) for one in MISTAKES)
    assert len(broken) >= 120
    assert [name for name, times in names.items() if times > 1] == []
    assert [one.name for one in MISTAKES if bool(one.expect) == bool(one.near)] == []


@pytest.mark.parametrize("name", [name for name, code in CODES.items() if code.finder == "check"])
def test_each_rule_has_two_cases_and_a_near_miss(name: str) -> None:
    cases = [one.name for one in MISTAKES if any(e["code"] == name for e in one.expect)]
    near = [one.name for one in MISTAKES if name in one.near]
    assert len(cases) >= 2
    assert len(near) >= 1
