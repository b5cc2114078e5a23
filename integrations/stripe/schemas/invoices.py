"""The fields of Stripe's invoices and lines that MRR needs, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

from decimal import Decimal
from typing import Any

from integrations.stripe.schemas.catalog import Discount, Plan, Price, Product
from integrations.stripe.schemas.shape import Id, Moded, Shape, Sublist, When, Whole


class Period(Shape):
    """What a line bills."""

    start: When | None = None
    end: When | None = None


class CreditedLines(Shape):
    """Lines of an invoice that a pending proration takes back."""

    invoice_line_items: list[str] | None = None


class CreditedItems(Shape):
    """The lines that a proration takes back: of a line directly, of a pending invoice item one level deeper."""

    invoice_line_items: list[str] | None = None
    invoice_line_item_details: CreditedLines | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Their ids."""
        deeper = self.invoice_line_item_details
        return tuple(self.invoice_line_items or (deeper.invoice_line_items if deeper else None) or ())


class ProrationDetails(Shape):
    """What a proration answers."""

    credited_items: CreditedItems | None = None


class LineDetails(Shape):
    """Details of a line's parent: the same fields for a subscription item and, but for the item, for an invoice item."""

    subscription: Id = None
    subscription_item: str | None = None
    invoice_item: Id = None
    proration: bool | None = None
    proration_details: ProrationDetails | None = None


class LineParent(Shape):
    """What made a line, from basil on."""

    type: str | None = None
    subscription_item_details: LineDetails | None = None
    invoice_item_details: LineDetails | None = None


class PriceDetails(Shape):
    """A line's price, from basil on."""

    price: str | Price | None = None
    product: str | Product | None = None


class Pricing(Shape):
    """How a line is priced, from basil on."""

    price_details: PriceDetails | None = None


class DiscountAmount(Shape):
    """What one discount took off."""

    amount: Whole | None = None
    discount: str | Discount | None = None


class Tax(Shape):
    """A tax on a line: `tax_behavior` says whether the amount contains it, `inclusive` does in old versions."""

    amount: Whole | None = None
    tax_behavior: str | None = None
    inclusive: bool | None = None


class Line(Moded):
    """An invoice line of any generation."""

    KIND = "line_item"

    id: str | None = None
    amount: Whole | None = None
    currency: str | None = None
    quantity: Whole | None = None
    quantity_decimal: Decimal | None = None
    period: Period | None = None
    discounts: list[str | Discount] | None = None
    discount_amounts: list[DiscountAmount] | None = None
    parent: LineParent | None = None
    pricing: Pricing | None = None
    taxes: list[Tax] | None = None
    type: str | None = None
    price: str | Price | None = None
    plan: str | Plan | None = None
    subscription: Id = None
    subscription_item: str | None = None
    invoice_item: Id = None
    proration: bool | None = None
    proration_details: ProrationDetails | None = None
    tax_amounts: list[Tax] | None = None


class SubscriptionDetails(Shape):
    """The subscription that an invoice is for."""

    subscription: Id = None


class InvoiceParent(Shape):
    """What made an invoice, from basil on."""

    type: str | None = None
    subscription_details: SubscriptionDetails | None = None


class PretaxCredit(Shape):
    """What was taken off before tax, and by what: a discount, or billing credits."""

    amount: Whole | None = None
    type: str | None = None


class ShippingCost(Shape):
    """What sending costs."""

    amount_subtotal: Whole | None = None


class StatusTransitions(Shape):
    """When an invoice came into its states."""

    finalized_at: When | None = None
    paid_at: When | None = None
    voided_at: When | None = None
    marked_uncollectible_at: When | None = None


class Invoice(Moded):
    """An invoice of any generation, with its first lines."""

    KIND = "invoice"

    id: str | None = None
    deleted: bool | None = None
    customer: Id = None
    customer_account: str | None = None
    subscription: Id = None
    parent: InvoiceParent | None = None
    status: str | None = None
    created: When | None = None
    currency: str | None = None
    billing_reason: str | None = None
    amount_paid: Whole | None = None
    status_transitions: StatusTransitions | None = None
    discounts: list[str | Discount] | None = None
    discount: Discount | None = None
    total_discount_amounts: list[DiscountAmount] | None = None
    lines: Sublist[Line] | None = None
    total: Whole | None = None
    total_taxes: list[Tax] | None = None
    total_tax_amounts: list[Tax] | None = None
    tax: Whole | None = None
    total_pretax_credit_amounts: list[PretaxCredit] | None = None
    shipping_cost: ShippingCost | None = None
    quote: Id = None
    metadata: Any = None
    """Only its keys are looked at: by them other systems mark the invoices that they write."""


class CreditNoteLine(Moded):
    """A line of a credit note."""

    KIND = "credit_note_line_item"

    id: str | None = None
    amount: Whole | None = None
    invoice_line_item: str | None = None
    discount_amounts: list[DiscountAmount] | None = None
    discount_amount: Whole | None = None
    taxes: list[Tax] | None = None
    tax_amounts: list[Tax] | None = None


class CreditNote(Moded):
    """A credit note of any generation, with its first lines."""

    KIND = "credit_note"

    id: str | None = None
    customer: Id = None
    customer_account: str | None = None
    invoice: Id = None
    status: str | None = None
    created: When | None = None
    currency: str | None = None
    total: Whole | None = None
    total_taxes: list[Tax] | None = None
    tax_amounts: list[Tax] | None = None
    discount_amounts: list[DiscountAmount] | None = None
    discount_amount: Whole | None = None
    pretax_credit_amounts: list[PretaxCredit] | None = None
    shipping_cost: ShippingCost | None = None
    voided_at: When | None = None
    lines: Sublist[CreditNoteLine] | None = None


class ItemParent(Shape):
    """What made an invoice item, from basil on."""

    type: str | None = None
    subscription_details: LineDetails | None = None


class InvoiceItem(Moded):
    """An invoice item that waits for its invoice."""

    KIND = "invoiceitem"

    id: str | None = None
    created: When | None = None
    date: When | None = None
    deleted: bool | None = None
    customer: Id = None
    customer_account: str | None = None
    invoice: Id = None
    subscription: Id = None
    subscription_item: str | None = None
    parent: ItemParent | None = None
    amount: Whole | None = None
    currency: str | None = None
    quantity: Whole | None = None
    quantity_decimal: Decimal | None = None
    period: Period | None = None
    proration: bool | None = None
    proration_details: ProrationDetails | None = None
    pricing: Pricing | None = None
    price: str | Price | None = None
    plan: str | Plan | None = None
    discounts: list[str | Discount] | None = None
