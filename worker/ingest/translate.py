"""From what the reader hands over to what the store takes: the same evidence, in the store's own type.

The two adapters don't know one another, so the translation lives here and nowhere else. Objects that could not be decoded go to
quarantine, each by itself; an object that is simply not there any longer is no fault of anybody's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, Final

from integrations.store.facts.customers.contacts import Person
from integrations.store.facts.quarantine import Quarantined
from integrations.store.facts.write import Page
from integrations.stripe.page import Rejected, StripePage
from integrations.stripe.streams import STREAMS
from metrics.evidence import CustomerState, Facts, Instant, InvoiceEvidence, Source, SubscriptionState

NOT_A_FAULT = frozenset({"gone"})
"""Reasons for which nothing is quarantined: a draft invoice that was deleted, a coupon that is no more."""


def merged(pages: Sequence[StripePage]) -> Page:
    """One page of facts out of several of one account, in their order."""
    facts: dict[str, Any] = {each.name: [found for page in pages for found in getattr(page, each.name)] for each in fields(Facts)}
    return Page(
        observed_at=max((page.observed_at for page in pages), default=Instant(0)),
        payloads=[
            (each.kind, each.object_id, each.source_id, page.observed_at, each.body) for page in pages for each in page.payloads
        ],
        people=[Person(each.customer, each.name, each.email) for page in pages for each in page.people],
        **facts,
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
        for name in _LISTS:
            found.setdefault(STREAMS[name].kind, []).extend(filter(None, map(_id_as_it_is, getattr(page, name))))
        found.setdefault("line_item", []).extend(line.id for each in page.invoices for line in each.lines)
        described = STREAMS.get(page.stream)
        if described is not None and described.forgone:
            found.setdefault(page.stream, []).append(described.path)  # if it is refused again, that is noted again
    return {kind: sorted(set(ids)) for kind, ids in found.items() if ids}


_LISTS: Final = tuple(each.name for each in fields(Facts) if each.name in STREAMS)
"""The lists whose objects are facts under the list's own name."""


def _id_as_it_is(found: Any) -> str | None:
    """The id of an object that was read as it is now; None for a state that an event tells of."""
    match found:
        case CustomerState():
            return found.customer.id if found.source == Source.SNAPSHOT else None
        case SubscriptionState():
            return found.subscription.id if found.source == Source.SNAPSHOT else None
        case InvoiceEvidence():
            return found.head.id
    return str(found.id)
