"""What was never final is forgotten by segment after a while; everything else stays in all its versions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.figures import rollups
from integrations.store.figures.rollups import FIGURES, KEY

MONTH = ("month", date(2026, 3, 1), date(2026, 4, 1))
BEGAN = datetime(2026, 3, 2, tzinfo=UTC)


def figure(span: tuple[str, date, date], dimension: str, closing: int, *, incomplete: bool) -> dict[str, Any]:
    """A row of figures."""
    said = dict.fromkeys(FIGURES, 0) | {"companions": "{}", "reason": None, "products": None}
    key = dict(zip(KEY, (*span, dimension, "pro" if dimension else "", "usd"), strict=True))
    return key | said | {"closing": closing, "incomplete": incomplete}


def test_what_was_never_final_is_forgotten_by_segment(engine: Engine) -> None:
    """Of a month that was learnt day by day its segments keep what they closed with and what came later, the whole book every version;
    months to date stay of the whole book, and of segments for as long as is asked for."""
    for day in range(40):
        learnt = BEGAN + timedelta(days=day)
        until = learnt.date() + timedelta(days=1)
        over = until > MONTH[2] + timedelta(days=2)
        to_date = ("month_to_date", until.replace(day=1), until)
        rows = [figure(MONTH, by, day, incomplete=not over) for by in ("", "plan")]
        with begin(engine) as connection:
            rollups.put(connection, "b", [*rows, *(figure(to_date, by, day, incomplete=True) for by in ("", "plan"))], learnt)
    with begin(engine) as connection:
        gone = rollups.tidy(connection, BEGAN + timedelta(days=38))
        assert 0 == rollups.tidy(connection, BEGAN + timedelta(days=38))

    def versions(kind: str, by: str) -> list[int]:
        at = [BEGAN + timedelta(days=day) for day in range(40)]
        with read(engine) as connection:
            found = [rollups.current(connection, "b", kind=kind, dimension=by, as_known_at=moment) for moment in at]
        return sorted({row["closing"] for rows in found for row in rows})

    final = [day for day in range(40) if (BEGAN + timedelta(days=day + 1)).date() > MONTH[2] + timedelta(days=2)]
    assert list(range(40)) == versions("month", "")
    assert final == versions("month", "plan")
    assert list(range(40)) == versions("month_to_date", "")
    assert [38, 39] == versions("month_to_date", "plan")
    assert (40 - len(final)) + 38 == gone


def test_the_newest_version_of_a_window_that_is_not_over_stays(engine: Engine) -> None:
    """A segment in which nothing has moved for months is known as it was learnt, however long ago that is."""
    with begin(engine) as connection:
        rollups.put(connection, "b", [figure(MONTH, "plan", 5, incomplete=True)], BEGAN)
        assert 0 == rollups.tidy(connection, BEGAN + timedelta(days=900))
        assert [5] == [row["closing"] for row in rollups.current(connection, "b")]
