"""Rolling up by jobs: from zero or night by night, with many workers or one, the figures are the same; what changed keeps its versions."""

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import cast

import polars as pl
import pytest
from sqlalchemy import Connection, Engine, select

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.figures import partials, snapshots
from integrations.store.figures.schema import rollup_part
from integrations.store.ledger import totals
from integrations.store.ledger import write as write_ledger
from metrics.periods import Window, month
from tests.examples import ALL
from tests.integrations.store import dump
from tests.metrics.retention.books import Stand
from tests.worker.ledgers import BASIS, DIMENSIONS, Life, change, ledger_of, put_rates, roll_up, rolling_of, store
from worker.figures import adhoc, incremental, rollup, stored
from worker.figures.standing import mrr_at

START = date(2024, 1, 10)
NIGHTS = 10 if ALL else 4


@pytest.fixture
def another(tmp_path: Path, _sqlite_template: Path) -> Iterator[Engine]:
    """A second database, for what is made from zero."""
    shutil.copy(_sqlite_template, tmp_path / "other.sqlite3")
    made = open_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
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


@pytest.mark.random_cases
@pytest.mark.parametrize("seed", range(1, 1 + int(os.environ.get("NRR_ROLLUP_SEEDS", "1"))))
@pytest.mark.long
def test_a_night_at_a_time_is_as_good_as_from_zero(
    engine: Engine, another: Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over two years of nights with news, news of the past, new rates and customers that go, the store holds what one pass makes, byte for byte."""
    monkeypatch.setattr(adhoc, "STANDINGS_A_SHARD", 20)
    chance = random.Random(seed)
    lives: dict[str, Life] = {}
    today, night_by_night = START, rolling_of(engine)
    put_rates(engine, [(date(2024, 3, 1), "eur", "jpy", "160.5")])
    for night in range(NIGHTS):
        today += timedelta(days=chance.choice([1, 1, 2, 40, 230]))
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
        if night % 4 == 1 or night == NIGHTS - 1:
            _same_as_from_zero(engine, another, lives, today)


@pytest.mark.long
def test_nights_without_news_are_as_good_as_from_zero(engine: Engine, another: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing new for some nights, over the end of a month and of a year: what is stored is what one pass makes, and of the sums that
    are kept only what says of which day they are and the totals of the days since are written."""
    written: list[str] = []
    real = partials._row

    def row(basis: str, run: int, part: int, name: str, frame: pl.DataFrame) -> tuple[str, int, int, str, bytes]:
        written.append(name)
        return real(basis, run, part, name, frame)

    chance = random.Random(4)
    lives = {f"c{number}": Life() for number in range(12)}
    today = date(2024, 12, 28)
    for name, life in lives.items():
        for _ in range(4):
            change(chance, life, name, START, today)
    put_rates(engine, [(START, "eur", "usd", "1.1"), (START, "eur", "jpy", "160")])
    store(engine, lives, lives, today)
    night_by_night = rolling_of(engine)
    assert roll_up(night_by_night).whole
    monkeypatch.setattr(partials, "_row", row)
    for days in (1, 0, 1, 1, 1, 31):
        today += timedelta(days=days)
        store(engine, lives, [], today)
        written.clear()
        found = roll_up(night_by_night)
        assert (False, 0, 0) == (found.whole, found.broken, found.customers)
        if days == 1 and today.month == 12:
            assert {"about", "windows", "totals2024-12"} == set(written)
        assert not [name for name in written if name.startswith("totals") and name < f"totals{today - timedelta(days=days):%Y-%m}"]
        _same_as_from_zero(engine, another, lives, today)


def _kept(engine: Engine) -> dict[str, bytes]:
    """The kept sums by name, as bytes."""
    with read(engine) as connection:
        return {
            str(name): bytes(body)
            for name, body in connection.execute(select(rollup_part.c.name, rollup_part.c.body).where(rollup_part.c.run_id == 0))
        }


@pytest.mark.long
def test_sums_that_were_kept_whole_are_gone_on_with(engine: Engine, another: Engine) -> None:
    """A release kept the totals of all days as one: the next night goes on from them, and keeps them by month."""
    today = date(2024, 9, 20)
    lives = _business(engine, 3)
    assert roll_up(rolling_of(engine)).whole
    with begin(engine) as connection:
        held = partials.kept(connection, BASIS.version)
        whole = pl.concat([held.pop(name) for name in sorted(held) if name.startswith("totals")])
        partials.put(
            connection, BASIS.version, partials.KEPT, 0, held | {"totals": whole.sort("dimension", "segment", "currency", "day")}
        )
    store(engine, lives, [], today + timedelta(days=1))
    assert not roll_up(rolling_of(engine)).whole
    assert "totals" not in _kept(engine)
    _same_as_from_zero(engine, another, lives, today + timedelta(days=1))


def _same_as_from_zero(engine: Engine, another: Engine, lives: dict[str, Life], today: date) -> None:
    from integrations.store.facts import exchange_rates

    with read(engine) as connection:
        quotes = exchange_rates.of_source(connection)
    with begin(another) as connection:
        write_ledger.clear(connection, BASIS.version)
    put_rates(another, quotes.rows())
    store(another, lives, lives, today)
    assert roll_up(rolling_of(another), whole=True).whole
    with begin(another) as connection:
        assert partials.kept(connection, BASIS.version)
    assert _derived(another, today) == _derived(engine, today)


def _business(engine: Engine, seed: int, customers: int = 25, today: date = date(2024, 9, 20)) -> dict[str, Life]:
    chance = random.Random(seed)
    lives = {f"c{number}": Life() for number in range(customers)}
    for name, life in lives.items():
        for _ in range(4):
            change(chance, life, name, START, today)
    put_rates(engine, [(date(2024, 1, 1), "eur", "usd", "1.1"), (date(2024, 1, 1), "eur", "jpy", "160")])
    store(engine, lives, lives, today)
    return lives


@pytest.mark.long
def test_shards_and_workers_change_nothing(engine: Engine, another: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """One shard and one worker, or many of both: every byte of what is stored is the same."""
    for where, standings, threads in ((engine, 3, 4), (another, 10**6, 1)):
        _business(where, 5)
        monkeypatch.setattr(adhoc, "STANDINGS_A_SHARD", standings)
        assert roll_up(rolling_of(where), threads=threads).whole
    assert _derived(engine, date(2024, 9, 20)) == _derived(another, date(2024, 9, 20))


@pytest.mark.parametrize(("standings", "parts"), [(0, 1), (15_000, 1), (15_001, 2), (100_000, 2), (100_001, 3), (5_000_000, 100)])
def test_how_many_parts(monkeypatch: pytest.MonkeyPatch, standings: int, parts: int) -> None:
    """One of a small book, two as soon as each is worth a core, and never more in one than memory is for."""
    monkeypatch.setattr(totals, "standings_held", lambda _connection, _basis: standings)
    assert parts == adhoc.shard_count(cast("Connection", None), "basis")


def test_stored_figures_are_those_made_at_once(engine: Engine) -> None:
    """What a run stored of a window is what the ledger gives for it when it is asked directly."""
    _business(engine, 6)
    roll_up(rolling_of(engine))
    window = Window("trailing_3", date(2024, 6, 1), date(2024, 9, 1))
    held = stored.figures(engine, BASIS, window=window)
    made = adhoc.figures_now(engine, BASIS, [window], DIMENSIONS, reporting_currency="usd")
    assert {f.dimension for f in made} == {"", *DIMENSIONS}
    assert [replace(f, version=1) for f in held] == sorted(made, key=lambda f: (f.dimension, f.segment, f.currency))


def test_mrr_at_a_day_is_the_closing_of_its_month(engine: Engine) -> None:
    """MRR at the last day of a month is the month's closing, in each currency and in the reporting currency."""
    _business(engine, 7)
    roll_up(rolling_of(engine))
    closings = {f.currency: f for f in stored.figures(engine, BASIS, window=month(date(2024, 7, 1)), dimension="")}
    found = mrr_at(engine, BASIS, date(2024, 7, 31), reporting_currency="usd")
    assert found.together is not None
    standing = {each.currency: each for each in (*found.by_currency, found.together) if each.net_micros}
    assert {c: (f.closing, f.closing_customers) for c, f in closings.items() if f.closing} == {
        c: (s.net_micros, s.customers) for c, s in standing.items()
    }
    with read(engine) as connection:
        kept = snapshots.month_end(connection, BASIS.version, date(2024, 7, 31))
    assert sum(s.net_micros for s in found.by_currency) == kept["net_micros"].sum()


def test_as_many_month_ends_are_kept_as_are_asked_for(engine: Engine) -> None:
    """Fewer and more from one night to the next; what isn't kept is read off the ledger and says the same."""
    _business(engine, 7)
    roll_up(rolling_of(engine, snapshot_months=12))
    with read(engine) as connection:
        everything = {
            day: snapshots.month_end(connection, BASIS.version, day) for day in snapshots.month_ends_kept(connection, BASIS.version)
        }
    assert len(everything) > 4
    for months in (2, 4):
        roll_up(rolling_of(engine, snapshot_months=months))
        with read(engine) as connection:
            assert sorted(everything)[-months:] == snapshots.month_ends_kept(connection, BASIS.version)
            for day, whole in everything.items():
                assert whole.equals(snapshots.month_end(connection, BASIS.version, day))


def test_customers_of_several_currencies_are_one_each_and_valued_one_by_one(engine: Engine) -> None:
    """Amounts are rounded customer by customer, as in every figure; who pays in two currencies is one customer, whoever rounds to 0 is none."""
    sold = {"a": {"usd": 5_000_003, "eur": 3}, "b": {"eur": 3}, "c": {"eur": 3}, "d": {"jpy": 1}, "e": {"brl": 7, "usd": 1}}
    lives = {
        name: Life({(START, code): Stand(name, START, micros, code) for code, micros in amounts.items()})
        for name, amounts in sold.items()
    }
    store(engine, lives, lives, date(2024, 3, 1))
    put_rates(engine, [(date(2024, 1, 1), "eur", "usd", "1.5"), (date(2024, 1, 1), "usd", "jpy", "150")])
    found = mrr_at(engine, BASIS, date(2024, 2, 1), reporting_currency="usd")
    assert found.together is not None
    net, label = adhoc.net_of_customers(engine, BASIS, date(2024, 2, 1), reporting_currency="usd")
    assert {"a": 5_000_003 + 4, "b": 4, "c": 4, "d": 0, "e": 1} == net
    assert (label, sum(net.values()), sum(micros > 0 for micros in net.values())) == (
        found.together.currency,
        found.together.net_micros,
        found.together.customers,
    )
    assert ["brl"] == [each.currency for each in found.apart]


def test_a_currency_without_a_rate_is_apart_and_said_so(engine: Engine) -> None:
    """It is in no figure of the whole book, and both MRR and the roll-up name it."""
    lives = {
        "a": Life({(START, "usd"): Stand("a", START, 5_000_000)}),
        "b": Life({(START, "brl"): Stand("b", START, 9_000_000, "brl")}),
    }
    store(engine, lives, lives, date(2024, 3, 1))
    done = roll_up(rolling_of(engine))
    assert {"brl"} == set(done.without_rate)
    found = mrr_at(engine, BASIS, date(2024, 2, 1), reporting_currency="usd")
    assert found.together is not None
    assert (5_000_000, ["brl"]) == (found.together.net_micros, [s.currency for s in found.apart])
    assert "no exchange rate of BRL to USD" in found.findings[0]


def test_rates_of_days_to_come_are_not_looked_at(engine: Engine) -> None:
    """On the fifteenth of March a euro is 1.10, whatever is stored for the twentieth: stored figures and those made at once agree."""
    today = date(2024, 3, 15)
    lives = {"a": Life({(START, "eur"): Stand("a", START, 100_000_000, "eur")})}
    store(engine, lives, lives, today)
    put_rates(engine, [(date(2024, 1, 1), "eur", "usd", "1.10"), (date(2024, 3, 20), "eur", "usd", "1.05")])
    roll_up(rolling_of(engine))
    march = month(today)
    (held,) = stored.figures(engine, BASIS, window=march, dimension="", currency="all:usd")
    made = [f for f in adhoc.figures_now(engine, BASIS, [march], reporting_currency="usd") if f.currency == "all:usd"]
    assert [110_000_000] * 2 == [held.closing, *(f.closing for f in made)]


# --- meanwhile ----------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_who_is_derived_again_meanwhile_is_not_lost(engine: Engine, another: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer that is derived again while a run reads makes the run look again, or is taken by the next one; never both or none."""
    today = date(2024, 9, 20)
    lives = _business(engine, 8)
    roll_up(rolling_of(engine))
    lives["c1"].stands[today, "usd"] = Stand("c1", today, 77)
    store(engine, lives, ["c1"], today)
    real, times = rollup._figures, list[int]()

    def overtaken(*asked: object) -> pl.DataFrame:
        found = real(*asked)  # type: ignore[arg-type]  # what it was handed
        if not times:
            times.append(1)
            for name in ("c1", "c2"):
                lives[name].stands[today, "usd"] = Stand(name, today, 88)
            store(engine, lives, ["c1", "c2"], today)
        return found

    monkeypatch.setattr(rollup, "_figures", overtaken)
    assert 2 == roll_up(rolling_of(engine), give_up_after=5).customers, "it looked again, and saw both"
    _same_as_from_zero(engine, another, lives, today)


@pytest.mark.long
def test_a_part_that_was_overtaken_is_made_again(engine: Engine, another: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """From zero too: what is derived between two shards, or under one, is in the figures once, at the latest a night later."""
    today = date(2024, 9, 20)
    lives = _business(engine, 9)
    monkeypatch.setattr(adhoc, "STANDINGS_A_SHARD", 15)
    real, times = incremental.of_shard, list[int]()

    def overtaken(*asked: object) -> incremental.Sums:
        found = real(*asked)  # type: ignore[arg-type]  # what it was handed
        if len(times) < 3:
            times.append(1)
            for name in ("c3", "c4", "c5"):
                lives[name].stands[today, "usd"] = Stand(name, today, 100 + len(times))
            store(engine, lives, ["c3", "c4", "c5"], today)
        return found

    monkeypatch.setattr(incremental, "of_shard", overtaken)
    assert roll_up(rolling_of(engine), threads=1, give_up_after=5).whole
    roll_up(rolling_of(engine))
    _same_as_from_zero(engine, another, lives, today)


@pytest.mark.long
def test_a_ledger_that_is_cleared_meanwhile_stops_the_run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of a ledger that was thrown away are not written: the run says what to do."""
    lives = _business(engine, 10)
    real = incremental.of_shard

    def cleared(*asked: object) -> incremental.Sums:
        found = real(*asked)  # type: ignore[arg-type]  # what it was handed
        with begin(engine) as connection:
            write_ledger.clear(connection, BASIS.version)
        return found

    monkeypatch.setattr(incremental, "of_shard", cleared)
    with pytest.raises(partials.NotAddingUp, match="nrr rollup"):
        roll_up(rolling_of(engine))
    monkeypatch.undo()
    store(engine, lives, lives, date(2024, 9, 20))
    assert roll_up(rolling_of(engine)).whole


def test_broken_identities_are_told(engine: Engine) -> None:
    """A movement that doesn't lead where the customer stands is named, with the customer and the day; the figures are stored all the same."""
    lives = _business(engine, 11)
    made = ledger_of("c0", lives["c0"])
    wrong = replace(
        made, standings=tuple(replace(s, net_micros=s.net_micros + 1) if n == 0 else s for n, s in enumerate(made.standings))
    )
    with begin(engine) as connection:
        write_ledger.replace_customers(connection, BASIS.version, ["c0"], [wrong])
    found = roll_up(rolling_of(engine))
    assert found.broken
    assert any("customer c0" in each and "do not lead to the standing" in each for each in found.breaks)
