import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadInput
from engine.stripe import signature
from engine.stripe.signature import sign, verify

BODY = b'{"id": "evt_1", "object": "event", "name": "J\xc3\xb3n"}'
NOW = 1_800_000_000
OLD, NEW = "whsec_old", "whsec_new"


def v1(secret: str = NEW, body: bytes = BODY, at: int = NOW) -> str:
    return sign(body, secret, at).split(",")[1]


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW},v1={'0' * 64},{v1()}",
        f"t={NOW},{v1()},v1={'0' * 64}",
        f"t={NOW},{v1(OLD)}",
        f"t={NOW},v0={'0' * 64},{v1()}",
        f"t={NOW - 300},{v1(at=NOW - 300)}",
        f"t={NOW + 300},{v1(at=NOW + 300)}",
        f"t={NOW},junk,{v1()},",
    ],
    ids=["good last", "good first", "old secret", "beside v0", "300 s old", "300 s ahead", "junk"],
)
def test_case_18_every_v1_and_every_secret_counts(header: str) -> None:
    verify(BODY, header, [OLD, NEW], now=NOW)
    verify(BODY, header, [NEW, OLD], now=NOW)


@pytest.mark.parametrize(
    ("header", "refusal", "says"),
    [
        (None, signature.SignatureMissing, "No Stripe-Signature header"),
        ("", signature.SignatureMissing, "No Stripe-Signature header"),
        ("nonsense", signature.SignatureMalformed, "no t="),
        (v1(), signature.SignatureMalformed, "no t="),
        (f"t=soon,{v1()}", signature.SignatureMalformed, "t=soon"),
        (f"t=-5,{v1()}", signature.SignatureMalformed, "t=-5"),
        (f"t={'9' * 5000},{v1()}", signature.SignatureMalformed, "t=999"),
        (f"t=١,{v1()}", signature.SignatureMalformed, "ASCII"),
        (f"t={NOW},v1=é", signature.SignatureMalformed, "ASCII"),
        (f"t={NOW},v1", signature.NoV1Signature, "no v1"),
        (f"t={NOW},v1,{v1()}", signature.NoV1Signature, "no v1"),
        (f"t={NOW},v0={'0' * 64}", signature.NoV1Signature, "no v1"),
        (f"t={NOW},v1={'0' * 64}", signature.NoMatchingSignature, "None of the header's"),
        (f"t={NOW + 1},{v1()}", signature.NoMatchingSignature, "None of the header's"),
        (f"t={NOW},{v1('whsec_other')}", signature.NoMatchingSignature, "secret"),
        (sign(BODY, NEW, NOW - 301), signature.SignatureTooOld, "301 seconds old"),
        (sign(BODY, NEW, NOW + 86_400), signature.SignatureFromTheFuture, "86400 seconds ahead"),
    ],
)
def test_case_18_a_signature_that_proves_nothing_is_refused_in_words(
    header: str | None, refusal: type[BadInput], says: str
) -> None:
    with pytest.raises(refusal) as caught:
        verify(BODY, header, [OLD, NEW], now=NOW)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    assert OLD not in message
    assert NEW not in message


def test_an_altered_body_does_not_pass() -> None:
    with pytest.raises(signature.NoMatchingSignature):
        verify(BODY.replace(b"evt_1", b"evt_2"), sign(BODY, NEW, NOW), [NEW], now=NOW)


@pytest.mark.parametrize("secrets", [[], ["", "  "]])
def test_without_a_secret_nothing_passes(secrets: list[str]) -> None:
    with pytest.raises(signature.SecretMissing, match="webhook_secret"):
        verify(BODY, sign(BODY, "", NOW), secrets, now=NOW)


def test_a_body_that_is_no_text_is_refused_and_not_signed() -> None:
    with pytest.raises(signature.SignatureRefused, match="byte 2 is 0xff"):
        verify(b"ab\xff", sign(b"ab", NEW, NOW), [NEW], now=NOW)
    with pytest.raises(BadInput, match="UTF-8"):
        sign(b"\xff", NEW, NOW)


@given(st.binary(max_size=80), st.text(max_size=80), st.text(max_size=20))
def test_no_bytes_and_no_header_break_it(body: bytes, header: str, secret: str) -> None:
    with pytest.raises(signature.SignatureRefused):
        verify(body, header, [secret, NEW], now=NOW)


@given(st.text(max_size=200))
def test_what_is_signed_verifies(body: str) -> None:
    raw = body.encode("utf-8", "replace")
    verify(raw, sign(raw, OLD, NOW), [NEW, OLD], now=NOW)
