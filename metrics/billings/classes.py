"""The classes into which every invoiced cent falls, each declared once, and the marks by which money beside subscriptions is known.

The classes of an invoice add up to its total, those of a credit note to its total with the sign turned; so all of them add up to what Stripe
billed, less what it took back. Which line lies in which class is decided in `metrics.billings.classify`.
"""

from dataclasses import dataclass
from typing import Final, Literal

SUBSCRIPTION: Final = "subscription"
PRORATION: Final = "proration"
USAGE: Final = "usage"
ONE_OFF: Final = "one_off"
OUTSIDE: Final = "outside"
UNTOLD: Final = "untold"
SHIPPING: Final = "shipping"
DISCOUNT: Final = "discount"
CREDITS: Final = "credits"
TAX: Final = "tax"
ROUNDING: Final = "rounding"
DIFFERENCE: Final = "difference"
CREDIT_NOTE: Final = "credit_note"
CREDIT_NOTE_TAX: Final = "credit_note_tax"
VOID: Final = "void"
UNCOLLECTIBLE: Final = "uncollectible"
DRAFT: Final = "draft"
VOID_CREDIT_NOTE: Final = "void_credit_note"

Part = Literal["line", "invoice", "credit_note", "apart"]
"""Of what a class is made: of lines; of what an invoice says as a whole; of credit notes; or of what is listed apart, in no sum."""


@dataclass(frozen=True, slots=True)
class BillingClass:
    """A class: its stored name, what people call it, what lies in it, and of what it is made."""

    name: str
    label: str
    meaning: str
    part: Part


CLASSES: Final = (
    BillingClass(SUBSCRIPTION, "subscriptions", "licensed recurring lines of subscription items", "line"),
    BillingClass(PRORATION, "prorations", "corrections of a part of a period of a subscription item", "line"),
    BillingClass(USAGE, "usage", "metered lines of subscription items", "line"),
    BillingClass(ONE_OFF, "one-off", "other charges on a subscription's invoice", "line"),
    BillingClass(OUTSIDE, "outside subscriptions", "lines of no subscription: manual invoices, Metronome, contracts", "line"),
    BillingClass(UNTOLD, "can't be told", "lines that don't say enough to know what they bill", "line"),
    BillingClass(SHIPPING, "shipping", "what sending costs, before tax", "invoice"),
    BillingClass(DISCOUNT, "discounts", "what coupons took off", "invoice"),
    BillingClass(CREDITS, "billing credits", "credits that were used up", "invoice"),
    BillingClass(TAX, "tax", "what is added to amounts, and what amounts contain", "invoice"),
    BillingClass(ROUNDING, "rounding", "up to one minor unit a line between the lines and Stripe's total", "invoice"),
    BillingClass(DIFFERENCE, "not accounted for", "what Stripe's total has and no line, discount or tax explains", "invoice"),
    BillingClass(CREDIT_NOTE, "credit notes", "what was taken back, before tax", "credit_note"),
    BillingClass(CREDIT_NOTE_TAX, "tax of credit notes", "the tax that was taken back", "credit_note"),
    BillingClass(VOID, "voided", "totals of voided invoices", "apart"),
    BillingClass(UNCOLLECTIBLE, "uncollectible", "totals of invoices given up", "apart"),
    BillingClass(DRAFT, "drafts", "totals of drafts", "apart"),
    BillingClass(VOID_CREDIT_NOTE, "voided credit notes", "totals of voided credit notes", "apart"),
)
"""In the order in which they are shown."""
BY_NAME: Final = {each.name: each for each in CLASSES}
ORDER: Final = {each.name: place for place, each in enumerate(CLASSES)}
LINES: Final = tuple(each.name for each in CLASSES if each.part == "line")
SUMMED: Final = tuple(each.name for each in CLASSES if each.part != "apart")
"""The classes that add up to Stripe's totals."""
SEEN: Final = (SUBSCRIPTION, PRORATION, USAGE)
"""What subscriptions bill: what nrr knows of."""
UNSURE: Final = (UNTOLD, DIFFERENCE)
"""What may lie outside subscriptions or not: of these amounts it isn't known, and the share outside takes them for none of it."""

MANUAL: Final = "manual"
METRONOME: Final = "metronome"
CONTRACT: Final = "contract"
QUOTE: Final = "quote"
PRICING_PLAN: Final = "pricing_plan"
ONE_OFF_MARK: Final = "one_off"

MARKS: Final = {
    MANUAL: "manual invoices",
    METRONOME: "invoices by Metronome",
    CONTRACT: "contracts (named in metadata)",
    QUOTE: "accepted quotes",
    PRICING_PLAN: "pricing plans (v2 billing)",
    ONE_OFF_MARK: "one-off on a subscription's invoice",
}
"""What people call the sorts of charges beside subscriptions, by mark."""
UNSEEN: Final = "payments without an invoice (Payment Links and Checkout that make none, plain charges) are no invoices, so they are in no part of this"
