"""Facts and ledger for the proof of billings, as frames: a reading of its own of invoice lines, and what the ledger says beside it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl
from sqlalchemy import ColumnElement, Connection, and_, select

from integrations.store.db.bulk import among, stream
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.frames import read_frame
from integrations.store.facts import catalog
from integrations.store.facts.accounts import everything
from integrations.store.facts.line_extra import read_extra
from integrations.store.facts.schema import invoice, invoice_line, member
from integrations.store.figures.billings import nothing_later
from integrations.store.ledger.schema import exclusion, finding, movement, standing
from metrics.billings import proof
from metrics.billings.proof_rules import FINDINGS
from metrics.evidence import Instant
from metrics.money import micros_per_minor
from metrics.policy import LOWERING, Discounting
from metrics.pricing.catalog import Catalog

_AT_ONCE: Final = 5_000
_LINE: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "invoice": pl.String,
    "line": pl.String,
    "item": pl.String,
    "price": pl.String,
    "currency": pl.String,
    "proration": pl.Boolean,
    "amount": pl.Int64,
    "inclusive_tax": pl.Int64,
    "period_start": pl.Int64,
    "period_end": pl.Int64,
}
_PRICE: Final = {"account": pl.Int64, "price": pl.String, "metered": pl.Boolean, "interval": pl.String, "interval_count": pl.Int64}
_PLACE: Final = ("account", "customer", "invoice", "line")


def lines(connection: Connection, shard: tuple[int, int], choice: Discounting, since: Instant | None = None) -> pl.DataFrame:
    """Licensed lines of one shard of Stripe's customers under the ledger's names: `proof.LINES`, with `item`, `price`, what lasting discounts took off
    (`off_micros`), `apart` (their invoice is void or uncollectible) and `pending` (they wait for one). `choice`: which discounts lower MRR; `since`: only periods that end after it."""
    low, high = shard_buckets(shard)
    mine = _mine(shard, since)
    catalogs = {row.id: catalog.load(connection, row.id) for row in everything(connection)}
    found = read_lines(connection, shard, since)
    beside = (
        (_prices(catalogs), ["account", "price"]),
        (_discounts(connection, mine, catalogs, LOWERING[choice]), list(_PLACE)),
        (_given_up(connection, low, high), ["account", "customer", "invoice"]),
        (_members(connection), ["account", "customer"]),
    )
    for frame, on in beside:
        if len(frame):
            found = found.join(frame, on=on, how="left")
        else:  # millions of long keys are not looked up in nothing
            found = found.with_columns(
                pl.lit(None, dtype=kind).alias(name) for name, kind in frame.schema.items() if name not in on
            )
    found = found.filter(~pl.col("metered").fill_null(value=False))
    codes = found["currency"].unique().to_list()
    unit = pl.col("currency").replace_strict({code: micros_per_minor(code) for code in codes}, default=None, return_dtype=pl.Int64)
    lasting, off = pl.col("lasting").fill_null(0), pl.col("off").fill_null(0)
    # The tax within an amount is of what all discounts leave; of what lasting ones leave it is as large a part.
    left, taxed = pl.col("amount") - lasting, pl.col("amount") - off
    tax = pl.when(taxed != 0).then(pl.col("inclusive_tax") * left // taxed).otherwise(0)
    return found.with_columns(
        ((left - tax) * unit).alias("amount_micros"),
        unit.alias("unit_micros"),
        (lasting * unit).alias("off_micros"),
        pl.coalesce("called", "customer").alias("customer"),
        pl.col("apart").fill_null(value=False),
        (pl.col("invoice") == "").alias("pending"),
    ).select(*proof.LINES, "item", "price", "off_micros", "apart", "pending")


def read_lines(connection: Connection, shard: tuple[int, int], since: Instant | None = None) -> pl.DataFrame:
    """The lines of one shard as they are stored."""
    names = (
        "account",
        "customer_id",
        "invoice_id",
        "line_id",
        "item_id",
        "price_id",
        "currency",
        "proration",
        "amount",
        "inclusive_tax",
    )
    t = invoice_line
    query = select(*(t.c[name] for name in names), t.c.period_start, t.c.period_end)
    return read_frame(connection, query.where(_mine(shard, since)), _LINE)


def _mine(shard: tuple[int, int], since: Instant | None) -> ColumnElement[bool]:
    low, high = shard_buckets(shard)
    t = invoice_line
    return and_(t.c.bucket >= low, t.c.bucket < high, *([t.c.period_end > since] if since is not None else []))


def _prices(catalogs: Mapping[int, Catalog]) -> pl.DataFrame:
    rows = [
        (account, price.id, price.usage == "metered", price.interval, price.interval_count)
        for account, held in catalogs.items()
        for price in held.prices.values()
    ]
    return pl.DataFrame(rows, schema=_PRICE, orient="row")


def _discounts(
    connection: Connection, mine: ColumnElement[bool], catalogs: Mapping[int, Catalog], lasting: frozenset[str]
) -> pl.DataFrame:
    """What discounts took off each line: those that lower MRR, and all. A coupon that nobody knows is taken for a lasting one."""
    t = invoice_line
    query = select(t.c.account, t.c.customer_id, t.c.invoice_id, t.c.line_id, t.c.extra).where(mine, t.c.extra.is_not(None))
    rows: list[tuple[Any, ...]] = []
    for some in stream(connection, query):
        for account, customer, invoice_id, line_id, extra in some:
            taken = read_extra(extra).discounts
            if not taken:
                continue
            held = catalogs.get(account, Catalog())
            off = kept = 0
            for discount, amount in taken:
                coupon = held.coupon_of(discount)
                off += amount
                kept += amount if coupon is None or coupon.duration in lasting else 0
            rows.append((account, customer, invoice_id, line_id, kept, off))
    schema = {"account": pl.Int64, **dict.fromkeys(_PLACE[1:], pl.String), "lasting": pl.Int64, "off": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _given_up(connection: Connection, low: int, high: int) -> pl.DataFrame:
    """Invoices that are void, or uncollectible and not paid since."""
    t = invoice
    schema = {"account": pl.Int64, "customer": pl.String, "invoice": pl.String, "status": pl.String}
    void = (t.c.status == "void") | (t.c.status == "uncollectible")  # each by itself: a COPY takes no list
    mine = and_(t.c.bucket >= low, t.c.bucket < high, void | (t.c.status == "paid"))
    given_up = select(t.c.invoice_id).where(void)
    query = select(t.c.account, t.c.customer_id, t.c.invoice_id, t.c.status).where(mine, t.c.invoice_id.in_(given_up))
    found = read_frame(connection, query, schema).group_by("account", "customer", "invoice").agg(pl.col("status"))
    apart = pl.col("status").list.contains("void") | ~pl.col("status").list.contains("paid")
    return found.filter(apart).select("account", "customer", "invoice", pl.lit(value=True).alias("apart"))


def _members(connection: Connection) -> pl.DataFrame:
    rows = connection.execute(select(member.c.account, member.c.customer_id, member.c.name)).all()
    return pl.DataFrame(
        [tuple(row) for row in rows], schema={"account": pl.Int64, "customer": pl.String, "called": pl.String}, orient="row"
    )


def standings(connection: Connection, basis: str) -> pl.DataFrame:
    """What every customer stands at, as `proof.STANDINGS`."""
    query = select(*(standing.c[name] for name in proof.STANDINGS)).where(standing.c.basis == basis)
    return read_frame(connection, query, proof.STANDINGS)


# --- evidence for the rules, of some customers ------------------------------------------------------------------------------------

MOVEMENTS: Final = {
    "customer": pl.String,
    "currency": pl.String,
    "day": pl.Date,
    "after_micros": pl.Int64,
    "delta_micros": pl.Int64,
}
LEFT_OUT: Final = {
    "customer": pl.String,
    "currency": pl.String,
    "reason": pl.String,
    "mrr_micros": pl.Int64,
    "since": pl.Int64,
    "until": pl.Int64,
}
NOTED: Final = {"customer": pl.String, "reason": pl.String, "at": pl.Int64}
DRAFTS: Final = {"customer": pl.String, "currency": pl.String, "created": pl.Int64}


def movements(connection: Connection, basis: str, customers: Sequence[str]) -> pl.DataFrame:
    """Movements of some customers."""
    return _of(connection, movement, MOVEMENTS, basis, customers)


def left_out(connection: Connection, basis: str, customers: Sequence[str]) -> pl.DataFrame:
    """What is left out of their MRR, but for usage."""
    return _of(connection, exclusion, LEFT_OUT, basis, customers).filter(pl.col("reason") != "metered")


def noted(connection: Connection, basis: str, customers: Sequence[str]) -> pl.DataFrame:
    """Findings of theirs that say that something isn't certain."""
    return _of(connection, finding, NOTED, basis, customers).filter(pl.col("reason").is_in(FINDINGS))


def drafts(connection: Connection, customers: Sequence[str]) -> pl.DataFrame:
    """Invoices of Stripe customers of which nothing but a draft is known."""
    columns = (invoice.c.customer_id, invoice.c.currency, invoice.c.created)
    only = select(*columns).where(invoice.c.status == "draft", nothing_later())
    parts = [
        read_frame(connection, only.where(among(connection, invoice.c.customer_id, list(part))), DRAFTS)
        for part in chunks(customers, _AT_ONCE)
    ]
    return pl.concat([pl.DataFrame(schema=DRAFTS), *parts])


def _of(connection: Connection, table: Any, schema: Mapping[str, Any], basis: str, customers: Sequence[str]) -> pl.DataFrame:
    query = select(*(table.c[name] for name in schema)).where(table.c.basis == basis)
    parts = [
        read_frame(connection, query.where(among(connection, table.c.customer, list(part))), schema)
        for part in chunks(customers, _AT_ONCE)
    ]
    return pl.concat([pl.DataFrame(schema=schema), *parts])
