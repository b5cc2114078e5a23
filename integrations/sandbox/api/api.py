"""Who answers a question: lists in pages, single objects, Stripe's errors. It knows no HTTP and no faults.

One desk serves one business at a `now` that may be moved. Lists come newest first; a cursor is a position in time, so it holds
when its object is gone or another one has appeared.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from integrations.sandbox import ids
from integrations.sandbox.answers import catalog as catalog_answers
from integrations.sandbox.answers import credit_notes, events, invoices, subscriptions
from integrations.sandbox.answers import customers as customer_answers
from integrations.sandbox.answers.catalog_events import CatalogEvent, catalog_events
from integrations.sandbox.answers.customers import Show
from integrations.sandbox.answers.expansion import NOTHING, Wanted, wanted
from integrations.sandbox.api.index import Shelf
from integrations.sandbox.api.params import Question, Span
from integrations.sandbox.api_versions import Generation, generation
from integrations.sandbox.errors import Problem, missing, unknown_address
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.records import Happening, Life, in_force

EVENTS_KEPT: Final = 30 * DAY
_PAGED: Final = ("starting_after", "ending_before")
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

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Listing:
    """A list to be paged: its kind, address, range, and what of a position is shown, None to pass it over."""

    kind: str
    url: str
    span: Span
    show: Callable[[int], Json | None]


class Desk:
    """Answers for `business` at `now`. Many threads may ask while one moves the clock."""

    def __init__(self, business: Business, now: int) -> None:
        self.business = business
        self._now = now
        self._shelf = Shelf(business, max(now, business.end))
        self._old: list[Shelf] = []
        self._catalog_events = catalog_events(business)

    @property
    def now(self) -> int:
        """The instant that it is."""
        return self._now

    @property
    def shelf(self) -> Shelf:
        """What there is to show."""
        return self._shelf

    def set_now(self, now: int) -> None:
        """Move the clock, either way; past the simulated months the lives are lived on."""
        if now > self._shelf.horizon:
            self._old.append(self._shelf)
            self._shelf = Shelf(self.business, now)
        self._now = now

    def close(self) -> None:
        """Let go of the files."""
        for shelf in (self._shelf, *self._old):
            shelf.close()

    # --- what is asked ---------------------------------------------------------------------------------------------------------

    def answer(self, path: str, question: Question, shape: Generation) -> Json:
        """The answer to a GET of `path` (what follows /v1/). Raises Problem."""
        match path.split("/"):
            case ["account"]:
                question.only()
                wanted(question.expand, "account", shape)
                return self._account()
            case ["customers" | "subscriptions" | "invoices" | "invoiceitems" | "events" | "subscription_schedules" as name]:
                return self._paged(getattr(self, f"_{name}")(question, shape), question)
            case ["products" | "prices" | "coupons" as name]:
                return self._wares(name, question, shape)
            case ["credit_notes"]:
                return self._paged(self._credit_notes(question, shape), question)
            case ["credit_notes", identifier, "lines"]:
                return self._note_lines(identifier, question, shape)
            case ["promotion_codes" as name]:
                return {"object": "list", "data": [], "has_more": False, "url": f"/v1/{name}"}
            case ["subscription_items"]:
                return self._items(question, shape)
            case ["invoices", identifier, "lines"]:
                return self._lines(identifier, question, shape)
            case [name, identifier] if name in _ONE and identifier:
                question.only()
                return self._one(name, identifier, question, shape)
        raise unknown_address("GET", f"/v1/{path}")

    def _account(self) -> Json:
        business = self.business
        return {
            "id": business.account,
            "object": "account",
            "business_profile": {
                "annual_revenue": None,
                "estimated_worker_count": None,
                "mcc": None,
                "minority_owned_business_designation": None,
                "name": business.name,
                "product_description": None,
                "support_address": None,
                "support_email": None,
                "support_phone": None,
                "support_url": None,
                "url": None,
            },
            "business_type": "company",
            "charges_enabled": True,
            "country": business.country,
            "default_currency": "usd",
            "details_submitted": True,
            "email": "owner@example.com",
            "payouts_enabled": True,
            "settings": {
                "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
                "card_payments": {
                    "decline_on": {"avs_failure": False, "cvc_failure": False},
                    "statement_descriptor_prefix": None,
                    "statement_descriptor_prefix_kana": None,
                    "statement_descriptor_prefix_kanji": None,
                },
                "dashboard": {"display_name": business.name, "timezone": "Etc/UTC"},
                "payments": {
                    "statement_descriptor": None,
                    "statement_descriptor_kana": None,
                    "statement_descriptor_kanji": None,
                },
            },
            "type": "standard",
        }

    # --- lists of what customers have ----------------------------------------------------------------------------------------

    def _paged(self, listing: _Listing, question: Question) -> Json:
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

    def _cursor(self, kind: str, identifier: str, param: str) -> int:
        place = ids.place_of(identifier)
        if place is None or not identifier.startswith(_PREFIXES[kind]):
            raise missing(kind, identifier, param)
        return place

    def _show_for(self, life: Life, shape: Generation) -> Show:
        return Show(self.business, shape, life.as_seen(self._now), life)

    def _unseen(self, life: Life, record: Any) -> bool:
        """Whether an object doesn't answer: not yet, since what answers lags behind, or not any more."""
        gone = getattr(record, "vanished_at", None)
        return record.created > life.as_seen(self._now) or (gone is not None and gone <= self._now)

    def _life_at(self, place: int) -> Life:
        life = self._shelf.life(ids.customer_of(place))
        assert life is not None, "what is on the shelf belongs to a life"
        return life

    def _customers(self, question: Question, shape: Generation) -> _Listing:
        question.only(*_PAGED, "created", "email", "test_clock")
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

        return _Listing("customer", "/v1/customers", question.span("created"), show)

    def _subscriptions(self, question: Question, shape: Generation) -> _Listing:
        """Deleted customers' subscriptions are only among the canceled: whether Stripe has them under `all` it doesn't say."""
        question.only(
            *_PAGED,
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
            if "test_clock" in question.one or (customer is not None and ids.customer_of(place) != _index_of(customer)):
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
            return subscriptions.subscription(self._show_for(life, shape), sub, want, latest=_latest)

        return _Listing("subscription", "/v1/subscriptions", question.span("created"), show)

    def _require_customer(self, customer: str | None) -> None:
        if customer is not None and self._found("customers", customer) is None:
            raise missing("customer", customer, "customer")

    def _invoices(self, question: Question, shape: Generation) -> _Listing:
        question.only(*_PAGED, "created", "status", "customer", "subscription", "collection_method", "due_date")
        status, customer, sub = (question.one.get(name) for name in ("status", "customer", "subscription"))
        if status is not None and status not in _BILL_STATUSES:
            raise Problem(400, f"Invalid status: must be one of {', '.join(_BILL_STATUSES)}", param="status")
        method, due = question.one.get("collection_method"), question.spans.get("due_date")
        want = wanted(question.expand, "invoice list", shape).get("data", NOTHING)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != _index_of(customer):
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

        return _Listing("invoice", "/v1/invoices", question.span("created"), show)

    def _invoiceitems(self, question: Question, shape: Generation) -> _Listing:
        """Prorations that wait for an invoice, or waited; those on invoices of their own never did."""
        question.only(*_PAGED, "created", "customer", "invoice", "pending")
        customer, invoice, pending = question.one.get("customer"), question.one.get("invoice"), question.flag("pending")
        wanted(question.expand, "invoiceitem list", shape)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != _index_of(customer):
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

        return _Listing("invoice_item", "/v1/invoiceitems", question.span("created"), show)

    def _credit_notes(self, question: Question, shape: Generation) -> _Listing:
        question.only(*_PAGED, "created", "customer", "customer_account", "invoice")
        customer, invoice = question.one.get("customer"), question.one.get("invoice")
        wanted(question.expand, "credit_note list", shape)
        self._require_customer(customer)

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != _index_of(customer):
                return None
            life = self._life_at(place)
            note = next(each for each in life.credit_notes if each.place == place)
            if self._unseen(life, note) or (invoice is not None and note.invoice != invoice):
                return None
            return credit_notes.credit_note(self._show_for(life, shape), note)

        return _Listing("credit_note", "/v1/credit_notes", question.span("created"), show)

    def _note_lines(self, identifier: str, question: Question, shape: Generation) -> Json:
        question.only(*_PAGED)
        found = self._found("credit_notes", identifier)
        if found is None:
            raise missing("credit_note", identifier, "credit_note")
        life, note = found
        show = self._show_for(life, shape)
        data = [credit_notes.line(show, each) for each in note.lines]
        return _part(data, question, f"/v1/credit_notes/{identifier}/lines", "credit note line item")

    def _subscription_schedules(self, question: Question, shape: Generation) -> _Listing:
        question.only(*_PAGED, "created", "customer")
        customer = question.one.get("customer")

        def show(place: int) -> Json | None:
            if customer is not None and ids.customer_of(place) != _index_of(customer):
                return None
            life = self._life_at(place)
            plan = next(each for each in life.schedules if each.place == place)
            if self._unseen(life, plan):
                return None
            return subscriptions.schedule(self._show_for(life, shape), plan)

        return _Listing("subscription_schedule", "/v1/subscription_schedules", question.span("created"), show)

    def _events(self, question: Question, shape: Generation) -> _Listing:
        """Kept for thirty days; drawn in the account's version whatever is asked for."""
        question.only(*_PAGED, "created", "type", "types", "delivery_success")
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

        return _Listing("event", "/v1/events", span, show)

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

    # --- what is sold -------------------------------------------------------------------------------------------------------

    def _wares(self, name: str, question: Question, shape: Generation) -> Json:
        extra = {
            "products": ("active", "ids", "shippable", "url"),
            "prices": ("active", "currency", "lookup_keys", "product", "recurring", "type"),
            "coupons": (),
        }[name]
        question.only(*_PAGED, "created", *extra)
        want = wanted(question.expand, f"{name[:-1]} list", shape).get("data", NOTHING)
        span = question.span("created")
        stock: dict[str, Any] = getattr(self.business.catalog, name)
        everything = sorted(stock, key=lambda key: (-stock[key].created, key))
        held = [key for key in everything if self._ware_fits(name, key, question) and span.holds(stock[key].created)]
        order = {key: number for number, key in enumerate(everything)}
        after, before = (
            self._ware_cursor(stock, question.one.get(param), name, param) for param in ("starting_after", "ending_before")
        )
        if before is not None:
            rest = [key for key in held if order[key] < order[before]]
            page = rest[-question.limit :]
        else:
            rest = [key for key in held if after is None or order[key] > order[after]]
            page = rest[: question.limit]
        data = [self._ware(name, key, shape, want) for key in page]
        return {"object": "list", "data": data, "has_more": len(rest) > len(page), "url": f"/v1/{name}"}

    def _ware_cursor(self, stock: dict[str, Any], identifier: str | None, name: str, param: str) -> str | None:
        """The key that a cursor means: the newest of its id, be it deleted."""
        if identifier is None:
            return None
        named = [key for key, each in stock.items() if each.id == identifier and each.created <= self._now]
        if not named:
            raise missing(name[:-1], identifier, param)
        return max(named, key=lambda key: stock[key].created)

    def _ware_fits(self, name: str, key: str, question: Question) -> bool:
        ware: Any = getattr(self.business.catalog, name)[key]
        gone = getattr(ware, "deleted_at", None)
        if ware.created > self._now or (gone is not None and gone <= self._now):
            return False
        if name == "coupons":
            return True
        if question.flag("active") is False:
            return False
        if name == "products":
            return "ids" not in question.many or ware.id in question.many["ids"]
        price, one = self.business.catalog.prices[key], question.one
        kind = "one_time" if price.interval is None else "recurring"
        return (
            one.get("product", price.product) == price.product
            and one.get("currency", price.currency) == price.currency
            and one.get("type", kind) == kind
            and "lookup_keys" not in question.many
        )

    def _ware(self, name: str, identifier: str, shape: Generation, want: Wanted) -> Json:
        catalog = self.business.catalog
        if name == "products":
            return catalog_answers.product(catalog.products[identifier])
        if name == "prices":
            return catalog_answers.price(catalog.prices[identifier], catalog, basil=shape.basil, want=want)
        used = sorted(self._shelf.redeemed.get(identifier, ()))
        return catalog_answers.coupon(catalog.coupons[identifier], now=self._now, redeemed=bisect_right(used, self._now), want=want)

    # --- parts and single objects --------------------------------------------------------------------------------------------

    def _items(self, question: Question, shape: Generation) -> Json:
        question.only(*_PAGED, "subscription")
        want = wanted(question.expand, "subscription_item list", shape).get("data", NOTHING)
        name = question.one.get("subscription")
        if name is None:
            raise Problem(400, "Missing required param: subscription.", code="parameter_missing", param="subscription")
        found = self._found("subscriptions", name)
        if found is None:
            raise missing("subscription", name, "subscription")
        life, sub = found
        version = in_force(sub.versions, life.as_seen(self._now))
        assert version is not None, "it was found, so it exists"
        show = self._show_for(life, shape)
        data = [subscriptions.item(show, sub, each, want) for each in version.state.items]
        return _part(data, question, "/v1/subscription_items", "subscription item")

    def _lines(self, identifier: str, question: Question, shape: Generation) -> Json:
        question.only(*_PAGED)
        want = wanted(question.expand, "line_item list", shape).get("data", NOTHING)
        found = self._found("invoices", identifier)
        if found is None:
            raise missing("invoice", identifier, "invoice")
        life, bill = found
        show = self._show_for(life, shape)
        return _part(
            [invoices.line(show, bill, each, want) for each in bill.lines],
            question,
            f"/v1/invoices/{identifier}/lines",
            "line item",
        )

    def _found(self, name: str, identifier: str) -> tuple[Life, Any] | None:
        """The life and the record of an object that exists by now, whether or not it is in force."""
        place = ids.place_of(identifier)
        life = None if place is None else self._shelf.life(ids.customer_of(place))
        if life is None or place is None or ids.created_of(place) > self._now:
            return None
        held: Iterable[Any] = (life.customer,) if name == "customers" else getattr(life, _FIELDS[name])
        record = next((each for each in held if each.id == identifier), None)
        if record is None or (name != "events" and self._unseen(life, record)):
            return None
        return life, record

    def _one(self, name: str, identifier: str, question: Question, shape: Generation) -> Json:
        kind = _ONE[name]
        want = wanted(question.expand, kind, shape)
        if name in ("products", "prices", "coupons"):
            stock: dict[str, Any] = getattr(self.business.catalog, name)
            here = [key for key, each in stock.items() if each.id == identifier and self._ware_fits(name, key, Question())]
            if not here:
                raise missing(kind, identifier, kind)
            return self._ware(name, here[0], shape, want)
        if name == "events":
            catalog_event = self._catalog_events.get(ids.place_of(identifier) or 0)
            if catalog_event is not None and self._now - EVENTS_KEPT <= catalog_event.created <= self._now:
                return self._catalog_event(catalog_event, None, None) or {}
        found = self._found(name, identifier)
        if found is None:
            raise missing(kind, identifier)
        life, record = found
        show = self._show_for(life, shape)
        match name:
            case "customers":
                return customer_answers.customer(show, want)
            case "subscriptions":
                return subscriptions.subscription(show, record, want, latest=_latest)
            case "subscription_schedules":
                return subscriptions.schedule(show, record)
            case "invoices":
                return invoices.invoice(show, record, want)
            case "credit_notes":
                return credit_notes.credit_note(show, record)
        if not self._now - EVENTS_KEPT <= record.created <= self._now - record.late:
            raise missing(kind, identifier)
        return self._event(life, record)

    def _event(self, life: Life, happening: Happening) -> Json:
        """As it was at its moment: an event never changes."""
        return events.event(Show(self.business, generation(self.business.api_version), happening.created, life), happening)


_ONE: Final = {
    "customers": "customer",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "credit_notes": "credit_note",
    "events": "event",
    "products": "product",
    "prices": "price",
    "coupons": "coupon",
    "subscription_schedules": "subscription_schedule",
}
_FIELDS: Final = {
    "subscriptions": "subscriptions",
    "invoices": "invoices",
    "credit_notes": "credit_notes",
    "events": "happenings",
    "subscription_schedules": "schedules",
}
_PREFIXES: Final = {
    "customer": "cus_",
    "subscription": "sub_",
    "invoice": "in_",
    "invoice_item": "ii_",
    "event": "evt_",
    "credit_note": "cn_",
    "subscription_schedule": "sub_sched_",
}


def _latest(show: Show, identifier: str, want: Wanted) -> Json:
    return invoices.invoice(show, next(each for each in show.life.invoices if each.id == identifier), want)


def _index_of(identifier: str) -> int | None:
    place = ids.place_of(identifier)
    return None if place is None else ids.customer_of(place)


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


def _part(data: list[Json], question: Question, url: str, kind: str) -> Json:
    """A page of a list that hangs off an object: oldest first, as Stripe has lines and items."""
    names = [each["id"] for each in data]
    first, last = 0, len(data)
    after, before = question.one.get("starting_after"), question.one.get("ending_before")
    for cursor, param in ((after, "starting_after"), (before, "ending_before")):
        if cursor is not None and cursor not in names:
            raise missing(kind, cursor, param)
    if after is not None:
        first = names.index(after) + 1
    if before is not None:
        last = names.index(before)
        first = max(first, last - question.limit)
    page = data[first : min(last, first + question.limit)]
    more = first > 0 if before is not None else first + question.limit < last
    return {"object": "list", "data": page, "has_more": more, "url": url}
