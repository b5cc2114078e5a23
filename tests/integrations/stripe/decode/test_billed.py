"""What is billed beside subscriptions, by the marks that are left on it; and what invoices and credit notes come to."""

from typing import Any

import pytest

from metrics.billings.classify import classified
from metrics.evidence import BilledLine, CreditedLine, CreditNote, Instant, InvoiceEvidence, Totals
from tests.integrations.stripe.decode.decoding import bare, listed
from tests.integrations.stripe.reference import inside, recordings, samples
from tests.integrations.stripe.shaped import GENERATIONS, invoice, line
from tests.metrics.billings.frames import amounts, by_object, facts_of


def manual(generation: str, **changes: Any) -> dict[str, Any]:
    """An invoice of no subscription with one line of 700."""
    shape = invoice(generation, line(generation, line_id="il_1", amount=700, of_item=False, subscription_id=None))
    shape |= {"billing_reason": "manual", "discounts": [], "total": 700}
    shape |= {"subscription": None} if generation == "old" else {"parent": None}
    return shape | changes


def other(shape: dict[str, Any]) -> BilledLine:
    """The one line that no subscription has."""
    page = listed("invoice", shape)
    assert () == page.rejected
    [found] = page.invoices[0].others
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({}, "manual"),
        ({"metadata": {"metronome_invoice_id": "m-1", "client_id": "c", "environment": "PRODUCTION"}}, "metronome"),
        ({"metadata": {"Contract number": "17"}}, "contract"),
        ({"metadata": {"note": "contract"}}, "manual"),
        ({"billing_reason": "quote_accept"}, "quote"),
        ({"metadata": None}, "manual"),
    ],
)
def test_marks_of_invoices_without_a_subscription(generation: str, changes: dict[str, Any], mark: str) -> None:
    """By who or what wrote the invoice, in every generation; only the keys of metadata are looked at."""
    found = other(manual(generation, **changes))
    assert ("outside", mark, 700) == (found.kind, found.mark, found.amount)


def test_marks_of_pricing_plans() -> None:
    """Invoices of a billing cadence, and lines of license fees and rate cards, are of no subscription: nothing of them is kept out."""
    parent = {"type": "billing_cadence_details", "billing_cadence_details": {"billing_cadence": "bc_1"}}
    fee = {"type": "license_fee_subscription_details", "license_fee_subscription_details": {"invoice_item": "ii_1"}}
    shape = manual("dahlia", parent=parent)
    shape["lines"]["data"][0]["parent"] = fee
    page = listed("invoice", shape)
    assert ((), (), 1) == (page.rejected, page.invoices[0].unread, page.other_lines)
    assert ("outside", "pricing_plan") == (page.invoices[0].others[0].kind, page.invoices[0].others[0].mark)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_charge_on_a_subscriptions_invoice_is_one_off(generation: str) -> None:
    """Whether the line names the subscription or only its invoice does; what can't be told is neither."""
    fee = line(generation, line_id="il_2", amount=99, of_item=False, subscription_id=None)
    assert ("one_off", "one_off", 99) == (
        other(invoice(generation, fee)).kind,
        other(invoice(generation, fee)).mark,
        other(invoice(generation, fee)).amount,
    )
    cut = fee | {"parent": None, "type": None}
    assert ("", "") == (other(invoice(generation, cut)).kind, other(invoice(generation, cut)).mark)


def test_totals_of_new_and_old_versions() -> None:
    """All tax and the part within amounts, discounts, credits without the discounts that are listed among them, shipping before tax."""
    new = manual(
        "dahlia",
        total=757,
        total_taxes=[{"amount": 19, "tax_behavior": "inclusive"}, {"amount": 50, "tax_behavior": "exclusive"}],
        total_discount_amounts=[{"amount": 3, "discount": "di_1"}],
        total_pretax_credit_amounts=[{"amount": 3, "type": "discount"}, {"amount": 2, "type": "credit_balance_transaction"}],
        shipping_cost={"amount_subtotal": 12, "amount_total": 12},
    )
    old = manual(
        "old", total=690, tax=40, total_discount_amounts=None, discounts=[], discount={"id": "di_1", "coupon": {"id": "c"}}
    )
    del old["total_discount_amounts"]
    assert Totals(757, 69, 19, 3, 2, 12) == listed("invoice", new).invoices[0].totals
    assert Totals(690, 40, 0, 50) == listed("invoice", old).invoices[0].totals, "a discount without its amount is what is lacking"
    assert None is listed("invoice", manual("dahlia", total=None)).invoices[0].totals


NOTE = {
    "id": "cn_1",
    "object": "credit_note",
    "created": 3000,
    "currency": "usd",
    "customer": "cus_1",
    "invoice": "in_1",
    "status": "issued",
    "total": 540,
    "discount_amounts": [{"amount": 60, "discount": "di_1"}],
    "total_taxes": [{"amount": 40, "tax_behavior": "exclusive"}],
    "lines": {
        "data": [
            {"id": "cnli_1", "amount": 500, "invoice_line_item": "il_1", "discount_amounts": [{"amount": 60, "discount": "di_1"}]},
            {"id": "cnli_2", "amount": 60, "discount_amount": 0},
        ],
        "has_more": False,
    },
}


def test_a_credit_note() -> None:
    """Its total, and each line with the invoice line that it takes back; one without a date or a status is set aside alone."""
    page = listed("credit_note", NOTE, NOTE | {"id": "cn_2", "created": None}, NOTE | {"id": "cn_3", "status": None})
    assert (
        CreditNote(
            "cn_1",
            "cus_1",
            "in_1",
            "issued",
            Instant(3000),
            "usd",
            Totals(540, 40, 0, 60),
            (CreditedLine("cnli_1", "il_1", 500, 60), CreditedLine("cnli_2", None, 60)),
        ),
    ) == bare(page.credit_notes)
    assert {"cn_2": "missing_date", "cn_3": "missing_status"} == {each.object_id: each.reason for each in page.rejected}


def test_recorded_invoices_add_up() -> None:
    """Each real invoice and credit note of the recordings: its classes make its total, and nothing is left unaccounted for."""
    seen: list[InvoiceEvidence] = []
    expected: dict[str, int | None] = {}
    for held in recordings():
        for shape in inside(held.body):
            if shape.get("object") != "invoice" or not isinstance(shape.get("lines"), dict) or shape["lines"].get("has_more"):
                continue
            if not shape["lines"].get("data") or shape["id"] in expected or shape.get("status") == "draft":
                continue
            page = listed("invoice", shape)
            seen += page.invoices
            expected[shape["id"]] = shape["total"] if shape["status"] in ("open", "paid") else None
    notes = {s["id"]: s for held in recordings() for s in inside(held.body) if s.get("object") == "credit_note"}
    read = listed("credit_note", *notes.values(), samples()["credit_note"])
    assert ((), len(notes) + 1) == (read.rejected, len(read.credit_notes))
    found = classified(facts_of(seen, read.credit_notes[: len(notes)]))
    totals = {name: total for name, total in expected.items() if total}
    totals |= {name: -shape["total"] for name, shape in notes.items() if shape["status"] == "issued"}
    assert len(totals) >= 12
    assert totals == {name: total for name, total in by_object(found).items() if total}
    assert {"difference", "rounding"}.isdisjoint(amounts(found))
