"""Ids and words of any length: stored and found again by a bounded key, and in nobody's way."""

import random

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.db.words import bucket_of
from integrations.store.facts import lookups
from integrations.store.facts import read as read_facts
from integrations.store.facts.marks import touch
from integrations.store.facts.schema import touched
from metrics.keys import LONGEST, bounded
from tests.integrations.store.telling import customer, event, invoice, put, subscription


def absurd(seed: int, length: int = 5_000) -> str:
    """A word that no index takes, and that nothing compresses."""
    chance = random.Random(seed)
    return "".join(chr(chance.randint(0x4E00, 0x9FFF)) for _ in range(length))


@given(st.text(max_size=400), st.text(max_size=400))
def test_a_bounded_word_is_itself_or_its_beginning_with_a_digest(one: str, other: str) -> None:
    """Short ones stay, long ones stay apart, and bounding twice is bounding once."""
    key = bounded(one)
    assert key == one if len(one) <= LONGEST else key.startswith(one[:LONGEST])
    assert len(key) <= LONGEST + 33
    assert key == bounded(key)
    assert (one == other) == (key == bounded(other))


def test_an_absurd_id_is_stored_and_found_and_others_with_it(engine: Engine) -> None:
    """Customer, subscription, invoice and event of any length: stored once, read back, known again."""
    who, what, bill, told = absurd(1), absurd(2), absurd(3), absurd(4)
    for _ in range(2):
        put(
            engine,
            customers=[customer(who), customer("cus_a")],
            subscriptions=[subscription(what, who), subscription("sub_a", "cus_a")],
            invoices=[invoice(bill, who, of=what), invoice("in_a", "cus_a", of="sub_a")],
            events=[event(told, who, what), event("evt_a", "cus_a", "sub_a")],
        )
    with read(engine) as connection:
        everybody = {group.customer: group for group in read_facts.groups(connection)}
        assert {bounded(who), "cus_a"} == set(everybody)
        [of_who] = everybody[bounded(who)].members[0].subscriptions
        assert (1, 1) == (len(of_who.states), len(of_who.invoices))
        [named] = read_facts.groups(connection, only=[bounded(who)])
        assert named == everybody[bounded(who)]
        assert bucket_of(who) == bucket_of(bounded(who))
        assert {told, "evt_a"} == lookups.known_events(connection, 1, [told, "evt_a", "evt_b"])
    with begin(engine) as connection:
        touch(connection, 1, [who])
    with read(engine) as connection:
        assert bounded(who) in set(connection.execute(select(touched.c.customer_id)).scalars())
