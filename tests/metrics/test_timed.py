"""What changes beside a subscription's states: the customer's discount, the share of inclusive tax, usage; each by hand."""

from dataclasses import replace
from fractions import Fraction

from metrics.evidence import InvoiceEvidence
from metrics.periods import day_of
from metrics.timed import Timed, customer_discounts, tax_shares, usage_billed, value_at
from tests.metrics.life import CATALOG, instant, told_text

JANUARY, FEBRUARY, MARCH = (instant(f"2025-{month:02}-01") for month in (1, 2, 3))


def given(text: str) -> list[tuple[str, str | None]]:
    """From which day on the customer had which coupon, of customers told as in a life."""
    found = customer_discounts(told_text("## A customer\n" + text)[0].customers)
    return [(str(day_of(since, "UTC")), discount.coupon if discount else None) for since, discount in found]


def billed(*invoices: str) -> list[InvoiceEvidence]:
    """Invoices told as in a life."""
    return told_text("## Invoices\n" + "\n".join(f"invoice {text}" for text in invoices))[0].invoices["sub"]


def test_a_value_holds_from_its_moment_on() -> None:
    """Before the first change the first value is taken for what was before; without any there is none."""
    changes: Timed = [(JANUARY, Fraction(1), ""), (MARCH, Fraction(3), "")]
    found = [value_at(changes, instant(text)) for text in ("2024-06-01", "2025-01-01", "2025-02-28", "2025-03-01", "2025-06-01")]
    assert [1, 1, 1, 3, 3] == found
    assert value_at([], JANUARY) is None


def test_a_customers_discount_over_time() -> None:
    """The first one known counts from its own start; a later one from its own start too, unless another was known after that."""
    assert [("2025-01-15", "ten")] == given("customer 2025-03-01 discounts=ten:2025-01-15..")
    assert [("2025-01-01", None), ("2025-02-10", "ten")] == given(
        "customer 2025-01-01\ncustomer 2025-03-01 discounts=ten:2025-02-10..\ncustomer 2025-04-01 discounts=ten:2025-02-10.."
    )
    assert [("2025-03-01", None), ("2025-04-01", "ten")] == given(
        "customer 2025-03-01\ncustomer 2025-04-01 discounts=ten:2025-03-01.."
    )
    assert [("2025-01-01", None), ("2025-03-01", "ten"), ("2025-05-01", None)] == given(
        "customer 2025-01-01\ncustomer 2025-03-01 discounts=ten:2025-03-01..\ncustomer 2025-05-01"
    )
    assert [("2025-01-01", None), ("2025-03-01", "ten")] == given(
        "customer 2025-01-01\ncustomer 2025-03-01 discounts=ten:2025-04-01.."
    ), "one that is yet to begin is known from when it was seen"


def test_a_state_that_only_describes_discounts_says_nothing_of_the_customers() -> None:
    """An event described discounts of the customer's subscriptions: it takes the customer's own not away."""
    first, second = told_text("## A customer\ncustomer 2025-01-01 discounts=ten:2025-01-01..\ncustomer 2025-02-01")[0].customers
    ten = first.customer.discount
    assert ten is not None
    described = replace(second, customer=replace(second.customer, described=(ten,)))
    assert [(JANUARY, ten)] == customer_discounts([described, first])


def test_the_share_of_tax_changes_only_by_more_than_a_cent() -> None:
    """19.00 of 119.00; a cent more or less is rounding, two are another rate."""
    shares = {
        tax: [share for _, share, _ in tax_shares(invoices, CATALOG)["si_sub"]]
        for tax in (1898, 1899, 1901, 1902)
        for invoices in [
            billed(
                "2025-01-01 line=gross@si_sub:2025-01-01..2025-02-01:tax1900",
                f"2025-02-01 line=gross@si_sub:2025-02-01..2025-03-01:tax{tax}",
            )
        ]
    }
    same = [Fraction(1900, 11900)]
    assert {1898: [*same, Fraction(1898, 11900)], 1899: same, 1901: same, 1902: [*same, Fraction(1902, 11900)]} == shares


def test_which_lines_tell_of_tax() -> None:
    """A cycle's of a known price that may include tax, with an amount; not a draft's, a proration's, or one of another item or none."""
    line = "gross@si_sub:2025-01-01..2025-02-01"
    (invoice,) = billed(f"2025-01-01 line={line}:tax1900")
    assert {"si_sub": [(JANUARY, Fraction(19, 119), "il_2_0")]} == tax_shares([invoice], CATALOG)
    exclusive = replace(CATALOG, prices={"gross": replace(CATALOG.prices["gross"], tax_behavior="exclusive")})
    assert {} == tax_shares([invoice], exclusive) == tax_shares([invoice], replace(CATALOG, prices={}))
    for changes in ({"item": None}, {"proration": True}, {"amount": 0}, {"amount": -100}, {"inclusive_tax": 0}):
        told = replace(invoice, lines=(replace(invoice.lines[0], **changes),))
        assert {} == tax_shares([told], CATALOG), changes
    cent = replace(invoice, lines=(replace(invoice.lines[0], amount=1, inclusive_tax=1),))
    assert {"si_sub": [(JANUARY, Fraction(1), "il_2_0")]} == tax_shares([cent], CATALOG)
    assert {} == tax_shares(billed(f"2025-01-01 status=draft line={line}:tax1900"), CATALOG)


def test_usage_is_known_from_the_end_of_its_period() -> None:
    """Lines of one period add up, periods come in their order whatever they came to, and before the first there was none."""
    invoices = billed(
        "2025-03-01 line=usage*10@b:2025-02-01..2025-03-01 line=pro@a:2025-03-01..2025-04-01",
        "2025-02-01 line=usage*30@b:2025-01-01..2025-02-01 line=usage*5@b:2025-01-01..2025-02-01 line=usage*7@c:2025-01-01..2025-02-01",
        "2025-04-01 status=draft line=usage*99@b:2025-03-01..2025-04-01",
    )
    nameless = replace(invoices[0], lines=(replace(invoices[0].lines[0], item=None),))
    found = usage_billed([*invoices, nameless], CATALOG)
    assert {"b": [(FEBRUARY, Fraction(35)), (MARCH, Fraction(10))], "c": [(FEBRUARY, Fraction(7))]} == {
        item: [(at, value) for at, value, _ in changes[1:]] for item, changes in found.items()
    }
    assert {"b": 0, "c": 0} == {item: value_at(changes, JANUARY) for item, changes in found.items()}
    assert {} == usage_billed(invoices, replace(CATALOG, prices={}))
