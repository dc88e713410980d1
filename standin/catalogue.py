"""Every module that answers API operations; importing this registers them all."""

from standin import (
    balance,
    charges,
    customers,
    event_api,
    payment_intents,
    payment_methods,
    products,
    webhook_endpoints,
)

MODULES = (
    balance,
    charges,
    customers,
    event_api,
    payment_intents,
    payment_methods,
    products,
    webhook_endpoints,
)
