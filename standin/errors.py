"""Errors in Stripe's words: type, code, param, message, and the HTTP status that goes with them."""

from typing import Any

Object = dict[str, Any]


class StripeError(Exception):
    """An answer other than 2xx; `body` holds what Stripe's error object says beside the message."""

    def __init__(
        self, message: str, *, status: int = 400, type: str = "invalid_request_error", **body: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.body = {key: value for key, value in body.items() if value is not None}

    @property
    def code(self) -> str | None:
        """Stripe's machine-readable code, when it has one."""
        code = self.body.get("code")
        return str(code) if code else None

    def payload(self) -> Object:
        """The JSON body of the answer."""
        error: Object = {"message": self.message, "type": self.type, **self.body}
        if self.code:
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        return {"error": error}


def missing(kind: str, identifier: str, param: str, *, status: int = 404) -> StripeError:
    """No such object: 404 for the object of the path, 400 for one named by a parameter."""
    return StripeError(
        f"No such {kind.removeprefix('test_helpers.')}: '{identifier}'",
        status=status,
        code="resource_missing",
        param=param,
    )


def required(param: str) -> StripeError:
    """A parameter that has to be there is not."""
    return StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def wrong_state(kind: str, message: str, **body: Any) -> StripeError:
    """The object is in a state that forbids the call, as payment_intent_unexpected_state says."""
    return StripeError(message, code=f"{kind}_unexpected_state", **body)
