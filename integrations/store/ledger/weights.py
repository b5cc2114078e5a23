"""How large the customers of a ledger are, as far as that matters for adding them up in 64 bits.

Nearly always the largest amount times the number of rows says that all is well, which one look at each table tells. Amounts are added up as
floats: sums in the database are of 64 bits themselves on one of the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Float, Table, cast, func, select, tuple_

from integrations.store.db.bulk import asked_for
from integrations.store.ledger.schema import exclusion, finding, movement, standing
from metrics.finding_words import CANNOT_ADD_UP
from metrics.ledger.together import Weight

_STANDS = ("net_micros", "list_micros", "at_risk_micros", "scheduled_micros", "usage_micros")


@dataclass(frozen=True, slots=True)
class Bound:
    """How many rows with amounts there are, and the largest of these: no sum over them can be more than the one times the other."""

    rows: int
    most: int


def bound(connection: Connection, basis: str, customers: Sequence[str] | None = None) -> Bound:
    """The bound of a basis, or of some customers of it."""
    rows, most = 0, 0
    if customers is not None and not customers:
        return Bound(rows, most)
    for table, amounts in _amounts():
        query = select(func.count(), *(f(amount) for amount in amounts for f in (func.max, func.min))).where(table.c.basis == basis)
        if customers is not None:
            asked = asked_for(connection, customers)
            query = query.where(tuple_(table.c.bucket, table.c.customer).in_(select(asked.c.bucket, asked.c.name)))
        count, *ends = connection.execute(query).one()
        rows += int(count)
        most = max([most, *(abs(int(end)) for end in ends if end is not None)])
    return Bound(rows, most)


def above(connection: Connection, basis: str, least: int) -> list[Weight]:
    """The weights of those who have an amount larger than `least`, by customer and currency."""
    stands: dict[tuple[str, str], float] = {}
    moves: dict[tuple[str, str], float] = {}
    for amount in (standing.c[name] for name in _STANDS):
        query = _largest(standing, func.max(cast(func.abs(amount), Float)), basis).where(func.abs(amount) > least)
        for customer, currency, size in connection.execute(query):
            stands[customer, currency] = max(stands.get((customer, currency), 0.0), float(size))
    for table, amount, sizes in ((exclusion, exclusion.c.mrr_micros, stands), (movement, movement.c.delta_micros, moves)):
        query = _largest(table, func.sum(cast(func.abs(amount), Float)), basis).where(func.abs(amount) > least)
        for customer, currency, size in connection.execute(query):
            sizes[customer, currency] = max(sizes.get((customer, currency), 0.0), float(size))
    return [
        Weight(customer, currency, stands.get((customer, currency), 0.0), moves.get((customer, currency), 0.0))
        for customer, currency in sorted({*stands, *moves})
    ]


def left_out(connection: Connection, basis: str) -> frozenset[str]:
    """The customers that are left out since they are too large beside the others."""
    query = select(finding.c.customer).where(finding.c.basis == basis, finding.c.reason == CANNOT_ADD_UP)
    return frozenset(str(name) for name in connection.execute(query).scalars())


def account_of(connection: Connection, basis: str, customer: str) -> int:
    """The account that the first standing of a customer is of; 0 where it has none."""
    query = select(func.min(standing.c.account)).where(standing.c.basis == basis, standing.c.customer == customer)
    return int(connection.execute(query).scalar_one() or 0)


def _amounts() -> tuple[tuple[Table, tuple[ColumnElement[int], ...]], ...]:
    return (
        (standing, tuple(standing.c[name] for name in _STANDS)),
        (movement, (movement.c.delta_micros,)),
        (exclusion, (exclusion.c.mrr_micros,)),
    )


def _largest(table: Table, size: ColumnElement[float], basis: str):  # type: ignore[no-untyped-def]  # a Select of three columns
    return (
        select(table.c.customer, table.c.currency, size).where(table.c.basis == basis).group_by(table.c.customer, table.c.currency)
    )
