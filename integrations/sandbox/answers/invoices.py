"""Invoices and their lines as Stripe shows them."""

from collections.abc import Sequence
from typing import Any, Final

from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers.customers import Show, customer, discounts
from integrations.sandbox.answers.expansion import NOTHING, Wanted
from integrations.sandbox.answers.subscriptions import subscription
from integrations.sandbox.simulator.billing_cycles import DAY, HOUR
from integrations.sandbox.simulator.invoicing import totals
from integrations.sandbox.simulator.records import Discount, Invoice, InvoiceItem, Line, Step

INLINED_LINES: Final = 10


def steps_until(bill: Invoice, now: int) -> tuple[Step, ...]:
    """What has happened to an invoice by `now`."""
    return tuple(step for step in bill.steps if step.at <= now)


def line(show: Show, bill: Invoice, held: Line, want: Wanted = NOTHING) -> dict[str, Any]:
    """An invoice line. One of an item names item and subscription; a proration of a classic subscription names no item."""
    shape = show.shape
    own = tuple(each for each, _ in held.discounts if each.level == "item")
    out: dict[str, Any] = {
        "id": held.id,
        "object": "line_item",
        "amount": held.amount,
        "currency": bill.currency,
        "description": held.description,
        "discount_amounts": [{"amount": off, "discount": each.id} for each, off in held.discounts],
        "discountable": held.kind not in ("credit", "debit"),
        "discounts": discounts(show, own, want),
        "invoice": bill.id,
        "livemode": False,
        "metadata": {},
        "period": {"end": held.end, "start": held.start},
        "pretax_credit_amounts": [],
        "quantity": held.quantity,
        "subtotal": held.amount,
    }
    if shape.basil:
        out.update(_new_line(show, bill, held))
    else:
        out.update(_old_line(show, bill, held))
    return {name: None if name in _BLANKED.get(held.blank, ()) else value for name, value in out.items()}


_BLANKED: Final = {"pricing": ("pricing", "price", "plan"), "quantity": ("quantity", "quantity_decimal"), "parent": ("parent",)}
"""What a line leaves null, by what it lacks, whatever version it is drawn in."""


def _credited(held: Line) -> dict[str, Any]:
    if held.credited_invoice is None:
        return {"credited_items": None}
    return {"credited_items": {"invoice": held.credited_invoice, "invoice_line_items": list(held.credited_lines)}}


def _of_item(show: Show, bill: Invoice, held: Line) -> bool:
    """Whether the line hangs off the subscription item: prorations of classic subscriptions hang off an invoice item."""
    if held.item is None:
        return False
    if held.kind not in ("credit", "debit"):
        return True
    sub = next((each for each in show.life.subscriptions if each.id == bill.subscription), None)
    return sub is not None and sub.flexible


def _new_line(show: Show, bill: Invoice, held: Line) -> dict[str, Any]:
    proration = held.kind in ("credit", "debit")
    details: dict[str, Any] = {
        "invoice_item": held.invoice_item,
        "proration": proration,
        "proration_details": _credited(held),
        "subscription": bill.subscription,
    }
    of_item = _of_item(show, bill, held)
    if of_item:
        details["subscription_item"] = held.item
    kind = "subscription_item_details" if of_item else "invoice_item_details"
    ware = show.business.catalog.prices[held.price] if held.price else None
    out: dict[str, Any] = {
        "parent": {"invoice_item_details": None, "subscription_item_details": None, kind: details, "type": kind}
        if bill.mark != "pricing_plan"
        else {"license_fee_subscription_details": {"invoice_item": held.invoice_item}, "type": "license_fee_subscription_details"},
        "pricing": None
        if ware is None
        else {
            "price_details": {"price": ware.id, "product": ware.product},
            "type": "price_details",
            "unit_amount_decimal": None if proration else held.unit,
        },
        "subscription": bill.subscription,
        "taxes": _taxes(held, new=True),
    }
    if show.shape.dahlia:
        out["quantity_decimal"] = str(held.quantity)
    return out


def _old_line(show: Show, bill: Invoice, held: Line) -> dict[str, Any]:
    catalog = show.business.catalog
    ware = catalog.prices[held.price] if held.price else None
    return {
        "amount_excluding_tax": held.amount - (held.tax if held.tax_inclusive else 0),
        "invoice_item": held.invoice_item,
        "plan": catalog_answers.plan(ware) if ware is not None and ware.interval is not None else None,
        "price": None if ware is None else catalog_answers.price(ware, catalog, basil=False),
        "proration": held.kind in ("credit", "debit"),
        "proration_details": _credited(held),
        "subscription": bill.subscription,
        "subscription_item": held.item,
        "tax_amounts": _taxes(held, new=False),
        "tax_rates": [],
        "type": "subscription" if held.kind in ("cycle", "usage") else "invoiceitem",
        "unit_amount_excluding_tax": held.unit,
    }


def _taxes(held: Line, *, new: bool) -> list[dict[str, Any]]:
    if not held.tax:
        return []
    taxable = held.amount - sum(off for _, off in held.discounts) - (held.tax if held.tax_inclusive else 0)
    if not new:
        return [
            {
                "amount": held.tax,
                "inclusive": held.tax_inclusive,
                "tax_rate": "txr_1SandboxRate",
                "taxability_reason": "standard_rated",
                "taxable_amount": taxable,
            }
        ]
    return [
        {
            "amount": held.tax,
            "tax_behavior": "inclusive" if held.tax_inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": "txr_1SandboxRate"},
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
    ]


def _credited_by_waiting(held: Line) -> dict[str, Any] | None:
    if held.credited_invoice is None:
        return None
    named = {"invoice": held.credited_invoice, "invoice_line_items": list(held.credited_lines)}
    return {"invoice_item": None, "invoice_line_item_details": named, "type": "invoice_line_items"}


def invoice_item(show: Show, held: InvoiceItem) -> dict[str, Any]:
    """A proration that waits for an invoice, or waited."""
    line, shape = held.line, show.shape
    ware = show.business.catalog.prices[line.price or ""]
    invoiced = held.invoice if held.invoiced_at is not None and held.invoiced_at <= show.now else None
    out: dict[str, Any] = {
        "id": held.id,
        "object": "invoiceitem",
        "amount": line.amount,
        "currency": held.currency,
        "customer": show.life.customer.id,
        "customer_account": None,
        "date": held.created,
        "description": line.description,
        "discountable": False,
        "discounts": [],
        "invoice": invoiced,
        "livemode": False,
        "metadata": {},
        "net_amount": line.amount,
        "period": {"end": line.end, "start": line.start},
        "proration": True,
        "quantity": line.quantity,
        "tax_rates": [],
        "test_clock": None,
    }
    if not shape.basil:
        out |= {
            "plan": catalog_answers.plan(ware),
            "price": catalog_answers.price(ware, show.business.catalog, basil=False),
            "subscription": held.subscription,
            "subscription_item": line.item,
            "unit_amount": None,
        }
        return out
    out["parent"] = {
        "subscription_details": {"subscription": held.subscription, "subscription_item": line.item},
        "type": "subscription_details",
    }
    out["pricing"] = {
        "price_details": {"price": ware.id, "product": ware.product},
        "type": "price_details",
        "unit_amount_decimal": None,
    }
    out["proration_details"] = {"credited_items": _credited_by_waiting(line), "discount_amounts": []}
    if shape.dahlia:
        out["quantity_decimal"] = str(line.quantity)
    return out


def lines(show: Show, bill: Invoice, want: Wanted = NOTHING) -> dict[str, Any]:
    """The first ten lines of an invoice."""
    below = want.get("data", NOTHING)
    return {
        "object": "list",
        "data": [line(show, bill, each, below) for each in bill.lines[:INLINED_LINES]],
        "has_more": len(bill.lines) > INLINED_LINES,
        "total_count": len(bill.lines),
        "url": f"/v1/invoices/{bill.id}/lines",
    }


def _on_whole(bill: Invoice) -> tuple[tuple[Discount, ...], list[dict[str, Any]]]:
    """The discounts of the invoice as a whole, and what each discount took off in total."""
    amounts: dict[str, int] = {}
    whole: dict[str, Discount] = {}
    for held in bill.lines:
        for each, off in held.discounts:
            amounts[each.id] = amounts.get(each.id, 0) + off
            if each.level != "item":
                whole[each.id] = each
    return tuple(whole.values()), [{"amount": off, "discount": identifier} for identifier, off in amounts.items()]


def _moment(steps: Sequence[Step], *statuses: str) -> int | None:
    return next((step.at for step in steps if step.status in statuses), None)


def invoice(show: Show, bill: Invoice, want: Wanted = NOTHING, *, steps: Sequence[Step] | None = None) -> dict[str, Any]:
    """An invoice as it is, or after `steps`."""
    passed = steps_until(bill, show.now) if steps is None else tuple(steps)
    last = passed[-1]
    subtotal, _off, tax, total = totals(bill.lines)
    inclusive = sum(held.tax for held in bill.lines if held.tax_inclusive)
    due = max(0, total + bill.starting_balance) if total > 0 else 0
    ending = min(0, total + bill.starting_balance) if total > 0 else total + bill.starting_balance
    paid = due if last.status == "paid" else 0
    whole, taken = _on_whole(bill)
    finalized = _moment(passed, "open", "paid", "void", "uncollectible")
    sent = 30 * DAY if bill.send_invoice else None
    out: dict[str, Any] = {
        "id": bill.id,
        "object": "invoice",
        "account_country": show.business.country,
        "account_name": show.business.name,
        "account_tax_ids": None,
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": paid,
        "amount_remaining": due - paid,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": last.attempts,
        "attempted": last.attempts > 0,
        "auto_advance": last.status in ("draft", "open"),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None},
        "automatically_finalizes_at": bill.created + HOUR if last.status == "draft" else None,
        "billing_reason": bill.reason,
        "collection_method": "send_invoice" if bill.send_invoice else "charge_automatically",
        "created": bill.created,
        "currency": bill.currency,
        "custom_fields": None,
        "customer": customer(show, want["customer"]) if "customer" in want else bill.customer,
        "customer_account": None,
        "customer_address": None,
        "customer_email": show.life.customer.email,
        "customer_name": show.life.customer.name,
        "customer_phone": None,
        "customer_shipping": None,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": discounts(show, whole, want),
        "due_date": None if sent is None else bill.created + sent,
        "effective_at": finalized,
        "ending_balance": None if finalized is None else ending,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": lines(show, bill, want.get("lines", NOTHING)),
        "livemode": False,
        "metadata": _marked(bill),
        "next_payment_attempt": last.next_attempt,
        "number": None if finalized is None else bill.number,
        "on_behalf_of": None,
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": bill.period_end,
        "period_start": bill.period_start,
        "post_payment_credit_notes_amount": _given_back(show, bill, after_payment=True),
        "pre_payment_credit_notes_amount": _given_back(show, bill, after_payment=False),
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": bill.starting_balance,
        "statement_descriptor": None,
        "status": last.status,
        "status_transitions": {
            "finalized_at": finalized,
            "marked_uncollectible_at": _moment(passed, "uncollectible"),
            "paid_at": _moment(passed, "paid"),
            "voided_at": _moment(passed, "void"),
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inclusive,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": taken,
        "total_excluding_tax": total - tax - inclusive,
        "total_pretax_credit_amounts": [],
        "webhooks_delivered_at": bill.created,
    }
    if show.shape.basil:
        out["amount_paid_off_stripe"] = 0
        out["parent"] = _parent(show, bill, want)
        out["total_taxes"] = [tax for held in bill.lines for tax in _taxes(held, new=True)]
    else:
        out.update(_old_fields(show, bill, want, last.status, tax))
        whole_one = whole[0] if whole else None
        out["discount"] = None if whole_one is None else discounts(show, (whole_one,), {"discounts": NOTHING})[0]
    return out


def _subscription_of(show: Show, bill: Invoice, want: Wanted) -> Any:
    if bill.subscription is None or "subscription" not in want:
        return bill.subscription
    sub = next(each for each in show.life.subscriptions if each.id == bill.subscription)
    return subscription(show, sub, want["subscription"])


def _marked(bill: Invoice) -> dict[str, str]:
    """What other systems write into the metadata of an invoice that they make."""
    if bill.mark == "metronome":
        return {"metronome_invoice_id": f"m-{bill.place}", "client_id": "m-client", "environment": "PRODUCTION"}
    return {"contract": f"c-{bill.place % 1000}"} if bill.mark == "contract" else {}


def _given_back(show: Show, bill: Invoice, *, after_payment: bool) -> int:
    """What credit notes take back of an invoice by now."""
    return sum(
        line.amount - sum(off for _, off in line.discounts) + (0 if line.tax_inclusive else line.tax)
        for note in show.life.credit_notes
        if note.invoice == bill.id and note.created <= show.now and note.after_payment == after_payment
        if note.voided_at is None or note.voided_at > show.now
        for line in note.lines
    )


def _parent(show: Show, bill: Invoice, want: Wanted) -> dict[str, Any] | None:
    if bill.mark == "quote":
        return {"quote_details": {"quote": f"qt_{bill.id[3:]}"}, "subscription_details": None, "type": "quote_details"}
    if bill.mark == "pricing_plan":
        return {"billing_cadence_details": {"billing_cadence": f"bc_{bill.id[3:]}"}, "type": "billing_cadence_details"}
    if bill.subscription is None:
        return None
    below = want.get("parent", NOTHING).get("subscription_details", NOTHING)
    details = {"metadata": dict(bill.metadata), "subscription": _subscription_of(show, bill, below)}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _old_fields(show: Show, bill: Invoice, want: Wanted, status: str, tax: int) -> dict[str, Any]:
    return {
        "charge": None,
        "paid": status == "paid",
        "paid_out_of_band": False,
        "payment_intent": None,
        "quote": f"qt_{bill.id[3:]}" if bill.mark == "quote" else None,
        "subscription": _subscription_of(show, bill, want),
        "subscription_details": {"metadata": dict(bill.metadata) if bill.subscription else None},
        "tax": tax or None,
        "total_tax_amounts": [each for held in bill.lines for each in _taxes(held, new=False)],
        "transfer_data": None,
    }
