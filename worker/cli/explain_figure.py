"""`nrr explain 2026-10`: the customers behind a month's, a quarter's, a year's or trailing months' NRR and GRR, adding up to the figure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.cli.common import Context, money, put_json
from worker.cli.dates import begun
from worker.cli.exit_codes import Exit, Stop
from worker.cli.people import People, people

if TYPE_CHECKING:
    from metrics.periods import Window
    from metrics.retention.analysis.customers_behind import Part
    from metrics.retention.figures import Figures
    from worker.queries.figures import Explained

_LOSSES: Final = ("churn", "contraction")
_OF_CHANGE: Final = {
    "churn": ("churn", "contraction"),
    "contraction": ("churn", "contraction"),
    "expansion": ("expansion", "reactivation", "new"),
}
"""Which movements explain a customer's part: those that go the same way."""
_CAUSES_SHOWN: Final = 2


def figure_of(context: Context, asked: tuple[str, date | None], segment: str | None, currency: str | None, limit: int) -> None:
    """The figure of a window as a whole, or of a segment, and the customers that make it. Raises Stop for a segment that there isn't."""
    from worker.queries.figures import explained

    window = _window(context, *asked)
    begun(f"{window.first} to {window.until - timedelta(days=1)}", "", window.first, context.today)
    dimension, value = _segment(context, segment)
    found = _one(explained(context.session, window, dimension=dimension, segment=value), currency)
    if found is None:
        of = f" of {segment}" if segment else ""
        raise Stop(
            f"nothing{of} had MRR from {window.first} to {window.until - timedelta(days=1)}; see which segments there are: "
            f"nrr show retention --from {window.first} --to {window.until - timedelta(days=1)} --by {dimension or 'plan'}",
            Exit.FAILED,
        )
    causes = _causes(context, window)
    if context.json:
        put_json(_as_json(context, found, causes))
    else:
        _tell(context, found, causes, limit)


def _window(context: Context, kind: str, at: date | None) -> "Window":
    from metrics.periods import calendar_window, trailing
    from metrics.window_kinds import WINDOW_KINDS
    from worker.queries.figures import last_complete

    if kind.startswith("trailing_"):
        until = at or last_complete(context.session)[-1].until
        return trailing(until, int(kind.removeprefix("trailing_")))
    assert at is not None, "calendar windows are named by a day"
    return calendar_window(WINDOW_KINDS[kind], at)


def _segment(context: Context, segment: str | None) -> tuple[str, str]:
    from worker.cli.dimensions import known

    if segment is None:
        return "", ""
    dimension, equals, value = segment.partition("=")
    if not equals or not value:
        raise Stop(f"--segment takes one such as plan=price_1 or country=DE, not {segment!r}", Exit.USAGE)
    return known(context, dimension) or "", value


def _one(found: "Sequence[Explained]", currency: str | None) -> "Explained | None":
    """The one in the currency that was asked for, else of the whole book, else the only one."""
    if currency is not None:
        return next((each for each in found if each.figure.currency == currency.lower()), None)
    whole = [each for each in found if each.figure.whole_book]
    if whole or len(found) == 1:
        return (whole or list(found))[0]
    if not found:
        return None
    codes = ", ".join(each.figure.currency.upper() for each in found)
    raise Stop(f"say which currency with --currency; there are {codes}. Set REPORTING_CURRENCY for the whole book", Exit.USAGE)


def _causes(context: Context, window: "Window") -> Mapping[tuple[str, str], list[tuple[date, str]]]:
    """The movements of the window by customer and kind: when, and why."""
    from worker.queries.movements import movements

    out: dict[tuple[str, str], list[tuple[date, str]]] = {}
    for row in movements(context.session, window.first, window.until).select("customer", "kind", "day", "cause").iter_rows():
        out.setdefault((row[0], row[1]), []).append((row[2], row[3]))
    return out


def _why(customer: str, kind: str, causes: Mapping[tuple[str, str], list[tuple[date, str]]]) -> list[tuple[date, str]]:
    return sorted(each for way in _OF_CHANGE[kind] for each in causes.get((customer, way), ()))


def _as_json(context: Context, found: "Explained", causes: Mapping[tuple[str, str], list[tuple[date, str]]]) -> dict[str, Any]:
    from worker.cli.figure_rows import figures_row
    from worker.cli.json_rows import amounts
    from worker.cli.stored_figures import window_of

    f = found.figure
    names = _names(context, found)

    def row(kind: str, part: "Part") -> dict[str, Any]:
        return {
            "customer": part.customer,
            "customer_name": names.get(part.customer),
            "name": names.get(part.customer),
            **amounts({"opening": part.opening, "end": part.end, "change": part.change}, f.currency),
            "movements": [{"day": day, "date": day, "cause": cause} for day, cause in _why(part.customer, kind, causes)],
        }

    return {
        "policy": context.wiring.basis.policy.name,
        "figure": {**window_of(f), **figures_row(f, context.names)},
        "parts": {kind: [row(kind, part) for part in parts] for kind, parts in found.parts.items()},
    }


def _names(context: Context, found: "Explained") -> dict[str, str]:
    from worker.queries.customers import names_of

    return names_of(context.session, [part.customer for parts in found.parts.values() for part in parts])


def _tell(context: Context, found: "Explained", causes: Mapping[tuple[str, str], list[tuple[date, str]]], limit: int) -> None:
    from metrics.alerts.certainty_words import weight
    from metrics.labels import WITHOUT_RATE, segment_words
    from metrics.retention.analysis.certainty import LEVEL
    from metrics.retention.figures import why_null
    from metrics.window_kinds import window_words
    from worker.cli.figure_rows import with_interval

    f = found.figure
    of = f" of {segment_words(f.dimension, f.segment, context.names)}" if f.dimension else ""
    head = window_words(f.kind, f.first, f.until).removeprefix("the ")
    rates = (f"NRR {with_interval(f, 'nrr')}", f"GRR {with_interval(f, 'grr')}", f"logos kept {with_interval(f, 'logo_retention')}")
    context.lines(f"{head}{of}{' (incomplete)' if f.incomplete else ''}: {', '.join(rates)}")
    parts = f"expansion {money(f.expansion, f.currency)}, contraction {money(-f.contraction, f.currency)}, churn {money(-f.churn, f.currency)}"
    context.lines(
        f"opening {money(f.opening, f.currency)} of {f.opening_customers:,} customers, {parts}, "
        f"end of cohort {money(f.closing_of_cohort, f.currency)}"
    )
    if f.opening_customers:
        context.lines(f"how sure that is: {weight(f)}; behind each rate its interval of {LEVEL} %, where there is one")
    why_not = f.reason or why_null(f, "nrr")
    if why_not:
        context.lines(f"no rates: {WITHOUT_RATE.get(why_not, why_not)}")
    who = people(context, [part.customer for rows in found.parts.values() for part in rows])
    for kind, rows in found.parts.items():
        if rows:
            context.lines("")
            _tell_part(context, f, kind, rows, who, causes, limit)
    if not any(found.parts.values()):
        context.lines("no customer of the opening stands at another amount at the end")
        return
    first = next(rows for rows in found.parts.values() if rows)[0]
    context.say(f"\nthey add up to the figure; how one came about: nrr explain {first.customer}")


def _tell_part(
    context: Context,
    f: "Figures",
    kind: str,
    rows: "Sequence[Part]",
    who: People,
    causes: Mapping[tuple[str, str], list[tuple[date, str]]],
    limit: int,
) -> None:
    from metrics.labels import cause_name
    from metrics.number_words import counted

    whole = sum(part.change for part in rows)
    shown, rest = rows[:limit], rows[limit:]

    def why(part: "Part") -> str:
        found = _why(part.customer, kind, causes)
        more = f", and {len(found) - _CAUSES_SHOWN} more" if len(found) > _CAUSES_SHOWN else ""
        return ", ".join(f"{cause_name(cause)} ({day:%m-%d})" for day, cause in found[:_CAUSES_SHOWN]) + more

    def row(part: "Part") -> tuple[object, ...]:
        first, *rest = who.cells(part.customer)
        change = money(part.change, f.currency)
        return first, change, why(part), *rest, money(part.opening, f.currency), money(part.end, f.currency)

    table = [row(part) for part in shown]
    if rest:
        amount = money(sum(part.change for part in rest), f.currency)
        table.append((f"and {len(rest):,} more", amount, "--limit", *([""] if len(who.columns) > 1 else []), "", ""))
    columns = (who.columns[0], "change", "why", *who.columns[1:], "opening", "end")
    title = f"{kind.capitalize()}: {money(whole, f.currency)}, {counted(len(rows), 'customer', 'customers')}"
    context.table(columns, table, title=title, right=("change", "opening", "end"))
