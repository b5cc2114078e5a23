"""What an answer cuts or leaves unsaid: presence is proven, absence never, and nothing is left out without a trace."""

from decimal import Decimal
from typing import Any

import pytest

from metrics.evidence import (
    InvoiceLine,
)
from tests.integrations.stripe.decode.decoding import Nothing, listed
from tests.integrations.stripe.host import failing
from tests.integrations.stripe.shaped import customer, event, invoice, line, subscription
from tests.integrations.stripe.test_reader import reading

JSON = dict[str, Any]
FORBIDDEN = "The provided key does not have the required permissions: rak_subscription_read."


def cut(shape: JSON, *items: JSON, **more: Any) -> JSON:
    """A subscription whose list of items goes on."""
    return shape | {"items": {"object": "list", "data": list(items), "has_more": True} | more}


def items(count: int) -> list[JSON]:
    """So many items."""
    first = subscription("clover")["items"]["data"][0]
    return [first | {"id": f"si_{n:02d}"} for n in range(count)]


class Ends(Nothing):
    """The rest of objects whose own lists bring nothing further."""

    def items(self, subscription: str, after: str | None) -> list[Any]:
        """None that follow."""
        return []

    def lines(self, invoice: str, after: str | None) -> list[Any]:
        """None that follow."""
        return []


# --- items -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [{}, {"has_more": None}], ids=["cut", "not said"])
def test_an_event_of_eleven_items_says_that_it_lacks_some(told: JSON) -> None:
    """Ten are inlined: the state is of its moment, with what it has."""
    shape = cut(subscription("clover"), *items(10), **told)
    (state,) = listed("event", event("customer.subscription.created", shape, event_id="evt_1")).subscriptions
    assert (10, False) == (len(state.subscription.items), state.subscription.items_complete)


def test_an_event_without_its_items_has_none_and_says_nothing_of_them() -> None:
    """No items and a list that isn't there are not the same."""
    shape = subscription("clover", items=None)
    (state,) = listed("event", event("customer.subscription.updated", shape, event_id="evt_1")).subscriptions
    assert ((), False) == (state.subscription.items, state.subscription.items_complete)


@pytest.mark.parametrize(
    ("before", "told", "complete"),
    [(10, {}, False), (3, {}, True), (10, {"has_more": True}, False), (10, {"has_more": False}, True)],
)
def test_the_items_before_a_change_are_cut_as_well(before: int, told: JSON, complete: bool) -> None:
    """The old list seldom says whether it went on: ten of them may have been more, whatever there are now."""
    now = subscription("clover") | {"items": {"object": "list", "data": items(2), "has_more": False}}
    previous = {"items": {"data": items(before)} | told}
    shape = event("customer.subscription.updated", now, event_id="evt_1", previous=previous)
    old, new = listed("event", shape).subscriptions
    assert (before, complete) == (len(old.subscription.items), old.subscription.items_complete)
    assert (2, True) == (len(new.subscription.items), new.subscription.items_complete)


def test_an_item_on_two_pages_counts_once() -> None:
    """The list moved while it was paged: what was the last of one page comes again on the next, as it is now."""
    whole = cut(subscription("clover"), *items(2))
    again = [*items(2), items(2)[1] | {"quantity": 7}, *items(4)[2:]]
    with reading({"/v1/subscriptions": [whole], "/v1/subscription_items": again}) as (reader, _):
        (page,) = reader.pages("subscriptions")
    found = page.subscriptions[0].subscription
    assert ([("si_00", 2), ("si_01", 7), ("si_02", 2), ("si_03", 2)], True) == (
        [(i.id, i.quantity) for i in found.items],
        found.items_complete,
    )


def test_an_item_twice_on_one_page_counts_once() -> None:
    """In a listing and in an event alike."""
    shape = subscription("clover") | {"items": {"object": "list", "data": [*items(1), *items(1)], "has_more": False}}
    for page in (listed("subscription", shape), listed("event", event("customer.subscription.created", shape, event_id="evt_1"))):
        assert ["si_00"] == [i.id for i in page.subscriptions[0].subscription.items]


@pytest.mark.parametrize("refusal", [failing(403, FORBIDDEN), failing(404, "Unrecognized request URL.")], ids=["403", "404"])
def test_a_rest_that_cannot_be_had_is_told_and_what_was_inlined_is_kept(refusal: Any) -> None:
    """The subscription is neither lost nor called whole."""
    with reading({"/v1/subscriptions": [cut(subscription("clover"), *items(2))], "/v1/subscription_items": refusal}) as (reader, _):
        (page,) = reader.pages("subscriptions")
    assert [("sub_1", "subscription", "items_cut")] == [(r.object_id, r.kind, r.reason) for r in page.rejected]
    (state,) = page.subscriptions
    assert (2, False) == (len(state.subscription.items), state.subscription.items_complete)


def test_items_that_say_that_they_go_on_and_bring_nothing_further_are_not_all() -> None:
    """What was inlined is there for certain, and nothing says what else there is: the finding names it."""
    page = listed("subscription", cut(subscription("clover"), *items(10)), rest=Ends())
    held = page.subscriptions[0].subscription
    assert (10, False) == (len(held.items), held.items_complete)
    assert [("sub_1", "items_cut")] == [(r.object_id, r.reason) for r in page.rejected]


@pytest.mark.parametrize(("more", "unread"), [(True, ["lines_cut"]), (None, []), (False, [])])
def test_lines_that_say_that_they_go_on_and_bring_nothing_further_are_not_all(more: bool | None, unread: list[str]) -> None:
    """An item without a line among them may have one all the same."""
    shape = invoice("clover", good(), lines={"object": "list", "data": [good()], "has_more": more})
    page = listed("invoice", shape, rest=Ends())
    assert (1, unread) == (len(page.invoices[0].lines), [each.reason for each in page.invoices[0].unread])


# --- discounts ---------------------------------------------------------------------------------------------------------------------


def test_discounts_that_are_not_said_are_not_none() -> None:
    """Null is no empty list; nor is it told where old versions, in which events go on being drawn, have no such field."""
    silent = subscription("clover", discounts=None)
    silent["items"]["data"][0] |= {"discounts": None}
    found = listed("subscription", silent).subscriptions[0].subscription
    assert (False, False) == (found.discounts_complete, found.items[0].discounts_complete)
    old = listed("subscription", subscription("old", discount=None, discounts=None)).subscriptions[0].subscription
    assert (True, False) == (old.discounts_complete, old.items[0].discounts_complete)


def test_a_discount_named_twice_counts_once() -> None:
    """By its id, and the sight that names its coupon is the one that counts."""
    shape = subscription("clover")
    shape["discounts"] = ["di_1", *shape["discounts"], *shape["discounts"]]
    (found,) = listed("subscription", shape).subscriptions[0].subscription.discounts
    assert ("di_1", "TENOFF") == (found.id, found.coupon)


def test_a_customer_without_the_field_of_its_discount_says_nothing_of_it() -> None:
    """While null says that there is none."""
    absent = {k: v for k, v in customer("clover").items() if k != "discount"}
    told = [listed("customer", c).customers[0].customer.discount_told for c in (absent, customer("clover", discount=None))]
    assert [False, True] == told


# --- lines -------------------------------------------------------------------------------------------------------------------------


def good(**changes: Any) -> JSON:
    """A line that bills an item, and what is wrong with it."""
    return line("clover", line_id="il_1", amount=500) | changes


def details(kind: str, **changes: Any) -> JSON:
    """A line's parent with something changed."""
    shape: JSON = line("clover", line_id="il_1", amount=500, proration=True, of_item=kind == "subscription_item_details")["parent"]
    return shape | {kind: shape[kind] | changes}


UNREAD: dict[str, tuple[JSON, str]] = {
    "no parent": (good(parent=None), "line_without_parent"),
    "a parent without details": (
        good(parent={"type": "subscription_item_details", "subscription_item_details": None}),
        "line_without_parent",
    ),
    "a parent of a new type": (good(parent={"type": "something_new"}), "line_without_parent"),
    "no period": (good(period=None), "line_without_period"),
    "half a period": (good(period={"start": 5}), "line_without_period"),
    "no amount": (good(amount=None), "line_without_amount"),
}


@pytest.mark.parametrize("case", UNREAD)
def test_a_line_that_cannot_be_told_is_handed_on_with_what_it_says(case: str) -> None:
    """It is no evidence, no one-off charge either, and the invoice is read on."""
    shape, reason = UNREAD[case]
    (found,) = listed("invoice", invoice("clover", shape, line("clover", line_id="il_2", amount=7))).invoices
    assert (["il_2"], 0) == ([x.id for x in found.lines], found.other_lines)
    assert found.unread
    assert [("il_1", reason, shape["amount"], "usd")] == [(u.id, u.reason, u.amount, u.currency) for u in found.unread]


def test_what_is_nobodys_is_named_by_itself() -> None:
    """An invoice without a subscription has nobody's ledger to say it in."""
    head = invoice("clover", good(parent=None), parent=None)
    page = listed("invoice", head)
    assert [("il_1", "line_item", "line_without_parent")] == [(r.object_id, r.kind, r.reason) for r in page.rejected]
    assert "500 minor units of usd" in page.rejected[0].detail


def test_one_off_charges_are_counted_with_what_they_come_to() -> None:
    """They are no evidence, and no secret."""
    charges = [line("clover", line_id=f"il_{n}", amount=n, of_item=False) for n in (300, 40)]
    (found,) = listed("invoice", invoice("clover", *charges)).invoices
    assert ((), 2, 340, ()) == (found.lines, found.other_lines, found.other_amount, found.unread)


def told(shape: JSON) -> InvoiceLine:
    """The one line of an invoice."""
    (found,) = listed("invoice", invoice("clover", shape)).invoices[0].lines
    return found


def test_a_line_that_names_no_subscription_is_of_its_invoices_one() -> None:
    """Half of a proration pair without its subscription is the other half's still."""
    for kind in ("subscription_item_details", "invoice_item_details"):
        found = told(good(parent=details(kind, subscription=None)))
        assert ("sub_1", True) == (found.subscription, found.proration)


def test_what_a_line_leaves_unsaid_is_none() -> None:
    """No price, no quantity, no item: the line stands with what it has."""
    found = told(good(pricing=None, quantity=None, parent=details("subscription_item_details", subscription_item=None)))
    assert (None, None, None, 500) == (found.price, found.quantity, found.item, found.amount)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, True, True)),
        ({"discounts": None, "discount_amounts": None}, (False, False, True)),
        ({"discount_amounts": None}, (True, False, True)),
        ({"discount_amounts": None, "discounts": ["di_1"]}, (True, False, True)),
        ({"discount_amounts": [{"amount": None, "discount": "di_1"}]}, (True, False, True)),
        ({"taxes": None}, (True, True, False)),
    ],
)
def test_discounts_and_taxes_of_a_line_are_told_or_not(changes: JSON, expected: tuple[bool, bool, bool]) -> None:
    """An empty list says that there are none; null says nothing, and a line's own list nothing of the discounts on the whole invoice."""
    found = told(good(**changes))
    assert expected == (found.discounts_told, found.discount_amounts_told, found.taxes_told)


@pytest.mark.parametrize(
    ("own", "whole", "taken", "expected"),
    [
        ([], [], None, ([], True)),
        ([], ["di_1"], None, ([("di_1", 0)], True)),
        (["di_2"], ["di_1"], None, ([("di_1", 0), ("di_2", 0)], True)),
        ([], None, None, ([], False)),
        (None, ["di_1"], None, ([("di_1", 0)], False)),
        ([], ["di_1"], [], ([], True)),
        ([], ["di_1"], [{"amount": 5, "discount": None}], ([], False)),
        ([], ["di_1"], [{"amount": 5, "discount": "di_1"}], ([("di_1", 5)], True)),
    ],
)
def test_a_line_without_amounts_carries_what_is_on_its_invoice(
    own: list[str] | None, whole: list[str] | None, taken: list[JSON] | None, expected: tuple[list[tuple[str, int]], bool]
) -> None:
    """Its own list has only the discounts of its item; those on the whole invoice are said there, or not at all."""
    shape = invoice("clover", good(discounts=own, discount_amounts=taken)) | {"discounts": whole}
    (found,) = listed("invoice", shape).invoices[0].lines
    assert expected == ([(each.id, amount) for each, amount in found.discounts], found.discounts_told)


@pytest.mark.parametrize(
    ("whole", "decimal", "expected"),
    [
        (2, "2", (2, None)),
        (2, "2.5", (2, Decimal("2.5"))),
        (None, "3", (3, None)),
        (None, "0.25", (0, Decimal("0.25"))),
        (4, None, (4, None)),
    ],
)
def test_a_quantity_with_a_fraction(whole: int | None, decimal: str | None, expected: tuple[int | None, Decimal | None]) -> None:
    """The whole number is cut, the exact one is kept beside it where it says more."""
    found = told(good(quantity=whole, quantity_decimal=decimal))
    assert expected == (found.quantity, found.quantity_decimal)
    assert (decimal is not None) == found.decimal_told


def test_an_invoice_without_a_status_has_the_one_that_its_dates_say() -> None:
    """Null is no status; without any date it may be a draft, and is set aside."""
    dated = invoice("clover", good(), status=None, status_transitions={"finalized_at": 5, "paid_at": 6})
    assert "paid" == listed("invoice", dated).invoices[0].head.status


# --- who ---------------------------------------------------------------------------------------------------------------------------


def test_an_account_in_the_place_of_the_customer() -> None:
    """It is whose the object is, until something says which customer it stands for."""
    shape = subscription("clover", customer=None, customer_account="acct_1")
    assert "acct_1" == listed("subscription", shape).subscriptions[0].subscription.customer
    assert (
        "acct_1" == listed("invoice", invoice("clover", good(), customer=None, customer_account="acct_1")).invoices[0].head.customer
    )
    page = listed("event", event("customer.subscription.updated", shape, event_id="evt_1"))
    assert "acct_1" == page.events[0].customer
