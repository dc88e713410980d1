"""The statements of the outbox; its states are those of `engine.store.outbox`."""

from __future__ import annotations

from engine.store.own import UNFINISHED

HEAD = """id, key, origin, flow, flow_digest, node, event_id, state, call, retry, kept, tries,
    block_tries, block_reason, next_try_at, status, reason, created_at, finished_at, gave_up_at,
    lease_until"""

NEXT = """
    SELECT coalesce(max(ordinal), -1) + 1 AS ordinal FROM actionflow_outbox
    WHERE origin = :origin AND flow = :flow AND node = :node
"""
QUEUE = """
    INSERT INTO actionflow_outbox
        (key, origin, flow, flow_digest, node, ordinal, event_id, state, call, retry, kept, tries,
         block_tries, next_try_at, created_at)
    VALUES (:key, :origin, :flow, :flow_digest, :node, :ordinal, :event_id, 'waiting', :call, :retry,
            :kept, 0, 0, :now, :now)
    RETURNING id
"""
READY = f"""{UNFINISHED} AND state IN ('waiting', 'giving_up') AND next_try_at <= :now
    AND (lease_until IS NULL OR lease_until <= :now)"""
LEASE = f"""
    UPDATE actionflow_outbox SET lease_until = :until, lease_owner = :owner
    WHERE id IN (
        SELECT id FROM actionflow_outbox WHERE {READY} ORDER BY next_try_at, id LIMIT :limit
        [skip_locked]
    )
    RETURNING {HEAD}
"""
DONE = """
    UPDATE actionflow_outbox
    SET state = 'done', tries = tries + 1, status = :status, reason = NULL, next_try_at = NULL,
        finished_at = :now, lease_until = NULL, lease_owner = NULL
    WHERE id = :id AND state = 'waiting'
    RETURNING id
"""
FAILED = """
    UPDATE actionflow_outbox
    SET state = :state, tries = tries + 1, status = :status, reason = :reason,
        next_try_at = :next_try_at, finished_at = :finished_at, lease_until = NULL,
        lease_owner = NULL
    WHERE id = :id AND state = 'waiting' AND lease_owner = :owner
    RETURNING id
"""
GAVE_UP = """
    UPDATE actionflow_outbox
    SET state = 'dead', block_reason = NULL, next_try_at = NULL, finished_at = :now,
        gave_up_at = :now, lease_until = NULL, lease_owner = NULL
    WHERE id = :id AND state = 'giving_up'
    RETURNING id
"""
BLOCK_FAILED = """
    UPDATE actionflow_outbox
    SET state = :state, block_tries = block_tries + 1, block_reason = :reason,
        next_try_at = :next_try_at, finished_at = :finished_at, gave_up_at = NULL,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id
"""
REQUEUE = f"""
    UPDATE actionflow_outbox
    SET state = CASE WHEN state = 'giving_up' THEN 'giving_up' ELSE 'waiting' END,
        tries = CASE WHEN state = 'giving_up' THEN tries ELSE 0 END,
        block_tries = 0, next_try_at = :now, finished_at = NULL,
        lease_until = NULL, lease_owner = NULL
    WHERE id = :id AND {UNFINISHED} AND (lease_until IS NULL OR lease_until <= :now)
    RETURNING id
"""
RELEASE = f"""
    UPDATE actionflow_outbox SET lease_until = NULL, lease_owner = NULL
    WHERE {UNFINISHED} AND lease_until IS NOT NULL
"""
SHOW = f"SELECT {HEAD} FROM actionflow_outbox WHERE id = :id"
AFTER = f"SELECT {HEAD} FROM actionflow_outbox WHERE id > :id ORDER BY id"
LAST = "SELECT coalesce(max(id), 0) AS id FROM actionflow_outbox"
COUNTS = f"""
    SELECT state, count(*) AS calls FROM actionflow_outbox WHERE {UNFINISHED} GROUP BY state
"""
