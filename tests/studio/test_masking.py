"""Secrets and card detail never reach a page; everything else does, unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.studio.masking import HIDDEN, mask, mask_text

HIDDEN_TEXTS = [
    "sk_live_51H8abcDEF",
    "rk_test_51H8abcDEF",
    "whsec_5f7c+/=",
    "af_" + "a" * 43,
    "pi_3Mtw_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "cs_test_a1_secret_fidwbEh",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl",
    "4242424242424242",
    "4242 4242 4242 4242",
    "378282246310005"[:14] + "5",
]
SHOWN_TEXTS = [
    "pi_3MtwBwLkdIwHu7ix28a3tqPa",
    "evt_1MqqbKLt4dXK03v5qaIbiNCC",
    "sub_1Msecret",
    "4242424242424241",  # no card: its check digit is wrong
    "1780272140",
    "20260101T000000Z",
    "order 4242424242424242x is no number",
    "sk_l",
    "",
]


@pytest.mark.parametrize("text", HIDDEN_TEXTS)
@pytest.mark.parametrize("around", ["{}", "it was {} then", '{{"a": "{}"}}', "({})\n{}"])
def test_secrets_are_hidden_wherever_they_stand(text: str, around: str) -> None:
    masked = mask_text(around.format(text, text))
    assert text not in masked
    assert HIDDEN in masked


@pytest.mark.parametrize("text", SHOWN_TEXTS)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert mask_text(text) == text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"client_secret": "x"}, {"client_secret": HIDDEN}),
        ({"client_secret": None}, {"client_secret": None}),
        ({"apiKey": "x", "Authorization": "Bearer y"}, {"apiKey": HIDDEN, "Authorization": HIDDEN}),
        (
            {"card": {"brand": "visa", "last4": "4242", "checks": {"cvc_check": "pass"}}},
            {"card": {"brand": "visa", "last4": HIDDEN, "checks": {"cvc_check": "pass"}}},
        ),
        ({"sepa_debit": {"country": "DE", "iban": "DE89"}}, {"sepa_debit": {"country": "DE", "iban": HIDDEN}}),
        ([{"last4": "4242"}, 7, True, None], [{"last4": HIDDEN}, 7, True, None]),
        ({"secrets": {"a": 1}}, {"secrets": {"a": 1}}),
        ({"token_count": 3}, {"token_count": 3}),
    ],
)  # fmt: skip
def test_keys_say_what_is_secret(data: Any, expected: Any) -> None:
    assert mask(data) == expected


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(categories=["Lu"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", "amount"]), inner),
        max_leaves=20,
    )
)
def test_harmless_data_is_not_changed(data: Any) -> None:
    assert mask(data) == data
