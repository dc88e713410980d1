"""The engine's own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.model import Column, ColumnType, Table

PREFIX = "actionflow_"
"""Names that begin so are the engine's; a builder's table cannot have one."""


def _columns(*, null: Iterable[str] = (), **types: ColumnType) -> dict[str, Column]:
    nullable = set(null)
    return {name: Column(name, kind, nullable=name in nullable) for name, kind in types.items()}


META = Table(
    PREFIX + "meta",
    _columns(key="text", value="text"),
    key="key",
    title="What the database remembers of its project",
)

INBOX = Table(
    PREFIX + "inbox",
    _columns(
        id="text",
        type="text",
        created="timestamp",
        api_version="text",
        livemode="boolean",
        subject="text",
        state="text",
        flow="text",
        attempts="integer",
        next_try_at="timestamp",
        reason="text",
        received_at="timestamp",
        finished_at="timestamp",
        lease_until="timestamp",
        lease_owner="text",
        payload="text",  # last: reading the columns before it never walks through 4 KB
        null=(
            "api_version",
            "subject",
            "flow",
            "next_try_at",
            "reason",
            "finished_at",
            "lease_until",
            "lease_owner",
        ),
    ),
    key="id",
    title="Received events",
)

FLOW = Table(
    PREFIX + "flow",
    _columns(digest="text", name="text", source="text", first_used_at="timestamp"),
    key="digest",
    title="Every version of a flow that ran",
)

RUN = Table(
    PREFIX + "run",
    _columns(
        id="integer",
        event_id="text",
        flow="text",
        flow_digest="text",
        outcome="text",
        started_at="timestamp",
        duration_us="integer",
        error="text",
        trace="text",
        action_id="integer",
        null=("event_id", "error", "action_id"),
    ),
    key="id",
    title="Executions of flows",
)

RUN_ORDER = Table(
    PREFIX + "run_order",
    _columns(id="integer", order_key="text", run_id="integer"),
    key="id",
    title="Which orders a run was about, read from its trace when somebody looks for one",
)

ACTION = Table(
    PREFIX + "action",
    _columns(
        id="integer",
        action="text",
        caller_id="text",
        caller_role="text",
        dedupe="text",
        input="text",
        flow_digest="text",
        state="text",
        journal="text",
        call="text",
        answer="text",
        created_at="timestamp",
        updated_at="timestamp",
        lease_until="timestamp",
        null=("dedupe", "call", "answer", "lease_until"),
    ),
    key="id",
    title="User actions, from the first request to the answer",
)

KEY = Table(
    PREFIX + "key",
    _columns(
        digest="text",
        prefix="text",
        role="text",
        caller="text",
        label="text",
        created_at="timestamp",
        revoked_at="timestamp",
        null=("label", "revoked_at"),
    ),
    key="digest",
    title="API keys, by their SHA-256",
)

SESSION = Table(
    PREFIX + "session",
    _columns(
        digest="text",
        csrf="text",
        role="text",
        caller="text",
        via="text",
        key_digest="text",
        created_at="timestamp",
        expires_at="timestamp",
        null=("key_digest",),
    ),
    key="digest",
    title="Who is signed in to the studio, by the SHA-256 of the cookie",
)

OUTBOX = Table(
    PREFIX + "outbox",
    _columns(
        id="integer",
        key="text",
        origin="text",
        flow="text",
        flow_digest="text",
        node="text",
        ordinal="integer",
        event_id="text",
        state="text",
        call="text",
        retry="text",
        kept="text",
        tries="integer",
        block_tries="integer",
        block_reason="text",
        next_try_at="timestamp",
        status="integer",
        reason="text",
        created_at="timestamp",
        finished_at="timestamp",
        gave_up_at="timestamp",
        lease_until="timestamp",
        lease_owner="text",
        null=(
            "event_id",
            "kept",
            "block_reason",
            "next_try_at",
            "status",
            "reason",
            "finished_at",
            "gave_up_at",
            "lease_until",
            "lease_owner",
        ),
    ),
    key="id",
    title="Calls to make after commit",
)

CHANGE = Table(
    PREFIX + "change",
    _columns(
        seq="integer",
        table_name="text",
        row_key="text",
        op="text",
        row="text",
        before="text",
        at="timestamp",
        null=("row", "before"),
    ),
    key="seq",
    title="The log of row changes that live results are read from",
)

OWN_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (META, INBOX, FLOW, RUN, RUN_ORDER, ACTION, KEY, SESSION, OUTBOX, CHANGE)
}

UNFINISHED = "state <> 'done'"
"""Done events are nearly all; indexes and queries of the others leave them out by these words."""


def with_own(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The project's tables and the engine's."""
    return {**tables, **OWN_TABLES}
