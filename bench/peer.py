"""The handwritten peer: what a careful developer writes for one event type, by Stripe's own guide.

Starlette, stripe.Webhook.construct_event, sqlite3 in WAL mode with synchronous=FULL, one transaction
an event, with the effects of flows/payment_callback.yaml: each event once, a payment, a paid order.
It keeps neither the payload nor a trace nor a log of changes.
"""

from __future__ import annotations

import os
import sqlite3

import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.events import SECRET

SCHEMA = """
    CREATE TABLE processed_event (id TEXT PRIMARY KEY, type TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE TABLE payment (
        id INTEGER PRIMARY KEY,
        order_id INTEGER NOT NULL REFERENCES "order" (id),
        intent TEXT NOT NULL UNIQUE,
        amount INTEGER NOT NULL,
        currency TEXT NOT NULL,
        status TEXT NOT NULL
    );
    CREATE TABLE "order" (
        id INTEGER PRIMARY KEY,
        amount INTEGER NOT NULL,
        currency TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'pending'
    );
    CREATE INDEX payment_order ON payment (order_id);
"""


def connect() -> sqlite3.Connection:
    """The database named by BENCH_DATABASE, durable."""
    db = sqlite3.connect(os.environ["BENCH_DATABASE"], isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    return db


async def webhook(request: Request) -> Response:
    """One event, once."""
    payload = await request.body()
    try:
        event = stripe.Webhook.construct_event(
            payload, request.headers.get("stripe-signature"), SECRET
        )
    except (ValueError, stripe.SignatureVerificationError):
        return JSONResponse({"error": "refused"}, 400)
    db: sqlite3.Connection = request.app.state.db
    db.execute("BEGIN IMMEDIATE")
    try:
        fresh = db.execute(
            "INSERT INTO processed_event VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (event.id, event.type, event.created),
        ).rowcount
        if fresh and event.type == "payment_intent.succeeded":
            intent = event.data.object
            order = int(intent.metadata["order_id"])
            db.execute(
                "INSERT INTO payment (order_id, intent, amount, currency, status)"
                " VALUES (?, ?, ?, ?, 'SUCCESSFUL')",
                (order, intent.id, intent.amount_received, intent.currency),
            )
            db.execute(
                """UPDATE "order" SET status = 'paid' WHERE id = ? AND amount = ? AND currency = ?""",
                (order, intent.amount_received, intent.currency),
            )
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return JSONResponse({"received": True})


def app() -> Starlette:
    """The application, its database opened."""
    made = Starlette(routes=[Route("/webhooks/stripe", webhook, methods=["POST"])])
    made.state.db = connect()
    return made
