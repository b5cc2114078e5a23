"""What is billed as figures: months made again by their news, the share outside for rules and messages, and lines read for the proof."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import billings as store
from integrations.store.figures import proof as store_proof
from integrations.store.work import key_value
from metrics.billings.shares import Share
from metrics.evidence import (
    BilledLine,
    Coupon,
    Discount,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Price,
    Totals,
)
from metrics.ledger.basis import Basis
from metrics.retention.figures import Figures, metric, why_null
from tests.worker.ledgers import BASIS, put_rates, roll_up, rolling_of
from tests.worker.ledgers import store as store_ledger
from worker.figures import billings
from worker.figures.outside import beside, last_month, shares
from worker.figures.proof import REMEMBERED
from worker.queries.billings import LastProof, last_proof, untotalled
from worker.queries.billings import billings as query
from worker.queries.session import Session

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)
MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)


def at(day: date) -> Instant:
    """Noon of a day."""
    return Instant(int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()))


def bill(name: str, day: date, inside: int, outside: int, currency: str = "usd", *, off: int = 0) -> InvoiceEvidence:
    """An invoice of so much of a subscription and so much beside it, `off` of which a coupon took off the latter."""
    head = Invoice(name, "cus_1", "sub_1", "paid", at(day), currency, finalized_at=at(day))
    line = InvoiceLine(
        f"il_{name}", name, "sub_1", "si_1", "price_1", 1, inside, currency, at(day), at(date(day.year, day.month + 1, 1))
    )
    other = BilledLine(f"ol_{name}", "outside", "manual", outside, discount=off)
    return InvoiceEvidence(head, (line,), totals=Totals(inside + outside - off, discount=off), others=(other,))


def put(engine: Engine, *invoices: InvoiceEvidence) -> None:
    """Store them."""
    prices = [Price("price_1", "prod_1", "usd", unit=Decimal(1000))]
    coupons = [Coupon("FOREVER", percent_off=Decimal(10)), Coupon("ONCE", percent_off=Decimal(5), duration="once")]
    with begin(engine) as connection:
        from integrations.store.facts.accounts import bind

        account = bind(connection, name="main", stripe_id="acct_1", livemode=False)
        put_page(connection, account, Page(Instant(100), prices=prices, coupons=coupons, invoices=invoices), LEARNT)


def month(first: date, until: date, currency: str) -> Figures:
    """Figures of the whole book in a month."""
    return Figures("default", "month", first, until, "", "", currency, opening=10, opening_customers=20)


def test_a_month_with_news_is_made_again_and_no_other(engine: Engine) -> None:
    """Months that nothing new is known of stay untouched; nothing at all is looked at where there is no news."""
    put(engine, bill("in_1", date(2025, 5, 9), 900, 100), bill("in_2", date(2025, 6, 9), 800, 200))
    assert billings.refresh(engine, "UTC", lambda: None) is None
    put(engine, bill("in_3", date(2025, 6, 20), 0, 1000))
    assert [JUNE] == billings.refresh(engine, "UTC", lambda: None)
    assert [] == billings.refresh(engine, "UTC", lambda: None)
    with read(engine) as connection:
        found = shares(connection, MAY, JULY)
    assert {(MAY, "usd"): Share(1_000_000, 10_000_000), (JUNE, "usd"): Share(12_000_000, 20_000_000)} == found


def test_the_share_is_a_metric_of_months_and_of_the_whole_book(engine: Engine) -> None:
    """In a currency, in all of them at the rate of the month's last day, over several months; unknown for a segment and a month in mid-month."""
    put_rates(engine, [(date(2025, 5, 1), "eur", "usd", "2")])
    put(engine, bill("in_1", date(2025, 5, 9), 900, 110, off=10), bill("in_2", date(2025, 6, 9), 300, 200, "eur"))
    billings.refresh(engine, "UTC", lambda: None)
    wanted = [
        month(MAY, JUNE, "usd"),
        replace(month(MAY, JULY, "all:usd"), kind="quarter"),
        replace(month(MAY, JUNE, "usd"), dimension="plan", segment="pro"),
        month(date(2025, 5, 2), JUNE, "usd"),
    ]
    with read(engine) as connection:
        usd, whole, segment, odd = beside(connection, wanted)
        aside = last_month(connection, date(2025, 7, 3), "usd")
        apart = last_month(connection, date(2025, 7, 3), None)
    assert Fraction(1, 10) == metric(usd, "outside_share")
    assert Fraction(100 + 400, 1000 + 1000) == metric(whole, "outside_share")
    assert ("not_ranked", "not_ranked") == (why_null(segment, "outside_share"), why_null(odd, "outside_share"))
    assert [(JUNE, "usd", Fraction(2, 5), Fraction(1, 10))] == [
        (a.month, a.currency, a.now.ratio, a.before.ratio if a.before else None) for a in aside
    ]
    assert [("eur", None)] == [(a.currency, a.before) for a in apart]
    assert aside[0].worth_saying(Fraction(1, 2)), "it rose by more than five points"
    assert not apart[0].worth_saying(Fraction(1, 2))


def test_lines_for_the_proof_are_after_lasting_discounts_and_without_tax(engine: Engine) -> None:
    """A tenth off for good counts, five per cent off once doesn't; tax within is the share of what is left; voided invoices are marked."""
    base = bill("in_1", date(2025, 5, 9), 1190, 0)
    taken = ((Discount("di_1", "FOREVER", at(MAY)), 119), (Discount("di_2", "ONCE", at(MAY)), 119))
    line = replace(base.lines[0], discounts=taken, inclusive_tax=152)
    void = bill("in_2", date(2025, 6, 9), 1000, 0)
    put(engine, replace(base, lines=(line,)), void, replace(void, head=replace(void.head, status="void")))
    with read(engine) as connection:
        found = store_proof.lines(connection, (0, 1), "forever_repeating").sort("period_start")
        gross = store_proof.lines(connection, (0, 1), "none").sort("period_start")
        assert 3 == store.invoices_held(connection)
    assert [(1190 - 119 - 152 * 1071 // 952) * 10_000, 10_000_000] == found["amount_micros"].to_list()
    assert (1190 - 152 * 1190 // 952) * 10_000 == gross["amount_micros"][0]
    assert [False, True] == found["apart"].to_list()
    assert ["month", "month"] == found["interval"].to_list()


def test_what_an_older_release_read_is_counted_until_it_is_read_again(engine: Engine) -> None:
    """Each invoice once, however many statuses of it are known; of the days and the customer that are asked for; and not for ever."""
    old = replace(bill("in_1", date(2025, 5, 9), 900, 0), totals=None, others=())
    open_then = replace(old, head=replace(old.head, status="open"))
    later = replace(bill("in_2", date(2025, 6, 9), 900, 0), totals=None, others=())
    put(engine, open_then, old, later)
    session = Session(engine, Basis(), at(JULY))
    assert (1, 1, 2) == (untotalled(session, MAY, JUNE), untotalled(session, JUNE, JULY), untotalled(session, MAY, JULY))
    found = (
        query(session, MAY, JULY).untotalled,
        query(session, MAY, JULY, "cus_1").untotalled,
        query(session, MAY, JULY, "x").untotalled,
    )
    assert (2, 2, 0) == found
    put(engine, bill("in_1", date(2025, 5, 9), 900, 0))
    assert (0, 1) == (untotalled(session, MAY, JUNE), untotalled(session, JUNE, JULY))


def test_the_last_proof_is_of_the_ledger_that_is_meant(engine: Engine) -> None:
    """Not of one under other choices; what is billed where the ledger has nothing is unexplained, too."""
    session = Session(engine, Basis(), at(JULY))
    assert last_proof(session) is None
    unexplained = {"eur": [0, 0], "jpy": [5, 0], "usd": [1, 8], "gbp": [0, 7]}
    kept = {"month": "2025-06-01", "basis": session.basis.version, "unexplained": unexplained, "customers": ["cus_1"]}
    with begin(engine) as connection:
        key_value.put(connection, REMEMBERED, kept)
    assert LastProof(JUNE, {"jpy": None, "usd": Fraction(1, 8)}, ("cus_1",)) == last_proof(session)
    assert last_proof(session.under(Basis(timezone="Europe/Berlin"))) is None


def test_a_ledger_under_other_choices_is_proven_anew(engine: Engine) -> None:
    """Even on a night without news of invoices; on such a night nothing is proven twice."""
    store_ledger(engine, {}, [], JULY)
    put(engine, bill("in_1", date(2025, 6, 9), 900, 0))
    roll_up(rolling_of(engine))

    def proven() -> dict[str, Any]:
        with read(engine) as connection:
            return dict(key_value.get(connection, REMEMBERED))

    made = proven()
    assert (BASIS.version, "2025-06-01") == (made["basis"], made["month"])
    for kept, expected in (
        ({**made, "basis": "other"}, made),
        ({**made, "customers": ["left alone"]}, {**made, "customers": ["left alone"]}),
    ):
        with begin(engine) as connection:
            key_value.put(connection, REMEMBERED, kept)
        roll_up(rolling_of(engine))
        assert expected == proven()


def test_evidence_for_the_rules_is_read_of_some_customers(engine: Engine) -> None:
    """On both databases: drafts of those customers alone, and of an invoice that is known as nothing else."""
    draft = replace(bill("in_1", date(2025, 5, 9), 0, 0), lines=(), others=())
    draft = replace(draft, head=replace(draft.head, status="draft"))
    put(engine, draft, replace(draft, head=replace(draft.head, id="in_2")), bill("in_2", date(2025, 5, 9), 5, 5))
    with read(engine) as connection:
        assert [("cus_1", "usd", at(date(2025, 5, 9)))] == store_proof.drafts(connection, ["cus_0", "cus_1"]).rows()
        assert 0 == len(store_proof.drafts(connection, ["cus_2"]))
        for of in (store_proof.movements, store_proof.left_out, store_proof.noted):
            assert [] == of(connection, "none", ["cus_1"]).rows()
