"""The plainer objects: products, prices, payment methods, customers, charges, clocks."""

import pytest
import stripe

from tests.standin.support import NOW, Shop

ADDRESS = {"line1": "1 Street", "city": "Town", "country": "DE"}


def test_products_and_prices(shop: Shop) -> None:
    product = shop.v1.products.create(
        {
            "id": "mug",
            "name": "Mug",
            "description": "Blue",
            "default_price_data": {"currency": "eur", "unit_amount": 1200},
        }
    )
    assert (product.id, product.active) == ("mug", True)
    price = shop.v1.prices.retrieve(product.default_price)
    assert (price.unit_amount, price.type, price.recurring) == (1200, "one_time", None)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.products.create({"id": "mug", "name": "Mug"})
    assert caught.value.code == "resource_already_exists"
    changed = shop.v1.products.update("mug", {"description": "", "active": False})
    assert (changed.description, changed.active) == (None, False)
    assert shop.events()[-1]["data"]["previous_attributes"].keys() >= {"description", "active"}
    yearly = shop.v1.prices.create(
        {
            "product": "mug",
            "currency": "EUR",
            "unit_amount_decimal": "9900",
            "recurring": {"interval": "year"},
            "lookup_key": "year",
        }
    )
    assert (yearly.currency, yearly.recurring.interval) == ("eur", "year")
    assert [p.id for p in shop.v1.prices.list({"lookup_keys": ["year"]}).data] == [yearly.id]
    assert len(shop.v1.prices.list({"product": "mug", "type": "one_time"}).data) == 1
    assert shop.v1.prices.update(yearly.id, {"active": False, "nickname": "old"}).active is False
    default = shop.v1.products.update("mug", {"default_price": yearly.id})
    assert default.default_price == yearly.id
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.products.delete("mug")
    loose = shop.v1.products.create({"name": "Loose"})
    assert [p.id for p in shop.v1.products.list({"active": True}).data] == [loose.id]
    assert shop.v1.products.delete(loose.id).deleted
    assert shop.kinds()[-1] == "product.deleted"


@pytest.mark.parametrize(
    "bad",
    [
        {"unit_amount": -1},
        {"unit_amount_decimal": "1.5"},
        {},
        {"unit_amount": 1, "product": "no"},
        {"unit_amount": 1, "product": ""},
        {"unit_amount": 1, "recurring": {"interval": "hour"}},
    ],
)
def test_prices_that_make_no_sense(shop: Shop, bad: dict[str, object]) -> None:
    product = shop.v1.products.create({"name": "Mug"})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.prices.create({"currency": "usd", "product": product.id, **bad})  # type: ignore[typeddict-item]


def test_payment_methods_from_numbers_accounts_and_tokens(shop: Shop) -> None:
    card = shop.v1.payment_methods.create(
        {
            "type": "card",
            "card": {"number": "4242424242424242", "exp_month": 5, "exp_year": 2031, "cvc": "123"},
            "billing_details": {"name": "Jenny", "address": ADDRESS},
        }
    )
    assert (card.card.last4, card.card.exp_year) == ("4242", 2031)
    assert card.billing_details.address.city == "Town"
    assert "number" not in card.card
    debit = shop.v1.payment_methods.create(
        {"type": "sepa_debit", "sepa_debit": {"iban": "AT61 1904 3002 3457 3201"}}
    )
    assert debit.sepa_debit.last4 == "3201"
    bank = shop.v1.payment_methods.create(
        {"type": "us_bank_account", "us_bank_account": {"account_number": "000123456789"}}
    )
    assert bank.us_bank_account.last4 == "6789"
    token = shop.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert token.card.brand == "visa"
    with pytest.raises(stripe.CardError) as caught:
        shop.v1.payment_methods.create({"type": "card", "card": {"number": "4111111111111111"}})
    assert caught.value.code == "incorrect_number"
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": "DE00"}})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_methods.create({"type": "card"})


def test_payment_methods_are_attached_to_one_customer_and_detached(shop: Shop) -> None:
    first, second = (shop.v1.customers.create({}).id for _ in range(2))
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": first})
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_methods.attach(card.id, {"customer": second})
    with pytest.raises(stripe.InvalidRequestError):
        shop.pay(method=card.id, customer=second)
    with pytest.raises(stripe.CardError):
        shop.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": first})
    changed = shop.v1.payment_methods.update(
        card.id,
        {"billing_details": {"name": "New"}, "card": {"exp_year": 2040}, "metadata": {"a": "1"}},
    )
    assert (changed.billing_details.name, changed.card.exp_year) == ("New", 2040)
    default = {"invoice_settings": {"default_payment_method": card.id}}
    assert shop.v1.customers.update(first, default).invoice_settings.default_payment_method
    assert len(shop.v1.payment_methods.list({"customer": first, "type": "card"}).data) == 1
    assert shop.v1.payment_methods.detach(card.id).customer is None
    settings = shop.v1.customers.retrieve(first).invoice_settings
    assert settings.default_payment_method is None
    assert shop.v1.payment_methods.retrieve(card.id).customer is None
    for call in (
        lambda: shop.v1.payment_methods.detach(card.id),
        lambda: shop.v1.payment_methods.retrieve("pm_no"),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            call()


def test_customers_keep_what_they_are_told(shop: Shop) -> None:
    customer = shop.v1.customers.create(
        {
            "name": "Jenny",
            "address": ADDRESS,
            "shipping": {"name": "Jenny", "address": ADDRESS},
            "preferred_locales": ["de"],
            "tax_exempt": "reverse",
            "balance": -500,
            "next_invoice_sequence": 7,
        }
    )
    assert (customer.balance, customer.shipping.address.country) == (-500, "DE")
    cleared = shop.v1.customers.update(customer.id, {"shipping": "", "address": "", "name": ""})
    assert (cleared.shipping, cleared.address, cleared.name) == (None, None, None)
    assert shop.v1.customers.list({"email": "no@example.com"}).data == []
    shown = shop.v1.customers.retrieve(
        customer.id, {"expand": ["subscriptions", "sources", "tax_ids"]}
    )
    assert shown.subscriptions.data == shown.sources.data == shown.tax_ids.data == []
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.create({"test_clock": "clock_no"})


def test_a_credit_pays_before_the_card(shop: Shop) -> None:
    customer = shop.v1.customers.create(
        {
            "balance": -500,
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )
    price = shop.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 2000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Coffee"},
        }
    )
    subscription = shop.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "expand": ["latest_invoice"],
        }
    )
    invoice = subscription.latest_invoice
    assert (invoice.total, invoice.amount_paid, invoice.ending_balance) == (2000, 1500, 0)


def test_charges_can_be_described_and_flagged(shop: Shop) -> None:
    intent = shop.pay()
    customer = shop.v1.customers.create({})
    charge = shop.v1.charges.update(
        intent.latest_charge,
        {
            "description": "A mug",
            "customer": customer.id,
            "metadata": {"a": "b"},
            "fraud_details": {"user_report": "safe"},
        },
    )
    assert (charge.description, charge.fraud_details.user_report) == ("A mug", "safe")
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.charges.update(charge.id, {"customer": customer.id})
    assert len(shop.v1.charges.list({"payment_intent": intent.id}).data) == 1
    booked = shop.v1.balance_transactions.retrieve(charge.balance_transaction)
    assert booked.source == charge.id


def test_payment_intents_change_until_they_are_paid(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "automatic_payment_methods": {"enabled": True},
            "shipping": {"name": "Jenny", "address": ADDRESS},
            "metadata": {"order_id": "1"},
        }
    )
    assert intent.payment_method_types == ["card", "sepa_debit"]
    changed = shop.v1.payment_intents.update(
        intent.id,
        {"amount": 950, "payment_method": "pm_card_visa", "metadata": {"order_id": "2"}},
    )
    assert (changed.amount, changed.status) == (950, "requires_confirmation")
    assert shop.v1.payment_intents.confirm(
        intent.id, {"return_url": "https://shop.test"}
    ).amount_received == (950)
    for call in (
        lambda: shop.v1.payment_intents.update(intent.id, {"amount": 100}),
        lambda: shop.v1.payment_intents.confirm(intent.id),
        lambda: shop.v1.payment_intents.capture(intent.id),
        lambda: shop.pay(method="pm_sepaDebit_success", payment_method_types=["card"]),
        lambda: shop.pay(transfer_data={"destination": "acct_1"}),
        lambda: shop.v1.payment_intents.create(
            {"amount": 900, "currency": "usd", "off_session": True}
        ),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            call()
    details = {"type": "sepa_debit", "sepa_debit": {"iban": "AT611904300234573201"}}
    debited = shop.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "payment_method_data": details,  # type: ignore[typeddict-item]
            "confirm": True,
            "return_url": "https://shop.test",
        }
    )
    assert debited.status == "processing"
    empty = shop.v1.payment_intents.create({"amount": 900, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.payment_intents.confirm(empty.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.CardError) as refused:
        shop.pay(method="pm_card_authenticationRequired", error_on_requires_action=True)
    assert refused.value.code == "payment_intent_authentication_failure"


def test_setup_intents_change_and_end(shop: Shop) -> None:
    setup = shop.v1.setup_intents.create(
        {"automatic_payment_methods": {"enabled": True}, "metadata": {"a": "1"}}
    )
    customer = shop.v1.customers.create({})
    changed = shop.v1.setup_intents.update(
        setup.id, {"customer": customer.id, "payment_method": "pm_card_visa"}
    )
    assert changed.status == "requires_confirmation"
    assert shop.v1.setup_intents.confirm(setup.id).status == "succeeded"
    assert len(shop.v1.setup_intents.list({"customer": customer.id}).data) == 1
    for call in (
        lambda: shop.v1.setup_intents.cancel(setup.id),
        lambda: shop.v1.setup_intents.confirm(setup.id),
        lambda: shop.v1.setup_intents.update(setup.id, {"description": "x"}),
        lambda: shop.v1.setup_intents.create({"confirm": True}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            call()
        assert caught.value.code == "setup_intent_unexpected_state"
    asked = shop.v1.setup_intents.create(
        {"payment_method": "pm_card_threeDSecure2Required", "confirm": True}
    )
    shop.control(f"setup_intents/{asked.id}/authenticate", outcome="fail")
    failed = shop.v1.setup_intents.retrieve(asked.id)
    assert failed.last_setup_error.code == "setup_intent_authentication_failure"


def test_test_clocks_go_forward_and_take_their_customers_along(shop: Shop) -> None:
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": NOW, "name": "Mine"})
    customer = shop.v1.customers.create({"test_clock": clock.id})
    assert customer.created == NOW
    assert shop.v1.customers.list({"test_clock": clock.id}).data[0].id == customer.id
    assert shop.v1.customers.list().data == []
    for target in (NOW, NOW + 3 * 366 * 86_400):
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": target})
    assert len(shop.v1.test_helpers.test_clocks.list().data) == 1
    assert shop.v1.test_helpers.test_clocks.delete(clock.id).deleted
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.customers.retrieve(customer.id)


def test_disputes_can_be_opened_by_hand(shop: Shop) -> None:
    charge = shop.pay().latest_charge
    opened = shop.control(f"charges/{charge}/dispute", reason="duplicate")
    won = shop.control(f"disputes/{opened['id']}/close", outcome="won")
    assert (won["status"], won["reason"]) == ("won", "duplicate")
    assert shop.http.post(f"/_standin/charges/{charge}/dispute", json={}).status_code == 400
    inquiry = shop.pay(method="pm_card_createDisputeInquiry")
    [asked] = shop.v1.disputes.list({"payment_intent": inquiry.id}).data
    assert asked.status == "warning_needs_response"
    assert shop.v1.refunds.create({"payment_intent": inquiry.id}).status == "succeeded"
    told = shop.v1.disputes.update(asked.id, {"evidence": {"customer_name": "Jenny"}})
    assert told.status == "warning_under_review"
    assert shop.v1.disputes.close(asked.id).status == "warning_closed"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        shop.v1.disputes.close(asked.id)
    assert caught.value.code == "dispute_already_closed"
