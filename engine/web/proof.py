"""What is said and counted when a delivery is not believed, by the desk and by the front alike."""

from __future__ import annotations

import logging

from engine.errors import BadInput
from engine.logs import Seldom
from engine.stripe.signature import SecretMissing, SignatureRefused
from engine.web.answers import Answer, refusal

log = logging.getLogger("actionflow.webhook")
refusals = Seldom(log)


def refused(error: BadInput) -> tuple[str, Answer]:
    """Log it; the reason to count it under, and the answer."""
    if isinstance(error, SecretMissing):
        log.error("%s", error)
        return "no_secret", refusal(500, "no_webhook_secret", str(error))
    refusals.warning("refused: %s", error)
    if isinstance(error, SignatureRefused):
        return "signature", refusal(400, "signature_refused", str(error))
    return "no_event", refusal(400, "not_an_event", str(error))
