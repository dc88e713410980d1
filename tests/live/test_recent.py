"""Changes in memory give what the log itself would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.live import recent as recents
from engine.live.interest import Interest
from engine.live.messages import Told
from engine.live.recent import Recent
from engine.store.changes import Logged

TABLES = ("a", "b")
ROWS = st.tuples(st.sampled_from(TABLES), st.integers(0, 2), st.none() | st.integers(0, 2))


def told(seq: int, table: str, now: int, was: int | None) -> Told:
    before = None if was is None else f'{{"x":{was}}}'
    return Told(Logged(seq, table, "update", f'{{"k":1,"x":{now}}}', before, "now"), "k")


@given(
    rows=st.lists(ROWS, max_size=30),
    early=st.integers(0, 30),
    most=st.integers(1, 12),
    seq=st.integers(0, 30),
    table=st.sampled_from(TABLES),
    wanted=st.none() | st.frozensets(st.integers(0, 2), min_size=1),
    asked_at=st.integers(0, 30),
)
def test_what_is_found_is_what_a_search_of_all_would_find(
    rows: list[tuple[str, int, int | None]],
    early: int,
    most: int,
    seq: int,
    table: str,
    wanted: frozenset[int] | None,
    asked_at: int,
) -> None:
    """Whenever the column is asked for first, and whatever was put before or has gone."""
    changes = [told(at, *row) for at, row in enumerate(rows, 1)]
    early = min(early, len(changes))
    interest = Interest(
        table, {} if wanted is None else {"x": wanted}, lambda row: True, wanted and "x"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recents, "MOST_CHANGES", most)
        kept = Recent(early)
        for count, change in enumerate(changes[early:]):
            if count == asked_at:
                kept.after(interest, 0)
            kept.add(change)
        if kept.start == early and kept.room:
            before = changes[:early][-kept.room :]
            kept = kept.reaching_back(before, early - len(before))
        assert len(kept) <= most
        start = len(changes) - len(kept)
        assert kept.start == start
        near = [
            change
            for change in changes[max(start, seq) :]
            if change.change.table == table
            and (wanted is None or change.change.values("x") & wanted)
        ]
        assert kept.after(interest, max(start, seq)) == near


def test_rows_of_many_bytes_are_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recents, "MOST_BYTES", 100)
    kept = Recent(0)
    for seq in range(1, 4):
        kept.add(Told(Logged(seq, "a", "insert", '{"x":"%s"}' % ("y" * 60), None, "now"), "x"))
    assert (kept.start, len(kept)) == (2, 1)
    kept.add(Told(Logged(4, "a", "insert", '{"x":"%s"}' % ("y" * 200), None, "now"), "x"))
    assert (kept.start, len(kept), kept.room) == (4, 0, recents.MOST_CHANGES)
