"""What changes in closed months: a further version that names who is behind it, or an adjustment where closed months stay."""

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import read
from integrations.store.figures import rollups
from metrics.retention.figures import Figures
from tests.metrics.retention.books import Stand
from tests.worker.ledgers import BASIS, Life, roll_up, rolling_of, store
from worker.figures import stored

START = date(2024, 1, 10)


def _jan_and_news(engine: Engine, *, freeze: bool = False) -> tuple[datetime, int, int]:
    """January closed with a at 100 and b at 50; then it is learnt that b left on the twentieth. When, and the two runs."""
    lives = {n: Life({(START, "usd"): Stand(n, START, size)}) for n, size in (("a", 100), ("b", 50))}
    rolling = rolling_of(engine, freeze_closed=freeze)
    store(engine, lives, lives, date(2024, 2, 2))
    first = roll_up(rolling)
    between = datetime.now(UTC)
    lives["b"].stands[date(2024, 1, 20), "usd"] = Stand("b", date(2024, 1, 20), 0)
    store(engine, lives, ["b"], date(2024, 2, 3))
    return between, first.run_id, roll_up(rolling).run_id


def _january(found: list[Figures]) -> Figures:
    (january,) = [f for f in found if f.first == date(2024, 1, 1) and f.kind == "month" and f.currency == "usd" and not f.dimension]
    return january


def test_later_news_makes_a_version_and_names_who_is_behind_it(engine: Engine) -> None:
    """January is shown as it is now and as it was known; the difference tells by how much, when it was learnt, and by whom."""
    between, first, second = _jan_and_news(engine)
    assert (100, 2) == ((f := _january(stored.figures(engine, BASIS))).closing, f.version)
    assert (150, 1) == ((f := _january(stored.figures(engine, BASIS, as_known_at=between))).closing, f.version)
    assert [] == stored.figures(engine, BASIS, as_known_at=datetime(2020, 1, 1, tzinfo=UTC))
    found = stored.between_runs(engine, BASIS, first, second, kind="month")
    (changed,) = [c for c in found.changed if c.one.first == date(2024, 1, 1) and c.one.currency == "usd"]
    assert {"closing": -50} == changed.differences()
    assert second == changed.run_id
    (behind,) = found.behind
    assert ("b", date(2024, 1, 1), 50, 0) == (behind.customer, behind.month, behind.closing_before, behind.closing_after)
    assert {"churn": 50} == stored.flows_changed(behind)
    with pytest.raises(stored.NoSuchRun):
        stored.between_runs(engine, BASIS, first, 999)


@pytest.mark.long
def test_frozen_months_stay_and_news_is_booked_later(engine: Engine) -> None:
    """Where closed months are frozen, January stays as it was reported, and what is learnt of it is booked in February, once."""
    _, first, second = _jan_and_news(engine, freeze=True)
    assert 150 == _january(stored.figures(engine, BASIS)).closing
    for _ in range(2):
        with read(engine) as connection:
            (booked,) = [
                a for a in rollups.adjustments(connection, BASIS.version, kind="month", dimension="") if a["currency"] == "usd"
            ]
        assert (date(2024, 1, 1), date(2024, 2, 1), 0, -50, 1, second) == tuple(
            booked[name] for name in ("first", "booked", "opening", "closing", "seq", "run_id")
        )
        roll_up(rolling_of(engine, freeze_closed=True), whole=True)
    february = [f for f in stored.figures(engine, BASIS, kind="month", dimension="", currency="usd") if f.first.month == 2]
    assert [100] == [f.opening for f in february], "the open month is as it is known"
    changed = stored.between_runs(engine, BASIS, first, second, kind="month").changed
    assert {date(2024, 2, 1)} == {c.one.first for c in changed}


@pytest.mark.long
def test_what_is_gone_is_closed_and_comes_back(engine: Engine) -> None:
    """A segment of which nothing is left isn't shown any more, but was; a window of before the first movement goes with it."""
    lives = {n: Life({(day, "usd"): Stand(n, day, 10)}) for n, day in (("a", START), ("b", date(2024, 3, 5)))}
    lives["a"].countries[START] = "de"
    store(engine, lives, lives, date(2024, 4, 2))
    roll_up(rolling_of(engine))
    then = datetime.now(UTC)
    kept, lives["a"] = lives["a"], Life()
    store(engine, lives, ["a"], date(2024, 4, 2))
    roll_up(rolling_of(engine))
    german = [f for f in stored.figures(engine, BASIS, dimension="country") if f.segment == "de"]
    assert ([], date(2024, 3, 1)) == (german, min(f.first for f in stored.figures(engine, BASIS, kind="month")))
    assert any(f.segment == "de" for f in stored.figures(engine, BASIS, dimension="country", as_known_at=then))
    lives["a"] = kept
    store(engine, lives, ["a"], date(2024, 4, 2))
    roll_up(rolling_of(engine))
    assert {3} == {f.version for f in stored.figures(engine, BASIS, dimension="country") if f.segment == "de"}
