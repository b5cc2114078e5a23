"""Of every version that was seen the newest listed one holds; whoever may be worth something else by a new one is told."""

import itertools
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from integrations.store import catalog, ledger, members
from integrations.store.engine import begin, read
from metrics.evidence import Coupon, Discount, Finding, Instant, Item, Price, Product, Source, Subscription, SubscriptionState
from metrics.ledger import CustomerLedger
from tests.store.telling import customer, invoice, put, rows, subscription

WHOLE = Price("price_1", "prod_1", "usd", unit=Decimal(1000), nickname="whole")
PART = Price("price_1", "prod_1", "usd", unit=Decimal(1000))
DEARER = Price("price_1", "prod_1", "usd", unit=Decimal(2000), nickname="whole")


def price(engine: Engine, account: int = 1) -> Price | None:
    """The price that holds."""
    with read(engine) as connection:
        return catalog.load(connection, account).prices.get("price_1")


def finding(engine: Engine, name: str, reason: str, account: int = 1) -> None:
    """A customer in whose ledger something could not be priced."""
    said = Finding(account, "si_1", reason, "said so", name)
    with begin(engine) as connection:
        ledger.replace_customers(connection, "basis", [name], [CustomerLedger(name, (), (), (), (said,), ())])


def test_everything_is_read_back(engine: Engine) -> None:
    """Prices, coupons and products of the account, and of no other."""
    half = Coupon("half", percent_off=Decimal("33.3"), products=("prod_1",), amount_options=(("eur", 5),))
    assert 3 == put(engine, prices=[WHOLE], coupons=[half], products=[Product("prod_1", "Team")])[0]
    with read(engine) as connection:
        found = catalog.load(connection, 1)
        assert ({"price_1": WHOLE}, {"half": half}, {"prod_1": Product("prod_1", "Team")}) == (
            found.prices,
            found.coupons,
            found.products,
        )
        assert {} == catalog.load(connection, 2).prices
        assert 3 == catalog.state(connection)[0]


def test_a_version_that_comes_back_is_another_state(engine: Engine) -> None:
    """As many versions as before, and yet another price holds."""
    states = []
    for moment, price in ((100, WHOLE), (200, DEARER), (300, WHOLE)):
        put(engine, at=moment, prices=[price])
        with read(engine) as connection:
            states.append(catalog.state(connection))
            assert {"price_1": price} == catalog.load(connection, 1).prices
    assert 3 == len(set(states))


def test_the_newest_listed_version_holds_in_any_order(engine: Engine) -> None:
    """One seen inside another object fills the hole only while nothing was listed; one that is listed again holds again."""
    sightings = [(100, "prices", WHOLE), (200, "prices", DEARER), (300, "inline_prices", PART)]
    for account, order in enumerate(itertools.permutations(sightings), start=1):
        for at, kind, version in order:
            put(engine, account, at, **{kind: [version]})
        assert DEARER == price(engine, account)
        put(engine, account, 400, prices=[WHOLE])
        assert WHOLE == price(engine, account)
        put(engine, account, 250, prices=[DEARER])
        assert WHOLE == price(engine, account), "a page that was read before says nothing of now"
    assert 3 * 6 == rows(engine, "catalog")


def test_one_seen_inside_another_fills_the_hole(engine: Engine) -> None:
    """Until it is listed it is all that is known."""
    assert (1, set()) == put(engine, inline_prices=[PART])
    assert PART == price(engine)
    assert (0, set()) == put(engine, inline_prices=[PART])


def test_who_waits_for_a_price_is_told(engine: Engine) -> None:
    """Whoever's ledger lacks one, with every part of a merged customer; nobody of another account, nobody with other findings."""
    finding(engine, "cus_a", "unknown_price")
    finding(engine, "group:g", "unknown_coupon")
    finding(engine, "cus_gap", "gap")
    finding(engine, "cus_other", "unknown_price", account=2)
    with begin(engine) as connection:
        members.assign(connection, {(1, "cus_b"): "group:g", (1, "cus_c"): "group:g", (2, "cus_d"): "group:g"})
    _, touched = put(engine, prices=[WHOLE])
    assert {"cus_a", "cus_b", "cus_c"} <= touched
    assert not touched & {"cus_gap", "cus_other", "cus_d"}
    assert set() == put(engine, prices=[WHOLE])[1]


@pytest.mark.parametrize("many", [False, True])
def test_who_has_a_price_that_changes_is_told(engine: Engine, many: bool) -> None:
    """By a subscription or an invoice line that names it; a new nickname concerns nobody."""
    put(engine, prices=[WHOLE, *(Price(f"price_x{n}", "prod_1", "usd") for n in range(100 if many else 0))])
    put(
        engine,
        subscriptions=[subscription("sub_a", "cus_a"), subscription("sub_b", "cus_b", price="price_2")],
        invoices=[invoice("in_1", "cus_c"), invoice("in_2", None)],
    )
    renamed = Price("price_1", "prod_1", "usd", unit=Decimal(1000), nickname="renamed")
    assert (1, set()) == put(engine, at=200, prices=[renamed])
    assert (1, {"cus_a", "cus_c"}) == put(engine, at=300, prices=[DEARER])


def test_who_has_a_coupon_that_changes_is_told(engine: Engine) -> None:
    """Wherever it lies: on the subscription, on the customer, or on the line of an invoice."""
    from dataclasses import replace

    laid = Discount("di_1", "half", Instant(1))
    put(engine, coupons=[Coupon("half", percent_off=Decimal(50))])
    about = Subscription("sub_a", "cus_a", "active", "usd", Instant(1), Instant(1), (Item("si", "p", 1),), discounts=(laid,))
    held = customer("cus_b")
    bill = invoice("in_1", "cus_c")
    put(
        engine,
        subscriptions=[SubscriptionState(Instant(100), Source.SNAPSHOT, "", about), subscription("sub_z", "cus_z")],
        customers=[replace(held, customer=replace(held.customer, discount=laid))],
        invoices=[replace(bill, lines=tuple(replace(line, discounts=((laid, 5),)) for line in bill.lines))],
    )
    assert (1, {"cus_a", "cus_b", "cus_c"}) == put(engine, at=200, coupons=[Coupon("half", percent_off=Decimal(40))])


def test_nobody_stores_a_version_while_it_is_kept_still(engine: Engine) -> None:
    """Who derives and who brings a price exclude one another; who is at it already is waited for."""
    import threading

    from integrations.store import accounts

    with begin(engine) as connection:
        accounts.bind(connection, name="main", stripe_id="acct_1", livemode=False)
    stored = threading.Event()

    def bring() -> None:
        put(engine, prices=[WHOLE])
        stored.set()

    thread = threading.Thread(target=bring)
    with begin(engine) as connection:
        catalog.keep_still(connection)
        assert (0, 0) == catalog.state(connection)
        thread.start()
        assert not stored.wait(0.4)
        assert (0, 0) == catalog.state(connection)
    thread.join()
    assert stored.is_set()
