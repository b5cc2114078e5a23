"""Every line in one class, and classes that add up to what Stripe says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.billings import classes
from metrics.billings.classify import classified
from metrics.evidence import (
    BilledLine,
    CreditedLine,
    CreditNote,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Totals,
)
from tests.metrics.billings.frames import amounts, by_object, facts_of

AT = Instant(1_700_000_000)
HEAD = Invoice("in_1", "cus_1", "sub_1", "paid", AT, "usd", finalized_at=AT)


def line(name: str, amount: int, price: str = "p", *, proration: bool = False, inclusive: int = 0) -> InvoiceLine:
    """A line of the subscription's item."""
    return InvoiceLine(name, "in_1", "sub_1", "si_1", price, 1, amount, "usd", AT, AT, proration, (), inclusive)


def test_each_sort_of_line_has_its_class() -> None:
    """Licensed, proration, metered, one-off, outside and what can't be told, then discounts, tax, shipping and credits: 31 in all."""
    evidence = InvoiceEvidence(
        HEAD,
        (line("a", 1000), line("b", -50, proration=True), line("c", 70, "m"), line("t", 119, inclusive=19)),
        totals=Totals(1500, 34, 19, 40, 5, 11),
        others=(
            BilledLine("d", "one_off", "one_off", 200),
            BilledLine("e", "outside", "metronome", 161),
            BilledLine("f", "", "", 19),
        ),
    )
    found = classified(facts_of([evidence], metered={"p": False, "m": True}))
    assert {
        "subscription": 1100,
        "proration": -50,
        "usage": 70,
        "one_off": 200,
        "outside": 161,
        "untold": 19,
        "shipping": 11,
        "discount": -40,
        "credits": -5,
        "tax": 34,
    } == amounts(found)
    assert {"in_1": 1500} == by_object(found)


@pytest.mark.parametrize(("total", "expected"), [(1001, "rounding"), (998, "difference"), (1000, None)])
def test_what_no_line_explains_is_said(total: int, expected: str | None) -> None:
    """One minor unit a line is rounding; more is not accounted for; either way the classes make the total."""
    found = classified(facts_of([InvoiceEvidence(HEAD, (line("a", 1000),), totals=Totals(total))]))
    assert {"in_1": total} == by_object(found)
    assert expected == next((name for name in amounts(found) if name in ("rounding", "difference")), None)


@pytest.mark.parametrize(("status", "expected"), [("void", "void"), ("uncollectible", "uncollectible"), ("draft", "draft")])
def test_what_was_not_billed_stands_apart(status: str, expected: str) -> None:
    """Its total is listed, in no sum, and none of its lines is in a class."""
    evidence = InvoiceEvidence(replace(HEAD, status=status), (line("a", 1000),), totals=Totals(1000))
    assert {expected: 1000} == amounts(classified(facts_of([evidence])))


def test_the_last_status_counts() -> None:
    """An invoice seen as draft, open and void is void; one that was deleted as a draft is nothing."""
    seen = [InvoiceEvidence(replace(HEAD, status=s), (line("a", 5),), totals=Totals(5)) for s in ("void", "draft", "open")]
    gone = [InvoiceEvidence(replace(HEAD, id="in_2", status=s), totals=Totals(7)) for s in ("draft", "deleted")]
    facts = facts_of([*seen[:1], *(replace(each, lines=()) for each in seen[1:]), *gone])
    assert {"void": 5} == amounts(classified(facts))


def test_tax_within_amounts_that_no_line_tells_stays_in_them() -> None:
    """An old version's line doesn't say its tax: nothing is taken off it, and the tax is no class beside it."""
    told = InvoiceEvidence(HEAD, (line("a", 119, inclusive=19),), totals=Totals(119, 19, 19))
    untold = InvoiceEvidence(HEAD, (line("a", 119),), totals=Totals(119, 19, 19))
    assert {"subscription": 100, "tax": 19} == amounts(classified(facts_of([told])))
    assert {"subscription": 119} == amounts(classified(facts_of([untold])))


def test_a_credit_note_is_of_what_it_takes_back() -> None:
    """Its lines stand under the class of the invoice line that they name; a sum of its own under none; tax apart."""
    bill = InvoiceEvidence(HEAD, (line("a", 1000),), totals=Totals(1300), others=(BilledLine("b", "outside", "manual", 300),))
    note = CreditNote(
        "cn_1",
        "cus_1",
        "in_1",
        "issued",
        AT,
        "usd",
        Totals(430, 30),
        (CreditedLine("x", "a", 200), CreditedLine("y", "b", 150, discount=10), CreditedLine("z", None, 60)),
    )
    found = classified(facts_of([bill], [note, replace(note, id="cn_2", status="void")]))
    marks = found.filter(found["class"] == classes.CREDIT_NOTE).sort("mark").select("mark", "amount").rows()
    assert [("", -60), ("outside", -140), ("subscription", -200)] == marks
    assert {"in_1": 1300, "cn_1": -430} == by_object(found)
    assert 430 == amounts(found)["void_credit_note"]


def test_what_an_older_release_read_is_known_as_a_sum() -> None:
    """Without totals nothing is reconciled, and the lines beside subscriptions are one."""
    of_subscription = InvoiceEvidence(HEAD, (line("a", 1000),), other_lines=2, other_amount=340)
    manual = InvoiceEvidence(replace(HEAD, id="in_2", subscription=None), other_lines=1, other_amount=50)
    assert {"subscription": 1000, "one_off": 340, "outside": 50} == amounts(classified(facts_of([of_subscription, manual])))


def test_a_line_told_by_another_sight_of_it_is_counted_once() -> None:
    """What a cut answer left untold was told by the next one."""
    evidence = InvoiceEvidence(HEAD, (line("a", 1000),), totals=Totals(1000), others=(BilledLine("a", "", "", None),))
    assert {"subscription": 1000} == amounts(classified(facts_of([evidence])))


MINOR = st.integers(-10_000, 10_000)
SMALL = st.integers(0, 500)


@st.composite
def invoices(draw: st.DrawFn) -> InvoiceEvidence:
    """Any invoice, whatever its amounts say."""
    number = draw(st.integers(1, 30))
    head = replace(
        HEAD,
        id=f"in_{number}",
        customer=draw(st.sampled_from(["cus_1", "cus_2", None])),
        status=draw(st.sampled_from(["open", "paid", "void", "draft", "uncollectible", "something_new"])),
        subscription=draw(st.sampled_from(["sub_1", None])),
        currency=draw(st.sampled_from(["usd", "jpy", "kwd"])),
    )
    lines = tuple(
        replace(
            line(f"il_{number}_{n}", draw(MINOR), draw(st.sampled_from("pm")), proration=draw(st.booleans())),
            inclusive_tax=draw(SMALL),
        )
        for n in range(draw(st.integers(0, 4)))
    )
    others = tuple(
        BilledLine(
            f"ol_{number}_{n}",
            draw(st.sampled_from(["", "outside", "one_off"])),
            draw(st.sampled_from(["manual", "metronome", ""])),
            draw(st.none() | MINOR),
            discount=draw(SMALL),
            inclusive_tax=draw(SMALL),
        )
        for n in range(draw(st.integers(0, 3)))
    )
    said = st.builds(Totals, MINOR, SMALL, SMALL, SMALL, SMALL, SMALL)
    return InvoiceEvidence(head, lines, totals=draw(said), others=others)


@given(st.lists(invoices(), max_size=8, unique_by=lambda each: each.head.id))
def test_sums_are_equal_whatever_is_said(every: list[InvoiceEvidence]) -> None:
    """Whatever amounts an invoice tells, its classes make its total, and every line of it lies in one class."""
    found = classified(facts_of(every, metered={"m": True}))
    counted = [each for each in every if each.head.status not in ("void", "draft", "uncollectible")]
    expected = {each.head.id: each.totals.total for each in counted if each.totals is not None}
    assert {name: total for name, total in expected.items() if total} == {n: t for n, t in by_object(found).items() if t}
    lines = found.filter(found["class"].is_in(classes.LINES))
    assert sum(len(each.lines) + len(each.others) for each in counted) == lines["lines"].sum()
