"""Who was behind a change of closed months, and when it was learnt: kept by the run that found it."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from integrations.store.db.bulk import append
from integrations.store.db.columns import require_zone
from integrations.store.figures.schema import restatement as table
from metrics.movement_kinds import KINDS

if TYPE_CHECKING:
    import polars as pl

_COLUMNS: Final = (
    "basis",
    "run_id",
    "month",
    "customer",
    "currency",
    "opening_before",
    "opening_after",
    "closing_before",
    "closing_after",
    "flows_before",
    "flows_after",
    "learnt_at",
)


def put(connection: Connection, basis: str, run: int, found: "pl.DataFrame", learnt_at: datetime) -> int:
    """Keep a frame of `metrics.retention.restatements.RESTATED`; gives the number of rows."""
    require_zone(learnt_at)
    rows = [
        (
            basis,
            run,
            row["month"],
            row["customer"],
            row["currency"],
            row["opening_before"],
            row["opening_after"],
            row["closing_before"],
            row["closing_after"],
            _flows(row, "before"),
            _flows(row, "after"),
            learnt_at,
        )
        for row in found.iter_rows(named=True)
    ]
    return append(connection, table, _COLUMNS, rows)


def _flows(row: dict[str, Any], end: str) -> str:
    return json.dumps({kind: row[f"{kind}_{end}"] for kind in KINDS if row[f"{kind}_{end}"]}, sort_keys=True)


def of(
    connection: Connection,
    basis: str,
    *,
    run: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    customer: str | None = None,
) -> list[dict[str, Any]]:
    """Customers behind changes of closed months (learnt after `since` and by `until`), in order of month, run and customer."""
    query = select(table).where(table.c.basis == basis)
    for column, value in (("run_id", run), ("customer", customer)):
        if value is not None:
            query = query.where(table.c[column] == value)
    if since is not None:
        query = query.where(table.c.learnt_at > since)
    if until is not None:
        query = query.where(table.c.learnt_at <= until)
    rows = connection.execute(query.order_by(table.c.month, table.c.run_id, table.c.customer, table.c.currency)).mappings()
    return [{**dict(row), **{name: json.loads(row[name]) for name in ("flows_before", "flows_after")}} for row in rows]
