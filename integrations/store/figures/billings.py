"""Facts of what is billed as frames, the monthly figures made of them, and which months have news.

Sums are kept by month, account, currency, class, mark and product: some dozens of rows a month, however many invoices there are. Whoever wants
them by customer or invoice reads the facts of a range. What the classes mean is in `metrics.billings`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, func, literal_column, select, true

from integrations.store.db.bulk import append
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.engine import is_postgresql
from integrations.store.db.frames import read_frame
from integrations.store.db.words import bucket_of
from integrations.store.facts import catalog
from integrations.store.facts.accounts import everything
from integrations.store.facts.billed import day_instant
from integrations.store.facts.schema import billing_news, credit_note, credit_note_line, invoice, invoice_line, other_line
from integrations.store.figures.schema import billing as table
from metrics.billings import classify
from metrics.billings.classify import Facts
from metrics.instants import Instant

Range = tuple[Instant | None, Instant | None]
"""Moments [since, until); None leaves that end open."""
Shard = tuple[int, int]
ALL: Final[Shard] = (0, 1)
_ASKED: Final = 500

STORED: Final = {
    "month": pl.Date,
    "account": pl.Int64,
    "currency": pl.String,
    "class": pl.String,
    "mark": pl.String,
    "product": pl.String,
    "lines": pl.Int64,
    "micros": pl.Int64,
    "discount_micros": pl.Int64,
}
"""The figures that are kept."""
_KEY: Final = ("bucket", "customer_id", "account", "invoice_id")
_WHOLES: Final = ("total", "tax", "inclusive_tax", "discount", "credits", "shipping")


def facts(connection: Connection, within: Range = (None, None), shard: Shard = ALL, customer: str | None = None) -> Facts:
    """What was billed within a range, of one shard of the customers (or of one Stripe customer): an invoice when it was finalised, a credit
    note when it was issued. The lines of invoices of which a credit note takes something back are among it, whenever those were."""
    low, high = shard_buckets(shard)

    def theirs(of: Table) -> ColumnElement[bool]:
        part = and_(of.c.bucket >= low, of.c.bucket < high) if shard != ALL else true()
        return part if customer is None else and_(part, of.c.bucket == bucket_of(customer), of.c.customer_id == customer)

    heads = _heads(within).where(theirs(invoice))
    issued = and_(theirs(credit_note), *_bounds(credit_note.c.created, within))
    notes = select(
        *_of(credit_note, "account", "customer_id", "note_id", "invoice_id", "status", "currency", "created", "total", "tax")
    )
    found = Facts(
        heads=read_frame(connection, heads, classify.HEADS),
        lines=_lines(connection, within, theirs(invoice_line)),
        others=read_frame(
            connection,
            _within(
                select(
                    *_of(other_line, "account", "customer_id", "invoice_id", "line_id", "kind", "mark", "price_id", "product_id"),
                    *_of(other_line, "amount", "discount", "inclusive_tax"),
                ).where(theirs(other_line)),
                other_line,
                within,
            ),
            classify.OTHERS,
        ),
        notes=read_frame(connection, notes.where(issued), classify.NOTES),
        note_lines=read_frame(
            connection,
            select(
                *_of(credit_note_line, "account", "customer_id", "note_id", "line_id", "invoice_line_id", "amount", "discount"),
                credit_note_line.c.inclusive_tax,
            ).where(theirs(credit_note_line), _of_notes_within(within)),
            classify.NOTE_LINES,
        ),
        prices=prices(connection),
    )
    whole = shard == ALL and customer is None
    moved = None if whole else _told_twice(connection, invoice, invoice.c.invoice_id, theirs(invoice))
    moved_notes = None if whole else _told_twice(connection, credit_note, credit_note.c.note_id, issued)
    return _each_once(connection, found, moved, moved_notes)


def _told_twice(connection: Connection, of: Table, name: ColumnElement[str], mine: ColumnElement[bool]) -> list[str]:
    """Which of these invoices or notes were told of another customer too, wherever in the table that one lies."""
    query = select(name).where(name.in_(select(name).where(mine)))
    twice = query.group_by(of.c.account, name).having(func.min(of.c.customer_id) != func.max(of.c.customer_id))
    return sorted(set(connection.execute(twice).scalars()))


def _each_once(connection: Connection, found: Facts, moved: list[str] | None, moved_notes: list[str] | None) -> Facts:
    """The facts, without invoices and notes of a customer that were told of another one later: Stripe never moves one, and each is billed once.

    Which were told of two is given, or None where all customers are among the facts.
    """
    told = _among(found.heads, "invoice") if moved is None else moved
    told_notes = _among(found.notes, "note") if moved_notes is None else moved_notes
    if told:
        owners = _owners(connection, invoice, "invoice_id", told).rename({"object": "invoice"})
        found = replace(found, **{name: _mine(getattr(found, name), owners, "invoice") for name in ("heads", "lines", "others")})
    if told_notes:
        owners = _owners(connection, credit_note, "note_id", told_notes).rename({"object": "note"})
        found = replace(found, **{name: _mine(getattr(found, name), owners, "note") for name in ("notes", "note_lines")})
    return found


def _among(rows: pl.DataFrame, name: str) -> list[str]:
    """What lies with several customers of these."""
    twice = rows.group_by("account", name).agg(pl.col("customer").n_unique()).filter(pl.col("customer") > 1)
    return sorted(set(twice[name].to_list()))


def _owners(connection: Connection, of: Table, name: str, told: Sequence[str]) -> pl.DataFrame:
    """Of which customer each was told last."""
    last: dict[tuple[int, str], tuple[datetime, str]] = {}
    for part in chunks(told, _ASKED):
        query = select(*_of(of, "account", name, "learnt_at", "customer_id")).where(of.c[name].in_(part))
        for account, about, learnt_at, customer in connection.execute(query):
            last[account, about] = max((learnt_at, customer), last.get((account, about), (learnt_at, customer)))
    rows = [(account, about, customer) for (account, about), (_, customer) in sorted(last.items())]
    return pl.DataFrame(rows, schema={"account": pl.Int64, "object": pl.String, "owner": pl.String}, orient="row")


def _mine(frame: pl.DataFrame, owners: pl.DataFrame, name: str) -> pl.DataFrame:
    joined = frame.join(owners, on=["account", name], how="left", maintain_order="left")
    return joined.filter(pl.col("owner").is_null() | (pl.col("owner") == pl.col("customer"))).drop("owner")


def _of_notes_within(within: Range) -> ColumnElement[bool]:
    if within == (None, None):
        return true()
    same = and_(*(credit_note.c[name] == credit_note_line.c[name] for name in ("bucket", "customer_id", "account", "note_id")))
    return select(literal_column("1")).select_from(credit_note).where(same, *_bounds(credit_note.c.created, within)).exists()


def _of(of: Table, *names: str) -> tuple[ColumnElement[Any], ...]:
    return tuple(of.c[name] for name in names)


def _heads(within: Range) -> Select[Any]:
    """Heads of invoices that count within a range; a draft only while nothing later is known of it."""
    counted = (invoice.c.status != "draft") | nothing_later()
    columns = _of(invoice, "account", "customer_id", "invoice_id", "status", "subscription_id", "currency")
    at = func.coalesce(invoice.c.finalized_at, invoice.c.created).label("at")
    wholes = _of(invoice, "other_lines", "other_amount", *_WHOLES)
    return select(*columns, at, *wholes).where(counted, *_bounds(func.coalesce(invoice.c.finalized_at, invoice.c.created), within))


def nothing_later() -> ColumnElement[bool]:
    """Whether nothing but a draft is known of the invoice of a head."""
    later = invoice.alias("later")
    same = and_(*(later.c[name] == invoice.c[name] for name in _KEY), later.c.status != "draft")
    return ~select(later.c.status).where(same).exists()


def _lines(connection: Connection, within: Range, theirs: ColumnElement[bool]) -> pl.DataFrame:
    columns = _of(
        invoice_line, "account", "customer_id", "invoice_id", "line_id", "price_id", "proration", "amount", "inclusive_tax"
    )
    query = select(*columns).where(theirs, invoice_line.c.invoice_id != "")
    return read_frame(connection, _within(query, invoice_line, within), classify.LINES)


def _within(query: Select[Any], lines: Table, within: Range) -> Select[Any]:
    """Lines of the invoices of a range."""
    if within == (None, None):
        return query
    at = func.coalesce(invoice.c.finalized_at, invoice.c.created)
    return query.where(_there_is(invoice, lines, at, within) | _there_is(credit_note, lines, credit_note.c.created, within))


def _there_is(of: Table, lines: Table, at: ColumnElement[Any], within: Range) -> ColumnElement[bool]:
    """Whether the invoice of a line, or a credit note of that invoice, is of a range."""
    same = and_(*(of.c[name] == lines.c[name] for name in _KEY))
    return select(literal_column("1")).select_from(of).where(same, *_bounds(at, within)).exists()


def _bounds(at: ColumnElement[Any], within: Range) -> list[ColumnElement[bool]]:
    since, until = within
    return [*([at >= since] if since is not None else []), *([at < until] if until is not None else [])]


def prices(connection: Connection) -> pl.DataFrame:
    """Of each price whether it is metered, and its product."""
    rows = [
        (row.id, price.id, price.usage == "metered", price.product)
        for row in everything(connection)
        for price in catalog.load(connection, row.id).prices.values()
    ]
    return pl.DataFrame(rows, schema=classify.PRICES, orient="row")


def untotalled(connection: Connection, within: Range = (None, None), customer: str | None = None) -> int:
    """How many finalised invoices of a range (and of one Stripe customer) only an older release read, so that it isn't known what they
    come to. One that was read again since is known, whatever is left of the first reading."""
    again = invoice.alias("again")
    same = and_(*(again.c[name] == invoice.c[name] for name in _KEY), again.c.total.is_not(None))
    unknown = (
        select(*_of(invoice, *_KEY))
        .where(invoice.c.total.is_(None), invoice.c.status.in_(("open", "paid")), ~select(again.c.status).where(same).exists())
        .where(*_bounds(func.coalesce(invoice.c.finalized_at, invoice.c.created), within))
    )
    if customer is not None:
        unknown = unknown.where(invoice.c.bucket == bucket_of(customer), invoice.c.customer_id == customer)
    return int(connection.execute(select(func.count()).select_from(unknown.distinct().subquery())).scalar_one())


def invoices_held(connection: Connection) -> int:
    """How many heads of invoices there are."""
    return int(connection.execute(select(func.count()).select_from(invoice)).scalar_one())


# --- news -----------------------------------------------------------------------------------------------------------------------


def news(connection: Connection) -> tuple[list[Instant], int]:
    """The days (their first moments, UTC) of which something new is known, and the last mark that this is known from."""
    if is_postgresql(connection):
        connection.exec_driver_sql("LOCK TABLE billing_news IN SHARE MODE")  # see `facts.read.touched_customers`
    last = int(connection.execute(select(func.max(billing_news.c.id))).scalar_one() or 0)
    days = connection.execute(select(billing_news.c.day).where(billing_news.c.id <= last).distinct()).scalars()
    return [day_instant(int(day)) for day in sorted(days)], last


def has_news(connection: Connection) -> bool:
    """Whether there is anything that the figures don't know of."""
    return connection.execute(select(billing_news.c.id).limit(1)).first() is not None


def drop_news_until(connection: Connection, last: int) -> None:
    """Remove the marks up to one that were dealt with; those made since stay."""
    connection.execute(delete(billing_news).where(billing_news.c.id <= last))


# --- figures --------------------------------------------------------------------------------------------------------------------


def replace_months(connection: Connection, months: Sequence[date] | None, frame: pl.DataFrame) -> None:
    """Keep figures (STORED) in the place of those of some months; None: of all."""
    gone = delete(table) if months is None else delete(table).where(table.c.month.in_(months))
    connection.execute(gone)
    append(connection, table, list(STORED), frame.select(list(STORED)).sort(list(STORED)[:6]).rows())


def stored(connection: Connection, first: date | None = None, until: date | None = None) -> pl.DataFrame:
    """The figures (STORED) of the months that begin in [first, until), in order."""
    query = select(*(table.c[name] for name in STORED)).order_by(*(table.c[name] for name in list(STORED)[:6]))
    if first is not None:
        query = query.where(table.c.month >= first)
    if until is not None:
        query = query.where(table.c.month < until)
    return read_frame(connection, query, STORED)


def months_of(connection: Connection) -> Iterable[date]:
    """The months that there are figures of."""
    return connection.execute(select(table.c.month).distinct().order_by(table.c.month)).scalars()
