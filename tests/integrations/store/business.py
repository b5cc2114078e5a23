"""A small business in the store, rolled up: what views show and what dbt tests is read of it."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.facts.accounts import bind
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import upcoming
from integrations.store.ledger import bases as ledger_bases
from integrations.store.work import cursors
from metrics.evidence import Instant, Totals
from tests.integrations.store.telling import LEARNT, invoice, subscription
from tests.metrics.retention.books import Stand
from tests.services.filled import filled
from tests.worker.ledgers import BASIS, Life, put_rates, roll_up, rolling_of, store


def _stand(customer: str, day: date, net: int, currency: str = "usd") -> Stand:
    return Stand(customer, day, net * 1_000_000, currency, scheduled_micros=net * 500_000)


def small_business(engine: Engine) -> Engine:
    """One customer grows, one leaves, one comes in yen; rolled up as of the tenth of June, and once more after news of May."""
    filled(engine, "small business", _fill)
    return engine


def _fill(engine: Engine) -> None:
    stands = [
        _stand("a", date(2024, 4, 3), 100),
        _stand("a", date(2024, 5, 7), 130),
        _stand("b", date(2024, 4, 9), 50),
        _stand("b", date(2024, 5, 9), 0),
        _stand("c", date(2024, 5, 20), 7000, "jpy"),
    ]
    lives: dict[str, Life] = {}
    for each in stands:
        lives.setdefault(each.customer, Life()).stands[each.day, each.currency] = each
    put_rates(engine, [(date(2024, 4, 1), "usd", "jpy", "140")])
    with begin(engine) as connection:
        account = bind(connection, name="main", stripe_id="acct_1", livemode=False)
        cursors.move(connection, account, "events", None, 1_718_000_000)
        ledger_bases.put(connection, BASIS.version, BASIS.policy.name, {})
        upcoming.put(connection, BASIS.version, date(2024, 6, 9), [("renewals", 30, "usd", 5_000_000, 2)])
        billed = replace(invoice("in_1", "a", created=1_715_000_000), totals=Totals(1200, 200))
        listed = subscription("sub_1", "a", 1_717_000_000)
        put_page(connection, account, Page(Instant(1_718_000_000), invoices=[billed], subscriptions=[listed]), LEARNT)
    store(engine, lives, lives, date(2024, 6, 10))
    roll_up(rolling_of(engine))
    lives["b"].stands[date(2024, 5, 9), "usd"] = _stand("b", date(2024, 5, 9), 20)
    store(engine, lives, ["b"], date(2024, 6, 10))
    assert 1 == roll_up(rolling_of(engine)).restated
