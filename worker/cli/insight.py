"""`nrr show insight`: the lever to pull first, how NRR compares, where it is heading, who is behind it, and what is coming."""

from typing import TYPE_CHECKING, Any

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, percent, put_json
from worker.cli.people import people
from worker.cli.stored_figures import At, Currency, Kind, label, stored_figures, window_of

if TYPE_CHECKING:
    from metrics.retention.analysis.insight import Signal
    from metrics.retention.figures import Figures


def insight(
    window: Kind = "trailing_12",
    currency: Currency = None,
    as_known_at: At = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show what drives NRR: lever, benchmark, trend, customers. And what is coming."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        insight_of(context, window, currency, as_known_at)


def insight_of(context: Context, kind: str, currency: str | None, as_known_at: str | None) -> None:
    """What the last complete window suggests."""
    from metrics.retention.analysis import insight as thoughts
    from worker.figures import stored

    series = stored_figures(context, kind, "", currency, as_known_at)
    (f,) = stored.latest(series)
    (latest,) = stored.latest(series, complete=False)
    quarters = stored_figures(context, "quarter", "", f.currency, as_known_at)[-8:]
    found: dict[str, Any] = {
        "lever": thoughts.largest_lever(f),
        "benchmark": thoughts.benchmark(f),
        "trend": thoughts.trend(quarters, "nrr"),
        "concentration": thoughts.concentration(f),
        "drivers": thoughts.drivers(f, "nrr"),
        "signals": [*thoughts.standing_signals(latest), *_dated_signals(context, latest)],
    }
    if context.json:
        from worker.cli.insight_rows import insight_rows

        put_json(
            {
                **window_of(f),
                "currency": f.code,
                "policy": context.wiring.basis.policy.name,
                "as_known_at": as_known_at,
                **insight_rows(found, f.code),
            }
        )
        return
    _tell_insight(context, f, found)


def _dated_signals(context: Context, latest: "Figures") -> "list[Signal]":
    """The last night's look ahead, in the currency of the figures; of the whole book as far as it is paid in it."""
    from metrics.money import ratio_text
    from metrics.retention.analysis.insight import Signal
    from worker.queries.outlook import outlook

    code = latest.code
    return [
        Signal(ahead.name, ahead.micros, ahead.customers, ratio_text(ahead.micros, latest.closing), ahead.within_days)
        for ahead in outlook(context.session)
        if ahead.currency == code
    ]


def _tell_insight(context: Context, f: "Figures", found: dict[str, Any]) -> None:
    from metrics.alerts.advice import benchmark_words, lever_words
    from metrics.alerts.certainty_words import weight
    from worker.cli.figure_rows import with_interval

    nrr, grr, logos = (with_interval(f, rate) for rate in ("nrr", "grr", "logo_retention"))
    context.lines(f"{label(f)}: NRR {nrr}, GRR {grr}, logos kept {logos}")
    context.lines(f"certainty: {weight(f)}")
    lever = found["lever"]
    if lever is None:
        context.lines("lever: none stands out (churn up to 10 % a year, expansion of 5 % and more, contraction up to 5 %)")
    else:
        also = f" Then: {', '.join(lever.also)}." if lever.also else ""
        context.lines(f"lever: {lever_words(f)} That is {money(lever.micros, f.currency)} of MRR beyond the bound.{also}")
    band = found["benchmark"]
    if band is not None:
        context.lines(f"benchmark: {benchmark_words(f)}; {band.health.replace('_', ' ')}")
        if band.worth_a_look:
            context.lines("an NRR of 150 % and more is worth a look: a young book, or one customer?")
    trend = found["trend"]
    points = ", ".join(percent(value) + ("*" if incomplete else "") for _, value, incomplete in trend.points)
    context.lines(f"quarterly NRR: {points or '–'}: {trend.direction}")
    few = found["concentration"]
    context.lines(
        f"the ten largest hold {percent(few.share_of_top)} of the opening; NRR without the five largest {percent(few.nrr_without_largest)}"
    )
    drivers = found["drivers"]
    moved = (*drivers.gained[:5], *reversed(drivers.lost[:5]))
    who = people(context, [d.customer for d in moved])
    rows = [
        (
            *who.cells(d.customer)[:1],
            money(d.change, f.currency),
            percent(d.share),
            *who.cells(d.customer)[1:],
            money(d.opening, f.currency),
            money(d.closing, f.currency),
        )
        for d in moved
    ]
    if rows:
        numbers = ("change", "of the opening", "opening", "end")
        columns = (who.columns[0], *numbers[:2], *who.columns[1:], *numbers[2:])
        context.table(columns, rows, title="Who moved it", right=numbers)
    causes = [(c.kind, c.cause, money(c.micros, f.currency), c.movements, percent(c.share)) for c in drivers.causes[:10]]
    if causes:
        columns = ("kind", "cause", "amount", "movements", "of the opening")
        context.table(
            columns,
            causes,
            title="What moved it (movements of the whole book; nrr explain names the customers that add up to the figure)",
            right=columns[2:],
        )
    signals = [
        (
            s.name.replace("_", " ") + (f" within {s.within_days} days" if s.within_days else ""),
            money(s.micros, f.currency),
            "" if s.count is None else s.count,
            percent(s.share),
        )
        for s in found["signals"]
    ]
    context.table(("signal", "MRR", "how many", "of MRR"), signals, title="What is coming", right=("MRR", "how many", "of MRR"))
