from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stripe.amounts import (
    CURRENCIES,
    THREE_DECIMAL,
    WHOLE_UNITS,
    BadAmount,
    check_amount,
    decimals,
    show,
)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (9899, "jpy", "9899"),
        (9899, "JPY", "9899"),
        (5800, "jpy", "5800"),
        (9989, "usd", "99.89"),
        (10000, "USD", "100.00"),
        (5, "eur", "0.05"),
        (35200, "kwd", "35.200"),
        (10, "kwd", "0.010"),
        (500, "ugx", "5.00"),
        (500, "isk", "5.00"),
        (1045, "huf", "10.45"),
        (80045, "twd", "800.45"),
        (10000, "mga", "10000"),
        (999_999_999_999, "idr", "9999999999.99"),
    ],
)
def test_case_10_and_11_an_amount_is_what_stripe_gets_and_what_is_shown(
    amount: int, currency: str, shown: str
) -> None:
    assert check_amount(amount, currency) == (amount, currency.lower())
    assert show(amount, currency) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "says"),
    [
        (12345, "kwd", "Choose 12340 or 12350"),
        (1, "kwd", "Choose 0 or 10"),
        (35201, "KWD", "the last digit"),
        (550, "ugx", "Choose 500 or 600"),
        (550, "isk", "no fractions"),
        (5.1 * 100, "usd", "509.99999999999994 (float)"),
        (19.99 * 100, "usd", "(float)"),
        (78.4 * 100, "usd", "(float)"),
        (1.005 * 100, "usd", "(float)"),
        (2000.0, "usd", "2000.0 (float)"),
        ("2000", "usd", "'2000' (str)"),
        (True, "usd", "True (bool)"),
        (None, "usd", "None (NoneType)"),
        (0, "usd", "from 1 to"),
        (-5, "usd", "The amount is -5"),
        (10**12, "usd", "from 1 to"),
        pytest.param(10**5000, "usd", "more than twenty digits", id="huge"),
        (100, "xyz", "'xyz'"),
        (100, "usdd", "Did you mean usd?"),
        (100, "", "The currency is ''"),
        (100, None, "The currency is None"),
        (100, 840, "The currency is 840"),
    ],
)
def test_case_11_and_12_what_is_no_amount_is_refused_in_words(
    amount: Any, currency: Any, says: str
) -> None:
    with pytest.raises(BadAmount) as caught:
        check_amount(amount, currency)
    assert says in str(caught.value)
    assert "Expected" in str(caught.value)


@given(st.integers(1, 10**11), st.sampled_from(sorted(CURRENCIES)))
def test_what_is_shown_is_the_amount_to_the_last_digit(amount: int, currency: str) -> None:
    shown = show(amount, currency)
    assert int(shown.replace(".", "")) == amount
    assert len(shown.partition(".")[2]) == decimals(currency)
    try:
        check_amount(amount, currency)
    except BadAmount:
        step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS else 1
        assert amount % step != 0


def test_negative_amounts_of_credits_can_be_shown() -> None:
    assert show(-150, "usd") == "-1.50"
    assert show(-5, "usd") == "-0.05"
    assert show(-5, "jpy") == "-5"
