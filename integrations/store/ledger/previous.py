"""What customers' ledgers were when the current figures were made, kept when they are derived again.

Figures are sums over customers. With what a customer was and what it is, a changed one can take its own place in them, and nobody else
has to be read. Only the first replacement after a rollup is kept, since that is what the figures hold. A customer that is derived again
while a rollup reads is noticed by the number of `times`: the rollup then has to look again.

Frames are loaded by whoever keeps or reads one: those who only ask what there is come by here too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, and_, delete, insert, select, tuple_, update

from integrations.store.db.bulk import append, asked_for
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.words import bucket_of
from integrations.store.figures.schema import former, former_rows, rollup_part

if TYPE_CHECKING:
    import polars as pl

    from metrics.retention.spans import Book

_AT_ONCE: Final = 1000
_BLOCKS: Final = msgspec.msgpack.Decoder(dict[str, bytes])


class Overtaken(RuntimeError):
    """Customers were derived again while their figures were being made: nothing was written, and it has to be done again."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Customers of a basis that were derived again, with the number of times."""

    times: Mapping[str, int]


def remember(connection: Connection, basis: str, names: Sequence[str]) -> None:
    """Keep the ledgers of the customers `names`, which are about to be replaced; does nothing while there are no figures."""
    if not names or not _added_up(connection, basis):
        return
    for some in chunks(names, _AT_ONCE):
        _remember(connection, basis, some)


def _added_up(connection: Connection, basis: str) -> bool:
    query = select(rollup_part.c.part).where(rollup_part.c.basis == basis).limit(1)
    return connection.execute(query).first() is not None


def _remember(connection: Connection, basis: str, names: list[str]) -> None:
    asked = asked_for(connection, names)
    theirs = tuple_(former.c.bucket, former.c.customer).in_(select(asked.c.bucket, asked.c.name))
    mine = and_(former.c.basis == basis, theirs)
    known = set(connection.execute(select(former.c.customer).where(mine)).scalars())
    if known:
        connection.execute(update(former).where(mine).values(times=former.c.times + 1))
    fresh = sorted(set(names) - known)
    if not fresh:
        return
    from integrations.store.ledger import read as ledgers

    body = _packed(ledgers.book(connection, basis, only=fresh, keys=None))
    batch = connection.execute(insert(former_rows).values(basis=basis, body=body)).inserted_primary_key
    assert batch is not None
    rows = [(basis, bucket_of(name), name, 1, int(batch[0])) for name in fresh]
    append(connection, former, ("basis", "bucket", "customer", "times", "batch"), rows)


@cache
def _frames() -> tuple[str, ...]:
    from metrics.retention.spans import Book

    return tuple(f.name for f in fields(Book))


def marks(connection: Connection, basis: str, shard: tuple[int, int] = (0, 1)) -> Marks:
    """The customers of one of n shards that were derived again since the current figures were made."""
    low, high = shard_buckets(shard)
    query = select(former.c.customer, former.c.times).where(former.c.basis == basis, former.c.bucket >= low, former.c.bucket < high)
    return Marks({str(name): int(times) for name, times in connection.execute(query)})


def book(connection: Connection, basis: str) -> "Book":
    """The ledgers that the marked customers had when the current figures were made."""
    import polars as pl

    from integrations.store.ledger import read as ledgers
    from metrics.retention.spans import Book

    batches = (
        select(former_rows.c.id, former_rows.c.body)
        .where(former_rows.c.id.in_(select(former.c.batch).where(former.c.basis == basis)))
        .order_by(former_rows.c.id)
    )
    whose: dict[int, list[str]] = {}
    for batch, name in connection.execute(select(former.c.batch, former.c.customer).where(former.c.basis == basis)):
        whose.setdefault(int(batch), []).append(str(name))
    found: dict[str, list[pl.DataFrame]] = {name: [] for name in _frames()}
    for batch, body in connection.execute(batches):
        names = pl.DataFrame({"customer": whose[batch]}, schema={"customer": pl.String})
        for name, frame in _unpacked(body).items():
            found[name].append(frame.join(names, on="customer", how="semi", maintain_order="left"))
    if not whose:
        return Book(*(pl.DataFrame(schema=ledgers.BOOK[name]) for name in _frames()))
    return Book(*(pl.concat(found[name]) for name in _frames()))


def settle(connection: Connection, basis: str, seen: Marks) -> None:
    """The figures hold these customers as they were when the marks were read. Raises Overtaken if one was derived again since."""
    names = sorted(seen.times)
    for part in chunks(names, _AT_ONCE):
        asked = asked_for(connection, part)
        theirs = and_(former.c.basis == basis, tuple_(former.c.bucket, former.c.customer).in_(select(asked.c.bucket, asked.c.name)))
        gone = connection.execute(delete(former).where(theirs).returning(former.c.customer, former.c.times)).all()
        if {str(name): int(times) for name, times in gone} != {name: seen.times[name] for name in part}:
            raise Overtaken("customers were derived again while their figures were being made; nothing was written")
    if names:
        used = select(former.c.batch)
        connection.execute(delete(former_rows).where(former_rows.c.basis == basis, former_rows.c.id.not_in(used)))


def forget(connection: Connection, basis: str) -> None:
    """There is nothing any more that a changed customer could take its place in: the next figures are made from zero."""
    connection.execute(delete(rollup_part).where(rollup_part.c.basis == basis))
    connection.execute(delete(former).where(former.c.basis == basis))
    connection.execute(delete(former_rows).where(former_rows.c.basis == basis))


def _packed(book: "Book") -> bytes:
    blocks = {}
    for name in _frames():
        block = BytesIO()
        getattr(book, name).write_ipc_stream(block, compression="zstd")
        blocks[name] = block.getvalue()
    return msgspec.msgpack.encode(blocks)


def _unpacked(body: bytes) -> "dict[str, pl.DataFrame]":
    import polars as pl

    blocks = _BLOCKS.decode(body)
    return {name: pl.read_ipc_stream(BytesIO(blocks[name])) for name in _frames()}
