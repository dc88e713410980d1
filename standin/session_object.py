"""The checkout session as an object: what it holds while it is open."""

from standin.api import Call
from standin.errors import Object
from standin.metadata import merge


def create(call: Call, identifier: str, ui_mode: str, now: int, expires_at: int) -> Object:
    """An open session as the parameters describe it, still without lines and amounts."""
    mode = call.get("mode", "payment")
    hosted = ui_mode == "hosted_page"
    creation = "always" if mode == "subscription" else call.get("customer_creation", "if_required")
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": call.get("allow_promotion_codes"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": call.text("billing_address_collection"),
        "cancel_url": call.text("cancel_url"),
        "client_reference_id": call.text("client_reference_id"),
        "client_secret": None if hosted else f"{identifier}_secret_{call.state.ids.text(40)}",
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": None if call.text("customer") else creation,
        "customer_details": None,
        "customer_email": call.text("customer_email"),
        "discounts": [],
        "expires_at": expires_at,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        }
        if mode == "payment"
        else None,
        "livemode": False,
        "locale": call.text("locale"),
        "metadata": merge({}, call.get("metadata")),
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": call.get(
            "payment_method_collection", "always" if mode == "subscription" else "if_required"
        ),
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": call.text("submit_type"),
        "subscription": None,
        "success_url": call.text("success_url"),
        "total_details": None,
        "ui_mode": ui_mode,
        "url": f"{call.state.url}/c/pay/{identifier}" if hosted else None,
        "wallet_options": None,
    } | ({} if hosted else {"return_url": call.text("return_url")})
