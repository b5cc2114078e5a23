"""Stripe accounts, each bound at first sight to a name and a mode: a key of another one is refused before anything is written."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from integrations.store.db.clock import now
from integrations.store.db.engine import is_postgresql
from integrations.store.facts.schema import account as table


class AccountRefused(RuntimeError):
    """The key belongs to another account or mode than what is stored under this name."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account that facts are stored for."""

    id: int
    name: str
    stripe_id: str
    livemode: bool
    country: str | None
    default_currency: str | None


def everything(connection: Connection) -> list[AccountRow]:
    """Every account, in order of id."""
    columns = (table.c.id, table.c.name, table.c.stripe_id, table.c.livemode, table.c.country, table.c.default_currency)
    return [AccountRow(*row) for row in connection.execute(select(*columns).order_by(table.c.id))]


def bind(
    connection: Connection,
    *,
    name: str,
    stripe_id: str,
    livemode: bool,
    country: str | None = None,
    default_currency: str | None = None,
) -> int:
    """The id under which facts of this account are stored. Raises AccountRefused; nothing is written then."""
    held = _held(connection, name, stripe_id, livemode)
    if held is not None:
        return held
    if is_postgresql(connection):
        # Two first keys at the same moment must see one another: else a live and a test account could both be the first.
        connection.exec_driver_sql("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE")
        held = _held(connection, name, stripe_id, livemode)
        if held is not None:
            return held
    values = {
        "name": name,
        "stripe_id": stripe_id,
        "livemode": livemode,
        "country": country,
        "default_currency": default_currency,
        "bound_at": now(connection),
    }
    key = connection.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _held(connection: Connection, name: str, stripe_id: str, livemode: bool) -> int | None:
    """The id of an account that is bound already; None when it may be bound. Raises AccountRefused."""
    mode = {True: "live", False: "test"}
    for row in everything(connection):
        if row.name == name:
            if (row.stripe_id, row.livemode) != (stripe_id, livemode):
                raise AccountRefused(
                    f"the key for account {name!r} belongs to {stripe_id} in {mode[livemode]} mode, but what is stored under that name is "
                    f"{row.stripe_id} in {mode[row.livemode]} mode; nothing was changed. Use another database, or give the account another name"
                )
            return row.id
        if row.stripe_id == stripe_id and row.livemode == livemode:
            raise AccountRefused(f"{stripe_id} is stored under the name {row.name!r} already, not {name!r}; nothing was changed")
        if row.livemode != livemode:
            raise AccountRefused(
                f"this database holds {mode[row.livemode]} data of {row.stripe_id}; the key for {name!r} is a {mode[livemode]} key. Live and test "
                "never mix; nothing was changed. Use another database"
            )
    return None
