"""What an invoice leaves unsaid is kept with it, and forgotten once another sight of it says it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import read as read_facts
from integrations.store.facts.write import Page, put_page
from metrics.evidence import Discount, Instant, Invoice, InvoiceEvidence, InvoiceLine, UnreadLine

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AT = Instant(1_000)
HEAD = Invoice("in_1", "cus_1", "sub_1", "paid", AT, "usd")
LINE = InvoiceLine("il_1", "in_1", "sub_1", "si_1", "price_1", 1, 1000, "usd", AT, Instant(2_000))
UNREAD = UnreadLine("il_2", "line_without_parent", "parent is missing", 500, "usd", None, "price_2", AT, Instant(2_000))
READ = InvoiceLine("il_2", "in_1", "sub_1", "si_2", "price_2", 1, 500, "usd", AT, Instant(2_000))


def stored(engine: Engine, *found: InvoiceEvidence) -> InvoiceEvidence:
    """What is read back of an invoice that was seen so, one sight after the other."""
    for each in found:
        with begin(engine) as connection:
            put_page(connection, 1, Page(AT, invoices=[each]), NOW)
    with read(engine) as connection:
        (group,) = read_facts.groups(connection)
    return group.members[0].subscriptions[0].invoices[0]


PARTLY = InvoiceEvidence(HEAD, (LINE,), (UNREAD,), 2, 900)


def test_it_comes_back_as_it_was(engine: Engine) -> None:
    """Unread lines, and how many other charges there are with what they come to."""
    assert PARTLY == stored(engine, PARTLY)
    assert PARTLY.unread


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_that_another_sight_tells_is_told(engine: Engine, turned: bool) -> None:
    """Whichever came first."""
    sights = [PARTLY, InvoiceEvidence(HEAD, (LINE, READ), (), 2, 900)]
    found = stored(engine, *(sights[::-1] if turned else sights))
    assert ((LINE, READ), ()) == (found.lines, found.unread)


@pytest.mark.parametrize(
    "line",
    [
        LINE,
        replace(LINE, discounts=((Discount("di_1", "c", AT), 7),), inclusive_tax=3, credited_lines=("il_0",)),
        replace(LINE, quantity_decimal=Decimal("1.5"), invoice_item="ii_1"),
        replace(LINE, discounts_told=False, discount_amounts_told=False, taxes_told=False),
        replace(LINE, taxes_told=False),
        replace(LINE, decimal_told=False),
    ],
    ids=["plain", "discounted", "fraction", "silent", "untaxed", "cut"],
)
def test_what_a_line_says_beyond_its_columns(engine: Engine, line: InvoiceLine) -> None:
    """And what it doesn't say."""
    assert (line,) == stored(engine, InvoiceEvidence(HEAD, (line,))).lines
