"""Who answers a question: lists in pages, single objects, Stripe's errors. It knows no HTTP and no faults.

One desk serves one business at a `now` that may be moved. Lists come newest first; a cursor is a position in time, so it holds
when its object is gone or another one has appeared.
"""

from typing import Any, Final

from integrations.sandbox import ids
from integrations.sandbox.answers import credit_notes, invoices, subscriptions
from integrations.sandbox.answers import customers as customer_answers
from integrations.sandbox.answers.account import account
from integrations.sandbox.answers.expansion import NOTHING, wanted
from integrations.sandbox.api.lists import Lists, latest
from integrations.sandbox.api.lookup import EVENTS_KEPT, PAGED, Json
from integrations.sandbox.api.params import Question
from integrations.sandbox.api_versions import Generation
from integrations.sandbox.errors import Problem, missing, unknown_address
from integrations.sandbox.simulator.records import in_force


class Desk(Lists):
    """Answers for a business at an instant."""

    def answer(self, path: str, question: Question, shape: Generation) -> Json:
        """The answer to a GET of `path` (what follows /v1/). Raises Problem."""
        match path.split("/"):
            case ["account"]:
                question.only()
                wanted(question.expand, "account", shape)
                return account(self.business)
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
            case [name, identifier] if name in ONE and identifier:
                question.only()
                return self._one(name, identifier, question, shape)
        raise unknown_address("GET", f"/v1/{path}")

    def _note_lines(self, identifier: str, question: Question, shape: Generation) -> Json:
        question.only(*PAGED)
        found = self._found("credit_notes", identifier)
        if found is None:
            raise missing("credit_note", identifier, "credit_note")
        life, note = found
        show = self._show_for(life, shape)
        data = [credit_notes.line(show, each) for each in note.lines]
        return part(data, question, f"/v1/credit_notes/{identifier}/lines", "credit note line item")

    def _items(self, question: Question, shape: Generation) -> Json:
        question.only(*PAGED, "subscription")
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
        return part(data, question, "/v1/subscription_items", "subscription item")

    def _lines(self, identifier: str, question: Question, shape: Generation) -> Json:
        question.only(*PAGED)
        want = wanted(question.expand, "line_item list", shape).get("data", NOTHING)
        found = self._found("invoices", identifier)
        if found is None:
            raise missing("invoice", identifier, "invoice")
        life, bill = found
        show = self._show_for(life, shape)
        return part(
            [invoices.line(show, bill, each, want) for each in bill.lines],
            question,
            f"/v1/invoices/{identifier}/lines",
            "line item",
        )

    def _one(self, name: str, identifier: str, question: Question, shape: Generation) -> Json:
        kind = ONE[name]
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
                return subscriptions.subscription(show, record, want, latest=latest)
            case "subscription_schedules":
                return subscriptions.schedule(show, record)
            case "invoices":
                return invoices.invoice(show, record, want)
            case "credit_notes":
                return credit_notes.credit_note(show, record)
        if not self._now - EVENTS_KEPT <= record.created <= self._now - record.late:
            raise missing(kind, identifier)
        return self._event(life, record)


ONE: Final = {
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


def part(data: list[Json], question: Question, url: str, kind: str) -> Json:
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
