"""One absurd object has a name, and stops nobody else."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from integrations.store.db.engine import begin
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import write as stored_ledger
from metrics.entries import CustomerLedger
from tests.lives import objects
from tests.lives.account import Account
from tests.lives.installation import Installation, told
from tests.lives.maker import Maker
from tests.lives.objects import later, noon

START: Final = noon("2026-02-01")
NOW: Final = noon("2026-06-15")
ABSURD: Final[dict[str, Callable[[Maker], None]]] = {}


def absurd(live: Callable[[Maker], None]) -> Callable[[Maker], None]:
    """Registers a life."""
    ABSURD[live.__name__] = live
    return live


@absurd
def a_billion_at_a_million(m: Maker) -> None:
    """Ten to the fifteenth a month."""
    price = m.price(99_999_999)
    m.begin(START, [m.item(price, 10**9, START)], told=False)


@absurd
def a_quantity_beyond_counting(m: Maker) -> None:
    """Seats that no business has."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 10**18, START)], told=False)


@absurd
def a_decimal_beyond_counting(m: Maker) -> None:
    """A unit amount of ten to the 39th."""
    price = m.price(1) | {"unit_amount": None, "unit_amount_decimal": "1" + "0" * 39}
    m.account.put("prices", price)
    m.begin(START, [m.item(price, 1, START)], told=False)


@absurd
def a_decimal_in_a_tier(m: Maker) -> None:
    """The same in a tier."""
    price = m.price(None, tiers=[(None, 10**30, None)])
    m.begin(START, [m.item(price, 1, START)], told=False)


@absurd
def since_the_year_one(m: Maker) -> None:
    """A start two thousand years ago."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False, start_date=-62_135_596_800)


@absurd
def until_the_sun_is_cold(m: Maker) -> None:
    """A discount that ends in three billion years."""
    price, coupon = m.price(2000), m.coupon(percent=20, duration="repeating", months=3)
    m.begin(START, [m.item(price, 1, START)], told=False, discounts=[m.discount(coupon, START, 10**17)])


@absurd
def an_end_before_all_beginning(m: Maker) -> None:
    """Canceled in the year minus a million."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False, status="canceled", ended_at=-(10**14), canceled_at=-(10**14))


@absurd
def a_period_without_end(m: Maker) -> None:
    """A line that bills for ever."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    line = objects.line(m.next("il"), price, 1, 2000, START, 2**62, sub=m.sub, item_id=m.item_id())
    m.bill([line], START, reason="subscription_create", told=False)


@absurd
def a_line_of_all_the_money(m: Maker) -> None:
    """A line's amount that no ledger holds."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    line = objects.line(m.next("il"), price, 1, 2**62, START, later(START, 1), sub=m.sub, item_id=m.item_id())
    m.bill([line], START, reason="subscription_create", told=False)


@absurd
def billed_every_billion_months(m: Maker) -> None:
    """An interval longer than the world."""
    price = m.price(2000, count=10**15)
    m.begin(START, [m.item(price, 1, START, months=1)], told=False)


def once_in_nine_thousand_years(m: Maker) -> None:
    """A coupon for one invoice, of a period that ends after the last year there is: it can be counted, but not dated."""
    price, coupon = m.price(2000, interval="year", count=9000), m.coupon(percent=20, duration="once")
    m.begin(START, [m.item(price, 1, START, months=12)], told=False, discounts=[m.discount(coupon, START)])


def sane(m: Maker) -> None:
    """Somebody else."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-06-01"), [(price, 1)], told=False)


@cache
def everybody() -> Account:
    """All of them in one account, with somebody sane."""
    together = Account()
    for name, live in {**ABSURD, "rare": once_in_nine_thousand_years, "sane": sane}.items():
        own = Account(tag=f"{name}_")
        live(Maker(own, name.replace("_", "") + "x"))
        together.absorb(own)
    return together


Read = tuple[dict[str, CustomerLedger], set[str]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Read:
    """Ledgers, written as ledgers are, and the ids of what was kept out."""
    with Installation(everybody(), tmp_path_factory.mktemp("absurd") / "nrr.sqlite3", template) as installation:
        ledgers = installation.sync(NOW).ledgers(NOW)
        with begin(installation.engine) as connection:
            ledger_bases.put(connection, "absurd", "default", {})
            stored_ledger.replace_customers(connection, "absurd", sorted(ledgers), list(ledgers.values()), fresh=True)
        return ledgers, {object_id for _, object_id in installation.kept_out()}


def test_nobody_else_is_stopped(found: Read) -> None:
    """Who is sane has the right figure, and everything that was derived can be written."""
    assert [("2026-02-01", "new", 2000)] == told(found[0]["cus_sanex"])


@pytest.mark.parametrize("name", ABSURD)
def test_what_is_absurd_has_a_name(name: str, found: Read) -> None:
    """A finding, or something that is kept out, names it."""
    ledgers, kept_out = found
    own = name.replace("_", "") + "x"
    ledger = ledgers.get(f"cus_{own}")
    said = {f.object_id for f in ledger.findings if f.reason != "history_from_invoices"} if ledger is not None else set()
    assert [] != [object_id for object_id in (*said, *kept_out) if own in object_id]
