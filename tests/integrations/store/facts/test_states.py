"""States are stored once, a listing only where it says something new; in the end it doesn't matter what came first."""

import os
import random
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete

from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts.schema import touched
from integrations.store.facts.write import Page, put_page
from integrations.store.work import cursors
from metrics.evidence import Coupon, Instant, Price
from tests.integrations.store.dump import FACTS, canonical
from tests.integrations.store.telling import LEARNT, customer, event, invoice, put, rows, subscription

EXAMPLES = int(os.environ.get("STORE_EXAMPLES", "0"))


def held(engine: Engine) -> list[tuple[int, str, int]]:
    """Moment, event and quantity of each state that is stored, in order."""
    with read(engine) as connection:
        found = [s for g in read_facts.groups(connection) for m in g.members for e in m.subscriptions for s in e.states]
    return [(s.at, s.source_id, s.subscription.items[0].quantity or 0) for s in found]


def sightings(engine: Engine) -> list[tuple[int, str, tuple[int, ...]]]:
    """Moment, event and further sightings of each state that is stored, in order."""
    with read(engine) as connection:
        found = [s for g in read_facts.groups(connection) for m in g.members for e in m.subscriptions for s in e.states]
    return [(s.at, s.source_id, s.seen) for s in found]


def test_a_listing_that_says_what_is_known_is_a_further_sighting(engine: Engine) -> None:
    """Neither twice in a row nor after an event that said so is it a row of its own; one that says something else is."""
    assert (1, {"cus_a"}) == put(engine, subscriptions=[subscription("sub_a", "cus_a", 100)])
    assert (0, set()) == put(engine, subscriptions=[subscription("sub_a", "cus_a", 200)])
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 300, event="evt_1", quantity=2)])
    assert (0, set()) == put(engine, subscriptions=[subscription("sub_a", "cus_a", 400, quantity=2)])
    assert (1, {"cus_a"}) == put(engine, subscriptions=[subscription("sub_a", "cus_a", 500, quantity=3)])
    assert [(100, "", 1), (300, "evt_1", 2), (500, "", 3)] == held(engine)
    assert [(100, "", (200,)), (300, "evt_1", (400,)), (500, "", ())] == sightings(engine)


def test_a_sighting_becomes_a_row_when_a_state_comes_late_in_between(engine: Engine) -> None:
    """Seen at 100, 200 and 400; then an event of 300 says something else: the sighting at 400 says that it was undone by then."""
    for at in (100, 200, 400):
        put(engine, subscriptions=[subscription("sub_a", "cus_a", at)])
    assert (2, {"cus_a"}) == put(engine, subscriptions=[subscription("sub_a", "cus_a", 300, event="evt_1", quantity=2)])
    assert [(100, "", (200,)), (300, "evt_1", ()), (400, "", ())] == sightings(engine)
    assert [1, 2, 1] == [quantity for _, _, quantity in held(engine)]


def test_a_sighting_after_new_lines_is_news(engine: Engine) -> None:
    """That it is still as it was says something only to those who have lines since: they are derived again, once, and the sighting stays."""
    with begin(engine) as connection:
        cursors.move(connection, 1, "subscriptions", None, 100)
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 100), subscription("sub_b", "cus_b", 100)])
    bill = invoice("in_1", "cus_a", of="sub_a")
    late = replace(bill, lines=tuple(replace(line, period_start=Instant(150)) for line in bill.lines))
    put(engine, invoices=[late])
    both = [[subscription("sub_a", "cus_a", at), subscription("sub_b", "cus_b", at)] for at in (200, 300, 200 + 50 * 86_400)]
    assert [(0, {"cus_a"}), (0, set()), (0, set())] == [put(engine, subscriptions=listed) for listed in both]
    assert {(200, 200 + 50 * 86_400), (200 + 50 * 86_400,)} == {seen for _, _, seen in sightings(engine)}


def test_a_listing_is_taken_back_when_the_event_comes_later(engine: Engine) -> None:
    """What it said first is then known from the event, and its payload goes with it."""
    sent = [("subscription", "sub_a", "", Instant(200), zlib.compress(b"listed"))]
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 200, quantity=2)], payloads=sent)
    assert (1, 1) == (rows(engine, "subscription_state"), rows(engine, "payload"))
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 150, event="evt_1", quantity=2)])
    assert [(150, "evt_1", 2)] == held(engine)
    assert 0 == rows(engine, "payload")


def test_the_state_before_an_event_makes_no_listing_old(engine: Engine) -> None:
    """A listing is compared with what came out of events, not with what they said was before."""
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 100, event="evt_1", before=True, quantity=5)])
    put(engine, subscriptions=[subscription("sub_a", "cus_a", 200, quantity=5)])
    assert 2 == rows(engine, "subscription_state")


def test_two_listings_in_one_page_keep_their_own_payloads(engine: Engine) -> None:
    """Read twice with a change in between: each state goes with what was sent of it."""
    put(
        engine,
        subscriptions=[subscription("sub_a", "cus_a", 100), subscription("sub_a", "cus_a", 200, quantity=2)],
        payloads=[("subscription", "sub_a", "", Instant(at), zlib.compress(str(at).encode())) for at in (200, 100)],
    )
    with read(engine) as connection:
        sent = sorted(line for line in canonical(connection) if '"table": "payload"' in line)
    assert [('"at": 100', '"body": "100"'), ('"at": 200', '"body": "200"')] == [
        tuple(part for part in line.strip("{}").split(", ") if part.startswith(('"at"', '"body"'))) for line in sent
    ]


# --- in any order ---------------------------------------------------------------------------------------------------------------


@dataclass
class Past:
    """What was said of a made-up account, piece by piece: each piece is a page of its own, and pages can be put together."""

    pieces: list[Page]

    def pages(self, chance: random.Random) -> list[Page]:
        """All of it in pages of any size, in any order, some of it twice."""
        pieces = [*self.pieces, *chance.sample(self.pieces, len(self.pieces) // 3)]
        chance.shuffle(pieces)
        out = []
        while pieces:
            size = chance.randint(1, max(1, len(pieces)))
            out.append(together(pieces[:size]))
            pieces = pieces[size:]
        return out


def together(pieces: Sequence[Page]) -> Page:
    """One page of several."""
    merged = {f.name: [x for p in pieces for x in getattr(p, f.name)] for f in fields(Page) if f.name != "observed_at"}
    return Page(max(p.observed_at for p in pieces), **merged)


def past(chance: random.Random) -> Past:
    """Customers whose subscriptions change, each change told by an event with what was before it, listed now and then in between."""
    pieces: list[Page] = []
    for number in range(chance.randint(1, 3)):
        owner, sub = f"cus_{number}", f"sub_{number}"
        at, quantity, serial = 100, 1, 0
        pieces.append(Page(Instant(at), subscriptions=[subscription(sub, owner, at, event=f"evt_{number}_0")]))
        for _ in range(chance.randint(0, 9)):
            at += chance.randint(1, 40)
            if chance.random() < 0.5:
                serial += 1
                name, before = f"evt_{number}_{serial}", quantity
                quantity = chance.choice([q for q in (1, 2, 3) if q != quantity])
                pieces.append(
                    Page(
                        Instant(at),
                        subscriptions=[
                            subscription(sub, owner, at, event=name, before=True, quantity=before),
                            subscription(sub, owner, at, event=name, quantity=quantity),
                        ],
                        events=[event(name, owner, sub, at)],
                        payloads=[("event", name, name, Instant(at), zlib.compress(name.encode()))],
                    )
                )
            else:
                body = zlib.compress(f"{sub} {at}".encode())
                listed = [subscription(sub, owner, at, quantity=quantity)]
                pieces.append(Page(Instant(at), subscriptions=listed, payloads=[("subscription", sub, "", Instant(at), body)]))
            if chance.random() < 0.3:
                pieces.append(Page(Instant(at), customers=[customer(owner, at, seen=str(at // 60))]))
            if chance.random() < 0.4:
                bill = invoice(f"in_{number}_{at}", owner, of=sub, lines=chance.randint(1, 3), status="open")
                paid = replace(bill, head=replace(bill.head, status="paid", amount_paid=1000, paid_at=Instant(at)))
                draft = replace(bill, head=replace(bill.head, status="draft"))
                pieces += [Page(Instant(at), invoices=[each]) for each in (draft, bill, paid)]
            if chance.random() < 0.3:
                price = Price(f"price_{chance.randint(1, 2)}", "prod_1", "usd", nickname=chance.choice(["a", "b"]))
                pieces.append(
                    Page(Instant(at), prices=[price]) if chance.random() < 0.5 else Page(Instant(at), inline_prices=[price])
                )
                pieces.append(Page(Instant(at), inline_coupons=[Coupon("half", amount_off=chance.randint(1, 2))]))
    return Past(pieces)


def stored(engine: Engine, pages: Sequence[Page]) -> list[str]:
    """The dump of a database that holds these pages and nothing else."""
    with begin(engine) as connection:
        for table in (*FACTS, touched):
            connection.execute(delete(table))
    for page in pages:
        with begin(engine) as connection:
            put_page(connection, 1, page, LEARNT)
    with read(engine) as connection:
        return list(canonical(connection))


@pytest.mark.parametrize("examples", [EXAMPLES or 12])
@pytest.mark.long
def test_order_paging_and_repetition_leave_the_same_facts(engine: Engine, examples: int) -> None:
    """Whatever is read again, in whatever order and in pages of whatever size, is the same to the byte as all of it in order of time."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
    @given(st.integers(0, 10**9))
    def holds(seed: int) -> None:
        chance = random.Random(seed)
        told = past(chance)
        assert stored(engine, told.pieces) == stored(engine, told.pages(chance))

    holds()
