"""What is said when a delivery is not believed, or not kept: by the server and by its front alike."""

from __future__ import annotations

import logging

from engine.errors import BadInput
from engine.logs import Seldom
from engine.store.refusals import StoreBusy
from engine.stripe.event import Event
from engine.stripe.signature import SecretMissing, SignatureRefused
from engine.web.answers import BUSY, Answer, refusal

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


def not_kept(event: Event, error: object) -> Answer:
    """503, and a line in the log: Stripe is to send the event again."""
    if isinstance(error, StoreBusy):
        log.error("event %s could not be kept: %s", event.id, error)
        return refusal(503, "busy", str(error), BUSY)
    log.error("event %s could not be kept", event.id, exc_info=error)  # type: ignore[arg-type]
    return refusal(503, "not_kept", "The event could not be kept; send it again.", BUSY)
