"""Findings on a terminal: wrapped between words, coloured unless NO_COLOR; plain lines elsewhere."""

from __future__ import annotations

import io
import re

import pytest

from engine.cli.findings import show
from engine.errors import Place, Problem

PROBLEM = Problem(
    "ref.output",
    Place("flows/payment_callback.yaml", 17, 38),
    "'callback' has no output 'ordrId'. Did you mean 'orderId'?",
    "It gives: orderId, paymentId, paymentFound, paymentStatus, amount, currency, type, failureCode.",
    related=((Place("flows/payment_callback.yaml", 6, 10), "'callback' is defined here"),),
)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_no_word_is_broken_and_no_line_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen()
    show(PROBLEM, screen)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].startswith("flows/payment_callback.yaml:17:38: error [ref.output]")
    assert screen.getvalue().split() == str(PROBLEM).split()


def test_colours_change_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured, plain = Screen(), Screen()
    show(PROBLEM, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    show(PROBLEM, plain)
    assert "\033[31merror\033[0m" in coloured.getvalue()
    assert "\033" not in plain.getvalue()
    assert re.sub(r"\033\[\d+m", "", coloured.getvalue()) == plain.getvalue()


def test_a_program_reads_it_as_it_is() -> None:
    pipe = io.StringIO()
    show(PROBLEM, pipe)
    assert pipe.getvalue() == f"{PROBLEM}\n"
