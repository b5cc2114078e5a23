"""From parsed objects to a page of evidence: the border at which a bad object is set aside and its page goes on.

It decides what an object lacks (items beyond the first page, lines beyond ten) and asks `Rest` for it; how that is fetched is not
known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from integrations.stripe.currencies import KNOWN
from integrations.stripe.decode import catalog, events, invoices
from integrations.stripe.decode import subscriptions as decode_subscriptions
from integrations.stripe.decode.billed import credit_note
from integrations.stripe.decode.bounds import is_date
from integrations.stripe.decode.catalog import Seen
from integrations.stripe.decode.errors import Unusable
from integrations.stripe.decode.lines import pending, worth
from integrations.stripe.decode.parsing import Parsed
from integrations.stripe.decode.sent import packed
from integrations.stripe.page import Payload, Person, Rejected, StripePage
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import customers as customer_schemas
from integrations.stripe.schemas import events as event_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from integrations.stripe.schemas.shape import Sublist
from metrics.evidence import (
    Coupon,
    CreditNote,
    CustomerState,
    EventFact,
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Price,
    Product,
    Source,
    SubscriptionState,
)

T = TypeVar("T")


class Rest(Protocol):
    """Fetches what a list answer leaves out of an object. Raises Unusable when it can't be had."""

    def items(self, subscription: str, after: str | None) -> Sequence[subscription_schemas.Item]:
        """All items of a subscription that follow the item `after`, or all of them."""

    def price_options(self, price: str, currencies: Sequence[str]) -> catalog_schemas.Price | None:
        """A price with the tiers of its options in `currencies`, which no list holds; None when the host has them nowhere."""

    def lines(self, invoice: str, after: str | None) -> Sequence[invoice_schemas.Line]:
        """All lines of an invoice that follow the line `after`, or all of them."""

    def note_lines(self, note: str, after: str | None) -> Sequence[invoice_schemas.CreditNoteLine]:
        """All lines of a credit note that follow the line `after`, or all of them."""


@dataclass(slots=True)
class _Gathered:
    """A page in the making."""

    at: Instant
    rest: Rest
    people: list[Person] | None
    seen: Seen
    parts_again: bool = False
    prices: list[Price] = field(default_factory=list)
    coupons: list[Coupon] = field(default_factory=list)
    products: list[Product] = field(default_factory=list)
    customers: list[CustomerState] = field(default_factory=list)
    subscriptions: list[SubscriptionState] = field(default_factory=list)
    invoices: list[InvoiceEvidence] = field(default_factory=list)
    events: list[EventFact] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    pending: list[tuple[str, InvoiceLine]] = field(default_factory=list)
    other_lines: int = 0
    credit_notes: list[CreditNote] = field(default_factory=list)


def page_of(
    kind: str,
    parsed: Parsed,
    at: Instant,
    rest: Rest,
    *,
    stream: str,
    payloads: bool = True,
    people: bool = False,
    scoped: bool = False,
    parts_again: bool = False,
) -> StripePage:
    """The evidence of one answer, read at `at`. What can't be used is in `rejected`, by id and reason.

    `scoped`: it was asked to tell which products coupons are for. `parts_again`: items and lines are asked for by their own lists even
    where they are complete, since only those tell the coupons of their discounts.
    """
    gathered = _Gathered(at, rest, [] if people else None, Seen(scoped=scoped), parts_again)
    take = DECODERS[kind]
    rejected = list(parsed.rejected)
    kept: list[Payload] = []
    for index, shape in enumerate(parsed.objects):
        try:
            take(shape, gathered)
        except Unusable as fault:
            rejected.append(Rejected(shape.id or "(no id)", kind, fault.reason, fault.detail))
            if kind == "event":
                _keep_fact(shape, gathered)
        if payloads and parsed.raws:
            payload = _payload(kind, shape, parsed.raws[index])
            if payload is not None:
                kept.append(payload)
    known = {p.id for p in gathered.prices}, {c.id for c in gathered.coupons}
    return StripePage(
        stream=stream,
        observed_at=at,
        objects=parsed.count,
        has_more=parsed.has_more,
        next_cursor=parsed.last_id if parsed.has_more else None,
        # How far a list was read is told by dates that are ones.
        oldest=Instant(parsed.oldest) if parsed.oldest is not None and is_date(parsed.oldest) else None,
        prices=tuple(gathered.prices),
        coupons=tuple(gathered.coupons),
        products=(*gathered.products, *gathered.seen.products.values()),
        inline_prices=tuple(p for p in gathered.seen.prices if p.id not in known[0]),
        inline_coupons=tuple(c for c in gathered.seen.coupons if c.id not in known[1]),
        customers=tuple(gathered.customers),
        subscriptions=tuple(gathered.subscriptions),
        invoices=tuple(gathered.invoices),
        events=tuple(gathered.events),
        rejected=(*rejected, *gathered.rejected),
        payloads=tuple(kept),
        people=tuple(gathered.people or ()),
        other_lines=gathered.other_lines,
        pending=tuple(gathered.pending),
        credit_notes=tuple(gathered.credit_notes),
    )


# --- one object of each kind ------------------------------------------------------------------------------------------------


def _take_product(shape: catalog_schemas.Product, page: _Gathered) -> None:
    page.products.append(catalog.product(shape))


def _take_price(shape: catalog_schemas.Price, page: _Gathered) -> None:
    page.prices.append(catalog.price(_with_option_tiers(shape, page)))
    if isinstance(shape.product, catalog_schemas.Product) and shape.product.id and not shape.product.deleted:
        page.seen.products[shape.product.id] = catalog.product(shape.product)


def _with_option_tiers(shape: catalog_schemas.Price, page: _Gathered) -> catalog_schemas.Price:
    """The tiers of a price in other currencies: they have to be asked for one currency at a time, price by price."""
    options = shape.currency_options or {}
    if not shape.id or shape.billing_scheme != "tiered":
        return shape
    wanting = [code for code, option in options.items() if option.tiers is None and code in KNOWN and code != shape.currency]
    if not wanting:
        return shape
    told = page.rest.price_options(shape.id, sorted(wanting))
    found = (told.currency_options if told else None) or {}
    shape.currency_options = options | {c: found[c] for c in wanting if c in found and found[c].tiers is not None}
    return shape


def _take_plan(shape: catalog_schemas.Plan, page: _Gathered) -> None:
    _take_price(catalog.plan_as_price(shape), page)


def _take_coupon(shape: catalog_schemas.Coupon, page: _Gathered) -> None:
    page.coupons.append(catalog.coupon(shape, scoped=page.seen.scoped))


def _take_customer(shape: customer_schemas.Customer, page: _Gathered) -> None:
    state = decode_subscriptions.customer(shape, page.seen)
    page.customers.append(CustomerState(page.at, Source.SNAPSHOT, "", state))
    if page.people is not None and (shape.name or shape.email):
        page.people.append(Person(shape.id or "", shape.name or None, shape.email or None))


def _take_subscription(shape: subscription_schemas.Subscription, page: _Gathered) -> None:
    items: Sequence[subscription_schemas.Item] | None = shape.items.data if shape.items else None
    complete = shape.items is not None and shape.items.complete
    if shape.id and page.parts_again:
        items, complete = _told_again(items, complete, lambda: page.rest.items(shape.id or "", None))
    if shape.id and not complete:
        try:
            inlined, items = items, _completed(items, lambda after: page.rest.items(shape.id or "", after))
            if _ends_short(shape.items, inlined, items):
                raise Unusable("incomplete", "it says that more follows, and its own list brings nothing further")
            complete = True
        except Unusable as fault:
            # What was inlined is there for certain; what wasn't may be there too, and is neither given up nor invented.
            held = f"its {len(items)} first items are held" if items else "none of its items is known from it"
            page.rejected.append(
                Rejected(shape.id, "subscription", "items_cut", f"its list of items is cut ({held}): {fault.detail}")
            )
    state = decode_subscriptions.subscription(shape, page.seen, items=items, complete=complete)
    page.subscriptions.append(SubscriptionState(page.at, Source.SNAPSHOT, "", state))


def _take_invoice(shape: invoice_schemas.Invoice, page: _Gathered) -> None:
    lines: Sequence[invoice_schemas.Line] | None = shape.lines.data if shape.lines else None
    complete = shape.lines is not None and shape.lines.complete
    short = False
    if shape.id and page.parts_again:
        lines, complete = _told_again(lines, complete, lambda: page.rest.lines(shape.id or "", None))
    if shape.id and shape.status != "draft" and not complete:
        held, lines = lines, _completed(lines, lambda after: page.rest.lines(shape.id or "", after))
        short = _ends_short(shape.lines, held, lines)
    evidence = invoices.invoice(shape, page.seen, lines=lines, short=short)
    page.invoices.append(evidence)
    page.other_lines += evidence.other_lines
    page.rejected += _nobodys(evidence)


def _take_invoice_item(shape: invoice_schemas.InvoiceItem, page: _Gathered) -> None:
    found = pending(shape, page.seen)
    if found is not None:
        page.pending.append(found)


def _take_credit_note(shape: invoice_schemas.CreditNote, page: _Gathered) -> None:
    lines: Sequence[invoice_schemas.CreditNoteLine] | None = shape.lines.data if shape.lines else None
    if shape.id and not (shape.lines is not None and shape.lines.complete):
        lines = _completed(lines, lambda after: page.rest.note_lines(shape.id or "", after))
    page.credit_notes.append(credit_note(shape, lines=lines))


def _nobodys(evidence: InvoiceEvidence) -> list[Rejected]:
    """What can't be told of an invoice, and is no subscription's or customer's to be told with: it is named by itself."""
    head = evidence.head
    out = []
    if head.subscription is None and not evidence.lines:
        out += [Rejected(each.id, "line_item", each.reason, f"{each.detail}, {worth(each)}") for each in evidence.unread]
    if head.customer is None and (evidence.lines or evidence.unread):
        amounts = sum(line.amount for line in evidence.lines)
        detail = f"the invoice has no customer, so that {len(evidence.lines)} lines over {amounts} minor units of {head.currency} are nobody's"
        out.append(Rejected(head.id, "invoice", "missing_customer", detail))
    return out


def _ends_short(inlined: Sublist[Any] | None, held: Sequence[Any] | None, told: Sequence[Any]) -> bool:
    """Whether a list inside an object says that more follows, and nothing does: it is cut for all that, and proves presence alone."""
    return inlined is not None and inlined.has_more is True and len(told) <= len(held or ())


def _told_again(held: Sequence[T] | None, complete: bool, ask: Callable[[], Sequence[T]]) -> tuple[Sequence[T] | None, bool]:
    """The parts of an object as their own list tells them, and that these are all; what was inlined where that list says nothing."""
    try:
        told = ask()
    except Unusable:
        return held, complete
    return (told, True) if told else (held, complete)


def _completed(held: Sequence[T] | None, rest: Callable[[str | None], Sequence[T]]) -> Sequence[T]:
    """What was inlined and what follows it; all is asked for again where nothing inlined says what to go on from."""
    after: str | None = getattr(held[-1], "id", None) if held else None
    return [*held, *rest(after)] if held and after else rest(None)


def _take_event(shape: event_schemas.Event, page: _Gathered) -> None:
    meaning = events.event(shape, page.seen)
    if meaning is not None:
        page.events.append(meaning.fact)
        page.subscriptions += meaning.subscriptions
        page.customers += meaning.customers


def _keep_fact(shape: event_schemas.Event, page: _Gathered) -> None:
    try:
        fact = events.fact_of(shape)
    except Unusable:
        return  # then not even its object is named, and its rejection is all there is to say
    if fact is not None:
        page.events.append(fact)


DECODERS: dict[str, Callable[[Any, _Gathered], None]] = {
    "product": _take_product,
    "price": _take_price,
    "plan": _take_plan,
    "coupon": _take_coupon,
    "customer": _take_customer,
    "subscription": _take_subscription,
    "invoice": _take_invoice,
    "invoiceitem": _take_invoice_item,
    "credit_note": _take_credit_note,
    "event": _take_event,
}
"""What takes in an object, by the kind that its schema says; every list of `streams` and whatever is given by its id is of one of these."""


def _payload(kind: str, shape: Any, raw: Any) -> Payload | None:
    """What is kept of an object as Stripe sent it. Events of customers and invoices hold names and addresses: not those."""
    if not shape.id:
        return None
    if kind == "subscription":
        return Payload("subscription", shape.id, "", packed(raw))
    if not (shape.type or "").startswith("customer.subscription."):
        return None
    return Payload("event", shape.id, shape.id, packed(raw))
