"""The nightly run fetches rates, keeps what it has where it can't, and old ones are said wherever they are used."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import exchange_rates as held
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from metrics.day_rates import outdated as said_of
from tests.integrations.rates.serving import history, serving
from tests.metrics.retention.books import Stand
from tests.worker.conftest import Wire
from tests.worker.ledgers import BASIS, Life, put_rates, store
from worker.config.settings import Settings
from worker.queries.rates import outdated
from worker.runs import exchange_rates, steps
from worker.runs.exchange_rates import Fetched
from worker.wiring.wiring import Wiring


def _today() -> date:
    return datetime.now(UTC).date()


def _with(wiring: Wiring, address: str, **more: str) -> Wiring:
    settings = Settings(rates_url=address, **more)  # type: ignore[arg-type]  # texts, as an environment has them
    return replace(wiring, settings=settings, basis=BASIS, reporting_currency="usd")


def _ledger(engine: Engine, *currencies: str) -> None:
    day = _today() - timedelta(days=20)
    lives = {f"c{n}": Life({(day, code): Stand(f"c{n}", day, 5, code)}) for n, code in enumerate(currencies)}
    store(engine, lives, lives, _today())


def _rows(engine: Engine) -> list[tuple[object, ...]]:
    with read(engine) as connection:
        return held.of_source(connection).rows()


def test_what_is_fetched_is_kept_as_far_as_it_is_needed(engine: Engine, wire: Wire) -> None:
    """Dollars, which are reported in, and euros, which are paid in; no yen. Again, nothing is new."""
    _ledger(engine, "usd", "eur")
    with serving((200, history(_today()))) as host:
        wiring = _with(wire(), host.address)
        assert Fetched(60, _today()) == exchange_rates.fetch(wiring)
        assert {"usd"} == {row[2] for row in _rows(engine)}
        assert Fetched(0, _today()) == exchange_rates.fetch(wiring)


def test_nothing_is_asked_where_nothing_is_needed(engine: Engine, wire: Wire) -> None:
    """One currency; rates of one's own; or no address."""
    _ledger(engine, "usd")
    with serving((200, history(_today()))) as host:
        assert Fetched() == exchange_rates.fetch(_with(wire(), host.address))
        _ledger(engine, "usd", "eur")
        assert "no address" in str(exchange_rates.fetch(_with(wire(), "off")).why_not)
        assert "no address" in str(exchange_rates.fetch(_with(wire(), host.address, rates=__file__)).why_not)
        assert [] == host.asked


def test_a_job_that_gets_nothing_is_done_and_takes_nothing_away(engine: Engine, wire: Wire) -> None:
    """What is held still counts, and what it can't replace is said."""
    _ledger(engine, "usd", "eur")
    day = _today() - timedelta(days=9)
    put_rates(engine, [(day, "eur", "usd", "1.25")])
    with serving((200, b"<html>log in</html>")) as host:
        wiring = _with(wire(), host.address)
        assert exchange_rates.is_on(wiring)
        with begin(engine) as connection:
            run = runs.start(connection, "nightly")
            jobs.add(connection, [Job("rates", run)])
        assert "done" == steps.see_through(wiring, run).status
        assert 1 == len(host.asked)
    assert [(day, "eur", "usd", "1.25")] == _rows(engine)
    said = str(outdated(wiring.session))
    assert f"Exchange rates end on {day}, 9 days ago" in said
    assert "nrr rates fetch" in said


def test_rates_of_these_days_are_not_spoken_of() -> None:
    """Up to four days: a weekend with a holiday at each end. And where none is needed, nothing is old."""
    today = date(2026, 4, 7)
    assert None is said_of(date(2026, 4, 3), today, "usd")
    assert "5 days ago" in str(said_of(date(2026, 4, 2), today, "usd"))
    assert None is said_of(None, today, "usd")
