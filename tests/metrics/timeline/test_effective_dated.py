"""What changes beside a subscription's states: the customer's discount, the share of inclusive tax, usage; each by hand."""

from dataclasses import replace
from fractions import Fraction

from metrics.evidence import Discount, InvoiceEvidence, Item
from metrics.periods import day_of
from metrics.timeline.effective_dated import Timed, customer_discounts, tax_shares, usage_billed, value_at
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
    assert [("2025-03-01", None), ("2025-03-01", "ten")] == given(
        "customer 2025-03-01\ncustomer 2025-04-01 discounts=ten:2025-03-01.."
    )
    assert [("2025-03-01", None), ("2025-04-01", "ten")] == given(
        "customer 2025-03-01\ncustomer 2025-04-01 discounts=ten:2025-02-20.."
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
        tax: [share for _, share, _ in tax_shares(invoices, CATALOG).items["si_sub"]]
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
    """Any line of a known price that may include tax, of a cycle or a proration, charged or given back; not a draft's, nor one without taxes."""
    span = "gross@si_sub:2025-01-01..2025-02-01"
    (invoice,) = billed(f"2025-01-01 line={span}:tax1900")
    (line,) = invoice.lines
    share = {"si_sub": [(JANUARY, Fraction(19, 119), "il_2_0")]}
    assert share == tax_shares([invoice], CATALOG).items
    exclusive = replace(CATALOG, prices={"gross": replace(CATALOG.prices["gross"], tax_behavior="exclusive")})
    for catalog in (exclusive, replace(CATALOG, prices={})):
        assert {} == tax_shares([invoice], catalog).items
    for changes in ({"proration": True}, {"amount": -11900, "inclusive_tax": -1900, "proration": True}):
        assert share == tax_shares([replace(invoice, lines=(replace(line, **changes),))], CATALOG).items, changes
    for changes in ({"taxes_told": False}, {"amount": 0}):
        assert {} == tax_shares([replace(invoice, lines=(replace(line, **changes),))], CATALOG).items, changes
    untaxed = replace(invoice, lines=(replace(line, inclusive_tax=0),))
    assert {"si_sub": [(JANUARY, Fraction(0), "il_2_0")]} == tax_shares([untaxed], CATALOG).items
    assert {} == tax_shares(billed(f"2025-01-01 status=draft line={span}:tax1900"), CATALOG).items


def test_the_share_of_tax_is_of_what_is_left_after_discounts() -> None:
    """119.00 with 10 % off holds 17.10 of tax in 107.10, which is 19 of 119; discounted away it says nothing."""
    ten = Discount("di_ten", "ten", JANUARY)
    (invoice,) = billed("2025-01-01 line=gross@si_sub:2025-01-01..2025-02-01:tax1710")
    for amount, taken, tax in ((11900, 1190, 1710), (-11900, -1190, -1710), (-11900, 1190, -1710)):
        line = replace(invoice.lines[0], amount=amount, discounts=((ten, taken),), inclusive_tax=tax)
        shares = tax_shares([replace(invoice, lines=(line,))], CATALOG).items
        assert [(JANUARY, Fraction(19, 119), line.id)] == shares["si_sub"]
    free = replace(invoice.lines[0], discounts=((ten, 11900),), inclusive_tax=0)
    assert {} == tax_shares([replace(invoice, lines=(free,))], CATALOG).items


def test_the_largest_line_of_a_share_says_it_best() -> None:
    """A proration of 0.50 with 0.08 of tax is 16 %; the cycle after it, 19.00 of 119.00, is the same share, told exactly."""
    invoices = billed(
        "2025-01-31 line=gross@si_sub:2025-01-31..2025-02-01:debit line=gross@si_sub:2025-02-01..2025-03-01:tax1900",
    )
    small, cycle = invoices[0].lines
    lines = (replace(small, amount=50, inclusive_tax=8), cycle)
    ((at, share, _),) = tax_shares([replace(invoices[0], lines=lines)], CATALOG).items["si_sub"]
    assert (instant("2025-01-31"), Fraction(19, 119)) == (at, share)


def test_whose_share_an_item_takes() -> None:
    """Its own lines', else those of its price, else the subscription's; none where the price excludes tax, nor where nothing is billed."""
    invoices = billed(
        "2025-01-01 line=gross@a:2025-01-01..2025-02-01:tax1900 line=eur@b:2025-01-01..2025-02-01:tax200",
    )
    taxes = tax_shares(invoices, CATALOG)
    gross, eur = CATALOG.prices["gross"], CATALOG.prices["eur"]
    told = [
        taxes.share(Item(item, price.id, 1), price, MARCH)
        for item, price in (("a", gross), ("new", gross), ("new", eur), ("a", replace(gross, tax_behavior="exclusive")))
    ]
    assert [Fraction(19, 119), Fraction(19, 119), Fraction(1, 20), 0] == told
    other = replace(gross, id="other")
    assert taxes.lines[-1][1] == taxes.share(Item("new", "other", 1), other, MARCH)
    assert None is tax_shares([], CATALOG).share(Item("a", "gross", 1), gross, MARCH)


def test_a_line_that_names_no_item_is_of_the_one_that_its_price_bills() -> None:
    """Prorations of the older kind name only their price."""
    (invoice,) = billed("2025-01-01 line=gross@a:2025-01-01..2025-02-01:tax1900")
    later = replace(invoice.lines[0], id="il_p", item=None, proration=True, period_start=FEBRUARY, amount=11600, inclusive_tax=1600)
    found = tax_shares([replace(invoice, lines=(*invoice.lines, later))], CATALOG)
    assert [(JANUARY, Fraction(19, 119), "il_2_0"), (FEBRUARY, Fraction(16, 116), "il_p")] == found.items["a"]


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
