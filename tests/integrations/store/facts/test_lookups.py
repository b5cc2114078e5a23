"""What a reader of Stripe asks of stored facts before and after it reads."""

from datetime import timedelta

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import lookups
from integrations.store.facts.lookups import Changed
from integrations.store.facts.write import Page, put_page
from metrics.evidence import Instant
from tests.integrations.store.telling import LEARNT, event, invoice, put, subscription


def test_events_that_are_known(engine: Engine) -> None:
    """However many are asked about; those of another account aren't known."""
    put(engine, events=[event(f"evt_{n}") for n in range(1_200)])
    with read(engine) as connection:
        asked = [f"evt_{n}" for n in range(1_100, 2_500)]
        assert {f"evt_{n}" for n in range(1_100, 1_200)} == lookups.known_events(connection, 1, asked)
        assert (set(), set()) == (lookups.known_events(connection, 2, asked), lookups.known_events(connection, 1, []))


def test_invoices_that_are_not_settled(engine: Engine) -> None:
    """Drafts and open ones, until a final status is stored, whatever came first; only those created before an instant, if asked."""
    put(
        engine,
        invoices=[
            *(invoice(f"in_{status}", "cus_a", status=status) for status in ("draft", "open", "paid", "void", "uncollectible")),
            invoice("in_settled", "cus_a", status="paid"),
            invoice("in_settled", "cus_a", status="open"),
            invoice("in_young", None, status="open", created=500),
        ],
    )
    put(engine, 2, invoices=[invoice("in_other", "cus_a", status="open")])
    with read(engine) as connection:
        assert ["in_draft", "in_open", "in_young"] == lookups.unsettled_invoices(connection, 1)
        assert ["in_draft", "in_open"] == lookups.unsettled_invoices(connection, 1, created_before=Instant(500))


def test_what_a_listing_changed(engine: Engine) -> None:
    """States that a listing brought since an instant: not those of events, not what was known, not what was learnt before."""
    put(engine, subscriptions=[subscription("sub_old", "cus_a")])
    later = LEARNT + timedelta(hours=1)
    with begin(engine) as connection:
        page = Page(
            Instant(300),
            subscriptions=[
                subscription("sub_old", "cus_a", 300),
                subscription("sub_new", "cus_b", 300),
                subscription("sub_told", "cus_c", 300, event="evt_1"),
            ],
        )
        put_page(connection, 1, page, later)
    with read(engine) as connection:
        found = lookups.changed_by_listing(connection, 1, since=Instant(300), learnt_from=later)
        assert [Changed("subscription", "sub_new", "cus_b")] == found
        everything = lookups.changed_by_listing(connection, 1, since=Instant(0), learnt_from=LEARNT)
        assert ["sub_new", "sub_old"] == [each.object_id for each in everything]
        assert [] == lookups.changed_by_listing(connection, 1, since=Instant(301), learnt_from=later)
        assert [] == lookups.changed_by_listing(connection, 1, since=Instant(300), learnt_from=later + timedelta(seconds=1))
        assert (3, 0) == (lookups.subscriptions_held(connection, 1), lookups.subscriptions_held(connection, 2))
