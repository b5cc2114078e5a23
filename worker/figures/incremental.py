"""Adding up the ledger: from zero in shards, or by letting changed customers take their own place in what is added up already.

What is kept from one time to the next is the sum of all customers (`Sums`), with what it rests on. A night reads the customers that were
derived again, as they were and as they are; only a window that is new, and the whole book's money when a rate is new, make it look at more.
Reads within the transaction it is handed, and writes nothing.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.db.chunks import chunks
from integrations.store.ledger import previous
from integrations.store.ledger import read as read_ledger
from integrations.store.ledger.previous import Marks
from metrics.exchange_rates import QUOTES, Exchange, exchange
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.periods import Window, is_incomplete, opening, windows
from metrics.retention import aggregate, rankings, segments
from metrics.retention import day_totals as retention_day_totals
from metrics.retention.aggregate import Partials
from metrics.retention.first_change import NEVER, first_change
from metrics.retention.restatements import RESTATED, restated
from metrics.retention.spans import Book
from metrics.window_kinds import TO_DATE
from worker.figures.adhoc import shards

FORMAT: Final = 2
"""Rises when sums are made differently: those kept by an older version are then made anew."""
CUSTOMERS_AT_ONCE: Final = 20_000
_PARTIALS: Final = ("sums", "leaders", "causes", "trials", "apart")
_TOTALS: Final = "totals"
"""Day totals are kept by month under names that begin so."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What figures are made of and for. `first` and `today` are reporting days: the first on which anything moved, and that of the last derivation."""

    basis: Basis
    dimensions: tuple[str, ...]
    reporting_currency: str | None
    bands: segments.Bands
    first: date
    today: date
    complete_until: Instant

    @property
    def windows(self) -> list[Window]:
        """Every window that there is on this day."""
        return windows(min(self.first, self.today), self.today)

    @property
    def keys(self) -> list[str]:
        """The attributes that the dimensions need."""
        return segments.attribute_keys(self.dimensions)

    def incomplete(self, window: Window) -> bool:
        """Whether the window isn't over, or its data not complete."""
        return self.was_incomplete(window, self.complete_until)

    def was_incomplete(self, window: Window, complete_until: Instant) -> bool:
        """The same with data up to another instant."""
        return is_incomplete(window, complete_until, self.basis.timezone, self.basis.policy.grace_days)

    def partials(self, some: Book, asked: Sequence[Window], abroad: Exchange | None) -> Partials:
        """What some customers add to windows."""
        return aggregate.partials(
            some, asked, dimensions=self.dimensions, exchange=abroad, bands=self.bands, timezone=self.basis.timezone
        )

    def exchange(self, quotes: pl.DataFrame) -> Exchange | None:
        """The rates to the reporting currency, if there is one."""
        return None if self.reporting_currency is None else exchange(quotes, self.reporting_currency)

    def comparable(self) -> dict[str, Any]:
        """What sums must have in common to be added."""
        bands = {name: list(getattr(self.bands, name)) for name in segments.BANDED}
        return {"format": FORMAT, "dimensions": list(self.dimensions), "reporting": self.reporting_currency, "bands": bands}


@dataclass(frozen=True, slots=True)
class Sums:
    """The sum of some customers, or of all: of windows, of days, and the rates (QUOTES) that it was made with."""

    partials: Partials
    totals: pl.DataFrame
    quotes: pl.DataFrame
    about: Mapping[str, Any]
    breaks: tuple[str, ...] = ()

    def frames(self) -> dict[str, pl.DataFrame]:
        """As frames, to be kept; the totals by month, so that those of months gone by can stay where they are."""
        spans = [(w.kind, w.first, w.until) for w in self.partials.windows]
        made = {name: getattr(self.partials, name) for name in _PARTIALS}
        made["windows"] = pl.DataFrame(spans, schema={"kind": pl.String, "first": pl.Date, "until": pl.Date}, orient="row")
        made["about"] = pl.DataFrame({"about": [json.dumps({**self.about, "breaks": self.breaks}, sort_keys=True)]})
        return made | {"quotes": self.quotes} | _by_month(self.totals)


def sums_of(frames: Mapping[str, pl.DataFrame]) -> Sums:
    """Sums as they were kept."""
    spans = tuple(Window(*row) for row in frames["windows"].iter_rows())
    about = json.loads(frames["about"]["about"][0])
    breaks = tuple(about.pop("breaks"))
    totals = pl.concat([frame for name, frame in sorted(frames.items()) if name.startswith(_TOTALS)])
    return Sums(Partials(spans, *(frames[name] for name in _PARTIALS)), totals, frames["quotes"], about, breaks)


def _by_month(totals: pl.DataFrame) -> dict[str, pl.DataFrame]:
    months = totals.with_columns(pl.col("day").dt.strftime("%Y-%m").alias("month")).partition_by(
        "month", as_dict=True, include_key=False
    )
    return {f"{_TOTALS}{month}": frame for (month,), frame in months.items()} or {_TOTALS: totals}


def about(asked: Asked) -> dict[str, Any]:
    """What sums rest on besides the ledger."""
    return {**asked.comparable(), "today": asked.today.isoformat(), "complete_until": asked.complete_until}


def fits(held: Mapping[str, pl.DataFrame], asked: Asked) -> bool:
    """Whether what is kept can be gone on with: it was made of the same, and not of a later day."""
    if not held:
        return False
    known = json.loads(held["about"]["about"][0])
    return known["today"] <= asked.today.isoformat() and all(known.get(k) == v for k, v in asked.comparable().items())


# --- from zero ----------------------------------------------------------------------------------------------------------------


def of_shard(some: Book, asked: Asked, quotes: pl.DataFrame) -> Sums:
    """The sums of one shard of the customers."""
    return Sums(
        asked.partials(some, asked.windows, asked.exchange(quotes)),
        retention_day_totals.totals(some.standings, _days(asked)),
        pl.DataFrame(schema=QUOTES),
        about(asked) | {"customers": some.standings["customer"].n_unique()},
        _breaks(some, asked),
    )


def together(parts: Iterable[Sums], quotes: pl.DataFrame, asked: Asked) -> Sums:
    """The sums of all customers from those of disjoint shards."""
    added: list[Sums] = []
    for part in parts:
        added.append(part)
        if len(added) == 4:  # so that memory holds few at a time
            added = [_two_or_more(added, quotes, asked)]
    return _two_or_more(added, quotes, asked)


def _two_or_more(parts: Sequence[Sums], quotes: pl.DataFrame, asked: Asked) -> Sums:
    return Sums(
        aggregate.combine(p.partials for p in parts),
        retention_day_totals.added([p.totals for p in parts]),
        quotes,
        about(asked) | {"customers": sum(p.about["customers"] for p in parts)},
        tuple(b for p in parts for b in p.breaks),
    )


def _days(asked: Asked, held: pl.DataFrame | None = None) -> list[date]:
    """The days that are totalled: since anything moved, or since anything is in the totals that are `held`."""
    known: Any = None if held is None else held["day"].min()
    return pl.date_range(min(asked.first, asked.today, known or asked.today), asked.today, eager=True).to_list()


def _breaks(some: Book, asked: Asked) -> tuple[str, ...]:
    until = date.fromordinal(asked.today.toordinal() + 1)
    return tuple(map(str, retention_day_totals.check_identity(some.movements, some.standings, asked.first, until)))


# --- a night ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Night:
    """What a night came to: the sums as they are now, the windows in which anything is different, and who is behind closed months that changed.

    `seen`: the customers whose change is in the sums. `totals_from`: the first day whose totals may be different.
    """

    sums: Sums
    different: list[Window]
    restated: pl.DataFrame
    seen: Marks
    totals_from: date


def night(connection: Connection, held: Sums, asked: Asked, quotes: pl.DataFrame) -> Night:
    """Bring `held` up to date with the ledger as it is in this transaction."""
    version = asked.basis.version
    seen = previous.marks(connection, version)
    before_all = previous.book(connection, version)
    summed = set(held.partials.windows)
    common = [w for w in asked.windows if w in summed and w.kind != TO_DATE.name]
    then = date.fromisoformat(str(held.about["today"]))
    unmoved = not seen.times and quotes.equals(held.quotes)
    closed = [w for w in common if w.kind == "month" and not asked.was_incomplete(w, held.about["complete_until"])]
    partials = aggregate.of_windows(held.partials, common)
    totals = [held.totals, *_carried(held.totals, then, asked.today)]
    old, short, reached = asked.exchange(held.quotes), set[int](), NEVER
    behind, breaks = list[pl.DataFrame](), list[str]()
    for names in chunks(sorted(seen.times), CUSTOMERS_AT_ONCE):
        before = _only(before_all, names)
        now = read_ledger.book(connection, version, only=names, keys=asked.keys)
        breaks += _breaks(now, asked)
        since = first_change(_with_keys(before, asked.keys), now)
        partials, ran_out = _in_place(partials, names, before, now, since, asked, old)
        short |= ran_out
        if ended := [window for window in closed if window.until > since]:
            behind.append(restated(before, now, ended))
        days = [day for day in _days(asked, held.totals) if day >= since]
        totals += [
            retention_day_totals.less(retention_day_totals.totals(before.standings, days)),
            retention_day_totals.totals(now.standings, days),
        ]
        reached = min(reached, since)
    if asked.reporting_currency is not None:
        partials, without = _revalued(connection, partials, asked, held.quotes, quotes)
        short |= set(without)
    partials = _completed(connection, partials, asked, quotes, short)
    day_totals = _added_from(min(reached, then), totals)
    made = Sums(partials, day_totals, quotes, about(asked), tuple(breaks))
    return Night(
        made,
        _different(held, made, asked, () if unmoved else _PARTIALS, reached if quotes.equals(held.quotes) else date.min),
        pl.concat(behind) if behind else pl.DataFrame(schema=RESTATED),
        seen,
        then if unmoved else _first_different(held.totals, day_totals, then, reached),
    )


def _in_place(
    held: Partials, names: Sequence[str], before: Book, now: Book, since: date, asked: Asked, abroad: Exchange | None
) -> tuple[Partials, set[int]]:
    """`held` with the customers `names` as they are `now` in the place of what they were `before`, and the windows whose lists ran out.

    Only windows that reach the day `since`, from which the two differ, are looked at: in the others nothing has changed.
    """
    reached = [window for window in held.windows if window.until > since]
    if not reached:
        return held, set()
    mine, ran_out = aggregate.changed(
        aggregate.of_windows(held, reached),
        asked.partials(before, reached, abroad),
        asked.partials(now, reached, abroad),
        pl.Series(names, dtype=pl.String),
    )
    others = aggregate.of_windows(held, [window for window in held.windows if window.until <= since])
    places = {window: number for number, window in enumerate(held.windows)}
    return _side_by_side([aggregate.of_windows(some, held.windows) for some in (others, mine)]), {
        places[reached[number]] for number in ran_out
    }


def _with_keys(some: Book, keys: Sequence[str]) -> Book:
    """`some` with the attributes of `keys` only: what was kept of customers has all of them."""
    return replace(some, attributes=some.attributes.filter(pl.col("key").is_in(list(keys))))


def _added_from(first: date, totals: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Totals added up where anything is new, which is from the day `first` on; the days before are as they are in the first of them."""
    settled = totals[0].filter(pl.col("day") < first)
    return pl.concat([settled, retention_day_totals.added([some.filter(pl.col("day") >= first) for some in totals])])


def _only(some: Book, names: Sequence[str]) -> Book:
    chosen = pl.DataFrame({"customer": list(names)}, schema={"customer": pl.String})
    return Book(
        *(
            getattr(some, name).join(chosen, on="customer", how="semi", maintain_order="left")
            for name in ("standings", "movements", "attributes", "exclusions")
        )
    )


def _carried(totals: pl.DataFrame, then: date, today: date) -> list[pl.DataFrame]:
    """The totals of the last day for each day since: nobody who wasn't derived again has changed."""
    days = pl.DataFrame({"day": pl.date_range(then, today, eager=True)}).filter(pl.col("day") > then)
    last = totals.filter(pl.col("day") == then).drop("day")
    return [last.join(days, how="cross").select(totals.columns)] if len(days) else []


def _revalued(
    connection: Connection, held: Partials, asked: Asked, before: pl.DataFrame, now: pl.DataFrame
) -> tuple[Partials, list[int]]:
    """The whole book's money at the rates of now instead of those of before, in the windows that they reach; others' customers stay."""
    keys = list(QUOTES)
    changes = pl.concat([before.join(now, on=keys, how="anti"), now.join(before, on=keys, how="anti")])
    if changes.is_empty():
        return held, []
    since: Any = changes["day"].min()
    reached = [w for w in held.windows if w.until > since]
    old, new = asked.exchange(before), asked.exchange(now)
    if not reached or old is None or new is None:
        return held, []
    worth: list[tuple[Partials, Partials]] = []
    names = []
    for some in shards(connection, asked.basis.version, asked.keys, abroad_from=asked.reporting_currency):
        names.append(pl.concat([some.standings["customer"], some.movements["customer"]]).unique())
        worth.append(tuple(_labelled(asked.partials(some, reached, rates), new.label) for rates in (old, new)))  # type: ignore[arg-type]  # two of them
    gone, come = (aggregate.of_windows(aggregate.combine(some), held.windows) for some in zip(*worth, strict=True))
    return _changed_in(held, reached, gone, come, pl.concat(names), new.label)


def _labelled(some: Partials, label: str) -> Partials:
    """What of `some` is the whole book's, in the reporting currency."""

    def mine(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("currency") == label)

    return Partials(some.windows, mine(some.sums), mine(some.leaders), mine(some.causes), mine(some.trials), some.apart)


def _changed_in(
    held: Partials, reached: Sequence[Window], gone: Partials, come: Partials, customers: pl.Series, label: str
) -> tuple[Partials, list[int]]:
    """As `retention.changed`, but of the lists only those of the whole book in the windows `reached` are touched."""
    numbers = [number for number, window in enumerate(held.windows) if window in set(reached)]
    mine = (pl.col("currency") == label) & pl.col("window").is_in(numbers)
    made, short = aggregate.changed(replace(held, leaders=held.leaders.filter(mine)), gone, come, customers)
    ranked = pl.concat([held.leaders.filter(~mine), made.leaders]).sort(_ORDER["leaders"], maintain_order=True)
    return replace(made, leaders=ranked), short


def _completed(connection: Connection, some: Partials, asked: Asked, quotes: pl.DataFrame, short: set[int]) -> Partials:
    """`some` with the windows that are new since, and anew those whose lists ran out."""
    abroad = asked.exchange(quotes)
    stale = {some.windows[number] for number in short}
    good = [w for w in some.windows if w not in stale]
    known = set(good)
    fresh = [w for w in asked.windows if w not in known and w.kind != TO_DATE.name]
    parts = (
        [aggregate.of_windows(some, asked.windows)]
        if not stale
        else [aggregate.of_windows(aggregate.of_windows(some, good), asked.windows)]
    )
    if fresh:
        found = [asked.partials(each, fresh, abroad) for each in shards(connection, asked.basis.version, asked.keys)]
        parts.append(aggregate.of_windows(aggregate.combine(found), asked.windows))
    return _with_month_to_date(connection, _side_by_side(parts), asked, abroad)


def _side_by_side(parts: Sequence[Partials]) -> Partials:
    """Sums of different windows as one."""
    return Partials(
        parts[0].windows,
        *(pl.concat([getattr(p, name) for p in parts]).sort(_ORDER[name], maintain_order=True) for name in _PARTIALS),
    )


_ORDER: Final = {
    "sums": ["window", "dimension", "segment", "currency"],
    "leaders": ["window", "currency", "ranking"],
    "causes": ["window", "currency", "kind", "cause"],
    "trials": ["window", "currency"],
    "apart": ["window", "currency"],
}


def _with_month_to_date(connection: Connection, some: Partials, asked: Asked, abroad: Exchange | None) -> Partials:
    """The month to date is the month that isn't over: nothing is known yet of what lies between, but for the trials that end in it."""
    to_date = asked.windows[-1]
    number = asked.windows.index(to_date)
    month = next(i for i, w in enumerate(asked.windows) if w.kind == "month" and w.first == to_date.first)
    copied = {}
    for name in ("sums", "leaders", "causes", "apart"):
        frame = getattr(some, name)
        mine = frame.filter(pl.col("window") == month).with_columns(pl.lit(number, pl.UInt32).alias("window"))
        copied[name] = pl.concat([frame.filter(pl.col("window") != number), mine]).sort(_ORDER[name], maintain_order=True)
    running = read_ledger.running_trials(connection, asked.basis.version, opening(to_date.until, asked.basis.timezone))
    found = [
        rankings.trials(running, [to_date], asked.basis.timezone, rates) for rates in (None, abroad)[: 1 + (abroad is not None)]
    ]
    trials = pl.concat([some.trials, *(f.with_columns(pl.lit(number, pl.UInt32).alias("window")) for f in found)])
    return Partials(
        some.windows, copied["sums"], copied["leaders"], copied["causes"], trials.sort(_ORDER["trials"]), copied["apart"]
    )


def _different(held: Sums, made: Sums, asked: Asked, compared: Sequence[str], since: date) -> list[Window]:
    """The windows of `made` in which anything `compared` is different from `held`, which have become complete, or which are of today.

    What is compared is that of windows that reach the day `since`: in the others nothing can be different.
    """
    windows = made.partials.windows
    before = aggregate.of_windows(held.partials, windows)
    numbers = {number for number, window in enumerate(windows) if window.kind == TO_DATE.name}
    reached = pl.col("window").is_in([number for number, window in enumerate(windows) if window.until > since])
    for name in compared:
        old, new = (getattr(some, name).filter(reached) for some in (before, made.partials))
        on = new.columns
        for one, other in ((old, new), (new, old)):
            numbers |= set(one.join(other, on=on, how="anti", nulls_equal=True)["window"])
    then, known = Instant(held.about["complete_until"]), set(held.partials.windows)
    for number, window in enumerate(windows):
        if window not in known or asked.was_incomplete(window, then) != asked.incomplete(window):
            numbers.add(number)
    return [windows[number] for number in sorted(numbers)]


def _first_different(before: pl.DataFrame, now: pl.DataFrame, then: date, since: date) -> date:
    """The first day whose totals differ, which is `since` at the earliest, and `then` at the latest."""
    on, reached = now.columns, pl.col("day") >= since
    old, new = before.filter(reached), now.filter(reached)
    different = pl.concat([old.join(new, on=on, how="anti"), new.join(old, on=on, how="anti")])
    first: Any = different["day"].min()
    return then if first is None else min(then, first)
