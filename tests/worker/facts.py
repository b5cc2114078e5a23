"""Facts of a made-up account put straight into a store, and the ledger that the product's own jobs derive from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts.write import Page, put_page
from integrations.store.ledger import bases as ledger_bases
from metrics.evidence import (
    Coupon,
    Customer,
    CustomerState,
    Discount,
    Instant,
    Item,
    Price,
    Source,
    Subscription,
    SubscriptionState,
)
from metrics.ledger.basis import Basis
from tests.integrations.store import dump
from worker.execution.stop import Stop
from worker.execution.terms import Terms
from worker.ingest.accounts import Sources
from worker.ingest.pace import Pace
from worker.runs import refresh
from worker.runs.steps import Report
from worker.wiring.wiring import Wiring

LEARNT = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULT = Basis()


def at(text: str) -> Instant:
    """An instant told as a day or a time in UTC."""
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))


BASIC = Price("price_basic", "prod_1", "usd", unit=Decimal(1000))
PRO = Price("price_pro", "prod_1", "usd", unit=Decimal(3000))
HALF = Coupon("half", percent_off=Decimal(50))
PRICES = (BASIC, PRO)


@dataclass
class Told:
    """An account whose facts are told one by one. Each telling is a listing, unless it names an event."""

    engine: Engine
    name: str = "main"
    account: int = field(init=False)

    def __post_init__(self) -> None:
        with begin(self.engine) as connection:
            self.account = accounts.bind(connection, name=self.name, stripe_id=f"acct_{self.name}", livemode=False)

    def put(self, page: Page) -> int:
        """Store a page; gives how many rows were new."""
        with begin(self.engine) as connection:
            return put_page(connection, self.account, page, LEARNT).new

    def catalog(self, when: str = "2025-01-01", prices: Sequence[Price] = PRICES, coupons: Sequence[Coupon] = (HALF,)) -> None:
        """Prices and coupons are listed."""
        self.put(Page(at(when), prices=prices, coupons=coupons))

    def customer(self, customer: str, when: str = "2025-01-01", *, event: str = "", **metadata: str) -> None:
        """A customer is so from now on."""
        about = Customer(customer, at("2025-01-01"), country="DE", metadata=tuple(sorted(metadata.items())))
        self.put(Page(at(when), customers=[CustomerState(at(when), _source(event), event, about)]))

    def subscription(
        self,
        customer: str,
        when: str = "2025-01-01",
        *,
        price: str = "price_basic",
        quantity: int = 1,
        status: str = "active",
        event: str = "",
        discounts: Sequence[Discount] = (),
        number: int = 1,
        since: str = "2025-01-01",
        ended: str | None = None,
        currency: str = "usd",
        **metadata: str,
    ) -> None:
        """A subscription of a customer is so from now on."""
        name = customer.removeprefix("cus_")
        about = Subscription(
            f"sub_{name}_{number}",
            customer,
            status,
            currency,
            at(since),
            at(since),
            (Item(f"si_{name}_{number}", price, quantity),),
            discounts=tuple(discounts),
            ended_at=None if ended is None else at(ended),
            metadata=tuple(sorted(metadata.items())),
        )
        self.put(Page(at(when), subscriptions=[SubscriptionState(at(when), _source(event), event, about)]))


def _source(event: str) -> Source:
    return Source.EVENT if event else Source.SNAPSHOT


def wiring(engine: Engine, now: str, basis: Basis = DEFAULT, kept: Sequence[Basis] = ()) -> Wiring:
    """A process without any account to read, at a moment that somebody says."""
    terms = Terms(owner="test", threads=2, lease_seconds=20.0, attempts=2, first_delay_seconds=0.01)
    pretended = datetime.fromtimestamp(at(now), UTC)
    sources = Sources(engine, [], lambda _name, _mode: None)  # type: ignore[arg-type,return-value]  # nothing is read
    return Wiring(
        engine, sources, lambda: datetime.now(UTC), Stop(), terms, Pace(), pretended=pretended, basis=basis, kept=tuple(kept)
    )


def derive(
    engine: Engine,
    now: str,
    basis: Basis = DEFAULT,
    *,
    kept: Sequence[Basis] = (),
    rebuild: bool = False,
    asked: Basis | None = None,
) -> Report:
    """Bring the ledger up to date as a process would; it must come to its end."""
    report = refresh.derive(wiring(engine, now, basis, kept), rebuild=rebuild, basis=asked)
    assert "done" == report.status, report
    return report


def derived(engine: Engine) -> list[str]:
    """Everything derived, of every basis, in canonical order."""
    with read(engine) as connection:
        return list(dump.canonical(connection, facts=False))


def complete(engine: Engine) -> dict[str, bool]:
    """By the name of the policy, whether a ledger is complete; of several bases of one policy, whether all are."""
    out: dict[str, bool] = {}
    with read(engine) as connection:
        for row in ledger_bases.everything(connection).values():
            out[row.policy] = out.get(row.policy, True) and row.derived_at is not None
    return out


def mrr(engine: Engine, basis: Basis = DEFAULT) -> Mapping[str, int]:
    """What every customer stands at last, in whole units of its currency; those at zero left out."""
    import polars as pl

    from integrations.store.ledger import read as read_ledger

    with read(engine) as connection:
        last = read_ledger.standings(connection, basis.version).sort("day").group_by("customer", "currency").last()
    return {c: n // 1_000_000 for c, n in last.filter(pl.col("net_micros") > 0).select("customer", "net_micros").iter_rows()}


def half_until(end: str | None, *, start: str = "2025-01-01", coupon: str | None = "half") -> Discount:
    """Half off, for a while."""
    return Discount("di_1", coupon, at(start), None if end is None else at(end))
