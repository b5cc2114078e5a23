"""A reader of a made-up account, in memory: enough of Stripe to see which pages are asked for and stored, and nothing of HTTP.

It hands out what `integrations.stripe.reader.Reader` hands out, newest first in pages, and can be told to fail, to wait and to be
slow. Subscriptions only: what is in a page is the decoder's business and tested there.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from integrations.stripe.page import AccountInfo, EventFact, Rejected, StripePage
from metrics.evidence import (
    Customer,
    CustomerState,
    Instant,
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
    before_page: Callable[[str, Instant | None, str | None], None] = lambda *_: None
    asked: list[tuple[str, Instant | None, Instant | None, str | None]] = field(default_factory=list)
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

    # --- what a Reader can do --------------------------------------------------------------------------------------------------

    def account(self) -> AccountInfo:
        """Whose key this is."""
        return AccountInfo(self.account_id, self.livemode)

    def close(self) -> None:
        """Nothing to close."""

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

    def subscription(self, object_id: str) -> StripePage:
        """One subscription as it is."""
        with self.lock:
            self.asked.append((object_id, None, None, None))
        return self._page("subscriptions", [(self.subscriptions[object_id].created, object_id)], False, None)

    def _listed(self, stream: str) -> list[tuple[Instant, str]]:
        if stream == "subscriptions":
            return [(each.created, each.id) for each in self.subscriptions.values()]
        if stream == "customers":
            return [(each.created, each.customer) for each in self.subscriptions.values()]
        if stream == "events":
            return [(fact.created, fact.id) for fact, _ in self.events_seen]
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
            customers=tuple(CustomerState(self.now, Source.SNAPSHOT, "", Customer(key)) for key in keys if stream == "customers"),
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
