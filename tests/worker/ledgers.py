"""Ledgers of a made-up business written into a store, and rolled up by the product's own jobs; no Stripe, no evidence."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import exchange_rates
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import write as write_ledger
from integrations.store.work import jobs, runs
from metrics.entries import Attribute, CustomerLedger, Exclusion, Movement, Standing
from metrics.evidence import Instant
from metrics.exchange_rates import QUOTES
from metrics.ledger.basis import Basis
from metrics.periods import opening
from metrics.retention.spans import Book
from tests.metrics.retention.books import Stand, book
from worker.execution.crew import Crew
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.figures import rollup
from worker.figures.rollup import Outcome, Rolling

BASIS = Basis()
DIMENSIONS = ("plan", "country", "currency", "signup", "size", "plan,country")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Life:
    """What one customer did: where it stood, its attributes, its trials (since, until, worth)."""

    stands: dict[tuple[date, str], Stand] = field(default_factory=dict)
    countries: dict[date, str] = field(default_factory=dict)
    trials: list[tuple[int, int | None, int]] = field(default_factory=list)


def ledger_of(customer: str, life: Life) -> CustomerLedger:
    """A customer's ledger as the engine would hand it over."""
    made = book(life.stands.values())
    return CustomerLedger(
        customer,
        tuple(
            Movement(customer, m["day"], m["currency"], m["kind"], m["cause"], m["before_micros"], m["after_micros"], 0, 0, ())
            for m in made.movements.iter_rows(named=True)
        ),
        tuple(Standing(**row) for row in made.standings.iter_rows(named=True)),
        (),
        (),
        tuple(
            Exclusion("sub", customer, "trial", "eur", worth, Instant(since), None if until is None else Instant(until))
            for since, until, worth in life.trials
        ),
        tuple(Attribute(customer, day, "country", value) for day, value in sorted(life.countries.items())),
    )


def whole_book(lives: Mapping[str, Life]) -> Book:
    """The same lives as a book, for those who count by themselves."""
    attributes = [(name, "country", value, day) for name, life in lives.items() for day, value in life.countries.items()]
    return book((stand for life in lives.values() for stand in life.stands.values()), attributes)


def store(engine: Engine, lives: Mapping[str, Life], names: Iterable[str], today: date, *, basis: Basis = BASIS) -> None:
    """Put the ledgers of some customers in the place of what is there, and say that the ledger is complete as of the end of `today`."""
    with begin(engine) as connection:
        ledger_bases.put(connection, basis.version, basis.policy.name, {})
        wanted = sorted(names)
        found = [ledger_of(name, lives[name]) for name in wanted if name in lives]
        write_ledger.replace_customers(connection, basis.version, wanted, found)
        ledger_bases.mark_derived(connection, basis.version, NOW, Instant(opening(today, basis.timezone) + 86_399))


def put_rates(engine: Engine, rows: Iterable[tuple[date, str, str, str]]) -> None:
    """Give rates (day, unit, currency, rate)."""
    with begin(engine) as connection:
        exchange_rates.put(connection, pl.DataFrame(list(rows), schema=QUOTES, orient="row"), "test", NOW)


def roll_up(rolling: Rolling, *, whole: bool = False, threads: int = 2, give_up_after: int = 1) -> Outcome:
    """Roll up by jobs until the run is closed, and say what came of it."""
    with begin(rolling.engine) as connection:
        run = runs.start(connection, "rollup")
        jobs.add(connection, [replace(rollup.first_job(whole=whole), run_id=run)])
    terms = Terms("test", threads=threads, heavy=threads, lease_seconds=30, attempts=give_up_after + 1, first_delay_seconds=0.01)
    worked = Crew(rolling.engine, terms, Stop(), ()).work(rollup.handlers(rolling), wanted=[run], give_up_after=give_up_after)
    with read(rolling.engine) as connection:
        found = rollup.outcome(connection, rolling.basis)
    if worked.error is not None and (found is None or found.run_id != run):
        raise worked.error
    assert found is not None
    assert run == found.run_id
    return found


def rolling_of(engine: Engine, **more: object) -> Rolling:
    """A roll-up of this business: every kind of segment, in dollars."""
    return Rolling(engine, Stop(), BASIS, dimensions=DIMENSIONS, reporting_currency="usd", **more)  # type: ignore[arg-type]  # fields of Rolling


# --- chance -------------------------------------------------------------------------------------------------------------------


def change(chance: random.Random, life: Life, customer: str, first: date, today: date) -> None:
    """One thing that happens to a customer, or that is learnt of its past."""
    day = first + timedelta(days=chance.randrange((today - first).days + 1))
    currency = chance.choice(["usd", "usd", "usd", "eur", "jpy"])
    what = chance.random()
    if what < 0.1 and life.stands:
        life.stands.pop(chance.choice(sorted(life.stands)))
    elif what < 0.2:
        life.countries[day] = chance.choice(["de", "fr", "us"])
    elif what < 0.3:
        since = opening(day, "UTC") + 3600
        life.trials.append((since, chance.choice([None, since + 14 * 86_400]), chance.randrange(1, 10**8)))
    else:
        net = chance.choice([0, chance.randrange(1, 10), chance.randrange(1, 2 * 10**9)])
        plan = chance.choice(["basic", "pro", None]) if net else None
        life.stands[day, currency] = Stand(customer, day, net, currency, list_micros=net + 7, plan=plan, scheduled_micros=net // 2)
