"""`nrr show retention`: NRR, GRR and logos of any days, and without days of the last windows that are complete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, put_json
from worker.cli.dates import begun, day_of_text, until_of_text
from worker.cli.dimensions import known
from worker.cli.exit_codes import Exit, Stop
from worker.cli.rates import say_outdated
from worker.cli.require_ledger import ready
from worker.cli.stored_figures import At

if TYPE_CHECKING:
    from metrics.periods import Window
    from metrics.retention.figures import Figures

From = Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day.")]
To = Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day, which is part of the range.")]
LATELY_DAYS = 30


def range_of(first: str | None, last: str | None, context: Context) -> tuple[date, date]:
    """The days [first, until) of --from and --to; without them the last thirty up to today. Of one named month that month is the range."""
    until = until_of_text(last, "--to") if last else context.today + timedelta(days=1)
    begin = day_of_text(first, "--from") if first else until - timedelta(days=LATELY_DAYS)
    if first:
        begun(first, "--from", begin, context.today)
    if begin >= until:
        raise Stop(f"--from {begin} lies after --to {until - timedelta(days=1)}", Exit.USAGE)
    return begin, until


def retention(
    first: From = None,
    last: To = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="DIMENSION", help="Segments too: plan, country, metadata.KEY, or two: plan,country."),
    ] = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show NRR, GRR, logo retention and the MRR bridge. Rates are of the customers that were there at the opening, the bridge of the whole book.

    Without days: of the last complete month, quarter and twelve months.
    """
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        by = known(context, by)
        if first is None and last is None:
            lately_of(context, by, as_known_at)
        else:
            retention_of(context, *range_of(first, last, context), by, as_known_at)


@dataclass(frozen=True, slots=True)
class Found:
    """The figures of one window: of the whole book, of each currency and of the segments in the currency of the total, where there is one."""

    window: "Window"
    total: "Figures | None"
    own: tuple["Figures", ...]
    segments: tuple["Figures", ...]

    @property
    def whole(self) -> tuple["Figures", ...]:
        """Those of no segment: each currency's, and the total where it is more than one of them."""
        return self.own if self.total is None or self.total in self.own else (*self.own, self.total)


def _found(context: Context, windows: Sequence["Window"], by: str | None, as_known_at: str | None) -> list[Found]:
    from worker.cli.stored_figures import known_then
    from worker.queries.figures import retention as made_now

    figures = (
        [f for window in windows for f in known_then(context, window, by, as_known_at)]
        if as_known_at is not None
        else made_now(context.session, windows, [by] if by else [])
    )
    out = []
    for window in windows:
        mine = [f for f in figures if (f.first, f.until) == (window.first, window.until)]
        own = [f for f in mine if not f.dimension and not f.whole_book]
        together = [f for f in mine if not f.dimension and f.whole_book]
        total = together[0] if together else own[0] if len(own) == 1 else None
        segments = [f for f in mine if f.dimension and (total is None or f.currency == total.currency)]
        out.append(Found(window, total, tuple(own), tuple(segments)))
    return out


def _as_json(context: Context, found: Found, by: str | None, as_known_at: str | None) -> dict[str, Any]:
    from worker.cli.figure_rows import figures_row
    from worker.cli.json_rows import code_of, window_row

    total = found.total
    return {
        **window_row(found.window.kind, found.window.first, found.window.until),
        "window": found.window.kind,
        "policy": context.wiring.basis.policy.name,
        "basis": context.wiring.basis.version,
        "currency": code_of(total.currency) if total else None,
        "total": figures_row(total) if total else None,
        "by_currency": [figures_row(f) for f in found.own],
        "by": by,
        "segments": [figures_row(f, context.names) for f in found.segments],
        "as_known_at": as_known_at,
        "inferred": _inferred(context, found),
    }


def _inferred(context: Context, found: Found) -> dict[str, Any] | None:
    """What of the window's movements is inferred, by kind, in the currency of the total; None where there is no total."""
    from worker.cli.json_rows import amounts
    from worker.queries.movements import inferred

    if found.total is None:
        return None
    return amounts(
        dict(inferred(context.session, found.window.first, found.window.until, found.total.currency)), found.total.currency
    )


def _say_inferred(context: Context, found: Found) -> None:
    """Under a table: how much of a window is dated at its first evidence only, so that a first read's spike isn't taken for one of the time."""
    from metrics.labels import INFERRED
    from worker.queries.movements import inferred

    if found.total is None:
        return
    window, code = found.window, found.total.currency
    parts = inferred(context.session, window.first, window.until, code)
    if parts:
        said = ", ".join(f"{kind} {money(micros, code)}" for kind, micros in sorted(parts.items()))
        context.say(f"of {window.first} to {window.until - timedelta(days=1)}, {INFERRED}: {said}")


# --- the last complete windows ------------------------------------------------------------------------------------------------


def lately_of(context: Context, by: str | None = None, as_known_at: str | None = None) -> None:
    """Retention of the last complete month, quarter and twelve months, a row each; by segment a table each."""
    from worker.queries.figures import last_complete

    windows = last_complete(context.session)
    found = _found(context, windows, by, as_known_at)
    if context.json:
        rows = [_as_json(context, each, by, as_known_at) for each in found]
        put_json({**rows[0], "windows": rows, **context.outstanding_row()})
        return
    if not any(each.whole for each in found):
        context.say(
            f"nothing had MRR before {windows[0].until}; the month under way: nrr show retention --from {context.today:%Y-%m}"
        )
        return
    if by:
        for each in found:
            _tell(context, each)
            context.lines("")
    else:
        _tell_lately(context, found)
    _about_intervals(context, found[-1].total)
    for each in found:
        _say_inferred(context, each)
    _say_left_out(context, windows[0].until)


def _say_left_out(context: Context, first: date) -> None:
    """What the last complete windows leave out, with the command that shows it: all from the day `first` on."""
    under_way = context.today.replace(day=1)
    if first < under_way:
        context.say(
            "a month is complete when all of it was read and the days of grace after it are over, in which an end may be undone; to see what "
            f"came since: nrr show retention --from {first} --to {under_way - timedelta(days=1)}"
        )
    context.say(f"the month under way isn't over and is left out; to see it: nrr show retention --from {under_way:%Y-%m}")


def _tell_lately(context: Context, found: Sequence[Found]) -> None:
    from worker.cli.figure_rows import with_interval
    from worker.cli.stored_figures import label

    rows = []
    for each in found:
        for f in [each.total] if each.total is not None else each.own:
            nrr, grr, logos = (with_interval(f, rate) for rate in ("nrr", "grr", "logo_retention"))
            name = label(f) + ("" if each.total is not None else f" in {f.currency.upper()}")
            amounts = (f.opening, f.expansion, -f.contraction, -f.churn, f.closing_of_cohort)
            kept = f"{f.retained_customers:,} of {f.opening_customers:,}"
            rows.append((name, nrr, grr, logos, kept, *(money(amount, f.currency) for amount in amounts)))
    columns = ("window", "NRR", "GRR", "logos kept", "customers", "opening", "expansion", "contraction", "churn", "end of cohort")
    context.table(columns, rows, title="Retention of the last complete month, quarter and 12 months", right=columns[1:])


# --- any days -----------------------------------------------------------------------------------------------------------------


def retention_of(context: Context, begin: date, until: date, by: str | None = None, as_known_at: str | None = None) -> None:
    """Retention of the days [begin, until), by segments of one dimension too if one is named; as it was known once, if that is asked."""
    from metrics.periods import Window

    (found,) = _found(context, [Window(_kind(begin, until), begin, until)], by, as_known_at)
    if context.json:
        put_json({**_as_json(context, found, by, as_known_at), **context.outstanding_row()})
        return
    if not found.whole:
        context.say("nothing had MRR in this range")
        return
    _tell(context, found)
    for f in found.whole:
        if f.reason:
            context.say(f"{f.currency}: rates can't be given: {f.reason}")
    _about_intervals(context, found.total)
    _say_inferred(context, found)


def _about_intervals(context: Context, total: "Figures | None") -> None:
    from metrics.alerts.certainty_words import weight

    if total is not None and not total.reason:
        context.say(f"behind each rate stands its interval of 90 %, where there is one; {weight(total)}")
    if total is not None and total.whole_book:
        say_outdated(context)


def _tell(context: Context, found: Found) -> None:
    from worker.cli.figure_rows import with_ids

    total, own, segments = found.total, found.own, found.segments
    columns: Sequence[str] = (
        "",
        "opening",
        "expansion",
        "contraction",
        "churn",
        "end of cohort",
        "NRR",
        "GRR",
        "logos kept",
        "new",
        "returned",
        "closing",
    )
    shown = [
        *segments,
        *([total] if total and (len(own) > 1 or segments) else []),
        *(own if total is None or len(own) > 1 or not segments else []),
    ]
    right = columns[1:]
    columns, rows = with_ids(columns, [_row(f, total, context.names) for f in shown], shown, context.names)
    window = found.window
    context.table(
        columns,
        rows,
        title=f"Retention from {window.first} to {window.until - timedelta(days=1)}"
        + (" (incomplete)" if any(f.incomplete for f in found.whole) else ""),
        right=right,
    )


def _row(f: Any, total: Any, names: Mapping[tuple[str, str], str]) -> tuple[object, ...]:
    from metrics.labels import segment_words
    from worker.cli.figure_rows import with_interval

    nrr, grr, logos = (with_interval(f, rate) for rate in ("nrr", "grr", "logo_retention"))
    name = (
        segment_words(f.dimension, f.segment, names)
        if f.dimension
        else ("all in " if f is total and f.whole_book else "") + f.code.upper()
    )
    return (
        name,
        money(f.opening, f.currency),
        money(f.expansion, f.currency),
        money(-f.contraction, f.currency),
        money(-f.churn, f.currency),
        money(f.closing_of_cohort, f.currency),
        nrr,
        grr,
        logos,
        money(f.new, f.currency),
        money(f.reactivation, f.currency),
        money(f.closing, f.currency),
    )


def _kind(begin: date, until: date) -> str:
    """What kind of window a range is, so that a whole month is one."""
    from metrics.periods import month, quarter, year

    for make in (month, quarter, year):
        window = make(begin)
        if (window.first, window.until) == (begin, until):
            return window.kind
    return "custom"
