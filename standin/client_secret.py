"""The client secret of an intent: what lets a browser see and confirm the intent that is its own."""

from standin.api import Call
from standin.errors import Object, missing


def own_intent(call: Call, kind: str) -> Object:
    """The intent named in the path, if the caller may have it; to others it looks as if missing.

    A browser that holds only the publishable key must show the intent's client secret.
    """
    intent = call.state.get(kind, call.path["intent"], "intent")
    secret = call.get("client_secret")
    if (call.publishable or secret) and secret != intent["client_secret"]:
        raise missing(kind, intent["id"], "intent")
    return intent
