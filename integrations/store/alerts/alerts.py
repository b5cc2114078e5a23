"""Where each alert stands, every transition that led there, what is muted by whom, and which channels are dead.

What the states mean and when they change is decided in `metrics.alerts.decide`; here a change is only refused when somebody else made one first.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from integrations.store.alerts.schema import alert_history, alert_state, channel_state, mute
from integrations.store.db.clock import now
from integrations.store.db.engine import insert_into
from integrations.store.db.words import bucket_of
from integrations.store.figures.schema import rollup
from integrations.store.ledger.schema import movement, standing


class AlertMoved(RuntimeError):
    """Another evaluation changed the alert meanwhile; nothing was changed."""

    def __init__(self, rule: str, segment: str) -> None:
        where = f"{rule} of {segment}" if segment else rule
        super().__init__(f"the alert {where} was changed by another evaluation meanwhile; nothing was changed")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert as it stands; `version` 0 is one that was never stored."""

    rule: str
    segment: str
    state: str
    body: Mapping[str, Any]
    version: int = 0
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of an alert's state with the figures behind it."""

    rule: str
    segment: str
    before: str
    after: str
    at: datetime
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mute:
    """A mute (`sort` mute), or an acknowledgement (`sort` ack). `segment` empty: all of the rule's."""

    rule: str
    segment: str
    sort: str
    until: datetime | None
    reason: str
    created_at: datetime


def states(connection: Connection) -> dict[tuple[str, str], AlertRow]:
    """Every alert by rule and segment."""
    rows = connection.execute(select(alert_state).order_by(alert_state.c.rule, alert_state.c.segment))
    return {(r.rule, r.segment): AlertRow(r.rule, r.segment, r.state, json.loads(r.body), r.version, r.updated_at) for r in rows}


def put(connection: Connection, before: AlertRow | None, after: AlertRow, at: datetime) -> AlertRow:
    """Store an alert that stood at `before` (None: not stored yet), and the transition if its state changed. Raises AlertMoved."""
    body = json.dumps(dict(after.body), sort_keys=True, default=str)
    held = 0 if before is None else before.version
    values = {"state": after.state, "body": body, "version": held + 1, "updated_at": at}
    mine = and_(alert_state.c.rule == after.rule, alert_state.c.segment == after.segment, alert_state.c.version == held)
    if held == 0:
        new = insert_into(connection, alert_state).on_conflict_do_nothing()
        done = connection.execute(new, {"rule": after.rule, "segment": after.segment, **values}).rowcount
    else:
        done = connection.execute(update(alert_state).where(mine).values(**values)).rowcount
    if done != 1:
        raise AlertMoved(after.rule, after.segment)
    was = "ok" if before is None else before.state
    if was != after.state:
        row = {"rule": after.rule, "segment": after.segment, "before": was, "after": after.state, "at": at, "body": body}
        connection.execute(insert(alert_history), row)
    return AlertRow(after.rule, after.segment, after.state, after.body, held + 1, at)


def remove(connection: Connection, rule: str, segment: str) -> None:
    """Forget where an alert stands; its history stays."""
    connection.execute(delete(alert_state).where(alert_state.c.rule == rule, alert_state.c.segment == segment))


def history(connection: Connection, *, rule: str | None = None, segment: str | None = None, limit: int = 100) -> list[Transition]:
    """Transitions, newest first."""
    query = select(alert_history).order_by(alert_history.c.id.desc()).limit(limit)
    if rule is not None:
        query = query.where(alert_history.c.rule == rule)
    if segment is not None:
        query = query.where(alert_history.c.segment == segment)
    return [Transition(r.rule, r.segment, r.before, r.after, r.at, json.loads(r.body)) for r in connection.execute(query)]


# --- what rules of single movements look at ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Large:
    """A movement, or a cancellation that was asked for, of at least the size that was asked about."""

    kind: str
    customer: str
    day: date
    currency: str
    before_micros: int
    after_micros: int
    cause: str


def large_movements(
    connection: Connection, basis: str, kind: str, least_micros: int, first: date, until: date, currency: str | None = None
) -> list[Large]:
    """Movements of one kind on the days [first, until) of more than an amount, in order of day and customer."""
    m = movement.c
    size = m.delta_micros if kind in ("new", "reactivation", "expansion") else -m.delta_micros
    query = select(m.customer, m.day, m.currency, m.before_micros, m.after_micros, m.cause).where(
        m.basis == basis, m.kind == kind, m.day >= first, m.day < until, size > least_micros
    )
    if currency is not None:
        query = query.where(m.currency == currency)
    return [Large(kind, *row) for row in connection.execute(query.order_by(m.day, m.customer, m.currency))]


def largest_movements(connection: Connection, basis: str, first: date, until: date, limit: int) -> list[Large]:
    """The largest movements of the days [first, until) whichever way they went, the largest first."""
    m = movement.c
    query = select(m.kind, m.customer, m.day, m.currency, m.before_micros, m.after_micros, m.cause).where(
        m.basis == basis, m.day >= first, m.day < until
    )
    return [
        Large(*row) for row in connection.execute(query.order_by(func.abs(m.delta_micros).desc(), m.customer, m.day).limit(limit))
    ]


def large_scheduled(connection: Connection, basis: str, least_micros: int, day: date, currency: str | None = None) -> list[Large]:
    """Customers of whose MRR more than an amount is about to end at the closing of `day`, in order of name.

    Their `day` is the last one on which what stands changed, which is when it was asked for unless something else changed since.
    """
    later = standing.alias("later")
    same = (later.c.basis == standing.c.basis, later.c.bucket == standing.c.bucket, later.c.customer == standing.c.customer)
    newest = select(func.max(later.c.day)).where(*same, later.c.currency == standing.c.currency, later.c.day <= day)
    s = standing.c
    query = select(s.customer, s.day, s.currency, s.net_micros, s.scheduled_micros).where(
        s.basis == basis, s.scheduled_micros > least_micros, s.day == newest.scalar_subquery()
    )
    if currency is not None:
        query = query.where(s.currency == currency)
    rows = connection.execute(query.order_by(s.customer, s.currency))
    return [Large("scheduled", r.customer, r.day, r.currency, r.net_micros, r.net_micros - r.scheduled_micros, "") for r in rows]


def standing_micros(connection: Connection, basis: str, customer: str, currency: str, day: date) -> int:
    """What one customer stands at in one currency at the closing of `day`."""
    s = standing.c
    query = select(s.net_micros).where(
        s.basis == basis, s.bucket == bucket_of(customer), s.customer == customer, s.currency == currency, s.day <= day
    )
    found = connection.execute(query.order_by(s.day.desc()).limit(1)).scalar_one_or_none()
    return 0 if found is None else int(found)


def figures_since(connection: Connection, basis: str, kind: str, dimension: str, until_from: date) -> list[dict[str, Any]]:
    """The current figures of one kind of window by one dimension (empty: the whole book) of windows that end after a day."""
    r = rollup.c
    query = select(rollup).where(r.basis == basis, r.current, r.kind == kind, r.dimension == dimension, r.until > until_from)
    rows = connection.execute(query.order_by(r.segment, r.currency, r.until)).mappings()
    return [dict(row) for row in rows if row["reason"] != "nothing_left"]


def flows(connection: Connection, basis: str, first: date, until: date) -> dict[str, dict[str, tuple[int, int]]]:
    """What movements of the days [first, until) come to: micros and how many, by currency and kind."""
    m = movement.c
    query = select(m.currency, m.kind, func.sum(m.delta_micros), func.count()).where(
        m.basis == basis, m.day >= first, m.day < until
    )
    out: dict[str, dict[str, tuple[int, int]]] = {}
    for currency, kind, micros, number in connection.execute(query.group_by(m.currency, m.kind).order_by(m.currency, m.kind)):
        out.setdefault(str(currency), {})[str(kind)] = (int(micros), int(number))
    return out


# --- being quiet -----------------------------------------------------------------------------------------------------------


def silence(connection: Connection, rule: str, segment: str, sort: str, until: datetime | None, reason: str) -> None:
    """Mute a rule (of one segment) until an instant, or until it is unmuted; done twice, the last holds."""
    lift(connection, rule, segment, sort)
    values = {"rule": rule, "segment": segment, "sort": sort, "until": until, "reason": reason, "created_at": now(connection)}
    connection.execute(insert(mute).values(**values))


def lift(connection: Connection, rule: str, segment: str, sort: str) -> bool:
    """Unmute; gives whether it was muted."""
    mine = and_(mute.c.rule == rule, mute.c.segment == segment, mute.c.sort == sort)
    return connection.execute(delete(mute).where(mine)).rowcount > 0


def silences(connection: Connection, at: datetime) -> Sequence[Mute]:
    """What is muted at an instant, in order of rule and segment."""
    lasting = or_(mute.c.until.is_(None), mute.c.until > at)
    rows = connection.execute(select(mute).where(lasting).order_by(mute.c.rule, mute.c.segment, mute.c.sort))
    return [Mute(r.rule, r.segment, r.sort, r.until, r.reason, r.created_at) for r in rows]


# --- channels --------------------------------------------------------------------------------------------------------------


def disable(connection: Connection, channel: str, reason: str) -> bool:
    """Send nothing through a channel any more; gives whether it was in use until now."""
    return _set_channel(connection, channel, reason, disabled=True)


def enable(connection: Connection, channel: str) -> bool:
    """Use a channel again; gives whether it was out of use."""
    return _set_channel(connection, channel, None, disabled=False)


def _set_channel(connection: Connection, channel: str, reason: str | None, *, disabled: bool) -> bool:
    was = channel in disabled_channels(connection)
    values = {"channel": channel, "disabled": disabled, "reason": reason, "changed_at": now(connection)}
    statement = insert_into(connection, channel_state)
    named = {name: statement.excluded[name] for name in values if name != "channel"}
    connection.execute(statement.on_conflict_do_update(index_elements=[channel_state.c.channel], set_=named), values)
    return was != disabled


def disabled_channels(connection: Connection) -> dict[str, str]:
    """The channels that nothing is sent through, with the reason."""
    query = select(channel_state.c.channel, channel_state.c.reason).where(channel_state.c.disabled)
    return {str(channel): str(reason or "") for channel, reason in connection.execute(query)}
