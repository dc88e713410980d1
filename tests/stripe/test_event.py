import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.stripe.event import BadEvent, decode, load, of, when, with_object
from tests.stripe.support import event

GOOD = event("charge.refunded", {"id": "ch_1", "object": "charge"}, previous={"refunded": False})
THIN = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.payment_intent.succeeded",
    "created": "2026-11-25T10:00:00.123Z",
    "livemode": False,
    "related_object": {"id": "pi_1", "type": "payment_intent", "url": "/v1/payment_intents/pi_1"},
}


def test_an_event_is_read() -> None:
    read = decode(json.dumps(GOOD | {"user_id": "acct_1", "request": "req_1"}).encode())
    assert (read.id, read.type, read.created) == ("evt_1", "charge.refunded", 1_700_000_000)
    assert (read.livemode, read.account, read.thin) == (False, "acct_1", False)
    assert read.object == {"id": "ch_1", "object": "charge"}
    assert read.previous == {"refunded": False}


def test_a_thin_event_tells_what_to_fetch_and_is_whole_with_it() -> None:
    read = of(THIN)
    assert (read.thin, read.created, read.object) == (True, 1_795_600_800, {})
    assert read.related is not None
    assert read.related["id"] == "pi_1"
    whole = of(with_object(THIN, {"id": "pi_1", "status": "succeeded"}, 1_795_600_900))
    assert (whole.thin, whole.type) == (True, "payment_intent.succeeded")
    assert (whole.created, whole.object["status"]) == (1_795_600_900, "succeeded")


def _with(**changes: Any) -> dict[str, Any]:
    return GOOD | changes


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 5000, "not JSON"),
        (b"[]", "a list"),
        (b"null", "missing or null"),
        (b"{}", "`object` is None"),
        (_with(object="charge"), "`object` is 'charge'"),
        (_with(id=None), "`id` is None"),
        (_with(id=""), "`id` is ''"),
        (_with(id=7), "`id` is 7"),
        (_with(id="evt_\x00"), "`id` is"),
        (_with(id="e" * 256), "`id` is"),
        (_with(type=None), "`type` is None"),
        (_with(created="2026-01-01"), "`created` is text"),
        (_with(created=True), "`created` is true or false"),
        (_with(created=1.5), "`created` is a fraction"),
        (_with(created=-1), "`created` is -1"),
        (_with(created=10**12), "no second"),
        (_with(created=10**30), "`created` is a fraction"),
        (_with(livemode=None), "`livemode` is missing"),
        (_with(livemode="false"), "`livemode` is text"),
        (_with(data=None), "carries no object"),
        (_with(data={"object": []}), "carries no object"),
        (_with(data={"object": {}, "previous_attributes": 3}), "`data.previous_attributes`"),
        (THIN | {"created": None}, "no ISO 8601 moment"),
        (THIN | {"created": "2026-11-25T10:00:00"}, "no ISO 8601 moment"),
        (THIN | {"created": 3}, "no ISO 8601 moment"),
    ],
)
def test_what_is_no_event_is_refused_in_words(body: bytes | dict[str, Any], says: str) -> None:
    with pytest.raises(BadEvent) as caught:
        decode(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert says in str(caught.value)
    assert "Expected an event as Stripe sends it" in str(caught.value)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_event_or_bad_event(body: bytes) -> None:
    with pytest.raises(BadEvent):
        decode(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.sampled_from([GOOD, THIN]), st.data())
def test_a_damaged_event_is_read_or_refused_and_nothing_else(
    whole: dict[str, Any], data: st.DataObject
) -> None:
    damaged = dict(whole)
    for key in data.draw(st.sets(st.sampled_from(sorted(whole)), min_size=1)):
        damaged[key] = data.draw(JSON)
    try:
        read = decode(json.dumps(damaged).encode())
    except BadEvent:
        return
    assert load(json.dumps(damaged).encode())["id"] == read.id
    assert (when(read.created) or "").endswith("Z")


def test_the_text_form_of_a_second() -> None:
    assert when(None) is None
    assert when(0) == "1970-01-01T00:00:00Z"
    assert when(1_800_000_000) == "2027-01-15T08:00:00Z"
