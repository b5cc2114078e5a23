"""Credit notes, totals and lines beside subscriptions, stored once whatever is read again; and the days that have news."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from integrations.store.db.engine import begin, read
from integrations.store.facts.schema import credit_note, invoice, other_line
from integrations.store.facts.write import Page, put_page
from integrations.store.figures import billings
from metrics.evidence import BilledLine, CreditedLine, CreditNote, Customer, CustomerState, Instant, Source, Totals
from tests.integrations.store.telling import invoice as told_invoice

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400
NOTE = CreditNote(
    "cn_1", "cus_1", "in_1", "issued", Instant(5 * DAY), "usd", Totals(540, 40), (CreditedLine("cnli_1", "il_1", 500),)
)
BILL = replace(
    told_invoice("in_1", "cus_1", created=3 * DAY), totals=Totals(1700, 0), others=(BilledLine("ol_1", "outside", "manual", 700),)
)


def put(engine: Engine, page: Page) -> int:
    """Store a page; gives how many rows were new."""
    with begin(engine) as connection:
        return put_page(connection, 1, page, LEARNT).new


def news(engine: Engine) -> list[int]:
    """The days with news, which are then dealt with."""
    with begin(engine) as connection:
        days, last = billings.news(connection)
        billings.drop_news_until(connection, last)
    return [day // DAY for day in days]


def test_reading_again_changes_nothing(engine: Engine) -> None:
    """Neither rows nor days: only what is new makes a month be looked at again."""
    page = Page(Instant(100), invoices=[BILL], credit_notes=[NOTE])
    assert 5 == put(engine, page), "a head, its line, the line beside it, a note and its line"
    assert [3, 5] == news(engine)
    assert (0, []) == (put(engine, page), news(engine))


def test_a_void_credit_note_stays_void(engine: Engine) -> None:
    """Whatever is read after it: a lagging answer takes nothing back."""
    void = replace(NOTE, status="void", voided_at=Instant(9 * DAY))
    for note in (NOTE, void, NOTE):
        put(engine, Page(Instant(100), credit_notes=[note]))
    with read(engine) as connection:
        assert [("void", 9 * DAY)] == connection.execute(select(credit_note.c.status, credit_note.c.voided_at)).all()
    put(engine, Page(Instant(100), credit_notes=[replace(void, id="cn_2"), replace(NOTE, id="cn_2")]))
    with read(engine) as connection:
        assert ["void", "void"] == list(connection.execute(select(credit_note.c.status)).scalars())


def test_what_an_older_release_left_is_filled_in(engine: Engine) -> None:
    """Read again, an invoice gets its total and its lines beside subscriptions, and its month is looked at again."""
    put(engine, Page(Instant(100), invoices=[replace(BILL, totals=None, others=(), other_lines=1, other_amount=700)]))
    news(engine)
    assert 2 == put(engine, Page(Instant(200), invoices=[BILL]))
    assert [3] == news(engine)
    with read(engine) as connection:
        assert [1700] == list(connection.execute(select(invoice.c.total)).scalars())
        assert 0 == billings.untotalled(connection)


def test_a_line_that_is_told_later_is_told(engine: Engine) -> None:
    """An answer that was cut left it untold, amount and all."""
    untold = replace(BILL, others=(BilledLine("ol_1", "", "", None),))
    for each in (untold, BILL, untold):
        put(engine, Page(Instant(100), invoices=[each]))
    with read(engine) as connection:
        told = connection.execute(select(other_line.c.kind, other_line.c.mark, other_line.c.amount)).all()
    assert [("outside", "manual", 700)] == told


def test_drafts_have_no_lines(engine: Engine) -> None:
    """What a draft will charge isn't charged yet."""
    draft = replace(BILL, head=replace(BILL.head, status="draft"), lines=())
    assert 1 == put(engine, Page(Instant(100), invoices=[draft]))


def test_what_is_of_an_account_goes_to_its_customer(engine: Engine) -> None:
    """Credit notes and lines that name a customer by its account are kept under the customer once it is known which one it is."""
    bill = replace(BILL, head=replace(BILL.head, customer="acct_9"))
    put(engine, Page(Instant(100), invoices=[bill], credit_notes=[replace(NOTE, customer="acct_9")]))
    named = Customer("cus_1", Instant(1), customer_account="acct_9")
    put(engine, Page(Instant(200), customers=[CustomerState(Instant(200), Source.SNAPSHOT, "", named)]))
    put(engine, Page(Instant(300), credit_notes=[replace(NOTE, id="cn_2", customer="acct_9")]))
    with read(engine) as connection:
        facts = billings.facts(connection)
    owners = {*facts.heads["customer"], *facts.others["customer"], *facts.notes["customer"], *facts.note_lines["customer"]}
    assert {"cus_1"} == owners
    assert ["cn_1", "cn_2"] == sorted(facts.notes["note"])
