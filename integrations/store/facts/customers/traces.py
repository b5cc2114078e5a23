"""What is left of a forgotten customer outside the facts: in figures of all versions, in messages, in the records of work.

Personal are a customer's name and address, what its metadata say, and the name in the ledger that a metadata rule made of them. A value that
another customer has too is not one customer's: its segment stays. Amounts stay under Stripe's id.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, func, or_, select, update

from integrations.store.alerts.schema import alert_history, alert_state, channel_state, mute, outbox
from integrations.store.db.engine import is_postgresql
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import member, quarantine
from integrations.store.figures.schema import (
    adjustment,
    day_total,
    former,
    former_rows,
    report_made,
    restatement,
    rollup,
    rollup_part,
    snapshot,
)
from integrations.store.ledger.schema import attribute, exclusion, finding, movement, standing, wake
from integrations.store.work.schema import audit_log, job, run, setting, worker
from metrics.dimensions import parts, values
from metrics.keys import bounded

FORGOTTEN: Final = "(forgotten)"
"""What stands in a text in the place of what was personal."""

LEDGER: Final = (movement, standing, attribute, exclusion, finding, wake, snapshot)
"""Tables whose rows belong to a customer by its name in the ledger, beside its bucket."""
_BY_SEGMENT: Final = (rollup, day_total, adjustment)
_OF_ALERTS: Final = (outbox, alert_state, alert_history, mute)
_TEXTS: Final[tuple["Column[Any]", ...]] = (
    outbox.c.body,
    outbox.c.progress,
    outbox.c.last_error,
    alert_state.c.body,
    alert_history.c.body,
    mute.c.reason,
    channel_state.c.reason,
    rollup.c.companions,
    adjustment.c.figures,
    finding.c.detail,
    quarantine.c.detail,
    report_made.c.options,
    audit_log.c.detail,
)
"""Where a sentence or a figure may name anybody by name, value or segment."""
_RECORDS: Final[tuple["Column[Any]", ...]] = (
    job.c.data,
    job.c.last_error,
    run.c.params,
    run.c.result,
    setting.c.value,
    worker.c.detail,
)
"""What the machinery keeps for itself: customers are named in it, values of theirs aren't, and a word of it may look like one."""
_SHORTEST: Final = 3
_TELLING: Final = 12
"""A value so long is no word of our own."""
_NAMING: Final = frozenset({"segment", "value", "name", "customer", "label", "title"})
"""Under these keys of a message stands what somebody or something is called."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What is to be found: names and addresses, values of metadata by key (`metadata.KEY`), and the ledger's name with what replaces it."""

    names: frozenset[str] = frozenset()
    values: frozenset[tuple[str, str]] = frozenset()
    renamed: Mapping[str, str] | None = None

    @property
    def texts(self) -> frozenset[str]:
        """The values alone."""
        return frozenset(value for _, value in self.values)


def only_theirs(connection: Connection, name: str, held: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of the values (`metadata.KEY`, value) of the ledger's customer `name` that no other customer of any ledger has."""
    out = set()
    for key, value in sorted(set(held)):
        other = and_(attribute.c.key == bounded(key), attribute.c.value == value, attribute.c.customer != name)
        if connection.execute(select(attribute.c.key).where(other).limit(1)).first() is None:
            out.add((key, value))
    return frozenset(out)


def rename(connection: Connection, account: int, customer: str, name: str) -> None:
    """Put what the ledgers have under `name`, which a metadata rule made, under the one Stripe customer that it is made of."""
    connection.execute(delete(member).where(member.c.account == account, member.c.customer_id == customer))
    for table in LEDGER:
        mine = and_(table.c.bucket == bucket_of(name), table.c.customer == name)
        connection.execute(update(table).where(mine).values(bucket=bucket_of(customer), customer=customer))
    connection.execute(update(restatement).where(restatement.c.customer == name).values(customer=customer))


def start_anew(connection: Connection) -> None:
    """Drop the sums that the next figures would go on from, and the ledgers kept beside them: they hold segments and customers by name."""
    for table in (rollup_part, former, former_rows):
        connection.execute(delete(table))


def remove(connection: Connection, personal: Personal) -> int:
    """Take what is personal out of figures of every version, messages and records; gives how many rows went or were changed."""
    changed = _remove_segments(connection, personal.values) if personal.values else 0
    renamed = dict(personal.renamed or {})
    words = {**{bounded(text): FORGOTTEN for text in personal.texts}, **dict.fromkeys(personal.texts, FORGOTTEN)}
    safe = {**dict.fromkeys(personal.names, FORGOTTEN), **renamed}
    for column in _TEXTS:
        changed += _rewrite(connection, column, safe, words)
    for column in _RECORDS:
        changed += _rewrite(connection, column, safe, {})
    return changed


# --- segments -----------------------------------------------------------------------------------------------------------------


def _remove_segments(connection: Connection, held: frozenset[tuple[str, str]]) -> int:
    gone = 0
    segments: set[str] = set()
    for table in _BY_SEGMENT:
        found = connection.execute(select(table.c.dimension, table.c.segment).where(_may_hold(table, held)).distinct()).all()
        for dimension, segment in found:
            if _holds(str(dimension), str(segment), held):
                here = and_(table.c.dimension == dimension, table.c.segment == segment)
                gone += connection.execute(delete(table).where(here)).rowcount
                segments.add(str(segment))
    # A rule's alerts don't say by which dimension: what another dimension calls a segment, too, stays.
    other = set(connection.execute(select(rollup.c.segment).where(rollup.c.segment.in_(sorted(segments))).distinct()).scalars())
    for table in _OF_ALERTS:
        gone += connection.execute(delete(table).where(table.c.segment.in_(sorted(segments - other)))).rowcount
    return gone


def _may_hold(table: Table, held: frozenset[tuple[str, str]]) -> ColumnElement[bool]:
    """Whether a dimension is by one of the keys, with the prefix of metadata or without."""
    keys = {key.removeprefix("metadata.") for key, _ in held}
    return or_(*(table.c.dimension.contains(key, autoescape=True) for key in sorted(keys)))


def _holds(dimension: str, segment: str, held: frozenset[tuple[str, str]]) -> bool:
    names = parts(dimension)
    cells = (segment,) if len(names) == 1 else values(segment)
    wanted = {(key.removeprefix("metadata."), text) for key, value in held for text in (value, bounded(value))}
    return any((name.removeprefix("metadata."), cell) in wanted for name, cell in zip(names, cells, strict=False))


# --- texts --------------------------------------------------------------------------------------------------------------------


def _rewrite(connection: Connection, column: "Column[Any]", safe: Mapping[str, str], words: Mapping[str, str]) -> int:
    """Replace what a column's texts name; `safe` wherever it stands, `words` only in sentences and where something is called so."""
    table = column.table
    assert isinstance(table, Table)
    sought = sorted({form for text in (*safe, *words) for form in (text, json.dumps(text)[1:-1]) if text})
    if not sought:
        return 0
    where = func.strpos if is_postgresql(connection) else func.instr
    keys = list(table.primary_key)
    mine = or_(*(where(column, text) > 0 for text in sought))
    changed = 0
    for *key, text in connection.execute(select(*keys, column).where(mine)).all():
        made = without(str(text), safe, words)
        if made != text:
            this = and_(*(c == value for c, value in zip(keys, key, strict=True)))
            connection.execute(update(table).where(this).values({column.name: made}))
            changed += 1
    return changed


def without(text: str, safe: Mapping[str, str], words: Mapping[str, str]) -> str:
    """A text, or the texts within JSON, without what is personal."""
    try:
        held = json.loads(text)
    except ValueError:
        return _replaced(text, safe, words, named=False)
    if not isinstance(held, dict | list):
        return _replaced(text, safe, words, named=False)
    made = _walked(held, safe, words, "")
    return text if made == held else json.dumps(made, sort_keys=True)


def _walked(value: Any, safe: Mapping[str, str], words: Mapping[str, str], under: str) -> Any:
    match value:
        case str():
            return _replaced(value, safe, words, named=under in _NAMING)
        case dict():
            return {_replaced(k, safe, {}, named=False): _walked(v, safe, words, k) for k, v in value.items()}
        case list():
            return [_walked(v, safe, words, under) for v in value]
    return value


def _replaced(text: str, safe: Mapping[str, str], words: Mapping[str, str], *, named: bool) -> str:
    for sought, place in sorted(safe.items(), key=lambda each: -len(each[0])):
        text = _put(text, sought, place)
    for sought, place in sorted(words.items(), key=lambda each: -len(each[0])):
        if text == sought:
            text = place if named or len(sought) >= _TELLING else text
        elif " " in text or len(sought) >= _TELLING:
            text = _put(text, sought, place)
    return text


def _put(text: str, sought: str, place: str) -> str:
    if sought not in text:
        return text
    if text == sought:
        return place
    return re.sub(rf"(?<!\w){re.escape(sought)}(?!\w)", lambda _: place, text) if len(sought) >= _SHORTEST else text
