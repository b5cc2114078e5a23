"""The lists of what customers have, and of events, in pages: newest first, with a cursor that is a position in time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from integrations.sandbox import ids
from integrations.sandbox.answers import credit_notes, events, invoices, subscriptions
from integrations.sandbox.answers import customers as customer_answers
from integrations.sandbox.answers.catalog_events import CatalogEvent
from integrations.sandbox.answers.customers import Show
from integrations.sandbox.answers.expansion import NOTHING, Wanted, wanted
from integrations.sandbox.api.catalog import CatalogLists
from integrations.sandbox.api.lookup import EVENTS_KEPT, PAGED, Json, index_of
from integrations.sandbox.api.params import Question, Span
from integrations.sandbox.api_versions import Generation, generation
from integrations.sandbox.errors import Problem
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.records import Happening, Life, in_force

_CANCELED: Final = ("canceled", "incomplete_expired")
_STATUSES: Final = (
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "paused",
    "all",
    "ended",
)
_BILL_STATUSES: Final = ("draft", "open", "paid", "uncollectible", "void")


@dataclass(frozen=True, slots=True)
class Listing:
    """A list to be paged: its kind, address, range, and what of a position is shown, None to pass it over."""

    kind: str
    url: str
    span: Span
    show: Callable[[int], Json | None]


class Lists(CatalogLists):
    """Answers to lists."""

    def _paged(self, listing: Listing, question: Question) -> Json:
        since, until = listing.span.since, min(listing.span.until, self._now + 1)
        after, before = question.one.get("starting_after"), question.one.get("ending_before")
        if after is not None and before is not None:
            raise Problem(400, "You can't specify both starting_after and ending_before.", param="ending_before")
        if before is not None:
            positions: Iterable[int] = self._shelf.oldest_first(
                listing.kind, since, until, self._cursor(listing.kind, before, "ending_before")
            )
        else:
            place = None if after is None else self._cursor(listing.kind, after, "starting_after")
            positions = self._shelf.newest_first(listing.kind, since, until, place)
        if listing.kind == "event":
            positions = _merged(positions, self._catalog_places(since, until, after, before), newest_first=before is None)
        shown = (json for json in map(listing.show, positions) if json is not None)
        page = list(islice(shown, question.limit + 1))
        data = page[: question.limit]
        if before is not None:
            data.reverse()
        return {"object": "list", "data": data, "has_more": len(page) > question.limit, "url": listing.url}

    def _customers(self, question: Question, shape: Generation) -> Listing:
        question.only(*PAGED, "created", "email", "test_clock")
        want = wanted(question.expand, "customer list", shape).get("data", NOTHING)
        email = question.one.get("email")
        no_clock = "test_clock" not in question.one

        def show(place: int) -> Json | None:
            life = self._life_at(place)
            if self._unseen(life, life.customer):
                return None
            if (
                customer_answers.is_deleted(life, life.as_seen(self._now))
                or (email is not None and life.customer.email != email)
                or not no_clock
            ):
                return None
            return customer_answers.customer(self._show_for(life, shape), want)

        return Listing("customer", "/v1/customers", question.span("created"), show)

    def _subscriptions(self, question: Question, shape: Generation) -> Listing:
        """Deleted customers' subscriptions are only among the canceled: whether Stripe has them under `all` it doesn't say."""
        question.only(
            *PAGED,
            "created",
            "status",
            "customer",
            "price",
            "collection_method",
            "current_period_start",
            "current_period_end",
            "test_clock",
        )
        status, customer, price = (question.one.get(name) for name in ("status", "customer", "price"))
        if status is not None and status not in _STATUSES:
            raise Problem(400, f"Invalid status: must be one of {', '.join(_STATUSES)}", param="status")
        method = question.one.get("collection_method")
        want = wanted(question.expand, "subscription list", shape).get("data", NOTHING)
        starts, ends = question.span("current_period_start"), question.span("current_period_end")
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if "test_clock" in question.one or (customer is not None and ids.customer_of(place) != index_of(customer)):
                return None
            life = self._life_at(place)
            sub = next(each for each in life.subscriptions if each.place == place)
            if self._unseen(life, sub):
                return None
            version = in_force(sub.versions, life.as_seen(self._now))
            assert version is not None, "it was created by then"
            state = version.state
            gone = customer_answers.is_deleted(life, life.as_seen(self._now))
            if not _listed_under(status, state.status, of_deleted=gone):
                return None
            if price is not None and all(each.price != price for each in state.items):
                return None
            if method is not None and (method == "send_invoice") != sub.send_invoice:
                return None
            if not (starts.holds(max(i.start for i in state.items)) and ends.holds(min(i.end for i in state.items))):
                return None
            return subscriptions.subscription(self._show_for(life, shape), sub, want, latest=latest)

        return Listing("subscription", "/v1/subscriptions", question.span("created"), show)

    def _invoices(self, question: Question, shape: Generation) -> Listing:
        question.only(*PAGED, "created", "status", "customer", "subscription", "collection_method", "due_date")
        status, customer, sub = (question.one.get(name) for name in ("status", "customer", "subscription"))
        if status is not None and status not in _BILL_STATUSES:
            raise Problem(400, f"Invalid status: must be one of {', '.join(_BILL_STATUSES)}", param="status")
        method, due = question.one.get("collection_method"), question.spans.get("due_date")
        want = wanted(question.expand, "invoice list", shape).get("data", NOTHING)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != index_of(customer):
                return None
            life = self._life_at(place)
            bill = next(each for each in life.invoices if each.place == place)
            if self._unseen(life, bill):
                return None
            if status is not None and invoices.steps_until(bill, life.as_seen(self._now))[-1].status != status:
                return None
            if sub is not None and bill.subscription != sub:
                return None
            if method is not None and (method == "send_invoice") != bill.send_invoice:
                return None
            if due is not None and not due.holds(bill.created + 30 * DAY if bill.send_invoice else None):
                return None
            return invoices.invoice(self._show_for(life, shape), bill, want)

        return Listing("invoice", "/v1/invoices", question.span("created"), show)

    def _invoiceitems(self, question: Question, shape: Generation) -> Listing:
        """Prorations that wait for an invoice, or waited; those on invoices of their own never did."""
        question.only(*PAGED, "created", "customer", "invoice", "pending")
        customer, invoice, pending = question.one.get("customer"), question.one.get("invoice"), question.flag("pending")
        wanted(question.expand, "invoiceitem list", shape)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != index_of(customer):
                return None
            life = self._life_at(place)
            at = life.as_seen(self._now)
            held = next(each for each in life.invoice_items if each.place == place)
            removed = held.removed_at is not None and held.removed_at <= at
            waits = held.invoiced_at is None or held.invoiced_at > at
            if self._unseen(life, held) or removed or (pending is not None and pending != waits):
                return None
            if invoice is not None and (waits or held.invoice != invoice):
                return None
            return invoices.invoice_item(self._show_for(life, shape), held)

        return Listing("invoice_item", "/v1/invoiceitems", question.span("created"), show)

    def _credit_notes(self, question: Question, shape: Generation) -> Listing:
        question.only(*PAGED, "created", "customer", "customer_account", "invoice")
        customer, invoice = question.one.get("customer"), question.one.get("invoice")
        wanted(question.expand, "credit_note list", shape)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != index_of(customer):
                return None
            life = self._life_at(place)
            note = next(each for each in life.credit_notes if each.place == place)
            if self._unseen(life, note) or (invoice is not None and note.invoice != invoice):
                return None
            return credit_notes.credit_note(self._show_for(life, shape), note)

        return Listing("credit_note", "/v1/credit_notes", question.span("created"), show)

    def _subscription_schedules(self, question: Question, shape: Generation) -> Listing:
        question.only(*PAGED, "created", "customer")
        customer = question.one.get("customer")

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != index_of(customer):
                return None
            life = self._life_at(place)
            plan = next(each for each in life.schedules if each.place == place)
            if self._unseen(life, plan):
                return None
            return subscriptions.schedule(self._show_for(life, shape), plan)

        return Listing("subscription_schedule", "/v1/subscription_schedules", question.span("created"), show)

    def _events(self, question: Question, shape: Generation) -> Listing:
        """Kept for thirty days; drawn in the account's version whatever is asked for."""
        question.only(*PAGED, "created", "type", "types", "delivery_success")
        kind, kinds = question.one.get("type"), question.many.get("types")
        if kind is not None and kinds is not None:
            raise Problem(400, "You may not specify both type and types.", param="type")
        if kinds is not None and len(kinds) > 20:
            raise Problem(400, "You may specify up to 20 event types.", param="types")
        wanted(question.expand, "event list", shape)
        span = question.span("created")
        span = Span(max(span.since, self._now - EVENTS_KEPT), span.until)

        def show(place: int) -> Json | None:
            if place in self._catalog_events:
                return self._catalog_event(self._catalog_events[place], kind, kinds)
            life = self._life_at(place)
            happening = next(each for each in life.happenings if each.place == place)
            if happening.created + happening.late > self._now or not _type_fits(happening.type, kind, kinds):
                return None
            return self._event(life, happening)

        return Listing("event", "/v1/events", span, show)

    def _catalog_places(self, since: int, until: int, after: str | None, before: str | None) -> list[int]:
        low, high = ids.position(max(0, since), 0, 0), ids.position(max(0, until), 0, 0)
        if after is not None:
            high = min(high, ids.place_of(after) or 0)
        if before is not None:
            low = max(low, (ids.place_of(before) or 0) + 1)
        return [place for place in self._catalog_events if low <= place < high]

    def _catalog_event(self, found: CatalogEvent, kind: str | None, kinds: Sequence[str] | None) -> Json | None:
        if not _type_fits(found.type, kind, kinds):
            return None
        return events.ware_event(self.business, found)

    def _event(self, life: Life, happening: Happening) -> Json:
        """As it was at its moment: an event never changes."""
        return events.event(Show(self.business, generation(self.business.api_version), happening.created, life), happening)


def latest(show: Show, identifier: str, want: Wanted) -> Json:
    return invoices.invoice(show, next(each for each in show.life.invoices if each.id == identifier), want)


def _listed_under(asked: str | None, status: str, *, of_deleted: bool) -> bool:
    """Whether a subscription in `status` is in the list that asks for `asked`."""
    if asked is None:
        return status != "canceled"
    if asked == "ended":
        return status in _CANCELED
    if asked == "all":
        return not of_deleted
    return status == asked


def _type_fits(found: str, kind: str | None, kinds: Sequence[str] | None) -> bool:
    if kinds is not None:
        return found in kinds
    if kind is None:
        return True
    return found.startswith(kind[:-1]) if kind.endswith("*") else found == kind


def _merged(positions: Iterable[int], others: Sequence[int], *, newest_first: bool) -> Iterable[int]:
    """Two sorted sequences as one."""
    waiting = sorted(others, reverse=newest_first)
    for place in positions:
        while waiting and (waiting[0] > place) == newest_first:
            yield waiting.pop(0)
        yield place
    yield from waiting
