"""Sums on the way to figures: what a shard of customers adds up to, kept until the shards are added, and the sum of all, kept for the next time.

Frames go in as bytes and come out the same; what they mean is `metrics.retention`'s. A part belongs to a run; run 0 is what the current
figures of a basis were made of.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Final

import polars as pl
from sqlalchemy import Connection, delete, select

from integrations.store.bulk import append
from integrations.store.schema_figures import rollup_part as table

KEPT: Final = 0
"""The run under which the sum of all parts is kept."""
_COLUMNS: Final = ("basis", "run_id", "part", "name", "body")


def put(connection: Connection, basis: str, run: int, part: int, frames: Mapping[str, pl.DataFrame]) -> None:
    """Keep the frames of one part of a run, in the place of those that there are."""
    connection.execute(delete(table).where(table.c.basis == basis, table.c.run_id == run, table.c.part == part))
    append(connection, table, _COLUMNS, [(basis, run, part, name, _packed(frame)) for name, frame in sorted(frames.items())])


def of_run(connection: Connection, basis: str, run: int) -> list[dict[str, pl.DataFrame]]:
    """The frames of every part of a run by name, in order of the parts."""
    query = select(table.c.part, table.c.name, table.c.body).where(table.c.basis == basis, table.c.run_id == run)
    found: dict[int, dict[str, pl.DataFrame]] = {}
    for part, name, body in connection.execute(query.order_by(table.c.part, table.c.name)):
        found.setdefault(part, {})[name] = pl.read_ipc_stream(BytesIO(body))
    return list(found.values())


def remove(connection: Connection, basis: str, run: int) -> None:
    """Forget the parts of a run."""
    connection.execute(delete(table).where(table.c.basis == basis, table.c.run_id == run))


def _packed(frame: pl.DataFrame) -> bytes:
    block = BytesIO()
    frame.write_ipc_stream(block, compression="zstd")
    return block.getvalue()
