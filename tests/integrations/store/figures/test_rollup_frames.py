"""Figures written from a frame: the same rows, versions and digests as written one by one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.figures import rollup_frames, rollups
from integrations.store.figures.rollups import FIGURES, KEY, Written
from integrations.store.figures.schema import adjustment
from integrations.store.figures.schema import rollup as table
from metrics.retention.figure_rows import ROWS

MARCH, APRIL = ("month", date(2026, 3, 1), date(2026, 4, 1)), ("month", date(2026, 4, 1), date(2026, 5, 1))
BEGAN = datetime(2026, 5, 2, tzinfo=UTC)


def figure(span: tuple[str, date, date], segment: str, closing: int, **more: Any) -> dict[str, Any]:
    """A row of figures of a segment, or of the whole book where it has no name."""
    key = dict(zip(KEY, (*span, "plan" if segment else "", segment, "usd"), strict=True))
    said = {"companions": '{"grr_by":"end","lowest":1}', "reason": None, "products": "[1, 2, 3]", "incomplete": False}
    return key | dict.fromkeys(FIGURES, 0) | said | {"closing": closing} | more


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The same as a frame."""
    return pl.DataFrame([{name: row.get(name, False) for name in ROWS} for row in rows], schema=ROWS)


NIGHTS: list[list[dict[str, Any]]] = [
    [figure(MARCH, "", 10), figure(MARCH, "pro", 4), figure(MARCH, 'a "b"\\ ünï\n', 6, reason="opening_zero", products=None)],
    [
        figure(MARCH, "", 10),
        figure(MARCH, "pro", 5),
        figure(APRIL, "", 7),
        figure(APRIL, "pro", 7, companions='{"n":"Zoë 🎈 \\"x\\""}'),
    ],
    [figure(MARCH, "", 10), figure(MARCH, "pro", 5), figure(APRIL, "", 7)],
    [figure(MARCH, "", 10), figure(MARCH, "pro", 5), figure(APRIL, "", 7), figure(APRIL, "pro", 8)],
    [figure(MARCH, "", 10), figure(MARCH, "pro", 4), figure(APRIL, "", 7), figure(APRIL, "pro", 8)],
]


@pytest.mark.parametrize("frozen_until", [None, date(2026, 4, 1)])
def test_nights_leave_what_one_by_one_leaves(engine: Engine, frozen_until: date | None) -> None:
    """Five nights: new figures, some that change and change back, a segment that goes and comes back, frozen months: every row and count is the same."""
    counts: dict[str, list[Written]] = {"one": [], "all": []}
    for number, rows in enumerate(NIGHTS):
        learnt, spans = BEGAN + timedelta(days=number), [MARCH, APRIL]
        more: dict[str, Any] = {"whole": spans, "frozen_until": frozen_until, "booked": date(2026, 5, 1)}
        with begin(engine) as connection:
            counts["one"].append(rollups.put(connection, "one", rows, learnt, number, **more))
            counts["all"].append(rollup_frames.put(connection, "all", frame(rows), learnt, number, **more))
    assert counts["one"] == counts["all"]
    for written in (table, adjustment):
        columns = [c for c in written.c if c.name not in ("basis", "id")]
        with read(engine) as connection:
            stored = [sorted(map(str, connection.execute(select(*columns).where(written.c.basis == b)))) for b in ("one", "all")]
        assert stored[0] == stored[1]


def test_a_digest_is_the_same_whoever_makes_it() -> None:
    """Quotes, backslashes, other scripts, control characters, what is missing: the frame's digests are those of single rows."""
    rows = [row for night in NIGHTS for row in night]
    assert [rollups.digest_of(row) for row in rows] == rollup_frames.digests(frame(rows)).to_list()
