"""Every module that answers API operations; importing this registers them all."""

from standin import (
    balance,
    charges,
    customers,
    disputes,
    event_api,
    payment_intents,
    payment_methods,
    products,
    refunds,
    setup_intents,
    webhook_endpoints,
)

MODULES = (
    balance,
    charges,
    customers,
    disputes,
    event_api,
    payment_intents,
    payment_methods,
    products,
    refunds,
    setup_intents,
    webhook_endpoints,
)
