"""The bare loop: what this machine can do at best. Pooled HTTP, typed decoding, binary COPY of the same rows, and nothing else.

A thread for each list pages through it and copies its rows straight into tables with the columns and keys of the product's. There
are no jobs, no cursors, no retries, no look at what is there already, no second generation of shapes: if it stops, it starts again
with empty tables. Nothing of the product is used but the definition of its tables.
"""

import argparse
import threading
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import msgspec
import psycopg
import urllib3

from tests.benchmarks.contender import Stopwatch, tell

PAGES_PER_COMMIT: Final = 20
KEY: Final = "sk_live_benchmark0000"
Row = tuple[Any, ...]


class Recurring(msgspec.Struct, gc=False):
    interval: str
    interval_count: int


class Price(msgspec.Struct, gc=False):
    id: str
    product: str
    currency: str
    unit_amount: int
    recurring: Recurring


class Item(msgspec.Struct, gc=False):
    id: str
    price: Price
    quantity: int
    current_period_start: int
    current_period_end: int
    discounts: list[str]


class Items(msgspec.Struct, gc=False):
    data: list[Item]


class Subscription(msgspec.Struct, gc=False):
    id: str
    customer: str
    status: str
    currency: str
    created: int
    start_date: int
    items: Items
    discounts: list[str]
    metadata: dict[str, str]
    trial_start: int | None = None
    trial_end: int | None = None
    cancel_at: int | None = None
    cancel_at_period_end: bool = False
    canceled_at: int | None = None
    ended_at: int | None = None
    test_clock: str | None = None


class Customer(msgspec.Struct, gc=False):
    id: str
    created: int
    currency: str | None
    metadata: dict[str, str]
    test_clock: str | None = None


class Period(msgspec.Struct, gc=False):
    start: int
    end: int


class ItemDetails(msgspec.Struct, gc=False):
    subscription: str
    subscription_item: str
    proration: bool


class LineParent(msgspec.Struct, gc=False):
    subscription_item_details: ItemDetails | None


class PriceDetails(msgspec.Struct, gc=False):
    price: str


class Pricing(msgspec.Struct, gc=False):
    price_details: PriceDetails


class Tax(msgspec.Struct, gc=False):
    amount: int
    tax_behavior: str


class Line(msgspec.Struct, gc=False):
    id: str
    amount: int
    currency: str
    quantity: int
    period: Period
    parent: LineParent
    pricing: Pricing
    taxes: list[Tax]
    discounts: list[str]


class Lines(msgspec.Struct, gc=False):
    data: list[Line]


class SubscriptionDetails(msgspec.Struct, gc=False):
    subscription: str


class InvoiceParent(msgspec.Struct, gc=False):
    subscription_details: SubscriptionDetails | None


class Transitions(msgspec.Struct, gc=False):
    finalized_at: int | None
    paid_at: int | None
    voided_at: int | None
    marked_uncollectible_at: int | None


class Invoice(msgspec.Struct, gc=False):
    id: str
    customer: str
    status: str
    created: int
    currency: str
    billing_reason: str
    amount_paid: int
    status_transitions: Transitions
    parent: InvoiceParent
    lines: Lines


class _Page(msgspec.Struct, gc=False):
    has_more: bool


class RawPage(_Page, gc=False):
    data: list[msgspec.Raw]


class CustomerPage(_Page, gc=False):
    data: list[Customer]


class InvoicePage(_Page, gc=False):
    data: list[Invoice]


_encode = msgspec.msgpack.Encoder().encode


def bucket(customer: str) -> int:
    """Where a customer's rows lie."""
    return zlib.crc32(customer.encode()) % 1024


def customers(body: bytes, at: int, learnt: datetime) -> tuple[bool, int, str, dict[str, list[Row]]]:
    """A page's has_more, number of objects, last id, and rows by table."""
    page = _decoders["customers"].decode(body)
    rows = []
    for c in page.data:
        kept = _encode((c.id, c.created, c.currency, c.metadata, c.test_clock))
        sign = blake2b(kept, digest_size=16).hexdigest()
        rows.append((bucket(c.id), c.id, 1, at, 3, "", sign, kept, learnt))
    return page.has_more, len(page.data), page.data[-1].id, {"customer_state": rows}


def subscriptions(body: bytes, at: int, learnt: datetime) -> tuple[bool, int, str, dict[str, list[Row]]]:
    """The same; what Stripe sent is kept compressed."""
    page = _decoders["subscriptions"].decode(body)
    one = _decoders["subscription"]
    rows, kept = [], []
    found = None
    for raw in page.data:
        found = one.decode(raw)
        items = [
            (i.id, i.price.id, i.quantity, i.current_period_start, i.current_period_end, i.discounts) for i in found.items.data
        ]
        state = _encode(
            (
                found.id,
                found.customer,
                found.status,
                found.currency,
                found.created,
                found.start_date,
                items,
                found.discounts,
                found.trial_start,
                found.trial_end,
                found.cancel_at,
                found.cancel_at_period_end,
                found.canceled_at,
                found.ended_at,
                found.metadata,
                found.test_clock,
            )
        )
        sign = blake2b(state, digest_size=16).hexdigest()
        rows.append((bucket(found.customer), found.customer, 1, found.id, at, 3, "", found.status, sign, state, learnt))
        kept.append((1, "subscription", found.id, at, "", zlib.compress(raw, 1), learnt))
    assert found is not None
    return page.has_more, len(page.data), found.id, {"subscription_state": rows, "payload": kept}


def invoices(body: bytes, at: int, learnt: datetime) -> tuple[bool, int, str, dict[str, list[Row]]]:
    """The same; no JSON of invoices is kept."""
    page = _decoders["invoices"].decode(body)
    heads, lines = [], []
    for i in page.data:
        moments, of = i.status_transitions, i.parent.subscription_details
        place = bucket(i.customer)
        heads.append(
            (
                place,
                i.customer,
                1,
                i.id,
                i.status,
                of.subscription if of else None,
                i.created,
                i.currency,
                i.billing_reason,
                i.amount_paid,
                moments.finalized_at,
                moments.paid_at,
                moments.voided_at,
                moments.marked_uncollectible_at,
                learnt,
            )
        )
        for line in i.lines.data:
            details = line.parent.subscription_item_details
            if details is None:
                continue
            inclusive = sum(t.amount for t in line.taxes if t.tax_behavior == "inclusive")
            lines.append(
                (
                    place,
                    i.customer,
                    1,
                    i.id,
                    line.id,
                    details.subscription,
                    details.subscription_item,
                    line.pricing.price_details.price,
                    line.quantity,
                    line.amount,
                    line.currency,
                    line.period.start,
                    line.period.end,
                    details.proration,
                    inclusive,
                    None,
                    learnt,
                )
            )
    return page.has_more, len(page.data), page.data[-1].id, {"invoice": heads, "invoice_line": lines}


_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    "customers": msgspec.json.Decoder(CustomerPage),
    "subscriptions": msgspec.json.Decoder(RawPage),
    "subscription": msgspec.json.Decoder(Subscription),
    "invoices": msgspec.json.Decoder(InvoicePage),
}
Meaning = Callable[[bytes, int, datetime], tuple[bool, int, str, dict[str, list[Row]]]]
_LISTS: Final[dict[str, Meaning]] = {
    "/v1/invoices": invoices,
    "/v1/subscriptions?status=all": subscriptions,
    "/v1/customers": customers,
}
_TYPES: Final = {
    "customer_state": "int2 text int4 int8 int2 text text bytea timestamptz",
    "subscription_state": "int2 text int4 text int8 int2 text text text bytea timestamptz",
    "payload": "int4 text text int8 text bytea timestamptz",
    "invoice": "int2 text int4 text text text int8 text text int8 int8 int8 int8 int8 timestamptz",
    "invoice_line": "int2 text int4 text text text text text int8 int8 text int8 int8 bool int8 bytea timestamptz",
}
_COLUMNS: Final = {
    "customer_state": "bucket customer_id account at source source_id digest body learnt_at",
    "subscription_state": "bucket customer_id account subscription_id at source source_id status digest body learnt_at",
    "payload": "account kind object_id at source_id body learnt_at",
    "invoice": (
        "bucket customer_id account invoice_id status subscription_id created currency billing_reason amount_paid finalized_at paid_at "
        "voided_at uncollectible_at learnt_at"
    ),
    "invoice_line": (
        "bucket customer_id account invoice_id line_id subscription_id item_id price_id quantity amount currency period_start period_end "
        "proration inclusive_tax extra learnt_at"
    ),
}


def copy(database: psycopg.Connection[Any], rows: dict[str, list[Row]]) -> None:
    """Store rows, and commit."""
    for table, found in rows.items():
        names = _COLUMNS[table].replace(" ", ", ")
        with database.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)".encode()) as into:
            into.set_types(_TYPES[table].split())
            for row in found:
                into.write_row(row)
        found.clear()
    database.commit()


class Loop:
    """Reads the lists side by side."""

    def __init__(self, base: str, database: str, *, store: bool = True) -> None:
        self._base = base
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)
        self._database = database.replace("+psycopg", "")
        self._store = store
        self.objects = 0
        self._lock = threading.Lock()
        self._failed: list[Exception] = []

    def read(self, lists: Sequence[str], *, threads: bool) -> int:
        """Every object of these lists, one after the other or each in a thread of its own; gives their number."""
        if not threads:
            for path in lists:
                self._list(path)
            return self.objects
        return self._side_by_side(lists)

    def _side_by_side(self, lists: Sequence[str]) -> int:
        threads = [threading.Thread(target=self._guarded, args=(path,)) for path in lists]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failed:
            raise self._failed[0]
        return self.objects

    def _guarded(self, path: str) -> None:
        try:
            self._list(path)
        except Exception as error:  # noqa: BLE001  # whatever it is is raised again where the threads are waited for
            self._failed.append(error)

    def _list(self, path: str) -> None:
        meaning = _LISTS[path]
        url = f"{self._base}{path}{'&' if '?' in path else '?'}limit=100"
        waiting: dict[str, list[Row]] = {}
        at, after, pages = int(datetime.now(UTC).timestamp()), "", 0
        with psycopg.connect(self._database) as database:
            while True:
                got = self._pool.request("GET", url + after, headers={"Authorization": f"Bearer {KEY}"})
                more, count, last, rows = meaning(got.data, at, datetime.now(UTC))
                for table, found in rows.items():
                    waiting.setdefault(table, []).extend(found)
                with self._lock:
                    self.objects += count
                after, pages = f"&starting_after={last}", pages + 1
                if self._store and (not more or pages % PAGES_PER_COMMIT == 0):
                    copy(database, waiting)
                if not more:
                    return


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--lists", nargs="*", default=list(_LISTS))
    parser.add_argument("--threads", action="store_true")
    given = parser.parse_args()
    loop = Loop(given.base, given.database)
    watch = Stopwatch()
    tell(watch.result(loop.read(given.lists, threads=given.threads)))
