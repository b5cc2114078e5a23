"""Reading the ledger: movements, standings, attributes, exclusions and findings of a basis, as frames. Counts and sums: `totals`."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, FromClause, Select, Table, and_, func, literal_column, or_, select, true, union

from integrations.store.db.bulk import among, asked_for
from integrations.store.db.columns import shard_buckets
from integrations.store.db.engine import is_postgresql
from integrations.store.db.frames import read_frame
from integrations.store.db.words import bucket_of
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing
from integrations.store.ledger.totals import AMOUNTS, in_force
from integrations.store.views.reporting import BESIDE_MOVEMENT
from integrations.store.views.view import expression
from metrics.retention.spans import ATTRIBUTES, EXCLUSIONS, MOVEMENTS, STANDINGS, Book

BOOK: Final = {"standings": STANDINGS, "movements": MOVEMENTS, "attributes": ATTRIBUTES, "exclusions": EXCLUSIONS}
"""Columns and types of the frames of a book."""
EVIDENCE: Final = pl.List(pl.String)
_MOVEMENTS: Final = {
    "customer": pl.String,
    "day": pl.Date,
    "currency": pl.String,
    "kind": pl.String,
    "cause": pl.String,
    "before_micros": pl.Int64,
    "after_micros": pl.Int64,
    "delta_micros": pl.Int64,
    "list_before_micros": pl.Int64,
    "list_after_micros": pl.Int64,
    "inferred": pl.Boolean,
    "evidence": pl.String,
}
_BESIDE: Final = {"plan": pl.String, "account": pl.Int32, "learnt_at": pl.String}
_EXCLUSIONS: Final = {
    "customer": pl.String,
    "object_id": pl.String,
    "reason": pl.String,
    "currency": pl.String,
    "mrr_micros": pl.Int64,
    "since": pl.Int64,
    "until": pl.Int64,
}
_FINDINGS: Final = {
    "customer": pl.String,
    "account": pl.Int32,
    "object_id": pl.String,
    "reason": pl.String,
    "severity": pl.String,
    "at": pl.Int64,
    "detail": pl.String,
}


def movements(
    connection: Connection,
    basis: str,
    first: date | None = None,
    until: date | None = None,
    customer: str | None = None,
    *,
    shard: tuple[int, int] | None = None,
    beside: bool = False,
) -> pl.DataFrame:
    """Movements of the days [first, until) in order of day and customer; `evidence` is a list of Stripe ids. `shard`: of one of n shards.

    `beside`: with `plan`, `account` (its number) and `learnt_at` (UTC) too, which are what the view of movements says of them.
    """
    m = movement.alias("m")
    query = _of_shard(_of_basis(m, _MOVEMENTS, basis, customer=customer), m, shard).order_by(m.c.day, m.c.customer, m.c.seq)
    schema = dict(_MOVEMENTS)
    if beside:
        of_database = is_postgresql(connection)
        made = {name: expression(BESIDE_MOVEMENT[name], postgresql=of_database) for name in _BESIDE}
        query = query.add_columns(*(literal_column(said).label(name) for name, said in made.items()))
        schema |= _BESIDE
    found = read_frame(connection, _between(query, m, first, until), schema)
    found = found.with_columns(pl.col("evidence").str.json_decode(EVIDENCE))
    return found.with_columns(pl.col("learnt_at").str.to_datetime(time_unit="us", time_zone="UTC")) if beside else found


def standings(
    connection: Connection, basis: str, first: date | None = None, until: date | None = None, customer: str | None = None
) -> pl.DataFrame:
    """Standings written on the days [first, until), in order of customer, currency and day."""
    query = _between(_of_basis(standing, STANDINGS, basis, customer=customer), standing, first, until)
    return read_frame(connection, query.order_by(standing.c.customer, standing.c.currency, standing.c.day), STANDINGS)


def inferred_by_day(connection: Connection, basis: str, first: date | None = None, until: date | None = None) -> pl.DataFrame:
    """day, currency, kind, micros (of the change, signed) and movements of what is inferred, in order of day, currency and kind."""
    query = (
        select(
            movement.c.day,
            movement.c.currency,
            movement.c.kind,
            func.sum(movement.c.delta_micros).label("micros"),
            func.count().label("movements"),
        )
        .where(movement.c.basis == basis, movement.c.inferred)
        .group_by(movement.c.day, movement.c.currency, movement.c.kind)
        .order_by(movement.c.day, movement.c.currency, movement.c.kind)
    )
    schema = {"day": pl.Date, "currency": pl.String, "kind": pl.String, "micros": pl.Int64, "movements": pl.Int64}
    rows = [
        (day, currency, kind, int(micros), int(count))
        for day, currency, kind, micros, count in connection.execute(_between(query, movement, first, until))
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def as_of(
    connection: Connection, basis: str, day: date, customer: str | None = None, *, shard: tuple[int, int] | None = None
) -> pl.DataFrame:
    """Standings in force at the closing of `day` (the last one on or before it), in order of customer and currency; zeros left out."""
    query = _of_basis(standing, STANDINGS, basis, customer=customer).where(in_force(day))
    query = _of_shard(query, standing, shard)
    found = read_frame(connection, query.order_by(standing.c.customer, standing.c.currency), STANDINGS)
    return found.filter(pl.any_horizontal(pl.col(amount) != 0 for amount in AMOUNTS))


def attributes(connection: Connection, basis: str, keys: Sequence[str] | None = None, customer: str | None = None) -> pl.DataFrame:
    """Attributes (of some keys), in order of customer, key and day."""
    query = _of_basis(attribute, ATTRIBUTES, basis, customer=customer)
    if keys is not None:
        query = query.where(among(connection, attribute.c.key, keys))
    return read_frame(connection, query.order_by(attribute.c.customer, attribute.c.key, attribute.c.day), ATTRIBUTES)


def exclusions(connection: Connection, basis: str, customer: str | None = None) -> pl.DataFrame:
    """What is left out, in order of customer and beginning."""
    query = _of_basis(exclusion, _EXCLUSIONS, basis, customer=customer)
    return read_frame(connection, query.order_by(exclusion.c.customer, exclusion.c.since, exclusion.c.seq), _EXCLUSIONS)


def running_trials(connection: Connection, basis: str, at: int) -> pl.DataFrame:
    """The exclusions of trials that are under way at an instant, as a book has them."""
    running = or_(exclusion.c.until.is_(None), exclusion.c.until > at)
    query = _of_basis(exclusion, EXCLUSIONS, basis).where(exclusion.c.reason == "trial", exclusion.c.since <= at, running)
    return read_frame(connection, query, EXCLUSIONS)


def findings(connection: Connection, basis: str, customer: str | None = None) -> pl.DataFrame:
    """What a reader must know, in order of customer."""
    query = _of_basis(finding, _FINDINGS, basis, customer=customer)
    return read_frame(connection, query.order_by(finding.c.customer, finding.c.seq), _FINDINGS)


def book(
    connection: Connection,
    basis: str,
    *,
    shard: tuple[int, int] = (0, 1),
    only: Sequence[str] | None = None,
    keys: Sequence[str] | None = (),
    abroad_from: str | None = None,
) -> Book:
    """The ledger of one of n shards of customers, or of those named in `only`, whole, with the attributes of `keys` (None: of all).

    With `abroad_from` only of customers that have anything in another currency than this one.

    It is what `metrics.retention.aggregate.partials` takes.
    """

    def of(table: Table, schema: dict[str, Any]) -> Select[Any]:
        query = _of_basis(table, schema, basis)
        if abroad_from is not None:
            query = query.where(table.c.customer.in_(_abroad(basis, abroad_from)))
        if only is None:
            low, high = shard_buckets(shard)
            return query.where(table.c.bucket >= low, table.c.bucket < high)
        asked = asked_for(connection, only)
        return query.join(asked, and_(asked.c.bucket == table.c.bucket, asked.c.name == table.c.customer))

    chosen = true() if keys is None else among(connection, attribute.c.key, keys)
    return Book(
        standings=read_frame(connection, of(standing, STANDINGS), STANDINGS),
        movements=read_frame(connection, of(movement, MOVEMENTS), MOVEMENTS),
        attributes=read_frame(connection, of(attribute, ATTRIBUTES).where(chosen), ATTRIBUTES),
        exclusions=read_frame(connection, of(exclusion, EXCLUSIONS), EXCLUSIONS),
    )


def _abroad(basis: str, home: str) -> Any:
    """Customers that stood at, or are left out with, anything in another currency."""
    return union(
        *(
            select(table.c.customer).where(table.c.basis == basis, table.c.currency != home)
            for table in (standing, movement, exclusion)
        )
    )


def _of_basis(table: FromClause, schema: dict[str, Any], basis: str, *, customer: str | None = None) -> Select[Any]:
    query = select(*(table.c[name] for name in schema)).where(table.c.basis == basis)
    if customer is not None:
        query = query.where(table.c.bucket == bucket_of(customer), table.c.customer == customer)
    return query


def _of_shard(query: Select[Any], table: FromClause, shard: tuple[int, int] | None) -> Select[Any]:
    if shard is None:
        return query
    low, high = shard_buckets(shard)
    return query.where(table.c.bucket >= low, table.c.bucket < high)


def _between(query: Select[Any], table: FromClause, first: date | None, until: date | None) -> Select[Any]:
    if first is not None:
        query = query.where(table.c.day >= first)
    return query if until is None else query.where(table.c.day < until)
