"""`nrr show nrr | grr | segments | cohorts`: stored figures, as they are or as they were known once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, percent, put_json
from worker.cli.dates import instant_of
from worker.cli.exit_codes import Exit, Stop
from worker.cli.stored_figures import At, By, Currency, Kind, Last, label, stored_figures, window_of

if TYPE_CHECKING:
    from metrics.retention.analysis.cohorts import Cohort
    from metrics.retention.figures import Figures


def nrr(
    window: Kind = "trailing_12",
    by: By = None,
    last: Last = 12,
    currency: Currency = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show net revenue retention, window after window."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        series_of(context, "nrr", window, by, last, currency, as_known_at)


def grr(
    window: Kind = "trailing_12",
    by: By = None,
    last: Last = 12,
    currency: Currency = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show gross revenue retention, window after window."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        series_of(context, "grr", window, by, last, currency, as_known_at)


def segments(
    by: Annotated[
        str, typer.Option("--by", metavar="DIMENSION", help="plan, country, metadata.KEY, or two: plan,country.")
    ] = "plan",
    window: Kind = "trailing_12",
    currency: Currency = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show retention by segment for the last complete window. Largest opening first."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        segments_of(context, by, window, currency, as_known_at)


def cohorts(
    measure: Annotated[str, typer.Option("--measure", help="revenue or logo.")] = "revenue",
    currency: Currency = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show retention by month of sign-up, month after month."""
    if measure not in ("revenue", "logo"):
        raise Stop(f"--measure takes revenue or logo, not {measure!r}", Exit.USAGE)
    with opened(json=json, now=now, config=config, policy=policy) as context:
        cohorts_of(context, measure, currency, as_known_at)


# --- what is shown ------------------------------------------------------------------------------------------------------------


def series_of(
    context: Context, rate: str, kind: str, by: str | None, last: int, currency: str | None, as_known_at: str | None
) -> None:
    """One rate of the latest windows of a kind, by segment if a dimension is named."""
    from metrics.retention.figures import rates
    from worker.cli.figure_rows import figures_row, with_interval
    from worker.cli.json_rows import number

    found = stored_figures(context, kind, by or "", currency, as_known_at)
    ends = sorted({f.until for f in found})[-last:]
    shown = sorted((f for f in found if f.until in ends), key=lambda f: (f.until, f.segment))
    if context.json:
        rows = [{**window_of(f), "rate": number(rates(f)[rate]), **figures_row(f, context.names)} for f in shown]
        put_json(
            {
                "metric": rate,
                **context.outstanding_row(),
                "window_kind": kind,
                "window": kind,
                "by": by,
                "policy": context.wiring.basis.policy.name,
                "as_known_at": as_known_at,
                "figures": rows,
            }
        )
        return
    title = f"{rate.upper()} of each {kind.replace('_', ' ')}" + (f", as known at {as_known_at}" if as_known_at else "")
    if by:
        _series_by_segment(context, shown, ends, rate, by, title)
        return
    rows_ = [
        (
            label(f),
            money(f.opening, f.currency),
            money(f.expansion, f.currency),
            money(-f.contraction, f.currency),
            money(-f.churn, f.currency),
            money(f.closing_of_cohort, f.currency),
            with_interval(f, rate),
            _note(f, rate),
        )
        for f in shown
    ]
    columns = ("window", "opening", "expansion", "contraction", "churn", "end of cohort", rate.upper(), "")
    context.table(columns, rows_, title=title, right=columns[1:-1])
    _about_intervals(context, shown, rate)


def _note(f: "Figures", rate: str) -> str:
    """Why there is no rate, in words, or that the window isn't over."""
    from metrics.labels import WITHOUT_RATE
    from metrics.retention.figures import why_null

    why = why_null(f, rate)
    return WITHOUT_RATE.get(why, why) if why else ("incomplete" if f.incomplete else "")


def _about_intervals(context: Context, shown: "Sequence[Figures]", rate: str) -> None:
    """Say once what stands behind the rates, and why the last one has no interval."""
    from metrics.alerts.certainty_words import weight
    from metrics.retention.analysis.certainty import TOO_FEW, why_no_interval

    if not shown:
        return
    why = why_no_interval(shown[-1], rate)
    if why is None:
        context.say(f"behind each rate: its interval of 90 %; {weight(shown[-1])}")
    elif why == TOO_FEW:
        context.say(f"too few customers for an interval: {weight(shown[-1])}")


def _series_by_segment(context: Context, shown: "Sequence[Figures]", ends: Sequence[Any], rate: str, by: str, title: str) -> None:
    from metrics.labels import segment_words
    from worker.cli.figure_rows import with_ids, with_interval

    heads = {f.until: label(f) for f in shown}
    cells = {(f.segment, f.until): with_interval(f, rate) for f in shown}
    right = [heads[end] for end in ends]
    each = sorted({f.segment: f for f in shown}.values(), key=lambda f: (segment_words(by, f.segment, context.names), f.segment))
    rows: list[Sequence[object]] = [
        (segment_words(by, f.segment, context.names), *(cells.get((f.segment, end), "–") for end in ends)) for f in each
    ]
    columns, rows = with_ids((by, *right), rows, each, context.names)
    context.table(columns, rows, title=title, right=right)


def segments_of(context: Context, by: str, kind: str, currency: str | None, as_known_at: str | None) -> None:
    """Retention by segment of the last complete window."""
    from metrics.labels import segment_words
    from worker.cli.figure_rows import figures_row, with_ids, with_interval
    from worker.figures import stored

    found = stored.latest(stored_figures(context, kind, by, currency, as_known_at))
    shown = sorted(found, key=lambda f: (-f.opening, -f.closing, f.segment))
    if context.json:
        put_json(
            {
                **window_of(shown[0]),
                **context.outstanding_row(),
                "by": by,
                "policy": context.wiring.basis.policy.name,
                "as_known_at": as_known_at,
                "segments": [figures_row(f, context.names) for f in shown],
            }
        )
        return
    columns: Sequence[str] = (
        by,
        "customers",
        "opening",
        "NRR",
        "GRR",
        "logos kept",
        "expansion",
        "contraction",
        "churn",
        "new",
        "closing",
    )
    rows: list[Sequence[object]] = []
    for f in shown:
        nrr, grr, logos = (with_interval(f, rate) for rate in ("nrr", "grr", "logo_retention"))
        rows.append(
            (
                segment_words(by, f.segment, context.names),
                f.opening_customers,
                money(f.opening, f.currency),
                nrr,
                grr,
                logos,
                money(f.expansion, f.currency),
                money(-f.contraction, f.currency),
                money(-f.churn, f.currency),
                money(f.new, f.currency),
                money(f.closing, f.currency),
            )
        )
    right = columns[1:]
    columns, rows = with_ids(columns, rows, shown, context.names)
    context.table(columns, rows, title=f"{label(shown[0])} by {by}", right=right)


def cohorts_of(context: Context, measure: str, currency: str | None, as_known_at: str | None) -> None:
    """The triangle of sign-up cohorts."""
    from metrics.retention.analysis.cohorts import DIMENSION, triangles
    from worker.queries.figures import stored

    found = stored_figures(context, "month", DIMENSION, currency, as_known_at)
    at = None if as_known_at is None else instant_of(as_known_at, "--as-known-at")
    whole = stored(context.session, kind="month", dimension="", currency=found[0].currency, as_known_at=at)
    rows = triangles([*found, *whole])
    if context.json:
        put_json(
            {"policy": context.wiring.basis.policy.name, "as_known_at": as_known_at, "cohorts": [_cohort_row(c) for c in rows]}
        )
        return
    oldest = max((len(c.cells) for c in rows), default=0)
    ages = range(min(oldest, 13))
    shown = [
        (f"{c.signup:%Y-%m}", c.logos, money(c.arrived_micros, c.currency), *(_cell(c, age, measure) for age in ages)) for c in rows
    ]
    columns = ("signed up", "logos", "arrived with", *(str(age) for age in ages))
    context.table(columns, shown, title=f"{measure.capitalize()} kept by month since sign-up (* not over yet)", right=columns[1:])
    if oldest > len(ages):
        context.say("months beyond the 12th are in --json")


def _cell(cohort: "Cohort", age: int, measure: str) -> str:
    if age >= len(cohort.cells):
        return ""
    cell = cohort.cells[age]
    share = cell.revenue_retention if measure == "revenue" else cell.logo_retention
    return percent(share).replace(" %", "") + ("*" if cell.incomplete else "")


def _cohort_row(cohort: "Cohort") -> dict[str, Any]:
    from metrics.money import BookCurrency
    from worker.cli.json_rows import amount, code_of, number

    return {
        "signup": f"{cohort.signup:%Y-%m}",
        "currency": code_of(cohort.currency),
        "whole_book": BookCurrency.of(cohort.currency).whole_book,
        "logos": cohort.logos,
        **amount("arrived", cohort.arrived_micros, cohort.currency),
        "months": [
            {
                "age": c.age,
                "month": f"{c.month:%Y-%m}",
                "customers": c.customers,
                **amount("mrr", c.micros, cohort.currency),
                "logo_retention": number(c.logo_retention),
                "revenue_retention": number(c.revenue_retention),
                "incomplete": c.incomplete,
            }
            for c in cohort.cells
        ],
    }
