"""What a subscription is agreed to be: items, trial, payment settings and a planned end."""

from typing import Any

from standin import payment_methods, subscription_items, subscriptions
from standin.api import Call
from standin.errors import Object, StripeError
from standin.metadata import merge


def trial_end(call: Call, now: int) -> int | None:
    """When the trial ends that the parameters ask for, in UTC seconds."""
    given = call.get("trial_end")
    if given == "now":
        return None
    if given:
        if given <= now:
            raise StripeError("trial_end must be in the future.", param="trial_end")
        return int(given)
    days = call.get("trial_period_days")
    return now + days * 86_400 if days else None


def build(call: Call, customer: str, items: list[Any], **fields: Any) -> Object:
    """A subscription from parameters; checkout builds its own through here."""
    state = call.state
    now = state.now(customer)
    if not items:
        raise StripeError("Missing required param: items.", code="parameter_missing", param="items")
    end = trial_end(call, now)
    made = [
        subscription_items.build(state, given, now, end, f"items[{position}]")
        for position, given in enumerate(items)
    ]
    rules = {
        (i["price"]["recurring"]["interval"], i["price"]["recurring"]["interval_count"])
        for i in made
    }
    codes = {item["price"]["currency"] for item in made}
    if len(rules) > 1 or len(codes) > 1:
        raise StripeError("All prices must have one interval and one currency.", param="items")
    if end:
        fields |= {"trial_start": now, "trial_end": end, "billing_cycle_anchor": end}
    return subscriptions.create(state, customer, codes.pop(), made, **fields)


def apply(call: Call, subscription: Object) -> None:
    """Fields that creation and update share."""
    params = call.params
    for name in ("description", "collection_method", "days_until_due"):
        if name in params:
            subscription[name] = params[name] or None
    if "default_payment_method" in params:
        wanted = params["default_payment_method"]
        method = payment_methods.resolve(call.state, wanted) if wanted else None
        subscription["default_payment_method"] = method["id"] if method else None
    settings = params.get("payment_settings", {})
    for name in ("payment_method_types", "save_default_payment_method"):
        if name in settings:
            subscription["payment_settings"][name] = settings[name] or None
    if params.get("trial_settings"):
        subscription["trial_settings"] = params["trial_settings"]
    details = params.get("cancellation_details") or {}
    for name in ("comment", "feedback"):
        if name in details:
            subscription["cancellation_details"][name] = details[name] or None
    subscription["metadata"] = merge(subscription["metadata"], params.get("metadata"))
    _plan_end(call, subscription)


def _plan_end(call: Call, subscription: Object) -> None:
    params = call.params
    now = call.state.now(subscription["customer"])
    if params.get("cancel_at") and params.get("cancel_at_period_end"):
        raise StripeError(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
            code="parameters_exclusive",
        )
    end = subscriptions.period_end(subscription)
    if params.get("cancel_at_period_end"):
        subscription |= {"cancel_at_period_end": True, "cancel_at": end}
    elif "cancel_at" in params:
        wanted = params["cancel_at"]
        if wanted in ("min_period_end", "max_period_end"):
            wanted = end
        if wanted and wanted <= now:
            raise StripeError("cancel_at must be in the future.", param="cancel_at")
        subscription |= {"cancel_at_period_end": False, "cancel_at": wanted or None}
    elif params.get("cancel_at_period_end") is False:
        subscription |= {"cancel_at_period_end": False, "cancel_at": None}
    else:
        return
    ending = subscription["cancel_at"] is not None
    subscription["canceled_at"] = now if ending else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if ending else None
