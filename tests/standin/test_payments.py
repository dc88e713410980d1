"""Payment intents through the official SDK."""

import pytest
import stripe

from tests.standin.support import Shop


def test_a_card_payment_succeeds_and_tells_its_events_in_stripes_order(shop: Shop) -> None:
    intent = shop.pay(metadata={"order_id": "42"})
    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    assert shop.kinds() == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    ]
    charge = shop.v1.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
    assert charge.metadata["order_id"] == "42"
    assert charge.balance_transaction.net == 1000 - charge.balance_transaction.fee


@pytest.mark.parametrize(
    ("method", "code", "decline"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
    ],
)
def test_a_declined_card_is_a_card_error_and_the_intent_can_be_tried_again(
    shop: Shop, method: str, code: str, decline: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        shop.pay(method=method)
    assert (caught.value.code, caught.value.http_status) == (code, 402)
    assert caught.value.error.decline_code == decline
    intent = shop.v1.payment_intents.retrieve(caught.value.error.payment_intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == code
    assert shop.kinds()[-2:] == ["charge.failed", "payment_intent.payment_failed"]
    done = shop.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (done.status, done.last_payment_error) == ("succeeded", None)


def test_a_delayed_method_is_pending_until_the_bank_answers(shop: Shop) -> None:
    intent = shop.pay(method="pm_usBankAccount_success")
    assert intent.status == "processing"
    assert shop.kinds()[-2:] == ["payment_intent.processing", "charge.pending"]
    shop.control("clock", advance=60)
    assert shop.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert shop.kinds()[-3:] == ["charge.succeeded", "payment_intent.succeeded", "charge.updated"]


def test_a_delayed_method_can_fail(shop: Shop) -> None:
    intent = shop.pay(method="pm_sepaDebit_failedDelayed")
    shop.control(f"payment_intents/{intent.id}/settle", outcome="fail")
    failed = shop.v1.payment_intents.retrieve(intent.id)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.code == "payment_intent_payment_attempt_failed"
    # The clock's own job finds nothing left to do.
    count = len(shop.events())
    shop.control("clock", advance=600)
    assert len(shop.events()) == count


@pytest.mark.parametrize("passes", [True, False])
def test_authentication_is_passed_or_failed(shop: Shop, passes: bool) -> None:
    intent = shop.pay(method="pm_card_authenticationRequired", return_url="https://shop.test/back")
    assert intent.status == "requires_action"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.test/back"
    outcome = "succeed" if passes else "fail"
    after = shop.control(f"payment_intents/{intent.id}/authenticate", outcome=outcome)
    assert after["status"] == ("succeeded" if passes else "requires_payment_method")


def test_manual_capture_takes_a_part_and_cancel_releases(shop: Shop) -> None:
    intent = shop.pay(capture_method="manual")
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1000)
    taken = shop.v1.payment_intents.capture(intent.id, {"amount_to_capture": 400})
    assert (taken.status, taken.amount_received) == ("succeeded", 400)
    other = shop.pay(capture_method="manual")
    gone = shop.v1.payment_intents.cancel(other.id, {"cancellation_reason": "duplicate"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "duplicate")
    assert shop.kinds()[-2:] == ["charge.refunded", "payment_intent.canceled"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"


def test_a_dispute_card_is_disputed_and_the_seller_wins_or_gives_up(shop: Shop) -> None:
    won = shop.pay(method="pm_card_createDispute")
    [dispute] = shop.v1.disputes.list({"payment_intent": won.id}).data
    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")
    text = {"evidence": {"uncategorized_text": "winning_evidence"}}
    assert shop.v1.disputes.update(dispute.id, text).status == "won"
    assert shop.kinds()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    lost = shop.pay(method="pm_card_createDisputeProductNotReceived")
    [dispute] = shop.v1.disputes.list({"payment_intent": lost.id}).data
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.refunds.create({"payment_intent": lost.id})
    assert caught.value.code == "charge_disputed"
    assert shop.v1.disputes.close(dispute.id).status == "lost"


def test_a_browser_with_a_publishable_key_confirms_its_own_intent_only(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create({"amount": 900, "currency": "eur"})
    path = f"/v1/payment_intents/{intent.id}/confirm"
    given = {"payment_method": "pm_card_visa", "client_secret": intent.client_secret}
    browser = {"Authorization": "Bearer pk_test_x"}
    stranger = shop.http.post(path, data=given | {"client_secret": "no"}, headers=browser)
    assert stranger.status_code == 404
    assert shop.http.post(path, data=given, headers=browser).json()["status"] == "succeeded"
    assert (
        shop.http.post(
            "/v1/refunds", data={"payment_intent": intent.id}, headers=browser
        ).status_code
        == 401
    )


def test_setup_intents_save_a_card_for_later(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "buyer@example.com"})
    setup = shop.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": "https://shop.test/back",
        }
    )
    assert setup.status == "requires_action"
    shop.control(f"setup_intents/{setup.id}/authenticate", outcome="succeed")
    [card] = shop.v1.customers.payment_methods.list(customer.id).data
    paid = shop.pay(method=card.id, customer=customer.id, off_session=True)
    assert paid.status == "succeeded"
    with pytest.raises(stripe.CardError) as caught:
        shop.v1.setup_intents.create({"payment_method": "pm_card_chargeDeclined", "confirm": True})
    assert caught.value.error.setup_intent.status == "requires_payment_method"
    waiting = shop.v1.setup_intents.create({})
    assert shop.v1.setup_intents.cancel(waiting.id).status == "canceled"


def test_off_session_payment_of_a_card_that_wants_authentication_is_declined(shop: Shop) -> None:
    customer = shop.v1.customers.create({"payment_method": "pm_card_authenticationRequired"})
    [card] = shop.v1.customers.payment_methods.list(customer.id).data
    with pytest.raises(stripe.CardError) as caught:
        shop.pay(method=card.id, customer=customer.id, off_session=True)
    assert caught.value.code == "authentication_required"
