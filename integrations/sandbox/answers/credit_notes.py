"""Credit notes and their lines as Stripe shows them."""

from collections.abc import Iterable
from typing import Any

from integrations.sandbox.answers.customers import Show
from integrations.sandbox.simulator.records import CreditedLine, CreditNote, Discount

INLINED_LINES = 10


def credit_note(show: Show, note: CreditNote, *, now: int | None = None) -> dict[str, Any]:
    """A credit note as it is, or as it was at `now`."""
    void = note.voided_at is not None and note.voided_at <= (show.now if now is None else now)
    # No line of the note is called `line` here, as the function is that shows one: Python 3.12's first releases take the one for the other.
    subtotal = sum(noted.amount for noted in note.lines)
    off = sum(taken for noted in note.lines for _, taken in noted.discounts)
    inclusive = sum(noted.tax for noted in note.lines if noted.tax_inclusive)
    exclusive = sum(noted.tax for noted in note.lines if not noted.tax_inclusive)
    total = subtotal - off + exclusive
    taxes = [tax for noted in note.lines for tax in _taxes(noted, new=show.shape.basil)]
    return {
        "id": note.id,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": note.created,
        "currency": note.currency,
        "customer": show.life.customer.id,
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": off,
        "discount_amounts": _amounts((each, taken) for noted in note.lines for each, taken in noted.discounts),
        "effective_at": note.created,
        "invoice": note.invoice,
        "lines": {
            "object": "list",
            "data": [line(show, each) for each in note.lines[:INLINED_LINES]],
            "has_more": len(note.lines) > INLINED_LINES,
            "url": f"/v1/credit_notes/{note.id}/lines",
        },
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": note.number,
        "out_of_band_amount": None,
        "pdf": f"https://pay.example.com/{note.id}",
        "post_payment_amount": total if note.after_payment else 0,
        "pre_payment_amount": 0 if note.after_payment else total,
        "pretax_credit_amounts": [],
        "reason": None,
        "refunds": [],
        "shipping_cost": None,
        "status": "void" if void else "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inclusive,
        "total": total,
        "total_excluding_tax": total - exclusive - inclusive,
        "type": "post_payment" if note.after_payment else "pre_payment",
        "voided_at": note.voided_at if void else None,
    } | ({"total_taxes": taxes} if show.shape.basil else {"tax_amounts": taxes})


def line(show: Show, held: CreditedLine) -> dict[str, Any]:
    """A line of a credit note."""
    new = show.shape.basil
    out: dict[str, Any] = {
        "id": held.id,
        "object": "credit_note_line_item",
        "amount": held.amount,
        "description": held.description,
        "discount_amount": sum(taken for _, taken in held.discounts),
        "discount_amounts": _amounts(held.discounts),
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "type": "custom_line_item" if held.line is None else "invoice_line_item",
        "unit_amount": held.amount,
        "unit_amount_decimal": str(held.amount),
        "taxes" if new else "tax_amounts": _taxes(held, new=new),
    }
    return out if held.line is None else out | {"invoice_line_item": held.line}


def _amounts(taken: Iterable[tuple[Discount, int]]) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for each, off in taken:
        sums[each.id] = sums.get(each.id, 0) + off
    return [{"amount": off, "discount": identifier} for identifier, off in sums.items()]


def _taxes(held: CreditedLine, *, new: bool) -> list[dict[str, Any]]:
    if not held.tax:
        return []
    taxable = held.amount - sum(off for _, off in held.discounts) - (held.tax if held.tax_inclusive else 0)
    common = {"amount": held.tax, "taxability_reason": "standard_rated", "taxable_amount": taxable}
    if not new:
        return [common | {"inclusive": held.tax_inclusive, "tax_rate": "txr_1SandboxRate"}]
    behavior = "inclusive" if held.tax_inclusive else "exclusive"
    rate = {"tax_rate": "txr_1SandboxRate"}
    return [common | {"tax_behavior": behavior, "tax_rate_details": rate, "type": "tax_rate_details"}]
