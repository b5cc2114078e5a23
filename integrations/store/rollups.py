"""Figures in versions: one that changes gets a new row and the old one is kept, so every number ever shown can be shown again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, and_, func, select, tuple_, update

from integrations.store.bulk import append
from integrations.store.columns import require_zone
from integrations.store.schema_figures import rollup as table

KEY = ("kind", "first", "until", "dimension", "segment", "currency")
FIGURES = (
    "opening", "expansion", "contraction", "churn", "closing_of_cohort", "new", "reactivation", "closing", "fx", "opening_customers",
    "closing_customers", "retained_customers", "new_logos", "lost_logos", "returned_logos", "companions", "incomplete", "reason",
)  # fmt: skip
_COLUMNS = ("basis", *KEY, "version", *FIGURES, "digest", "current", "learnt_at", "run_id")


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed: figures that are new, that changed, that are no longer there, and that stayed as they were."""

    new: int
    changed: int
    gone: int
    same: int


def put(
    connection: Connection,
    basis: str,
    rows: Iterable[Mapping[str, Any]],
    learnt_at: datetime,
    run_id: int | None = None,
    *,
    whole: Sequence[tuple[str, date, date]] = (),
) -> Written:
    """Write figures; each that differs from its current version becomes the next one.

    `whole` names the windows (kind, first, until) of which `rows` holds everything: a figure of theirs that is missing in `rows` is
    closed by a version of zeros, since nothing is left in it.
    """
    require_zone(learnt_at)
    found = {tuple(row[k] for k in KEY): dict(row) for row in rows}
    held = _current(connection, basis, {(k[0], k[1], k[2]) for k in found} | set(whole))
    gone = [k for k in held if k not in found and (k[0], k[1], k[2]) in set(whole) and not held[k][2]]
    for key in gone:
        found[key] = dict.fromkeys(FIGURES, 0) | dict(zip(KEY, key, strict=True))
        found[key] |= {"companions": "{}", "incomplete": False, "reason": "nothing_left"}
    fresh: list[tuple[Any, ...]] = []
    outdated: list[tuple[Any, ...]] = []
    counts = {"new": 0, "changed": 0, "same": 0}
    for key in sorted(found):
        row = found[key]
        sign = _digest(row)
        version, known, _ = held.get(key, (0, None, False))
        if known == sign:
            counts["same"] += 1
            continue
        counts["changed" if version else "new"] += 1
        if version:
            outdated.append(key)
        fresh.append((basis, *key, version + 1, *(row[f] for f in FIGURES), sign, True, learnt_at, run_id))
    for index in range(0, len(outdated), 200):
        keys = tuple_(*(table.c[k] for k in KEY)).in_(outdated[index : index + 200])
        connection.execute(update(table).where(and_(table.c.basis == basis, table.c.current, keys)).values(current=False))
    append(connection, table, _COLUMNS, fresh)
    return Written(counts["new"], counts["changed"] - len(gone), len(gone), counts["same"])


def _digest(row: Mapping[str, Any]) -> str:
    text = json.dumps([row[f] for f in FIGURES], sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _current(
    connection: Connection, basis: str, windows: set[tuple[Any, Any, Any]]
) -> dict[tuple[Any, ...], tuple[int, str, bool]]:
    columns = (*(table.c[k] for k in KEY), table.c.version, table.c.digest, table.c.reason)
    query = select(*columns).where(and_(table.c.basis == basis, table.c.current))
    if len(windows) == 1:
        kind, first, until = next(iter(windows))
        query = query.where(and_(table.c.kind == kind, table.c.first == first, table.c.until == until))
    out = {}
    for row in connection.execute(query):
        key = tuple(row[: len(KEY)])
        if (key[0], key[1], key[2]) in windows:
            out[key] = (int(row[-3]), str(row[-2]), row[-1] == "nothing_left")
    return out


def current(
    connection: Connection,
    basis: str,
    *,
    kind: str | None = None,
    first: date | None = None,
    until: date | None = None,
    dimension: str | None = None,
    currency: str | None = None,
    as_known_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Figures as rows in order of window and segment: the current ones, or those that were current at an instant."""
    query = select(table).where(table.c.basis == basis)
    if as_known_at is None:
        query = query.where(table.c.current)
    else:
        other = table.alias("other")
        newest = (
            select(func.max(other.c.version))
            .where(other.c.basis == table.c.basis, *(other.c[k] == table.c[k] for k in KEY), other.c.learnt_at <= as_known_at)
            .scalar_subquery()
        )
        query = query.where(table.c.version == newest)
    for name, value in (("kind", kind), ("first", first), ("until", until), ("dimension", dimension), ("currency", currency)):
        if value is not None:
            query = query.where(table.c[name] == value)
    rows = connection.execute(query.order_by(*(table.c[k] for k in KEY))).mappings()
    return [dict(row) for row in rows if row["reason"] != "nothing_left"]


def versions(
    connection: Connection, basis: str, *, since: datetime | None = None, run_id: int | None = None
) -> list[dict[str, Any]]:
    """Every version of figures that replaced another one, with the replaced figures under `before`; newest first."""
    older = table.alias("older")
    query = (
        select(table, *(older.c[f].label(f"before_{f}") for f in FIGURES), older.c.learnt_at.label("before_learnt_at"))
        .join(
            older,
            and_(older.c.basis == table.c.basis, *(older.c[k] == table.c[k] for k in KEY), older.c.version == table.c.version - 1),
        )
        .where(table.c.basis == basis)
        .order_by(table.c.learnt_at.desc(), *(table.c[k] for k in KEY))
    )
    if since is not None:
        query = query.where(table.c.learnt_at >= since)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    return [dict(row) for row in connection.execute(query).mappings()]
