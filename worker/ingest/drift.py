"""What the last audit of an account found, kept among its marks; apart from the audit, because whoever only looks must not load its reader."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from integrations.store.work import cursors
from metrics.instants import Instant

STREAM = "audit"
"""The name under which an account's last audit is kept among its marks."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What the last audit of an account found: subscriptions with their ids, and the same of every other kind.

    Kinds are customer, invoice, price, coupon, product and event (one that came late); `counts` has those that there are any of.
    """

    account: int
    at: Instant
    subscriptions: int
    named: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many objects of all kinds."""
        return sum(self.counts.values())


def keep(connection: Connection, found: Drift) -> None:
    """Keep what an audit found as the account's last."""
    held = cursors.of_account(connection, found.account).get(STREAM)
    others = {kind: list(ids) for kind, ids in found.others.items()}
    data = {"subscriptions": found.subscriptions, "named": list(found.named), "counts": dict(found.counts), "others": others}
    cursors.move(connection, found.account, STREAM, held.position if held else None, found.at, data)


def last_drift(connection: Connection, account: int) -> Drift | None:
    """What the last audit of an account found, if there was one."""
    held = cursors.of_account(connection, account).get(STREAM)
    if held is None:
        return None
    subscriptions = int(held.data.get("subscriptions", 0))
    counts = held.data.get("counts", {"subscription": subscriptions} if subscriptions else {})
    others = {str(kind): tuple(ids) for kind, ids in held.data.get("others", {}).items()}
    return Drift(account, Instant(held.position), subscriptions, tuple(held.data.get("named", ())), counts, others)
