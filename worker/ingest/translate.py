"""From what the reader hands over to what the store takes: the same evidence, in the store's own type.

The two adapters don't know one another, so the translation lives here and nowhere else. Objects that could not be decoded go to
quarantine, each by itself; an object that is simply not there any longer is no fault of anybody's.
"""

from collections.abc import Iterable, Sequence

from integrations.store.facts.contacts import Person
from integrations.store.facts.quarantine import Quarantined
from integrations.store.facts.write import EventRow, Page
from integrations.stripe.page import Rejected, StripePage
from integrations.stripe.streams import STREAMS
from metrics.evidence import Instant, Source

NOT_A_FAULT = frozenset({"gone"})
"""Reasons for which nothing is quarantined: a draft invoice that was deleted, a coupon that is no more."""


def merged(pages: Sequence[StripePage]) -> Page:
    """One page of facts out of several of one account, in their order."""
    return Page(
        observed_at=max((page.observed_at for page in pages), default=Instant(0)),
        prices=[each for page in pages for each in page.prices],
        coupons=[each for page in pages for each in page.coupons],
        products=[each for page in pages for each in page.products],
        inline_prices=[each for page in pages for each in page.inline_prices],
        inline_coupons=[each for page in pages for each in page.inline_coupons],
        customers=[each for page in pages for each in page.customers],
        subscriptions=[each for page in pages for each in page.subscriptions],
        invoices=[each for page in pages for each in page.invoices],
        events=[
            EventRow(e.id, e.type, e.created, e.object_id, e.customer, e.subscription, e.invoice)
            for page in pages
            for e in page.events
        ],
        payloads=[
            (each.kind, each.object_id, each.source_id, page.observed_at, each.body) for page in pages for each in page.payloads
        ],
        pending=[each for page in pages for each in page.pending],
        credit_notes=[each for page in pages for each in page.credit_notes],
        people=[Person(each.customer, each.name, each.email) for page in pages for each in page.people],
    )


def kept_out(account: int, rejected: Iterable[Rejected]) -> list[Quarantined]:
    """What goes to quarantine of what was rejected."""
    return [
        Quarantined(account, each.kind, each.object_id, each.reason, each.detail)
        for each in rejected
        if each.reason not in NOT_A_FAULT
    ]


def readable(pages: Iterable[StripePage]) -> dict[str, list[str]]:
    """The ids, by kind, of objects that could be read as they are now: if one was in quarantine, it may come out."""
    found: dict[str, list[str]] = {}
    for page in pages:
        found.setdefault("product", []).extend(each.id for each in page.products)
        found.setdefault("price", []).extend(each.id for each in page.prices)
        found.setdefault("coupon", []).extend(each.id for each in page.coupons)
        found.setdefault("customer", []).extend(each.customer.id for each in page.customers if each.source == Source.SNAPSHOT)
        found.setdefault("subscription", []).extend(
            each.subscription.id for each in page.subscriptions if each.source == Source.SNAPSHOT
        )
        found.setdefault("invoice", []).extend(each.head.id for each in page.invoices)
        found.setdefault("credit_note", []).extend(each.id for each in page.credit_notes)
        found.setdefault("line_item", []).extend(line.id for each in page.invoices for line in each.lines)
        found.setdefault("event", []).extend(each.id for each in page.events)
        described = STREAMS.get(page.stream)
        if described is not None and described.forgone:
            found.setdefault(page.stream, []).append(described.path)  # if it is refused again, that is noted again
    return {kind: sorted(set(ids)) for kind, ids in found.items() if ids}
