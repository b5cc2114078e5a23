"""What ledgers rest on: which there are, and up to when each is complete, and who is due. Who only looks asks this, and loads nothing of what writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from integrations.store.db.columns import require_zone
from integrations.store.db.engine import insert_into
from integrations.store.ledger.schema import basis, finding, wake
from metrics.finding_words import UNCOUNTED
from metrics.instants import Instant


@dataclass(frozen=True, slots=True)
class BasisRow:
    """A basis that something was derived under. `derived_at` is None while its ledger isn't complete."""

    version: str
    policy: str
    choices: Mapping[str, Any]
    derived_at: datetime | None
    derived_until: Instant | None


def put(connection: Connection, version: str, policy: str, choices: Mapping[str, Any]) -> None:
    """Note a basis, which from now on is the current one of its policy; one that is there already keeps what is known of it."""
    values = {"version": version, "policy": policy, "body": json.dumps(dict(choices), sort_keys=True, default=str), "current": True}
    insert = insert_into(connection, basis)
    connection.execute(insert.values(values).on_conflict_do_nothing())
    own = basis.c.version == version
    connection.execute(update(basis).where(basis.c.policy == policy, basis.c.current != own).values(current=own))


def mark_derived(connection: Connection, version: str, derived_at: datetime | None, derived_until: Instant | None) -> None:
    """Say that the ledger of a basis is complete as of an instant; None says that it isn't any more."""
    if derived_at is not None:
        require_zone(derived_at)
    connection.execute(update(basis).where(basis.c.version == version).values(derived_at=derived_at, derived_until=derived_until))


def everything(connection: Connection) -> dict[str, BasisRow]:
    """Every basis by its version."""
    rows = connection.execute(select(basis).order_by(basis.c.version))
    return {r.version: BasisRow(r.version, r.policy, json.loads(r.body), r.derived_at, r.derived_until) for r in rows}


def underived(connection: Connection, limit: int = 1000) -> list[tuple[str, str]]:
    """Customers that can't be derived, or added up, under some basis that is kept, with why."""
    query = select(finding.c.customer, finding.c.detail).where(finding.c.reason.in_(UNCOUNTED))
    query = query.where(finding.c.basis.in_(select(basis.c.version).where(basis.c.derived_at.is_not(None)))).distinct()
    return [(str(c), str(d)) for c, d in connection.execute(query.order_by(finding.c.customer).limit(limit))]


def due_again(connection: Connection, basis: str, now: Instant, limit: int) -> list[str]:
    """Customers that must be derived again because a moment has passed, the longest waiting first."""
    query = select(wake.c.customer).where(wake.c.basis == basis, wake.c.at <= now).order_by(wake.c.at, wake.c.customer)
    return [str(name) for name in connection.execute(query.limit(limit)).scalars()]
