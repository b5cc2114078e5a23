"""A reader of a made-up account, in memory: enough of Stripe to see which pages are asked for and stored, and nothing of HTTP.

It hands out what `integrations.stripe.reader.Reader` hands out, newest first in pages, and can be told to fail, to wait and to be
slow. Subscriptions only: what is in a page is the decoder's business and tested there.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from integrations.stripe.page import AccountInfo, Rejected, StripePage
from metrics.evidence import (
    Customer,
    CustomerState,
    EventFact,
    Instant,
    Invoice,
    InvoiceEvidence,
    Item,
    Product,
    Source,
    Subscription,
    SubscriptionState,
)

START = Instant(1_700_000_000)
HOUR = 3_600
NOW = Instant(START + 400 * 24 * HOUR)


def subscription(number: int, *, at: Instant, quantity: int = 1, status: str = "active") -> Subscription:
    """One subscription with a single item."""
    return Subscription(
        id=f"sub_{number:06d}",
        customer=f"cus_{number:06d}",
        status=status,
        currency="usd",
        created=at,
        start=at,
        items=(Item(f"si_{number:06d}", "price_month", quantity),),
    )


@dataclass
class FakeStripe:
    """The account. `page_size` objects come at once; `before_page` is called with (stream, since, cursor) before each answer."""

    account_id: str = "acct_fake"
    livemode: bool = False
    now: Instant = NOW
    page_size: int = 10
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    events_seen: list[tuple[EventFact, SubscriptionState | None]] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    customers: dict[str, Customer] = field(default_factory=dict)
    invoices: dict[str, Invoice] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    """Subscriptions that no list has, but which can be had by their id."""
    gone: set[str] = field(default_factory=set)
    """Objects that Stripe knows nothing of any more."""
    lagging: dict[str, Subscription] = field(default_factory=dict)
    """What a replica that lags says of subscriptions that are asked for one by one."""
    before_page: Callable[[str, Instant | None, str | None], None] = lambda *_: None
    asked: list[tuple[str, Instant | None, Instant | None, str | None]] = field(default_factory=list)
    clock_apart_seconds: int = 0
    is_stripe: bool = False
    key_digest: str = "one"
    turns: int = 0
    """How often a turn in the background was waited for."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, count: int, *, step: int = HOUR) -> None:
        """So many subscriptions, one each `step` seconds."""
        for number in range(count):
            made = subscription(number, at=Instant(START + number * step))
            self.subscriptions[made.id] = made

    def change(self, number: int, quantity: int, *, seen: bool = True) -> None:
        """Now the subscription has another quantity; without `seen` no event tells."""
        old = self.subscriptions[f"sub_{number:06d}"]
        new = subscription(number, at=old.created, quantity=quantity)
        self.subscriptions[new.id] = new
        if seen:
            fact = EventFact(
                f"evt_{len(self.events_seen):06d}", "customer.subscription.updated", self.now, new.id, new.customer, new.id
            )
            self.events_seen.append((fact, SubscriptionState(self.now, Source.EVENT, fact.id, new)))

    def tell(self, number: int, quantity: int, at: Instant) -> str:
        """Only now the event appears of what happened at `at`; the subscription is so. Gives the event's id."""
        old = self.subscriptions[f"sub_{number:06d}"]
        new = subscription(number, at=old.created, quantity=quantity)
        self.subscriptions[new.id] = new
        fact = EventFact(f"evt_late_{len(self.events_seen):06d}", "customer.subscription.updated", at, new.id, new.customer, new.id)
        self.events_seen.append((fact, SubscriptionState(at, Source.EVENT, fact.id, new)))
        return fact.id

    def bill(self, number: int, status: str, *, created: Instant, event: str = "") -> str:
        """A subscription's invoice is so, with or without an event that says it now. Gives its id."""
        sub = self.subscriptions[f"sub_{number:06d}"]
        head = Invoice(f"in_{number:06d}", sub.customer, sub.id, status, created, "usd")
        self.invoices[head.id] = head
        if event:
            fact = EventFact(f"evt_in_{len(self.events_seen):06d}", event, self.now, head.id, sub.customer, sub.id, head.id)
            self.events_seen.append((fact, None))
        return head.id

    # --- what a Reader can do --------------------------------------------------------------------------------------------------

    def account(self) -> AccountInfo:
        """Whose key this is."""
        return AccountInfo(self.account_id, self.livemode)

    def close(self) -> None:
        """Nothing to close."""

    def wait_in_background(self) -> float:
        """Every turn is free, and counted."""
        with self.lock:
            self.turns += 1
        return 0.0

    def pages(
        self, stream: str, *, since: Instant | None = None, until: Instant | None = None, cursor: str | None = None
    ) -> Iterator[StripePage]:
        """The pages of a stream, newest first."""
        while True:
            with self.lock:
                self.asked.append((stream, since, until, cursor))
            self.before_page(stream, since, cursor)
            found = [
                (created, key)
                for created, key in self._listed(stream)
                if (since is None or created >= since) and (until is None or created < until)
            ]
            found.sort(key=lambda each: (-each[0], each[1]))
            start = [key for _, key in found].index(cursor) + 1 if cursor else 0
            part = found[start : start + self.page_size]
            more = len(found) > start + self.page_size
            cursor = part[-1][1] if more else None
            yield self._page(stream, part, more, cursor)
            if not more:
                return

    def single(self, kind: str, object_id: str) -> StripePage:
        """One object of a kind that events name, as it is."""
        match kind:
            case "subscription":
                return self.subscription(object_id)
            case "customer":
                return self.customer(object_id)
        return self.invoice(object_id)

    def subscription(self, object_id: str) -> StripePage:
        """One subscription as it is."""
        return self._one("subscriptions", "subscription", object_id, self.subscriptions.get(object_id) is not None)

    def customer(self, object_id: str) -> StripePage:
        """One customer as it is."""
        return self._one("customers", "customer", object_id, any(s.customer == object_id for s in self.subscriptions.values()))

    def invoice(self, object_id: str) -> StripePage:
        """One invoice as it is."""
        return self._one("invoices", "invoice", object_id, object_id in self.invoices)

    def _one(self, stream: str, kind: str, object_id: str, there: bool) -> StripePage:
        with self.lock:
            self.asked.append((object_id, None, None, None))
        self.before_page(object_id, None, None)
        if not there or object_id in self.gone:
            ours = Instant(int(time.time()))  # no answer dates what is not there
            return StripePage(stream, ours, 0, False, rejected=(Rejected(object_id, kind, "gone", "made so"),))
        if object_id in self.lagging:
            return replace(
                self._page(stream, [(START, object_id)], False, None),
                subscriptions=(SubscriptionState(self.now, Source.SNAPSHOT, "", self.lagging[object_id]),),
            )
        return self._page(stream, [(START, object_id)], False, None)

    def _listed(self, stream: str) -> list[tuple[Instant, str]]:
        if stream == "subscriptions":
            return [(each.created, each.id) for each in self.subscriptions.values() if each.id not in {*self.hidden, *self.gone}]
        if stream == "customers":
            return [(each.created, each.customer) for each in self.subscriptions.values() if each.customer not in self.hidden]
        if stream == "events":
            return [(fact.created, fact.id) for fact, _ in self.events_seen]
        if stream == "invoices":
            return [(each.created, each.id) for each in self.invoices.values()]
        if stream == "products":
            return [(START, "prod_1")]
        return []

    def _page(self, stream: str, part: list[tuple[Instant, str]], more: bool, cursor: str | None) -> StripePage:
        keys = [key for _, key in part if key not in self.poison]
        events = [(fact, state) for fact, state in self.events_seen if stream == "events" and fact.id in keys]
        return StripePage(
            stream,
            self.now,
            len(part),
            more,
            cursor,
            min((created for created, _ in part), default=None),
            products=tuple(Product(key) for key in keys) if stream == "products" else (),
            customers=tuple(
                CustomerState(self.now, Source.SNAPSHOT, "", self.customers.get(key, Customer(key)))
                for key in keys
                if stream == "customers"
            ),
            invoices=tuple(InvoiceEvidence(self.invoices[key]) for key in keys if stream == "invoices"),
            subscriptions=(
                *(
                    SubscriptionState(self.now, Source.SNAPSHOT, "", self.subscriptions[key])
                    for key in keys
                    if stream == "subscriptions"
                ),
                *(state for _, state in events if state is not None),
            ),
            events=tuple(fact for fact, _ in events),
            rejected=tuple(Rejected(key, "subscription", "bad_shape", "made so") for _, key in part if key in self.poison),
        )
