"""Every module that answers API operations; importing this registers them all."""

from types import ModuleType

from standin import (
    account,
    balance,
    charges,
    checkout_api,
    customers,
    disputes,
    event_api,
    invoice_api,
    invoice_payments,
    payment_intents,
    payment_methods,
    product_api,
    refunds,
    search,
    setup_intents,
    subscription_api,
    subscription_items,
    test_clocks,
    thin_events,
    webhook_endpoints,
)

MODULES: tuple[ModuleType, ...] = (
    account,
    balance,
    charges,
    checkout_api,
    customers,
    disputes,
    event_api,
    invoice_api,
    invoice_payments,
    payment_intents,
    payment_methods,
    product_api,
    refunds,
    search,
    setup_intents,
    subscription_api,
    subscription_items,
    test_clocks,
    thin_events,
    webhook_endpoints,
)
