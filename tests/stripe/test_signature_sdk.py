"""Our verifier takes what stripe-python takes, and nothing else, of the headers anybody can think of."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from stripe import SignatureVerificationError, WebhookSignature

from engine.stripe.signature import SignatureRefused, sign, verify

BODY = '{"id": "evt_1", "name": "J\u00f3n"}'
NOW = 1_800_000_000
SECRET = "whsec_x"


def sdk(body: str, header: str, secret: str) -> bool:
    """Stripe's verdict; whatever it stumbles over is none."""
    try:
        return bool(WebhookSignature.verify_header(body, header, secret, None))
    except (SignatureVerificationError, ValueError, IndexError, TypeError):
        return False


def ours(body: str, header: str, *secrets: str) -> bool:
    try:
        return verify(body.encode(), header, secrets, now=NOW, tolerance=10**12) == body
    except SignatureRefused:
        return False


def good(body: str = BODY, at: int = NOW, secret: str = SECRET) -> str:
    return sign(body.encode(), secret, at).partition("v1=")[2]


PARTS = st.one_of(
    st.sampled_from(
        [
            f"t={NOW}",
            f"t=0{NOW}",
            f"t={NOW}=1",
            f" t={NOW}",
            "t=1",
            "t=",
            "t",
            "t=1_8",
            f"v1={good()}",
            f"v1={good()}=",
            f"v1={good()}=x=y",
            f"v1={good().upper()}",
            f" v1={good()}",
            f"v0={good()}",
            f"v1={good()[:-1]}",
            f"v1={'0' * 64}",
            "v1=",
            "v1",
            "=",
            "",
        ]
    ),
    st.text(alphabet="tv01=,\u00e9 abf", max_size=8),
)
HEADERS = st.lists(PARTS, max_size=5).map(",".join)
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=150).filter(
    lambda text: text.strip()
)


@given(HEADERS)
@example(f"t={NOW},v1={good()}")
@example(f"v1={good()},t={NOW}")
@example(f"t={NOW},t=1,v1={good()}")
@example(f"t=1,t={NOW},v1={good()}")
@example(f"t=0{NOW},v1={good()}")
@example(f"t={NOW},v1={good()}=junk")
@example(f"t={NOW},v1={'0' * 64},v1={good()}")
def test_every_header_means_what_it_means_to_stripe(header: str) -> None:
    # Where the SDK itself breaks down (a bare `v1`), and beyond ASCII, we refuse.
    expected = header.isascii() and sdk(BODY, header, SECRET)
    assert ours(BODY, header, SECRET) == expected


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200), SECRETS, st.integers(0, NOW)
)
def test_bodies_and_secrets_are_signed_as_stripe_does(body: str, secret: str, at: int) -> None:
    header = sign(body.encode(), secret, at)
    assert header == WebhookSignature.generate_signature_header(body, secret, at)
    assert ours(body, header, secret)
    assert sdk(body, header, secret)


@given(SECRETS, SECRETS)
def test_any_of_several_secrets_will_do(one: str, other: str) -> None:
    for signed_by in (one, other):
        assert ours(BODY, f"t={NOW},v1={good(secret=signed_by)}", one, other)
    third = f"{one}x{other}"
    assert not ours(BODY, f"t={NOW},v1={good(secret=third)}", one, other)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_long_secrets_are_hashed_first(length: int) -> None:
    header = WebhookSignature.generate_signature_header(BODY, "k" * length, NOW)
    assert ours(BODY, header, "k" * length)
