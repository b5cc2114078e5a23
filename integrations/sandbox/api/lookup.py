"""What there is to show at an instant, and how an object is found by its id or its place."""

from collections.abc import Iterable
from typing import Any, Final

from integrations.sandbox import ids
from integrations.sandbox.answers.catalog_events import catalog_events
from integrations.sandbox.answers.customers import Show
from integrations.sandbox.api.index import Shelf
from integrations.sandbox.api_versions import Generation
from integrations.sandbox.errors import missing
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.records import Life

PAGED: Final = ("starting_after", "ending_before")
EVENTS_KEPT: Final = 30 * DAY
Json = dict[str, Any]


FIELDS: Final = {
    "subscriptions": "subscriptions",
    "invoices": "invoices",
    "credit_notes": "credit_notes",
    "events": "happenings",
    "subscription_schedules": "schedules",
}


PREFIXES: Final = {
    "customer": "cus_",
    "subscription": "sub_",
    "invoice": "in_",
    "invoice_item": "ii_",
    "event": "evt_",
    "credit_note": "cn_",
    "subscription_schedule": "sub_sched_",
}


class Lookup:
    """What a business has at `now`. Many threads may ask while one moves the clock."""

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

    def _found(self, name: str, identifier: str) -> tuple[Life, Any] | None:
        """The life and the record of an object that exists by now, whether or not it is in force."""
        place = ids.place_of(identifier)
        life = None if place is None else self._shelf.life(ids.customer_of(place))
        if life is None or place is None or ids.created_of(place) > self._now:
            return None
        held: Iterable[Any] = (life.customer,) if name == "customers" else getattr(life, FIELDS[name])
        record = next((each for each in held if each.id == identifier), None)
        if record is None or (name != "events" and self._unseen(life, record)):
            return None
        return life, record

    def _require_customer(self, customer: str | None) -> None:
        if customer is not None and self._found("customers", customer) is None:
            raise missing("customer", customer, "customer")

    def _cursor(self, kind: str, identifier: str, param: str) -> int:
        place = ids.place_of(identifier)
        if place is None or not identifier.startswith(PREFIXES[kind]):
            raise missing(kind, identifier, param)
        return place


def index_of(identifier: str) -> int | None:
    """The number of the customer that an id belongs to; None for no id of ours."""
    place = ids.place_of(identifier)
    return None if place is None else ids.customer_of(place)
