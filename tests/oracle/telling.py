"""A random case in a few lines, so that one that fails can be read: days since the beginning instead of seconds, and only what is there."""

from collections.abc import Iterator, Sequence

from metrics.evidence import CustomerState, Discount, InvoiceEvidence, Subscription, SubscriptionEvidence

DAY = 86_400
_DATES = ("trial_start", "trial_end", "cancel_at", "canceled_at", "ended_at", "paused_at")


def told(evidence: Sequence[SubscriptionEvidence], customer_states: Sequence[CustomerState], begin: int) -> str:
    """What is known of a customer, line by line; `begin` is the second from which days are counted."""

    def day(at: int | None) -> str:
        days, seconds = divmod((at or 0) - begin, DAY)
        return "-" if at is None else f"{days}+{seconds}s" if seconds else f"{days}"

    def discounts(held: Sequence[Discount]) -> str:
        return "".join(f" -{d.coupon}({d.id[-3:]} {day(d.start)}..{day(d.end)})" for d in held)

    def of(s: Subscription) -> str:
        items = ", ".join(
            f"{i.id[-3:]} {i.price}x{i.quantity_decimal or i.quantity} {day(i.period_start)}..{day(i.period_end)}"
            + (f" billed to {day(i.billed_until)}" if i.billed_until else "")
            + (f" trial to {day(i.trial_end)}" if i.trial_end else "")
            + (discounts(i.discounts) if i.discounts_complete else " -?")
            for i in s.items
        )
        dates = "".join(f" {name} {day(getattr(s, name))}" for name in _DATES if getattr(s, name) is not None)
        pause = f" pause {s.pause.behavior}" if s.pause else ""
        cut = "" if s.items_complete else " and more"
        return f"{s.status} {s.currency} from {day(s.start)}: {items}{cut}{discounts(s.discounts)}{dates}{pause}"

    def bill(i: InvoiceEvidence) -> Iterator[str]:
        yield f"{day(i.head.created)} {i.head.id} {i.head.status} {i.head.billing_reason}"
        for x in i.lines:
            kind = "back" if x.gives_back else "change" if x.proration else "cycle"
            held = discounts([d for d, _ in x.discounts])
            yield f"    {x.id[-3:]} {kind} {(x.item or '?')[-3:]} {x.price}x{x.quantity_decimal or x.quantity} {day(x.period_start)}..{day(x.period_end)}{held}"
        for u in i.unread:
            yield f"    {u.id[-3:]} unread {u.price} {day(u.period_start)}..{day(u.period_end)} over {u.amount}"

    out = []
    for e in evidence:
        out += [
            f"{e.subscription}:",
            *(f"  {day(s.at)} {s.source.name.lower()} {s.source_id[-3:]} {of(s.subscription)}" for s in e.states),
        ]
        out += [f"  {text}" for i in e.invoices for text in bill(i)]
    out += [f"customer {day(c.at)}:{discounts([c.customer.discount] if c.customer.discount else [])}" for c in customer_states]
    return "\n".join(out)
