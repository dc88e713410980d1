"""A look at everything a running project needs, as findings: registry of small functions."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from engine.access import TokenVerifier
from engine.check.view import every_node
from engine.endpoints import PATH, wanted_types
from engine.errors import ActionflowError
from engine.project import Project
from engine.store import inbox, outbox
from engine.stripe.client import API_VERSION, Client, StripeUnreachable

Verdict = Literal["ok", "warning", "wrong"]
MOST_SKEW = 60
"""Seconds this machine's clock may differ from Stripe's; signatures are refused beyond 300."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` says what to do where it is not ok."""

    about: str
    verdict: Verdict
    message: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at. `stripe` is None without a secret key."""

    project: Project
    stripe: Client | None


Look = Callable[[Patient], Iterator[Finding]]
LOOKS: list[Look] = []


def look(function: Look) -> Look:
    """Register one look; they run in the order they are written."""
    LOOKS.append(function)
    return function


def examine(patient: Patient) -> Iterator[Finding]:
    """All findings. A look that cannot be taken is a finding, too."""
    for one in LOOKS:
        try:
            yield from one(patient)
        except ActionflowError as error:
            yield Finding(one.__name__, "wrong", str(error), "Mend this first.")


@look
def flows(patient: Patient) -> Iterator[Finding]:
    """The project was read and checked to get here; warnings are told."""
    count = len(patient.project.flows)
    yield Finding("flows", "ok", f"{count} flows, no mistakes")
    for problem in patient.project.warnings:
        if problem.severity == "warning":
            yield Finding("flows", "warning", f"{problem.place}: {problem.message}", problem.mend)


@look
def keys(patient: Patient) -> Iterator[Finding]:
    """Secret key, publishable key and webhook secret, of one mode."""
    secrets = patient.project.secrets()
    names = secrets.variables
    if secrets.secret_key is None:
        mend = f"Set {' or '.join(names['secret_key'])}; serve --demo needs none, its stand-in answers."
        yield Finding("keys", "wrong", "no secret key: actions cannot ask Stripe", mend)
    elif not secrets.secret_key.startswith(("sk_", "rk_")):
        mend = "Take the secret key (sk_… or rk_…) from Stripe's dashboard."
        yield Finding("keys", "wrong", "the secret key is no secret key of Stripe", mend)
    else:
        yield Finding("keys", "ok", f"secret key, {secrets.mode} mode")
    publishable = secrets.publishable_key
    if publishable is None:
        mend = f"Set {' or '.join(names['publishable_key'])} where pages use Stripe Elements."
        yield Finding("keys", "warning", "no publishable key", mend)
    elif secrets.mixed_up:
        mend = "Take the publishable key (pk_…) from Stripe's dashboard; browsers are given it."
        yield Finding("keys", "wrong", "a secret key stands in the publishable key's place", mend)
    elif ("_live_" in publishable) != (secrets.mode == "live"):
        mend = "Take both keys of one mode from Stripe's dashboard."
        yield Finding("keys", "wrong", "publishable and secret key are of different modes", mend)
    if not secrets.webhook_secrets:
        mend = f"Set {' or '.join(names['webhook_secret'])}, or run: actionflow webhooks sync URL"
        yield Finding("keys", "wrong", "no webhook secret: every event is refused", mend)
    for number, secret in enumerate(secrets.webhook_secrets, 1):
        if not secret.startswith("whsec_"):
            mend = "Take the endpoint's signing secret (whsec_…) from Stripe's dashboard."
            yield Finding("keys", "wrong", f"webhook secret {number} is none of Stripe's", mend)


@look
def tokens(patient: Patient) -> Iterator[Finding]:
    """What `jwt:` names is there; without it no server starts."""
    jwt = patient.project.file.jwt
    if jwt is None:
        return
    TokenVerifier.of(patient.project.file, patient.project.folder)
    yield Finding(
        "tokens", "ok", f"taken from {jwt.issuer}, signed with {' or '.join(jwt.algorithms)}"
    )


@look
def calls(patient: Patient) -> Iterator[Finding]:
    """What `http` nodes send in `secret_headers` is set."""
    sending: dict[str, list[str]] = {}
    for compiled in patient.project.flows.values():
        for node in every_node(compiled.flow.nodes):
            for variable in node.keys.get("secret_headers", {}).values():
                sending.setdefault(variable, []).append(f"{compiled.flow.name}/{node.id}")
    for variable, nodes in sending.items():
        if not os.environ.get(variable, "").strip():
            said = f"{variable} is not set: {', '.join(nodes)} cannot call"
            yield Finding("calls", "wrong", said, "Set it for the server, as here.")


@look
def database(patient: Patient) -> Iterator[Finding]:
    """It opens, is up to date, and no events rest or wait too long in it."""
    store = patient.project.store()
    try:
        with store.reader() as tx:
            counts, calls_of = inbox.counts(tx), outbox.counts(tx)
    finally:
        store.close()
    yield Finding("database", "ok", f"up to date, {sum(counts.values())} events received")
    if counts["dead"]:
        mend = "Look at them: actionflow events list --state dead; mend; actionflow events replay --dead"
        yield Finding("database", "wrong", f"{counts['dead']} dead letters", mend)
    if counts["waiting"]:
        mend = "See why: actionflow events list --state waiting"
        yield Finding(
            "database", "warning", f"{counts['waiting']} events wait for another try", mend
        )
    if given_up := calls_of["dead"]:
        mend = "See why: actionflow outbox list --state dead; mend; actionflow outbox retry --dead"
        yield Finding(
            "database",
            "warning",
            f"{given_up} {'call was' if given_up == 1 else 'calls were'} given up",
            mend,
        )


@look
def account(patient: Patient) -> Iterator[Finding]:
    """Stripe answers with this key, and the clocks agree."""
    if patient.stripe is None:
        return
    try:
        date = patient.stripe.date()
    except StripeUnreachable as error:
        yield Finding("stripe", "wrong", str(error), "Look at the network, and at the key.")
        return
    skew = round(time.time() - email.utils.parsedate_to_datetime(date).timestamp())
    if abs(skew) > MOST_SKEW:
        mend = "Set the clock (NTP): signatures more than 300 seconds off are refused."
        yield Finding("clock", "wrong", f"this clock is {skew:+d} s off Stripe's", mend)
    else:
        yield Finding("clock", "ok", f"{skew:+d} s off Stripe's")


@look
def endpoint(patient: Patient) -> Iterator[Finding]:
    """One enabled endpoint sends all that is handled, in a known API version."""
    if patient.stripe is None:
        return
    answer = patient.stripe.perform("webhook_endpoints.list", {"limit": 100})
    if "error" in answer:
        yield Finding("endpoint", "wrong", str(answer["error"].get("message")), "Look at the key.")
        return
    there = [one for one in answer["ok"]["data"] if one["url"].endswith(PATH)]
    if not there:
        mend = "Make one: actionflow webhooks sync URL"
        yield Finding("endpoint", "wrong", f"no endpoint ends with {PATH}", mend)
    for one in there:
        missing = sorted(set(wanted_types(patient.project)) - set(one["enabled_events"]))
        mend = f"Repair it: actionflow webhooks sync {one['url']}"
        if one["status"] != "enabled":
            yield Finding("endpoint", "wrong", f"{one['url']} is switched off", mend)
        if missing and "*" not in one["enabled_events"]:
            said = f"{one['url']} does not send {', '.join(missing)}"
            yield Finding("endpoint", "wrong", said, mend)
        elif one["status"] == "enabled":
            version = one.get("api_version") or "the account's"
            known = (
                ""
                if version == API_VERSION
                else f" (calls are made in {API_VERSION}; all are read)"
            )
            yield Finding("endpoint", "ok", f"{one['url']}, API version {version}{known}")
