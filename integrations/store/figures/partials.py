"""Sums on the way to figures: what a shard of customers adds up to, kept until the shards are added, and the sum of all, kept for the next time.

Frames go in as bytes and come out the same; what they mean is `metrics.retention.aggregate`'s. A part belongs to a run; run 0 is what the current
figures of a basis were made of.
"""

from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from typing import Final

import polars as pl
from sqlalchemy import Connection, and_, delete, select

from integrations.store.db.bulk import append
from integrations.store.figures.schema import rollup_part as table
from integrations.store.ledger import previous

KEPT: Final = 0
"""The run under which the sum of all parts is kept."""
_BEGUN: Final = -1
"""The part that only says that a run adds up, and how."""
_COLUMNS: Final = ("basis", "run_id", "part", "name", "body")


class NotAddingUp(RuntimeError):
    """The ledger was derived anew while figures were being made of it: what was added up so far is worth nothing."""

    def __init__(self, run: int) -> None:
        super().__init__(f"the ledger was derived anew while run {run} was adding it up; nothing was written. Run: nrr rollup")


def begin(connection: Connection, basis: str, run: int, frames: Mapping[str, pl.DataFrame]) -> None:
    """Say that a run adds up from zero, with what its parts must have in common; what there was before is of no use any more."""
    previous.forget(connection, basis)
    put(connection, basis, run, _BEGUN, frames)


def begun(connection: Connection, basis: str, run: int) -> dict[str, pl.DataFrame]:
    """What the parts of a run have in common. Raises NotAddingUp when the ledger was cleared since it began."""
    found = _of_part(connection, basis, run, _BEGUN)
    if not found:
        raise NotAddingUp(run)
    return found


def kept(connection: Connection, basis: str, names: Collection[str] | None = None) -> dict[str, pl.DataFrame]:
    """The sum that the current figures were made of, or some of its frames; empty while there is none."""
    return _of_part(connection, basis, KEPT, 0, names)


def keep(
    connection: Connection, basis: str, frames: Mapping[str, pl.DataFrame], held: Mapping[str, pl.DataFrame] | None = None
) -> None:
    """This is what the current figures were made of. Frames that are as in `held`, what was read of it, stay as they lie there."""
    same = {name for name, frame in frames.items() if held is not None and name in held and frame.equals(held[name])}
    mine = and_(table.c.basis == basis, table.c.run_id == KEPT, table.c.part == 0)
    same &= set(connection.execute(select(table.c.name).where(mine)).scalars())
    connection.execute(delete(table).where(mine, table.c.name.not_in(same)))
    append(
        connection,
        table,
        _COLUMNS,
        [_row(basis, KEPT, 0, name, frame) for name, frame in sorted(frames.items()) if name not in same],
    )


def _of_part(
    connection: Connection, basis: str, run: int, part: int, names: Collection[str] | None = None
) -> dict[str, pl.DataFrame]:
    query = select(table.c.name, table.c.body).where(table.c.basis == basis, table.c.run_id == run, table.c.part == part)
    if names is not None:
        query = query.where(table.c.name.in_(list(names)))
    return {str(name): pl.read_ipc_stream(BytesIO(body)) for name, body in connection.execute(query)}


def put(connection: Connection, basis: str, run: int, part: int, frames: Mapping[str, pl.DataFrame]) -> None:
    """Keep the frames of one part of a run, in the place of those that there are."""
    connection.execute(delete(table).where(table.c.basis == basis, table.c.run_id == run, table.c.part == part))
    append(connection, table, _COLUMNS, [_row(basis, run, part, name, frame) for name, frame in sorted(frames.items())])


def of_run(connection: Connection, basis: str, run: int) -> Iterator[dict[str, pl.DataFrame]]:
    """The frames of every part of a run by name, in order of the parts, one part at a time."""
    query = select(table.c.part).where(table.c.basis == basis, table.c.run_id == run, table.c.part != _BEGUN).distinct()
    for part in sorted(connection.execute(query).scalars()):
        yield _of_part(connection, basis, run, part)


def remove(connection: Connection, basis: str, run: int) -> None:
    """Forget the parts of a run."""
    connection.execute(delete(table).where(table.c.basis == basis, table.c.run_id == run))


def _row(basis: str, run: int, part: int, name: str, frame: pl.DataFrame) -> tuple[str, int, int, str, bytes]:
    block = BytesIO()
    frame.write_ipc_stream(block, compression="zstd")
    return basis, run, part, name, block.getvalue()
