"""Figures in versions: one that changes gets a new row and the old one is kept, so every number ever shown can be shown again."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, or_, select, tuple_, update

from integrations.store.db.bulk import append
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import require_zone
from integrations.store.figures.schema import adjustment
from integrations.store.figures.schema import rollup as table
from metrics.window_kinds import TO_DATE

Key = tuple[Any, ...]
KEY = ("kind", "first", "until", "dimension", "segment", "currency")
FIGURES = (
    "opening",
    "expansion",
    "contraction",
    "churn",
    "closing_of_cohort",
    "new",
    "reactivation",
    "closing",
    "fx",
    "opening_customers",
    "closing_customers",
    "retained_customers",
    "new_logos",
    "lost_logos",
    "returned_logos",
    "companions",
    "incomplete",
    "reason",
    "products",
)
_FIRST_FIGURES = frozenset(
    {
        "opening",
        "expansion",
        "contraction",
        "churn",
        "closing_of_cohort",
        "new",
        "reactivation",
        "closing",
        "fx",
        "opening_customers",
        "closing_customers",
        "retained_customers",
        "new_logos",
        "lost_logos",
        "returned_logos",
        "companions",
        "incomplete",
        "reason",
    }
)
_FIRST_COMPANIONS = frozenset(
    {
        "lowest",
        "list",
        "at_risk",
        "scheduled",
        "usage",
        "subscriptions",
        "flow_expansion",
        "flow_contraction",
        "flow_churn",
        "arrivals_expansion",
        "arrivals_contraction",
        "arrivals_churn",
        "member_returns",
        "grr_by",
        "reactivation_in_flow",
        "largest",
        "gained",
        "lost",
        "causes",
        "trial_pipeline",
        "trials",
        "apart",
    }
)
"""What the first release digested. A figure or a companion that came later is filled into the current version of a row that was written
without it: a release that counts something more moves no figure."""
FIRST = tuple(f for f in FIGURES if f in _FIRST_FIGURES)
LATER = tuple(f for f in FIGURES if f not in _FIRST_FIGURES)
_key_of: Callable[[Mapping[str, Any]], Key] = itemgetter(*KEY)
_figures_of: Callable[[Mapping[str, Any]], tuple[Any, ...]] = itemgetter(*FIGURES)
_first_of: Callable[[Mapping[str, Any]], tuple[Any, ...]] = itemgetter(*FIRST)
_as_text = json.JSONEncoder(sort_keys=True, default=str).encode
"""As `json.dumps`, which makes an encoder for each call."""
NOTHING_LEFT = "nothing_left"
"""The reason of a version of zeros: what it was of is no more."""
COLUMNS = ("basis", *KEY, "version", *FIGURES, "digest", "current", "learnt_at", "run_id")
_ADJUSTMENT = (
    "basis",
    *KEY,
    "seq",
    "opening",
    "closing",
    "figures",
    "digest",
    "booked",
    "learnt_at",
    "run_id",
)
WINDOWS_AT_ONCE = 40
"""Figures of more windows than these are looked for among all."""

Span = tuple[str, date, date]
"""Kind, first day and the day after the last: what a window is known by."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed: figures that are new, that changed, that are no longer there, that stayed, and that were booked later."""

    new: int
    changed: int
    gone: int
    same: int
    adjusted: int = 0


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure as it was held to be at one moment and as it was at a later one; None where it wasn't there."""

    key: Key
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Held:
    """What of the current version of a figure decides whether there is a next one; `gone`: nothing is left of it."""

    version: int
    digest: str
    gone: bool
    incomplete: bool
    opening: int
    closing: int


def put(
    connection: Connection,
    basis: str,
    rows: Iterable[Mapping[str, Any]],
    learnt_at: datetime,
    run_id: int | None = None,
    *,
    whole: Sequence[Span] = (),
    gone: Collection[Key] = (),
    held: Mapping[Key, Held] | None = None,
    frozen_until: date | None = None,
    booked: date | None = None,
) -> Written:
    """Write figures; each that differs from its current version becomes the next one.

    `whole` names the windows of which `rows` holds everything: a figure of theirs that is missing in `rows` is closed by a version of
    zeros, since nothing is left in it; `gone` names single ones of which nothing is left. `held` are the current versions of all of
    these, where they have been read. Figures of windows that ended by `frozen_until`
    and were complete stay as they are: what would have changed in them is booked as an adjustment in the month `booked`.
    """
    require_zone(learnt_at)
    found = {_key_of(row): row for row in rows}
    spans = {_span(k) for k in found} | set(whole) | {_span(k) for k in gone}
    if held is None:
        held = _current(connection, basis, spans)
    wholly, single = set(whole), set(gone)
    missing = {k for k in held if k not in found and (_span(k) in wholly or k in single) and not held[k].gone}
    for key in missing:
        nothing = {"companions": "{}", "incomplete": False, "reason": NOTHING_LEFT, "products": None}
        found[key] = dict.fromkeys(FIGURES, 0) | dict(zip(KEY, key, strict=True)) | nothing
    fresh: list[tuple[Any, ...]] = []
    outdated: list[Key] = []
    late: list[tuple[Key, Mapping[str, Any], str, Held]] = []
    counts = {"new": 0, "changed": 0, "same": 0, "gone": 0}
    for key in sorted(found):
        row, known = found[key], held.get(key)
        sign = digest_of(row)
        frozen = known is not None and frozen_until is not None and key[2] <= frozen_until and not known.incomplete
        if known is not None and frozen:
            late.append((key, row, sign, known))
        if known is not None and known.digest == sign:
            counts["same"] += 1
        elif known is not None and known.digest == _first_digest(row):
            _fill_in(connection, basis, key, row, sign)
            counts["same"] += 1
        elif not frozen:
            counts["new" if known is None else "gone" if key in missing else "changed"] += 1
            if known is not None:
                outdated.append(key)
            version = 1 if known is None else known.version + 1
            fresh.append((basis, *key, version, *_figures_of(row), sign, True, learnt_at, run_id))
    for part in chunks(outdated, 200):
        keys = tuple_(*(table.c[k] for k in KEY)).in_(part)
        connection.execute(update(table).where(and_(table.c.basis == basis, table.c.current, keys)).values(current=False))
    append(connection, table, COLUMNS, fresh)
    adjusted = _book_later(connection, basis, late, learnt_at, run_id, booked)
    return Written(counts["new"], counts["changed"], counts["gone"], counts["same"], adjusted)


def _fill_in(connection: Connection, basis: str, key: Key, row: Mapping[str, Any], sign: str) -> None:
    """Give the current version of a figure what it was written without; what it was written with is the same."""
    later = {f: row[f] for f in FIGURES if f not in _FIRST_FIGURES}
    mine = and_(table.c.basis == basis, table.c.current, *(table.c[k] == value for k, value in zip(KEY, key, strict=True)))
    connection.execute(update(table).where(mine).values(companions=row["companions"], digest=sign, **later))


def _span(key: Key) -> Span:
    return key[0], key[1], key[2]


def digest_of(row: Mapping[str, Any]) -> str:
    """What tells the figures of a row from others."""
    later = [[f, row[f]] for f in LATER if row.get(f) is not None]
    return blake2b(_as_text([*_first_of(row), *later]).encode(), digest_size=16).hexdigest()


def _first_digest(row: Mapping[str, Any]) -> str:
    """The digest that a row without anything that came after the first release has."""
    said = json.loads(row["companions"])
    first = {name: value for name, value in said.items() if name in _FIRST_COMPANIONS}
    text = row["companions"] if first == said else json.dumps(first, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest_of({f: row[f] for f in FIRST} | {"companions": text})


def _current(connection: Connection, basis: str, spans: set[Span]) -> dict[Key, Held]:
    out = {}
    about = ("version", "digest", "reason", "incomplete", "opening", "closing")
    query = select(*(table.c[k] for k in KEY), *(table.c[name] for name in about)).where(
        and_(table.c.basis == basis, table.c.current)
    )
    if len(spans) <= WINDOWS_AT_ONCE:
        query = query.where(tuple_(table.c.kind, table.c.first, table.c.until).in_(sorted(spans)))
    for row in connection.execute(query):
        key = tuple(row[: len(KEY)])
        if _span(key) in spans:
            version, digest, reason, incomplete, opening, closing = row[len(KEY) :]
            out[key] = Held(int(version), str(digest), reason == NOTHING_LEFT, bool(incomplete), int(opening), int(closing))
    return out


def _book_later(
    connection: Connection,
    basis: str,
    late: Sequence[tuple[Key, Mapping[str, Any], str, Held]],
    learnt_at: datetime,
    run_id: int | None,
    booked: date | None,
) -> int:
    """Write down what frozen figures would be, unless the last adjustment of them says so already, or they never differed."""
    if not late:
        return 0
    if booked is None:
        raise ValueError("what is learnt of a frozen month must be booked in some month")
    known: dict[Key, tuple[int, str]] = {}
    query = select(*(adjustment.c[k] for k in KEY), adjustment.c.seq, adjustment.c.digest).where(adjustment.c.basis == basis)
    for said in connection.execute(query.order_by(adjustment.c.seq)):
        known[tuple(said[: len(KEY)])] = (int(said[-2]), str(said[-1]))
    rows: list[tuple[Any, ...]] = []
    for key, row, sign, held in late:
        seq, last = known.get(key, (0, held.digest))
        if last not in (sign, _first_digest(row)):
            figures = json.dumps({f: row[f] for f in FIGURES}, sort_keys=True, default=str)
            differences = (row["opening"] - held.opening, row["closing"] - held.closing)
            rows.append((basis, *key, seq + 1, *differences, figures, sign, booked, learnt_at, run_id))
    return append(connection, adjustment, _ADJUSTMENT, rows)


def tidy(connection: Connection, learnt_before: datetime) -> int:
    """Remove what was learnt by segment before an instant and was never final: months to date, and versions of windows that weren't over
    and have a newer one. The whole book's figures stay, in all versions. Gives how many rows."""
    by_segment = and_(table.c.dimension != "", table.c.learnt_at < learnt_before)
    passing = or_(table.c.kind == TO_DATE.name, and_(table.c.incomplete, ~table.c.current))
    return connection.execute(delete(table).where(by_segment, passing)).rowcount


# --- reading -------------------------------------------------------------------------------------------------------------------


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
    return [dict(row) for row in rows if row["reason"] != NOTHING_LEFT]


def segments(connection: Connection, basis: str, dimension: str) -> set[str]:
    """Every segment of a dimension that current figures of a basis have."""
    query = select(table.c.segment).where(table.c.basis == basis, table.c.current, table.c.dimension == dimension).distinct()
    return {str(segment) for segment in connection.execute(query).scalars()}


def windows(connection: Connection, basis: str) -> set[Span]:
    """The windows that there are current figures of."""
    query = select(table.c.kind, table.c.first, table.c.until, table.c.reason).where(table.c.basis == basis, table.c.current)
    rows = connection.execute(query.distinct())
    return {(str(kind), first, until) for kind, first, until, reason in rows if reason != NOTHING_LEFT}


def first_complete(connection: Connection, basis: str, span: Span) -> datetime | None:
    """When figures of a window as a whole were first written as complete ones."""
    kind, first, until = span
    query = select(func.min(table.c.learnt_at)).where(
        and_(table.c.basis == basis, table.c.kind == kind, table.c.first == first, table.c.until == until),
        table.c.dimension == "",
        ~table.c.incomplete,
    )
    found: datetime | None = connection.execute(query).scalar()
    return found


def last_learnt(connection: Connection, basis: str) -> datetime | None:
    """When the newest version of any figure was written; None where there are none."""
    found: datetime | None = connection.execute(select(func.max(table.c.learnt_at)).where(table.c.basis == basis)).scalar()
    return found


def versions(
    connection: Connection, basis: str, *, since: datetime | None = None, run_id: int | None = None
) -> list[dict[str, Any]]:
    """Every version of figures that replaced another one, with the replaced figures under `before_…`; newest first."""
    query = _replacing().where(table.c.basis == basis).order_by(table.c.learnt_at.desc(), *(table.c[k] for k in KEY))
    if since is not None:
        query = query.where(table.c.learnt_at >= since)
    if run_id is not None:
        query = query.where(table.c.run_id == run_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def _replacing() -> Select[Any]:
    older = table.alias("older")
    return select(table, *(older.c[f].label(f"before_{f}") for f in FIGURES), older.c.learnt_at.label("before_learnt_at")).join(
        older,
        and_(older.c.basis == table.c.basis, *(older.c[k] == table.c[k] for k in KEY), older.c.version == table.c.version - 1),
    )


def between(
    connection: Connection,
    basis: str,
    since: datetime,
    until: datetime,
    *,
    kind: str | None = None,
    dimension: str | None = None,
) -> Iterator[FigureChange]:
    """Every figure that was known differently at `until` than at `since`, in order of window and segment.

    One that changed and changed back in between is none.
    """
    require_zone(since), require_zone(until)
    query = select(table).where(table.c.basis == basis, table.c.learnt_at <= until)
    newer = table.alias("newer")
    touched = select(1).where(
        newer.c.basis == table.c.basis,
        *(newer.c[k] == table.c[k] for k in KEY),
        newer.c.learnt_at > since,
        newer.c.learnt_at <= until,
    )
    query = query.where(touched.exists())
    for name, value in (("kind", kind), ("dimension", dimension)):
        if value is not None:
            query = query.where(table.c[name] == value)
    rows = connection.execute(query.order_by(*(table.c[k] for k in KEY), table.c.version)).mappings()
    for key, some in groupby(rows, key=lambda row: tuple(row[k] for k in KEY)):
        known = [dict(row) for row in some]
        earlier = next((row for row in reversed(known) if row["learnt_at"] <= since), None)
        before = None if earlier is None or earlier["reason"] == NOTHING_LEFT else earlier
        after = None if known[-1]["reason"] == NOTHING_LEFT else known[-1]
        if (before and before["digest"]) != (after and after["digest"]):
            yield FigureChange(key, before, after)


def adjustments(
    connection: Connection, basis: str, *, booked: date | None = None, kind: str | None = None, dimension: str | None = None
) -> list[dict[str, Any]]:
    """What later news would have changed in frozen months, by window and segment: the last word on each, where it still differs."""
    newest = (
        select(*(adjustment.c[k] for k in KEY), func.max(adjustment.c.seq).label("seq"))
        .where(adjustment.c.basis == basis)
        .group_by(*(adjustment.c[k] for k in KEY))
        .subquery("newest")
    )
    query = select(adjustment).join(
        newest, and_(*(newest.c[k] == adjustment.c[k] for k in KEY), newest.c.seq == adjustment.c.seq, adjustment.c.basis == basis)
    )
    for name, value in (("booked", booked), ("kind", kind), ("dimension", dimension)):
        if value is not None:
            query = query.where(adjustment.c[name] == value)
    rows = connection.execute(query.order_by(*(adjustment.c[k] for k in KEY))).mappings()
    return [{**dict(row), "figures": json.loads(row["figures"])} for row in rows]
