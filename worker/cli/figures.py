"""`nrr show nrr | grr | segments | cohorts | insight` and `nrr runs diff`: stored figures, as they are or as they were known once."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.common import Config, Face, Json, Now, PolicyName, instant_of, money, opened, percent, put_json
from worker.cli.faults import Exit, Stop

if TYPE_CHECKING:
    from metrics.cohorts import Cohort
    from metrics.figures import Figures
    from metrics.insight import Signal
    from worker.stored import Difference

KINDS: Final = ("month", "quarter", "year", "trailing_3", "trailing_12", "month_to_date")

Kind = Annotated[str, typer.Option("--window", metavar="KIND", help=f"{', '.join(KINDS)}.")]
By = Annotated[str | None, typer.Option("--by", metavar="DIMENSION", help="plan, country, metadata.KEY, or two: plan,country.")]
Last = Annotated[int, typer.Option("--last", min=1, help="So many windows, the latest ones.")]
At = Annotated[str | None, typer.Option("--as-known-at", metavar="ISO-INSTANT", help="As it was known then, before later news.")]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="What is billed in this currency, instead of the whole book.")
]


def nrr(
    window: Kind = "trailing_12", by: By = None, last: Last = 12, currency: Currency = None, as_known_at: At = None,
    policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None,
) -> None:  # fmt: skip
    """Show net revenue retention, window after window."""
    with opened(json=json, now=now, config=config, policy=policy) as face:
        series_of(face, "nrr", window, by, last, currency, as_known_at)


def grr(
    window: Kind = "trailing_12", by: By = None, last: Last = 12, currency: Currency = None, as_known_at: At = None,
    policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None,
) -> None:  # fmt: skip
    """Show gross revenue retention, window after window."""
    with opened(json=json, now=now, config=config, policy=policy) as face:
        series_of(face, "grr", window, by, last, currency, as_known_at)


def segments(
    by: Annotated[str, typer.Option("--by", metavar="DIMENSION", help="plan, country, metadata.KEY, or two: plan,country.")] = "plan",
    window: Kind = "trailing_12", currency: Currency = None, as_known_at: At = None,
    policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None,
) -> None:  # fmt: skip
    """Show retention by segment for the last complete window, largest opening first."""
    with opened(json=json, now=now, config=config, policy=policy) as face:
        segments_of(face, by, window, currency, as_known_at)


def cohorts(
    measure: Annotated[str, typer.Option("--measure", help="revenue or logo.")] = "revenue",
    currency: Currency = None, as_known_at: At = None,
    policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None,
) -> None:  # fmt: skip
    """Show what became, month after month, of those who came in one month."""
    if measure not in ("revenue", "logo"):
        raise Stop(f"--measure takes revenue or logo, not {measure!r}", Exit.USAGE)
    with opened(json=json, now=now, config=config, policy=policy) as face:
        cohorts_of(face, measure, currency, as_known_at)


def insight(
    window: Kind = "trailing_12", currency: Currency = None, as_known_at: At = None,
    policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None,
) -> None:  # fmt: skip
    """Show the lever to pull first, how NRR compares, where it is heading, who is behind it, and what is coming."""
    with opened(json=json, now=now, config=config, policy=policy) as face:
        insight_of(face, window, currency, as_known_at)


def diff(
    earlier: Annotated[int, typer.Argument(help="The number of a run.")],
    later: Annotated[int, typer.Argument(help="The number of a later run.")],
    window: Annotated[str | None, typer.Option("--window", metavar="KIND", help=f"Only {', '.join(KINDS)}.")] = None,
    by: Annotated[str, typer.Option("--by", metavar="DIMENSION", help="Segments of this dimension, instead of the whole.")] = "",
    policy: PolicyName = None, json: Json = False, config: Config = None,
) -> None:  # fmt: skip
    """Show which figures were known differently after two runs, by how much, when it was learnt, and which customers were behind it."""
    from worker import stored

    with opened(json=json, config=config, policy=policy) as face:
        ready(face)
        try:
            found = stored.between_runs(face.wiring.engine, face.wiring.basis, earlier, later, kind=window, dimension=by)
        except stored.NoSuchRun as error:
            raise Stop(str(error), Exit.USAGE) from None
        _tell_difference(face, found)


# --- what is asked for --------------------------------------------------------------------------------------------------------


def ready(face: Face) -> None:
    """Raises what `worker.cli.ready` raises."""
    from worker.cli.ready import ready as there_is_a_ledger

    there_is_a_ledger(face)


def stored_figures(face: Face, kind: str, dimension: str | None, currency: str | None, as_known_at: str | None) -> "list[Figures]":
    """Stored figures of one kind of window in one currency: the one named, else the whole book's, else the only one there is.

    A dimension that the nightly figures aren't made for is computed now, from the ledger as it stands. Raises Stop with the next command.
    """
    from worker import stored

    if kind not in KINDS:
        raise Stop(f"--window takes {', '.join(KINDS)}, not {kind!r}", Exit.USAGE)
    ready(face)
    at: datetime | None = None if as_known_at is None else instant_of(as_known_at, "--as-known-at")
    found = stored.figures(face.wiring.engine, face.wiring.basis, kind=kind, dimension=dimension, as_known_at=at)
    if not found and dimension:
        if at is not None:
            raise Stop(f"no figures by {dimension} were stored at {at:%Y-%m-%d %H:%M}; name another --by", Exit.USAGE)
        found = _computed(face, kind, dimension)
    if not found:
        raise Stop(f"no figures are stored of windows of the kind {kind} yet; run: nrr rollup")
    codes = {f.currency for f in found}
    whole = next((code for code in sorted(codes) if code.startswith("all:")), None)
    wanted = currency.lower() if currency else whole or (codes.pop() if len(codes) == 1 else None)
    if wanted is None or not any(f.currency == wanted for f in found):
        names = ", ".join(sorted(code.upper() for code in {f.currency for f in found} if not code.startswith("all:")))
        raise Stop(
            f"say which currency with --currency; there are {names}. Set REPORTING_CURRENCY for figures of the whole book",
            Exit.USAGE,
        )
    return [f for f in found if f.currency == wanted]


def _computed(face: Face, kind: str, dimension: str) -> "list[Figures]":
    from metrics.periods import Window
    from worker import stored
    from worker.figures import figures_now
    from worker.reporting import reporting_currency

    whole = stored.figures(face.wiring.engine, face.wiring.basis, kind=kind, dimension="")
    windows = sorted({(f.first, f.until) for f in whole})
    face.say(f"figures by {dimension} aren't made at night (see `dimensions` in nrr.toml): making them now …")
    asked = [Window(kind, *ends) for ends in windows]
    found = figures_now(
        face.wiring.engine, face.wiring.basis, asked, [dimension], reporting_currency=reporting_currency(face.wiring)
    )
    return [f for f in found if f.dimension == dimension]


# --- what is shown ------------------------------------------------------------------------------------------------------------


def series_of(face: Face, rate: str, kind: str, by: str | None, last: int, currency: str | None, as_known_at: str | None) -> None:
    """One rate of the latest windows of a kind, by segment if a dimension is named."""
    from metrics.figures import rates, why_null
    from worker.cli.rows import figures_row

    found = stored_figures(face, kind, by or "", currency, as_known_at)
    ends = sorted({f.until for f in found})[-last:]
    shown = sorted((f for f in found if f.until in ends), key=lambda f: (f.until, f.segment))
    if face.json:
        rows = [{**_window_of(f), "rate": rates(f)[rate], **figures_row(f)} for f in shown]
        put_json({"metric": rate, "window": kind, "by": by, "policy": face.wiring.basis.policy.name, "as_known_at": as_known_at, "figures": rows})  # fmt: skip
        return
    title = f"{rate.upper()} of each {kind.replace('_', ' ')}" + (f", as known at {as_known_at}" if as_known_at else "")
    if by:
        _series_by_segment(face, shown, ends, rate, by, title)
        return
    rows_ = [
        (_label(f), money(f.opening, f.currency), money(f.expansion, f.currency), money(-f.contraction, f.currency), money(-f.churn, f.currency),
         money(f.closing_of_cohort, f.currency), percent(rates(f)[rate]), why_null(f, rate) or ("incomplete" if f.incomplete else ""))
        for f in shown
    ]  # fmt: skip
    columns = ("window", "opening", "expansion", "contraction", "churn", "end of cohort", rate.upper(), "")
    face.table(columns, rows_, title=title, right=columns[1:-1])


def _series_by_segment(face: Face, shown: "Sequence[Figures]", ends: Sequence[Any], rate: str, by: str, title: str) -> None:
    from metrics.figures import rates

    heads = {f.until: _label(f) for f in shown}
    cells = {(f.segment, f.until): percent(rates(f)[rate]) for f in shown}
    columns = (by, *(heads[end] for end in ends))
    names = sorted({segment for segment, _ in cells})
    face.table(columns, [(n, *(cells.get((n, end), "–") for end in ends)) for n in names], title=title, right=columns[1:])


def segments_of(face: Face, by: str, kind: str, currency: str | None, as_known_at: str | None) -> None:
    """Retention by segment of the last complete window."""
    from metrics.figures import rates
    from worker import stored
    from worker.cli.rows import figures_row

    found = stored.latest(stored_figures(face, kind, by, currency, as_known_at))
    shown = sorted(found, key=lambda f: (-f.opening, -f.closing, f.segment))
    if face.json:
        put_json({**_window_of(shown[0]), "by": by, "policy": face.wiring.basis.policy.name, "as_known_at": as_known_at,
                  "segments": [figures_row(f) for f in shown]})  # fmt: skip
        return
    columns = (by, "customers", "opening", "NRR", "GRR", "logos kept", "expansion", "contraction", "churn", "new", "closing")
    rows = []
    for f in shown:
        r = rates(f)
        rows.append((f.segment, f.opening_customers, money(f.opening, f.currency), percent(r["nrr"]), percent(r["grr"]), percent(r["logo_retention"]),
                     money(f.expansion, f.currency), money(-f.contraction, f.currency), money(-f.churn, f.currency), money(f.new, f.currency),
                     money(f.closing, f.currency)))  # fmt: skip
    face.table(columns, rows, title=f"{_label(shown[0])} by {by}", right=columns[1:])


def cohorts_of(face: Face, measure: str, currency: str | None, as_known_at: str | None) -> None:
    """The triangle of sign-up cohorts."""
    from metrics.cohorts import DIMENSION, triangles
    from worker import stored

    found = stored_figures(face, "month", DIMENSION, currency, as_known_at)
    at = None if as_known_at is None else instant_of(as_known_at, "--as-known-at")
    whole = stored.figures(
        face.wiring.engine, face.wiring.basis, kind="month", dimension="", currency=found[0].currency, as_known_at=at
    )
    rows = triangles([*found, *whole])
    if face.json:
        put_json({"policy": face.wiring.basis.policy.name, "as_known_at": as_known_at, "cohorts": [_cohort_row(c) for c in rows]})
        return
    oldest = max((len(c.cells) for c in rows), default=0)
    ages = range(min(oldest, 13))
    shown = [
        (f"{c.signup:%Y-%m}", c.logos, money(c.arrived_micros, c.currency), *(_cell(c, age, measure) for age in ages)) for c in rows
    ]
    columns = ("signed up", "logos", "arrived with", *(str(age) for age in ages))
    face.table(columns, shown, title=f"{measure.capitalize()} kept by month since sign-up (* not over yet)", right=columns[1:])
    if oldest > len(ages):
        face.say("months beyond the 12th are in --json")


def _cell(cohort: "Cohort", age: int, measure: str) -> str:
    if age >= len(cohort.cells):
        return ""
    cell = cohort.cells[age]
    share = cell.revenue_retention if measure == "revenue" else cell.logo_retention
    return percent(share).replace(" %", "") + ("*" if cell.incomplete else "")


def _cohort_row(cohort: "Cohort") -> dict[str, Any]:
    from worker.cli.rows import amount, code_of

    return {
        "signup": f"{cohort.signup:%Y-%m}", "currency": code_of(cohort.currency), "whole_book": cohort.currency.startswith("all:"),
        "logos": cohort.logos, **amount("arrived", cohort.arrived_micros, cohort.currency),
        "months": [
            {"age": c.age, "month": f"{c.month:%Y-%m}", "customers": c.customers, **amount("mrr", c.micros, cohort.currency),
             "logo_retention": c.logo_retention, "revenue_retention": c.revenue_retention, "incomplete": c.incomplete}
            for c in cohort.cells
        ],
    }  # fmt: skip


def insight_of(face: Face, kind: str, currency: str | None, as_known_at: str | None) -> None:
    """What the last complete window suggests."""
    from metrics import insight as thoughts
    from worker import stored

    series = stored_figures(face, kind, "", currency, as_known_at)
    (f,) = stored.latest(series)
    (latest,) = stored.latest(series, complete=False)
    quarters = stored_figures(face, "quarter", "", f.currency, as_known_at)[-8:]
    found: dict[str, Any] = {
        "lever": thoughts.largest_lever(f),
        "benchmark": thoughts.benchmark(f),
        "trend": thoughts.trend(quarters, "nrr"),
        "concentration": thoughts.concentration(f),
        "drivers": thoughts.drivers(f),
        "signals": [*thoughts.standing_signals(latest), *_dated_signals(face, latest)],
    }
    if face.json:
        plain = {name: _plain(value) for name, value in found.items()}
        put_json({**_window_of(f), "currency": f.currency.rpartition(":")[2], "policy": face.wiring.basis.policy.name, "as_known_at": as_known_at, **plain})  # fmt: skip
        return
    _tell_insight(face, f, found)


def _dated_signals(face: Face, latest: "Figures") -> "list[Signal]":
    """The last night's look ahead, in the currency of the figures; of the whole book as far as it is paid in it."""
    from integrations.store import signals
    from integrations.store.engine import read
    from metrics.insight import Signal
    from metrics.money import ratio_text

    code = latest.currency.rpartition(":")[2]
    with read(face.wiring.engine) as connection:
        found = signals.of_day(connection, face.wiring.basis.version)
    return [
        Signal(row["name"], row["micros"], row["customers"], ratio_text(row["micros"], latest.closing), row["within_days"])
        for row in found
        if row["currency"] == code
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [asdict(each) for each in value]
    return None if value is None else asdict(value)


def _tell_insight(face: Face, f: "Figures", found: dict[str, Any]) -> None:
    from metrics.figures import rates

    r = rates(f)
    face.lines(f"{_label(f)}: NRR {percent(r['nrr'])}, GRR {percent(r['grr'])}, logos kept {percent(r['logo_retention'])}")
    lever = found["lever"]
    if lever is None:
        face.lines("lever: none stands out (churn up to 10 %, expansion of 5 % and more, contraction up to 5 %)")
    else:
        also = f"; then {', '.join(lever.also)}" if lever.also else ""
        face.lines(
            f"lever: {lever.name}: {lever.metric.replace('_', ' ')} {percent(lever.rate)} lies {lever.side} {percent(lever.bound)}, "
            f"by {money(lever.micros, f.currency)} a month{also}"
        )
    band = found["benchmark"]
    if band is not None:
        face.lines(
            f"rule of thumb ({band.of:%Y}) for ARR {band.size}: good {band.good} %, great {band.great} %, world-class {band.world_class} %: "
            f"{band.standing.replace('_', '-')}; {band.health.replace('_', ' ')}"
        )
        if band.worth_a_look:
            face.lines("an NRR of 150 % and more is worth a look: a young book, or one customer?")
    trend = found["trend"]
    points = ", ".join(percent(value) + ("*" if incomplete else "") for _, value, incomplete in trend.points)
    face.lines(f"quarterly NRR: {points or '–'}: {trend.direction}")
    few = found["concentration"]
    face.lines(
        f"the ten largest hold {percent(few.share_of_top)} of the opening; NRR without the five largest {percent(few.nrr_without_largest)}"
    )
    drivers = found["drivers"]
    rows = [
        (d.customer, money(d.opening, f.currency), money(d.closing, f.currency), money(d.change, f.currency), percent(d.share))
        for d in (*drivers.gained[:5], *reversed(drivers.lost[:5]))
    ]
    if rows:
        columns = ("customer", "opening", "end", "change", "of the opening")
        face.table(columns, rows, title="Who moved it", right=columns[1:])
    causes = [(c.kind, c.cause, money(c.micros, f.currency), c.movements, percent(c.share)) for c in drivers.causes[:10]]
    if causes:
        columns = ("kind", "cause", "amount", "movements", "of the opening")
        face.table(columns, causes, title="What moved it", right=columns[2:])
    signals = [
        (
            s.name.replace("_", " ") + (f" within {s.within_days} days" if s.within_days else ""),
            money(s.micros, f.currency),
            "" if s.count is None else s.count,
            percent(s.share),
        )
        for s in found["signals"]
    ]
    face.table(("signal", "MRR", "how many", "of MRR"), signals, title="What is coming", right=("MRR", "how many", "of MRR"))


# --- differences --------------------------------------------------------------------------------------------------------------


def _tell_difference(face: Face, found: "Difference") -> None:
    from worker.cli.rows import figures_row
    from worker.stored import flows_changed

    if face.json:
        changed = [
            {**_window_of(c.one), "dimension": c.one.dimension, "segment": c.one.segment, "currency": c.one.currency,
             "before": figures_row(c.before) if c.before else None, "after": figures_row(c.after) if c.after else None,
             "differences_micros": c.differences(), "learnt_at": c.learnt_at, "run": c.run_id}
            for c in found.changed
        ]  # fmt: skip
        put_json({"since": found.since, "until": found.until, "changed": changed, "behind": [asdict(b) for b in found.behind]})
        return
    face.say(f"figures as known at {found.since:%Y-%m-%d %H:%M:%S} and at {found.until:%Y-%m-%d %H:%M:%S} UTC")
    rows = [
        (_label(c.one), c.one.segment, c.one.currency.upper(), "new" if c.before is None else "gone" if c.after is None else "changed",
         ", ".join(f"{name} {money(by, c.one.currency)}" for name, by in c.differences().items()), f"{c.learnt_at:%Y-%m-%d %H:%M}" if c.learnt_at else "")
        for c in found.changed
    ]  # fmt: skip
    face.table(("window", "segment", "currency", "", "by", "learnt"), rows, title=f"{len(rows)} figures differ")
    if found.behind:
        behind = [
            (f"{b.month:%Y-%m}", b.customer, money(b.closing_before, b.currency), money(b.closing_after, b.currency),
             ", ".join(f"{kind} {money(by, b.currency)}" for kind, by in flows_changed(b).items()), b.run_id)
            for b in found.behind
        ]  # fmt: skip
        columns = ("month", "customer", "closing was", "is", "movements", "run")
        face.table(columns, behind, title="Customers behind closed months", right=("closing was", "is"))


def _window_of(f: "Figures") -> dict[str, Any]:
    from datetime import timedelta

    return {"kind": f.kind, "from": f.first, "to": f.until - timedelta(days=1)}


def _label(f: "Figures") -> str:
    from metrics.periods import Window

    return Window(f.kind, f.first, f.until).label + ("*" if f.incomplete else "")
