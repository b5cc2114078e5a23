"""Writing figures from a frame: what is as it was stays where it lies, without a Python object for each figure.

A first roll-up goes in by one COPY. Later ones are held against the digests that there are, and only what differs becomes a version
(`rollups.put`).
"""

import json
from collections.abc import Sequence
from datetime import date, datetime
from hashlib import blake2b
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, select, tuple_

from integrations.store.db.columns import require_zone
from integrations.store.db.frames import append_frame, read_frame
from integrations.store.figures import rollups
from integrations.store.figures.rollups import COLUMNS, FIRST, KEY, LATER, NOTHING_LEFT, WINDOWS_AT_ONCE, Held, Key, Span, Written
from integrations.store.figures.schema import rollup as table

_KEY: Final[dict[str, Any]] = {
    "kind": pl.String,
    "first": pl.Date,
    "until": pl.Date,
    "dimension": pl.String,
    "segment": pl.String,
    "currency": pl.String,
}


def put(
    connection: Connection,
    basis: str,
    rows: pl.DataFrame,
    learnt_at: datetime,
    run_id: int | None = None,
    *,
    whole: Sequence[Span] = (),
    frozen_until: date | None = None,
    booked: date | None = None,
) -> Written:
    """As `rollups.put`, of a frame that has KEY and FIGURES among its columns."""
    require_zone(learnt_at)
    signed = rows.with_columns(digest=digests(rows))
    held = _held(connection, basis, {*rows.select("kind", "first", "until").unique().rows(), *whole})
    if held.is_empty():
        fixed: dict[str, Any] = {
            "basis": pl.lit(basis),
            "version": 1,
            "current": True,
            "learnt_at": learnt_at,
            "run_id": pl.lit(run_id, pl.Int64),
        }
        append_frame(connection, table, signed.with_columns(**fixed).select(COLUMNS).sort(KEY))
        return Written(len(rows), 0, 0, 0)
    asked = pl.DataFrame(sorted(set(whole)), schema={name: _KEY[name] for name in ("kind", "first", "until")}, orient="row")
    gone = (
        held.filter(pl.col("reason").ne_missing(NOTHING_LEFT))
        .join(asked, on=asked.columns, how="semi")
        .join(rows, on=KEY, how="anti")
    )
    # What would differ in a frozen window is booked, and taken back there once it doesn't: those are looked at one by one.
    same = signed.clear() if frozen_until is not None else signed.join(held, on=[*KEY, "digest"], how="semi")
    rest = signed.join(same, on=KEY, how="anti")
    if rest.is_empty() and gone.is_empty():
        return Written(0, 0, 0, len(same))
    made = rollups.put(
        connection,
        basis,
        rest.iter_rows(named=True),
        learnt_at,
        run_id,
        gone=gone.select(KEY).rows(),
        held=_versions(held, pl.concat([rest.select(KEY), gone.select(KEY)])),
        frozen_until=frozen_until,
        booked=booked,
    )
    return Written(made.new, made.changed, made.gone, made.same + len(same), made.adjusted)


_HELD: Final[dict[str, Any]] = {
    "digest": pl.String,
    "reason": pl.String,
    "version": pl.Int64,
    "incomplete": pl.Boolean,
    "opening": pl.Int64,
    "closing": pl.Int64,
}


def _held(connection: Connection, basis: str, spans: set[Span]) -> pl.DataFrame:
    """The key of every figure that there is of some windows, and what decides whether there is a next version."""
    query = select(*(table.c[name] for name in (*KEY, *_HELD))).where(table.c.basis == basis, table.c.current)
    if len(spans) <= WINDOWS_AT_ONCE:
        query = query.where(tuple_(table.c.kind, table.c.first, table.c.until).in_(sorted(spans)))
    return read_frame(connection, query, {**_KEY, **_HELD})


def _versions(held: pl.DataFrame, keys: pl.DataFrame) -> dict[Key, Held]:
    """The current versions of the figures `keys`."""
    mine = held.join(keys, on=KEY, how="semi").select(*KEY, *_HELD)
    return {
        tuple(key): Held(version, digest, reason == NOTHING_LEFT, incomplete, opening, closing)
        for *key, digest, reason, version, incomplete, opening, closing in mine.iter_rows()
    }


def digests(rows: pl.DataFrame) -> pl.Series:
    """The digest of each figure, as `rollups.digest_of` makes it: of its JSON text, which is put together by columns here."""
    later = [pl.format('["{}", {}]', pl.lit(name), _json(rows, name)) for name in LATER]
    parts = pl.concat_list(
        *(_json(rows, name) for name in FIRST),
        *(pl.when(pl.col(n).is_not_null()).then(e) for n, e in zip(LATER, later, strict=True)),
    )
    texts = rows.select(pl.format("[{}]", parts.list.drop_nulls().list.join(", "))).to_series()
    return pl.Series("digest", [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts], pl.String)


def _json(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A column as JSON texts; what is missing is `null`."""
    if rows.schema[name] != pl.String:
        return pl.col(name).cast(pl.String).fill_null("null")
    told = rows[name].drop_nulls()
    if told.str.contains(r"[^ -~]").any():  # what has to be written by its number is left to who knows how
        return pl.lit(pl.Series(name, [json.dumps(text) for text in rows[name]], pl.String))
    quoted = pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.format('"{}"', quoted).fill_null("null")
