"""Rolling up by jobs: from zero or night by night, with many workers or one, the figures are the same; what changed keeps its versions."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.store import dump, migrate, parts
from integrations.store.engine import begin, open_engine, read
from tests.worker.ledgers import BASIS, Life, change, put_rates, roll_up, rolling_of, store
from worker import figures

START = date(2024, 1, 10)


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Engine]:
    """A second database, for what is made from zero."""
    made = open_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    migrate.upgrade(made)
    yield made
    made.dispose()


def _derived(engine: Engine, today: date) -> list[str]:
    """Everything derived, but for what tells how it came about: figures of nothing, and months to date of earlier days."""
    this = f'"until": "{today + timedelta(days=1)}"'
    with read(engine) as connection:
        return [
            line
            for line in dump.canonical(connection, facts=False)
            if "nothing_left" not in line and ("month_to_date" not in line or this in line)
        ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_night_at_a_time_is_as_good_as_from_zero(
    engine: Engine, another: Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a year of nights with news, news of the past, new rates and customers that go, the store holds what one pass makes, byte for byte."""
    monkeypatch.setattr(figures, "STANDINGS_A_SHARD", 20)
    chance = random.Random(seed)
    lives: dict[str, Life] = {}
    today, night_by_night = START, rolling_of(engine)
    put_rates(engine, [(date(2024, 3, 1), "eur", "jpy", "160.5")])
    for night in range(14):
        today += timedelta(days=chance.choice([1, 1, 2, 17, 40]))
        touched = {f"c{chance.randrange(24 + night)}" for _ in range(14 if not night else 5)}
        for name in touched:
            for _ in range(chance.randrange(1, 5)):
                change(chance, lives.setdefault(name, Life()), name, START, today)
        if night % 5 == 4:
            gone = chance.choice(sorted(lives))
            del lives[gone]
            touched.add(gone)
        store(engine, lives, touched, today)
        put_rates(engine, [(today - timedelta(days=1), "eur", "usd", f"1.{chance.randrange(1000):03}")])
        found = roll_up(night_by_night)
        assert (0, night == 0) == (found.broken, found.whole), found.breaks
        if night % 4 == 1 or night == 13:
            _same_as_from_zero(engine, another, lives, today)


def _same_as_from_zero(engine: Engine, another: Engine, lives: dict[str, Life], today: date) -> None:
    from integrations.store import ledger, rates

    with read(engine) as connection:
        quotes = rates.of_source(connection)
    with begin(another) as connection:
        ledger.clear(connection, BASIS.version)
    put_rates(another, quotes.rows())
    store(another, lives, lives, today)
    assert roll_up(rolling_of(another), whole=True).whole
    with begin(another) as connection:
        assert parts.kept(connection, BASIS.version)
    assert _derived(another, today) == _derived(engine, today)
