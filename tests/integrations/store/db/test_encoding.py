"""Evidence as bytes: canonical, exact, and storable whatever Stripe lets through."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.store.db.columns import BUCKETS
from integrations.store.db.encoding import decode, digest, encode, plain
from integrations.store.db.words import bucket_of, clean, is_clean
from metrics.evidence import Coupon, Customer, Discount, Instant, Item, Pause, Price, Subscription, Tier, Transform

ANY = st.text(st.characters(codec=None))
METADATA = st.lists(st.tuples(ANY, ANY), max_size=4).map(tuple)


@pytest.mark.parametrize(
    "value",
    [
        Price(
            "p", "prod", "jpy", unit=Decimal("0.000000000001"), tiers=(Tier(5, None, Decimal("1E+3")), Tier(None, Decimal(2), None))
        ),
        Price("p", "prod", "usd", transform=Transform(10, "up")),
        Coupon("c", percent_off=Decimal("33.33"), amount_options=(("eur", 2**62),), products=()),
        Customer(
            "cus",
            created=Instant(256),
            discount=Discount("di", None, Instant(-5)),
            described=(Discount("x", "c", Instant(1), Instant(2)),),
        ),
        Subscription(
            "s",
            "cus",
            "active",
            "usd",
            Instant(1),
            Instant(2),
            (Item("i", None, None, period_end=Instant(3)),),
            pause=Pause("void"),
        ),
    ],
)
def test_what_was_encoded_comes_back(value: object) -> None:
    """Exactly, decimals to the last place, and equal values give equal bytes."""
    body = encode(value)
    assert value == decode(body, type(value))
    assert body == encode(decode(body, type(value)))
    assert digest(body) == digest(encode(value))
    assert isinstance(plain(body), dict)


@given(METADATA)
def test_no_metadata_stops_a_page(metadata: tuple[tuple[str, str], ...]) -> None:
    """Half a surrogate pair and NUL are replaced, wherever they are; everything else stays as it is."""
    found = decode(encode(Customer("cus", created=Instant(256), metadata=metadata)), Customer)
    assert tuple((clean(key), clean(value)) for key, value in metadata) == found.metadata
    assert 256 == found.created, "whose bytes hold a zero"


@given(ANY)
def test_clean_text_is_what_a_database_takes(text: str) -> None:
    """Cleaned once it is clean, it is as long as before, and what was clean is not changed."""
    cleaned = clean(text)
    assert (True, len(text)) == (is_clean(cleaned), len(cleaned))
    assert is_clean(text) == (cleaned == text)
    assert "\x00" not in cleaned
    cleaned.encode()


@given(ANY)
def test_every_name_has_a_bucket(name: str) -> None:
    """Whatever it is made of."""
    assert 0 <= bucket_of(name) < BUCKETS


def test_buckets_are_the_same_for_ever() -> None:
    """They are in the keys of stored rows: another hash would lose them. No name is the empty name."""
    assert (0, 0, 390, 237) == (bucket_of(None), bucket_of(""), bucket_of("cus_1"), bucket_of("company:acme"))
