"""Small facts to store: a customer, a subscription, an invoice, an event, each told with no more than matters."""

from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from integrations.store import tables
from integrations.store.db.engine import begin, read
from integrations.store.facts.write import Page, put_page
from metrics.evidence import (
    Customer,
    CustomerState,
    EventFact,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Source,
    Subscription,
    SubscriptionState,
)

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)


def customer(name: str, at: int = 100, *, event: str = "", **metadata: str) -> CustomerState:
    """A customer as it was listed, or as an event says."""
    about = Customer(name, Instant(1), metadata=tuple(sorted(metadata.items())))
    return CustomerState(Instant(at), Source.EVENT if event else Source.SNAPSHOT, event, about)


def subscription(
    name: str,
    owner: str,
    at: int = 100,
    *,
    quantity: int = 1,
    event: str = "",
    before: bool = False,
    price: str = "price_1",
    **metadata: str,
) -> SubscriptionState:
    """A subscription as it was listed, or as an event says (`before` it)."""
    items = (Item(f"si_{name}", price, quantity),)
    about = Subscription(name, owner, "active", "usd", Instant(1), Instant(1), items, metadata=tuple(sorted(metadata.items())))
    source = Source.SNAPSHOT if not event else Source.EVENT_BEFORE if before else Source.EVENT
    return SubscriptionState(Instant(at), source, event, about)


def invoice(
    name: str, owner: str | None, *, status: str = "paid", of: str = "sub_1", lines: int = 1, created: int = 50
) -> InvoiceEvidence:
    """An invoice with some lines of one subscription."""
    head = Invoice(name, owner, of, status, Instant(created), "usd")
    made = tuple(
        InvoiceLine(f"il_{name}_{n}", name, of, f"si_{n}", "price_1", 1, 1000, "usd", Instant(0), Instant(100))
        for n in range(lines)
    )
    return InvoiceEvidence(head, made)


def event(name: str, owner: str | None = None, about: str = "sub_1", at: int = 100) -> EventFact:
    """An event."""
    return EventFact(name, "customer.subscription.updated", Instant(at), about, owner, about)


def put(engine: Engine, account: int = 1, at: int = 100, **facts: object) -> tuple[int, set[str]]:
    """Store facts as one page: how many rows were new, and whom they concern."""
    with begin(engine) as connection:
        stored = put_page(connection, account, Page(Instant(at), **facts), LEARNT)  # type: ignore[arg-type]  # fields of Page
    return stored.new, stored.touched


def rows(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    with read(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one())


def everything_in(engine: Engine) -> str:
    """Whatever any cell of any table holds, as text: what a thief would read. What is compressed is unpacked first."""
    from integrations.stripe.decode.sent import unpacked

    out = []
    with read(engine) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for value in row:
                    body = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode(errors="surrogatepass")
                    if table.name == "payload" and isinstance(value, bytes | memoryview):
                        body = unpacked(body)
                    out.append(body.decode("latin-1"))
    return "\n".join(out)
