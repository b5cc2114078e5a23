"""What a reader of Stripe wants to know of the facts already stored, before or after it reads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from integrations.store.schema import event, invoice, subscription_state
from metrics.evidence import Instant, Source

_CHUNK = 500


def known_events(connection: Connection, account: int, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are stored already."""
    out: set[str] = set()
    for part in _parts(ids):
        query = select(event.c.event_id).where(and_(event.c.account == account, event.c.event_id.in_(part)))
        out.update(connection.execute(query).scalars())
    return out


def unsettled_invoices(connection: Connection, account: int, *, created_before: Instant | None = None) -> list[str]:
    """Invoices of which no final status (paid, void, uncollectible) is stored, in order of id."""
    final = (
        select(invoice.c.invoice_id)
        .where(and_(invoice.c.account == account, invoice.c.status.in_(("paid", "void", "uncollectible"))))
        .scalar_subquery()
    )
    query = select(invoice.c.invoice_id).where(and_(invoice.c.account == account, invoice.c.invoice_id.not_in(final)))
    if created_before is not None:
        query = query.where(invoice.c.created < created_before)
    return list(connection.execute(query.distinct().order_by(invoice.c.invoice_id)).scalars())


def changed_by_listing(connection: Connection, account: int, *, learnt_from: datetime) -> list[tuple[str, str]]:
    """(subscription, customer) of states that a listing brought at or after `learnt_from`: what it said was not known before."""
    query = (
        select(subscription_state.c.subscription_id, subscription_state.c.customer_id)
        .where(
            and_(
                subscription_state.c.account == account,
                subscription_state.c.source == int(Source.SNAPSHOT),
                subscription_state.c.learnt_at >= learnt_from,
            )
        )
        .distinct()
        .order_by(subscription_state.c.subscription_id)
    )
    return [(str(s), str(c)) for s, c in connection.execute(query)]


def customers_of(connection: Connection, subscription: str) -> list[tuple[int, str]]:
    """The Stripe customers (account, id) that a subscription of this id is known of: one, unless two accounts have the same id."""
    query = select(subscription_state.c.account, subscription_state.c.customer_id).where(
        subscription_state.c.subscription_id == subscription
    )
    return sorted((int(a), str(c)) for a, c in connection.execute(query.distinct()))


def subscriptions_held(connection: Connection, account: int) -> int:
    """How many subscriptions any state is stored of."""
    query = select(func.count(func.distinct(subscription_state.c.subscription_id))).where(subscription_state.c.account == account)
    return int(connection.execute(query).scalar_one())


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    for index in range(0, len(values), _CHUNK):
        yield list(values[index : index + _CHUNK])
