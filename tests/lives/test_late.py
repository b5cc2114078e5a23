"""Evidence that comes late, lags behind or goes away is laid in its place, with its own date; and a listing counts again when it says the same.

All lives share one account that is read at the same moments: every quarter of an hour on 10 June, and in the night. What each life asks
for holds after the audits of that night and the next one.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from metrics.entries import CustomerLedger
from tests.lives import objects
from tests.lives.account import Account
from tests.lives.installation import Installation, told
from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import Moves, moves

NOW: Final = noon("2026-06-15")
DAY_OF: Final = noon("2026-06-10")
READINGS: Final = (
    *(("sync", noon("2026-06-09")), ("audit", noon("2026-06-10", hour=2))),
    *(("sync", DAY_OF + minutes * 60) for minutes in (5, 20, 35, 50, 65, 80)),
    *(("sync", noon("2026-06-10", hour=23)), ("audit", noon("2026-06-11", hour=2)), ("sync", noon("2026-06-11", hour=3))),
    *(("sync", noon("2026-06-11", hour=14)), ("audit", noon("2026-06-12", hour=2)), ("sync", noon("2026-06-12", hour=3))),
)
Lives = dict[str, tuple[Callable[[Maker], None], Moves]]
LATE: Final[Lives] = {}


def late(*each: str) -> Callable[[Callable[[Maker], None]], Callable[[Maker], None]]:
    """A life with the movements that are right."""

    def register(live: Callable[[Maker], None]) -> Callable[[Maker], None]:
        LATE[live.__name__] = live, moves(*each)
        return live

    return register


def seats(m: Maker, start: int = noon("2026-05-20"), cents: int = 2000) -> JSON:
    """One seat, paid for."""
    price = m.price(cents)
    m.begin(start, [m.item(price, 1, start)])
    m.cycles(start, start, [(price, 1)])
    return price


def three(sub: JSON) -> None:
    """Three seats."""
    sub["items"]["data"][0].update(quantity=3)


@late("2026-05-20 new 20.00", "2026-06-10 expansion 40.00")
def event_an_hour_late(m: Maker) -> None:
    """It shows up an hour after its moment; the overlap is ten minutes."""
    seats(m)
    m.change(DAY_OF, three, appears=DAY_OF + 3_600)


@late("2026-05-20 new 20.00", "2026-06-10 expansion 40.00")
def event_after_the_nights_audit(m: Maker) -> None:
    """It shows up when that night's audit is over; the list has shown the change before."""
    seats(m)
    m.change(noon("2026-06-10", hour=21), three, appears=noon("2026-06-11", hour=13))


@late("2026-05-20 new 100.00", "2026-06-10 contraction -20.00")
def discount_on_a_customer_late(m: Maker) -> None:
    """A customer's discount dates itself, whenever its event shows up."""
    seats(m, cents=10_000)
    cut = m.discount(m.coupon(percent=20), DAY_OF, on="customer")
    m.account.put("customers", objects.customer(m.customer, discount=cut), DAY_OF)
    m.account.tell("customer.discount.created", cut, DAY_OF, appears=noon("2026-06-11", hour=4))


@late()
def first_invoice_voided_late(m: Maker) -> None:
    """Never new, though that the invoice was voided becomes known a day late."""
    start = noon("2026-06-08")
    price = m.price(2000)
    m.begin(start, [m.item(price, 1, start)])
    m.bill([m.line(price, 1, start)], start, status="void", reason="subscription_create", moments={"voided_at": DAY_OF})
    for index, (appears, told_of) in enumerate(m.account.events):
        if told_of["type"] == "invoice.voided":
            m.account.events[index] = max(appears, noon("2026-06-11", hour=4)), told_of


@late("2026-05-20 new 20.00", "2026-06-10 expansion 40.00")
def lagging_replica(m: Maker) -> None:
    """The event says three; read again five minutes later, the subscription still has one."""
    seats(m)
    m.change(DAY_OF, three)
    versions = m.account.versions["subscriptions"][m.sub]
    _, newest = versions.pop()
    versions.append((DAY_OF + 1_800, newest))


@late("2025-09-01 new 50.00", "2026-03-01 expansion 30.00")
def proration_that_waits(m: Maker) -> None:
    """A change in mid-year whose pair is on no invoice yet: two pending items date it."""
    start, change = noon("2025-09-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 5, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    m.change(change, lambda sub: sub["items"]["data"][0].update(quantity=8), told=False)
    for quantity, cents in ((5, -3000), (8, 4800)):
        m.wait(price, quantity, cents, change, later(start, 12))


@late("2026-05-20 new 20.00", "2026-06-10 churn -20.00")
def vanished_from_every_list(m: Maker) -> None:
    """Held as live, and in no list any more since the 8th: the night's audit finds it gone, and says so."""
    seats(m)
    m.account.put("subscriptions", None, noon("2026-06-08"), object_id=m.sub)


@cache
def everybody() -> Account:
    """All late lives in one account."""
    together = Account()
    for name, (live, _) in LATE.items():
        own = Account(tag=f"{name}_")
        live(Maker(own, name.replace("_", "") + "x"))
        together.absorb(own)
    return together


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory, template: Path) -> dict[str, CustomerLedger]:
    """What comes out at all lives' end."""
    with Installation(everybody(), tmp_path_factory.mktemp("late") / "nrr.sqlite3", template) as installation:
        installation.sync(noon("2026-06-06"))
        for action, at in READINGS:
            (installation.sync if action == "sync" else installation.audit)(at)
        return installation.ledgers(NOW)


@pytest.mark.parametrize("name", LATE)
def test_what_comes_late_has_its_own_date(name: str, ledgers: dict[str, CustomerLedger]) -> None:
    """After the next night's audit it is where it belongs."""
    expected = LATE[name][1]
    assert expected == tuple(told(ledgers[f"cus_{name.replace('_', '')}x"]))


def test_what_vanished_has_a_name(ledgers: dict[str, CustomerLedger]) -> None:
    """A live subscription that no list has any more is said, by its id."""
    found = ledgers["cus_vanishedfromeverylistx"].findings
    assert ["sub_vanishedfromeverylistx"] == [f.object_id for f in found if f.reason != "history_from_invoices"]


# --- listed again as before -----------------------------------------------------------------------------------------------------

BACK: Final = moves("2025-09-01 new 50.00", "2026-03-01 expansion 30.00", "2026-06-15 contraction -30.00")
JANUARY, FEBRUARY, JUNE = noon("2026-01-10"), noon("2026-02-20"), noon("2026-06-15")


def up_and_back(m: Maker) -> None:
    """Five yearly seats at 10.00 a month; a pair makes them eight on 1 March, and going back leaves no trace."""
    start, change = noon("2025-09-01"), noon("2026-03-01")
    price = m.price(12000, interval="year")
    m.begin(start, [m.item(price, 5, start)], told=False)
    m.bill([m.line(price, 5, start)], start, reason="subscription_create", told=False)
    m.bill(m.pair(change, later(start, 12), (price, 5), (price, 8)), change, reason="subscription_update", told=False)


@pytest.mark.parametrize(
    "history",
    [
        [("sync", JUNE)],
        [("sync", JANUARY), ("sync", JUNE)],
        [("sync", JANUARY), ("audit", FEBRUARY), ("sync", JUNE)],
        [("sync", JANUARY), ("sync", FEBRUARY), ("sync", JUNE), ("audit", JUNE)],
        [("sync", JANUARY), ("sync", JUNE), ("backfill", JUNE), ("sync", JUNE)],
    ],
    ids=["first in June", "in January too", "audited in February", "three times", "and backfilled"],
)
@pytest.mark.long
def test_a_listing_counts_again_when_it_says_the_same(history: list[tuple[str, int]], tmp_path: Path, template: Path) -> None:
    """Between two equal listings the line's change must have been undone by the second, however often it was read before."""
    account = Account()
    up_and_back(Maker(account, "back"))
    with Installation(account, tmp_path / "nrr.sqlite3", template) as installation:
        for action, at in history:
            {"sync": installation.sync, "audit": installation.audit, "backfill": installation.backfill}[action](at)
        assert BACK == tuple(told(installation.ledgers(JUNE)["cus_back"]))
