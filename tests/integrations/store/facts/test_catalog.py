"""Of every version that was seen the newest listed one holds; whoever may be worth something else by a new one is told."""

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import catalog
from integrations.store.facts.customers import customer_merge
from integrations.store.ledger import write as write_ledger
from metrics.entries import CustomerLedger
from metrics.evidence import (
    Coupon,
    Discount,
    Finding,
    Instant,
    Item,
    Price,
    Product,
    Source,
    Subscription,
    SubscriptionState,
    Tier,
)
from metrics.pricing.object_versions import version_of
from tests.integrations.store.telling import customer, invoice, put, rows, subscription

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
        write_ledger.replace_customers(connection, "basis", [name], [CustomerLedger(name, (), (), (), (said,), ())])


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
        customer_merge.assign(connection, {(1, "cus_b"): "group:g", (1, "cus_c"): "group:g", (2, "cus_d"): "group:g"})
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

    from integrations.store.facts import accounts

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


OLD_COUPON = Coupon("SPRING", percent_off=Decimal(20), created=Instant(1), scope_told=False)
NEW_COUPON = Coupon("SPRING", percent_off=Decimal(50), created=Instant(1_000))


def test_a_coupon_made_again_under_its_id_is_another_one(engine: Engine) -> None:
    """In whatever order they come: the listed one is today's, and what carries the first keeps it."""
    for account, order in enumerate(([0, 1], [1, 0]), start=1):
        for which in order:
            put(engine, account, 2_000, **({"coupons": [NEW_COUPON]} if which else {"inline_coupons": [OLD_COUPON]}))
        with read(engine) as connection:
            found = catalog.load(connection, account)
        assert NEW_COUPON == found.coupons["SPRING"]
        assert OLD_COUPON == found.coupon_of(Discount("di", "SPRING", Instant(5_000), None, version_of(OLD_COUPON)))
        assert (NEW_COUPON, OLD_COUPON) == found.earlier_coupons["SPRING"]


def test_a_listing_fills_in_what_the_same_object_leaves_out_elsewhere(engine: Engine) -> None:
    """Its tiers; and those of another price of that id never."""
    seen = Price("gold", "prod", "usd", scheme="tiered", tiers_mode="volume", created=Instant(1))
    tiers = (Tier(None, Decimal(5), None),)
    put(engine, inline_prices=[seen], prices=[replace(seen, tiers=tiers)])
    with read(engine) as connection:
        assert tiers == catalog.load(connection, 1).price_versions["gold", version_of(seen)].tiers
    remade = replace(seen, id="silver", tiers=tiers, created=Instant(900))
    put(engine, inline_prices=[replace(seen, id="silver")], prices=[remade])
    with read(engine) as connection:
        assert None is catalog.load(connection, 1).price_versions["silver", version_of(replace(seen, id="silver"))].tiers


def test_who_carries_an_id_is_told_when_it_turns_out_to_name_two_objects(engine: Engine) -> None:
    """And when one answer tells which products a coupon is for; a further sighting of a known object concerns nobody."""
    laid = Discount("di_1", "SPRING", Instant(5), None, version_of(OLD_COUPON))
    about = Subscription("sub_a", "cus_a", "active", "usd", Instant(1), Instant(1), (Item("si", "p", 1),), discounts=(laid,))
    put(engine, inline_coupons=[OLD_COUPON], subscriptions=[SubscriptionState(Instant(100), Source.SNAPSHOT, "", about)])
    assert {"cus_a"} == put(engine, at=200, inline_coupons=[replace(OLD_COUPON, products=("prod_a",), scope_told=True)])[1]
    assert {"cus_a"} == put(engine, at=300, coupons=[NEW_COUPON])[1]
    assert set() == put(engine, at=400, inline_coupons=[replace(NEW_COUPON, scope_told=False)])[1]


def test_what_was_stored_before_sightings_told_their_scope_is_not_taken_for_everything(engine: Engine) -> None:
    """A coupon inside another object never said which products it is for; one that was listed did."""
    put(engine, inline_coupons=[Coupon("A", percent_off=Decimal(5))], coupons=[Coupon("B", percent_off=Decimal(5))])
    with read(engine) as connection:
        found = catalog.load(connection, 1).coupons
    assert (False, True) == (found["A"].scope_told, found["B"].scope_told)
