"""Counting and adding up the ledger of a basis in the database: what a few numbers answer, for whoever needs no frames."""

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, case, exists, func, or_, select, union

from integrations.store.ledger.schema import attribute, exclusion, movement, standing

AMOUNTS: Final = ("net_micros", "list_micros", "at_risk_micros", "scheduled_micros", "usage_micros")
"""What of a standing is money."""


def has_attribute(connection: Connection, basis: str, key: str) -> bool:
    """Whether any customer has an attribute of this key."""
    return bool(connection.scalar(select(exists().where(attribute.c.basis == basis, attribute.c.key == key))))


def attribute_keys(connection: Connection, basis: str) -> list[str]:
    """The keys of all attributes that any customer has, each once."""
    return list(connection.scalars(select(attribute.c.key).where(attribute.c.basis == basis).distinct().order_by(attribute.c.key)))


def count_by(connection: Connection, table: Table, basis: str, column: str) -> dict[str, int]:
    """How many rows of a derived table there are for each value of a column."""
    query = select(table.c[column], func.count()).where(table.c.basis == basis).group_by(table.c[column])
    return {str(value): int(found) for value, found in connection.execute(query)}


def currencies(connection: Connection, basis: str) -> list[str]:
    """Every currency in which anything stood, or is left out, under a basis."""
    found = union(*(select(table.c.currency).where(table.c.basis == basis) for table in (standing, exclusion)))
    return sorted(connection.execute(found).scalars())


def standings_held(connection: Connection, basis: str) -> int:
    """How many standings there are under a basis: what the size of a shard is measured by."""
    query = select(func.count()).select_from(standing).where(standing.c.basis == basis)
    return int(connection.execute(query).scalar_one())


def span(connection: Connection, basis: str) -> tuple[date, date] | None:
    """The first and the last day on which anything moved, if anything did."""
    # Each on its own: of both at once SQLite reads every row.
    ends = (select(end(movement.c.day)).where(movement.c.basis == basis).scalar_subquery() for end in (func.min, func.max))
    first, last = connection.execute(select(*ends)).one()
    return (first, last) if first is not None else None


def in_force(day: date) -> ColumnElement[bool]:
    """Of standings those in force at the closing of `day`: the last one of a customer in a currency on or before it."""
    later = standing.alias("later")
    line = (later.c.basis == standing.c.basis, later.c.bucket == standing.c.bucket, later.c.customer == standing.c.customer)
    replaced = select(later.c.day).where(
        *line, later.c.currency == standing.c.currency, later.c.day > standing.c.day, later.c.day <= day
    )
    return and_(standing.c.day <= day, ~replaced.exists())


def _standing_at(basis: str, day: date) -> ColumnElement[bool]:
    return and_(standing.c.basis == basis, in_force(day), or_(*(standing.c[name] != 0 for name in AMOUNTS)))


def sums_at(connection: Connection, basis: str, day: date) -> dict[str, dict[str, int]]:
    """By currency what stands at the closing of `day`: the sum of each of AMOUNTS, `subscriptions`, and `customers` with net MRR above 0."""
    sums = [func.sum(standing.c[name]).label(name) for name in (*AMOUNTS, "subscriptions")]
    live = func.sum(case((standing.c.net_micros > 0, 1), else_=0)).label("customers")
    query = select(standing.c.currency, live, *sums).where(_standing_at(basis, day)).group_by(standing.c.currency)
    return {
        row.pop("currency"): {name: int(value) for name, value in row.items()}
        for row in (dict(each) for each in connection.execute(query.order_by(standing.c.currency)).mappings())
    }


def amounts_at(connection: Connection, basis: str, day: date, currency: str) -> list[tuple[int, tuple[int, ...]]]:
    """What stands at the closing of `day` in a currency: each combination of AMOUNTS that there is, and how many customers stand at it.

    Many customers stand at few prices, and an amount that is valued is rounded customer by customer: this is all that it takes.
    """
    money = [standing.c[name] for name in AMOUNTS]
    query = select(func.count(), *money).where(_standing_at(basis, day), standing.c.currency == currency).group_by(*money)
    return [(int(count), tuple(map(int, amounts))) for count, *amounts in connection.execute(query)]


def in_several_currencies(connection: Connection, basis: str, day: date) -> dict[str, dict[str, int]]:
    """The customers with net MRR above 0 in more than one currency at the closing of `day`: net micros by currency."""
    live = and_(_standing_at(basis, day), standing.c.net_micros > 0)
    among = select(standing.c.bucket, standing.c.customer).where(live).group_by(standing.c.bucket, standing.c.customer)
    several = among.having(func.count() > 1).subquery()
    query = select(standing.c.customer, standing.c.currency, standing.c.net_micros).join(
        several, and_(several.c.bucket == standing.c.bucket, several.c.customer == standing.c.customer)
    )
    found: dict[str, dict[str, int]] = {}
    for customer, currency, net in connection.execute(query.where(live)):
        found.setdefault(customer, {})[currency] = int(net)
    return found
