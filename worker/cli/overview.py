"""`nrr` alone: one screen that says how the business stands, what fires, and whether the numbers can be relied on.

It reads what is stored and changes nothing. Where there is nothing to show yet it says what to do first.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.cli.common import Config, Context, Json, Now, PolicyName, money, opened, put_json
from worker.cli.exit_codes import Stop, told
from worker.cli.require_ledger import ready
from worker.cli.stored_figures import window_text

if TYPE_CHECKING:
    from metrics.retention.figures import Figures
    from worker.figures.outstanding import Outstanding
    from worker.figures.standing import DayStanding
    from worker.health.freshness import Freshness

RATES: Final = (("nrr", "NRR"), ("grr", "GRR"), ("logo_retention", "Logos kept"))
TREND_MONTHS: Final = 13
"""Closings of so many months are drawn: a year and the month that it is compared with."""
_BARS: Final = "▁▂▃▄▅▆▇█"
_LABEL: Final = 12
OLD_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires, or that was noted within noise: what it is called, where it stands, and since when."""

    rule: str
    segment: str
    state: str
    value: str
    limit: str
    window: str
    since: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the screen. `windows` are the last complete month and twelve months in the currency of `standing`."""

    day: date
    policy: str
    standing: "DayStanding"
    closings: tuple[tuple[str, int], ...]
    windows: tuple["Figures", ...]
    alerts: tuple[Firing, ...]
    evaluated: bool
    fresh: "Freshness"
    findings: dict[str, int]
    outstanding: "Outstanding"
    rates_outdated: str | None = None


def overview(policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Show MRR and its trend, NRR, GRR and logos kept, what fires, and how fresh and complete the numbers are, on one screen."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        try:
            ready(context, tell=False)
        except Exception as error:
            fault = told(error)
            if fault is None or json or not _is_empty(error):
                raise
            raise Stop(_first_steps(context), fault.code) from error
        overview_of(context)


def _is_empty(error: Exception) -> bool:
    """Whether there is nothing at all yet: no schema, or nothing derived in it."""
    from worker.figures.derived import NothingDerived
    from worker.runs.database import has_no_schema

    return isinstance(error, NothingDerived) or has_no_schema(error)


def _first_steps(context: Context) -> str:
    """What to do where nothing was derived yet."""
    has_key = bool(context.loaded.settings.accounts) or context.loaded.settings.stripe_api_key is not None
    where = context.loaded.settings.database_shown
    own = (
        "nrr init, nrr doctor, nrr sync"
        if has_key
        else "set STRIPE_API_KEY (a restricted key with read access), then nrr init, nrr doctor, nrr sync"
    )
    return f"no numbers are in {where} yet. To get them: {own}. To see what comes out, without an account: nrr demo. All commands: nrr --help"


def overview_of(context: Context) -> None:
    """The screen, or all of it as JSON."""
    found = gathered(context)
    if context.json:
        put_json(_as_json(found))
    else:
        _tell(found)


def in_short(context: Context) -> list[str]:
    """What came out, in three lines for the end of a command that made it: MRR and customers, the rates of a year, what the data lacks."""
    from metrics.labels import WITHOUT_RATE
    from metrics.retention.figures import why_null
    from metrics.window_kinds import window_words
    from worker.cli.figure_rows import with_interval
    from worker.cli.findings import sentence

    def told(f: "Figures") -> str:
        why = f.reason or why_null(f, "nrr")
        if why:
            return f"no rates: {WITHOUT_RATE.get(why, why)}"
        return f"NRR {with_interval(f, 'nrr')}, GRR {with_interval(f, 'grr')}, logos kept {with_interval(f, 'logo_retention')}"

    found = gathered(context)
    out = ["MRR " + ", ".join(filter(None, each)) for each in _standings(found)]
    year = [f for f in found.windows if f.kind == "trailing_12"]
    out += [f"{window_words(f.kind, f.first, f.until).removeprefix('the ')}: {told(f)}" for f in year]
    if not year:
        out.append("no twelve months are complete yet, so there is no yearly NRR")
    return [*out, sentence(found.findings)]


def gathered(context: Context) -> Overview:
    """Everything on the screen, in a handful of queries."""
    from worker.queries.alerts import alerts_at
    from worker.queries.figures import last_complete, stored
    from worker.queries.findings import count_by_severity
    from worker.queries.freshness import freshness
    from worker.queries.rates import outdated
    from worker.queries.standing import complete_through, mrr_at

    session = context.session
    day = complete_through(session)
    standing = mrr_at(session, day)
    code = _currency(standing)
    months = [f for f in stored(session, kind="month", dimension="") if f.currency == code and f.until <= day + timedelta(days=1)]
    month, _, year = last_complete(session)
    ends = {"month": month.until, "trailing_12": year.until}
    windows = [
        f
        for kind in ("month", "trailing_12")
        for f in stored(session, kind=kind, dimension="")
        if f.currency == code and f.until == ends[kind]
    ]
    at = datetime.fromtimestamp(context.wiring.now, UTC)
    states = alerts_at(session, at).states
    return Overview(
        day=day,
        policy=context.wiring.basis.policy.name,
        standing=standing,
        closings=tuple((f"{f.first:%Y-%m}", f.closing) for f in months[-TREND_MONTHS:]),
        windows=tuple(windows),
        alerts=tuple(_firing(row) for row in states.values() if row.state in ("firing", "noted")),
        evaluated=bool(states),
        fresh=freshness(session),
        outstanding=context.outstanding,
        findings=count_by_severity(session),
        rates_outdated=outdated(session),
    )


def _currency(standing: "DayStanding") -> str | None:
    if standing.together is not None:
        return standing.together.currency
    return standing.by_currency[0].currency if len(standing.by_currency) == 1 else None


def _firing(row: Any) -> Firing:
    shown = row.body.get("shown", {})
    value = str(shown.get("change") or shown.get("value") or shown.get("why") or "")
    return Firing(
        row.rule,
        row.segment,
        row.state,
        value,
        str(shown.get("limit") or ""),
        window_text(str(shown.get("window") or "")),
        str(row.body.get("since") or ""),
    )


def _as_json(found: Overview) -> dict[str, Any]:
    from worker.cli.figure_rows import figures_row
    from worker.cli.json_rows import standing_row
    from worker.cli.stored_figures import window_of
    from worker.health import freshness

    one = found.standing.together or (found.standing.by_currency[0] if len(found.standing.by_currency) == 1 else None)
    return {
        "day": found.day,
        "at": found.day,
        "policy": found.policy,
        "mrr": standing_row(one) if one else None,
        "by_currency": [standing_row(each) for each in found.standing.by_currency],
        "trend": [{"month": month, "closing_micros": micros} for month, micros in found.closings],
        "windows": [{**window_of(f), **figures_row(f)} for f in found.windows],
        "alerts": [{name: getattr(each, name) for name in Firing.__dataclass_fields__} for each in found.alerts],
        "alerts_evaluated": found.evaluated,
        "freshness": freshness.told(found.fresh),
        "waiting": found.outstanding.waiting,
        "outdated": found.outstanding.outdated,
        "findings": found.findings,
        "rates_outdated": found.rates_outdated,
    }


# --- the screen ---------------------------------------------------------------------------------------------------------------


def _tell(found: Overview) -> None:
    from rich.table import Table
    from rich.text import Text

    from worker.cli.tables import console

    shown = console()
    utf = "utf" in (shown.encoding or "").lower()
    lines: list[tuple[str, Text]] = []

    def row(name: str, *parts: tuple[str, str] | str) -> None:
        lines.append((name, Text.assemble(*parts)))

    def flush() -> None:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=_LABEL - 1, style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, text in lines:
            grid.add_row(name, text)
        shown.print(grid)
        lines.clear()

    for index, (amount, rest) in enumerate(_standings(found)):
        bars = f"   {sparkline([micros for _, micros in found.closings])}" if utf and index == 0 and len(found.closings) > 2 else ""
        row("MRR" if index == 0 else "", (amount, "bold"), bars, f"   {rest}")
    for line in _trend(found):
        row("", line)
    flush()
    _rates(shown, found)
    shown.print()
    for name, said, style in (*_alerts(found), *_health(found)):
        row(name, (said, style))
    row("Next", _next(found))
    flush()


def _standings(found: Overview) -> list[tuple[str, str]]:
    together = found.standing.together
    each = [together] if together is not None else list(found.standing.by_currency)
    out = [
        (
            money(s.net_micros, s.currency),
            f"{s.customers:,} customers on {found.day}" + ("" if found.policy == "default" else f", policy {found.policy}"),
        )
        for s in each
    ]
    apart = [f"{money(s.net_micros, s.currency)} apart: no exchange rate" for s in found.standing.apart]
    return [*out, *((text, "") for text in apart)] or [("nothing", f"nobody has MRR on {found.day}")]


def _trend(found: Overview) -> list[str]:
    """How far MRR has come since a month and a year before."""
    from decimal import Decimal

    if len(found.closings) < 2:
        return []
    now = found.closings[-1]

    def since(then: tuple[str, int]) -> str:
        change = Decimal(now[1] - then[1]) / then[1] * 100 if then[1] else None
        return "" if change is None else f"{'+' if change >= 0 else '−'}{abs(change):,.1f} %"

    parts = [f"{since(found.closings[-2])} in {now[0]}"]
    if len(found.closings) == TREND_MONTHS:
        parts.append(f"{since(found.closings[0])} in 12 months")
    return [", ".join(parts) + f" (at month ends, {found.closings[0][0]} to {now[0]})"]


def sparkline(values: list[int]) -> str:
    """One bar a value, the lowest of them the shortest bar; the same bar throughout where they are all the same."""
    low, high = min(values), max(values)
    if low == high:
        return _BARS[3] * len(values)
    return "".join(_BARS[(value - low) * (len(_BARS) - 1) // (high - low)] for value in values)


def _rates(shown: Any, found: Overview) -> None:
    """NRR, GRR and logos of the month and of twelve months side by side, each with its interval."""
    from rich.text import Text

    from metrics.labels import WITHOUT_RATE
    from metrics.retention.analysis.certainty import interval
    from metrics.retention.figures import rates, why_null
    from metrics.window_kinds import window_words
    from worker.cli.common import percent
    from worker.cli.figure_rows import bounds_text

    if not found.windows:
        shown.print(
            Text("\nNo month is complete yet; the one under way: nrr show retention --from " + f"{found.day:%Y-%m}"), soft_wrap=True
        )
        return
    heads = [window_words(f.kind, f.first, f.until).removeprefix("the ") for f in found.windows]
    wide = max(28, *(len(head) + 4 for head in heads))
    shown.print()
    shown.print(Text.assemble(" " * _LABEL, *((f"{head:<{wide}}", "bold") for head in heads)), soft_wrap=True)
    for rate, name in RATES:
        line = Text.assemble((f"{name:<{_LABEL}}", "bold"))
        for f in found.windows:
            value = rates(f)[rate]
            bounds = interval(f, rate)
            text = percent(value) if value is not None else "–"
            line.append(f"{text:<10}", style=_style(rate, value))
            line.append(f"{bounds_text(bounds):<{wide - 10}}", style="dim")
        line.rstrip()
        shown.print(line, soft_wrap=True)
    for head, f in zip(heads, found.windows, strict=True):
        why = why_null(f, "nrr")
        if why:
            shown.print(Text(" " * _LABEL + f"{head}: {WITHOUT_RATE.get(why, why)}", style="dim"), soft_wrap=True)
    if any(interval(f, "nrr") is None and why_null(f, "nrr") is None for f in found.windows):
        shown.print(Text(" " * _LABEL + "too few customers for an interval", style="dim"))
    else:
        shown.print(Text(" " * _LABEL + "behind each rate: its interval of 90 %", style="dim"), soft_wrap=True)


def _style(rate: str, value: str | None) -> str:
    from decimal import Decimal

    if value is None or rate != "nrr":
        return ""
    return "green" if Decimal(value) >= 1 else "red"


def _alerts(found: Overview) -> list[tuple[str, str, str]]:
    if not found.evaluated:
        return [("Alerts", "not evaluated yet; the nightly run does it, or now: nrr alerts check", "")]
    firing = [each for each in found.alerts if each.state == "firing"]
    noted = len(found.alerts) - len(firing)
    within = f"; {noted} within noise" if noted else ""
    if not firing:
        return [("Alerts", f"none fires{within}", "green")]
    out = []
    for index, each in enumerate(firing):
        name = f"{each.rule} {each.segment}".strip()
        window = f", {each.window}" if each.window else ""
        out.append(("Alerts" if index == 0 else "", f"{name}: {each.value} ({each.limit}){window}, since {each.since}", "red"))
    return [*out, *([("", f"{noted} more within noise", "")] if noted else [])]


def _health(found: Overview) -> list[tuple[str, str, str]]:
    """How old the data is, what is missing from it, and what is to be known about it."""
    from worker.cli.findings import sentence
    from worker.health.freshness import ago, events_age_seconds, from_the_future

    age = events_age_seconds(found.fresh)
    old = age is None or age > OLD_SECONDS
    read = "never read to the end" if age is None else f"read to the end {ago(age)} ago"
    out = [("Fresh", f"{read}; complete through {found.day}", "yellow" if old else "")]
    out += [("", text, "red") for text in from_the_future(found.fresh)]
    out += [("", found.rates_outdated, "yellow")] if found.rates_outdated else []
    missing = [
        *([f"{found.fresh.quarantined:,} objects quarantined"] if found.fresh.quarantined else []),
        *([f"{found.fresh.underived:,} customers can't be derived"] if found.fresh.underived else []),
        *found.outstanding.sentences(),
        *(f"no exchange rate of {s.currency.upper()}" for s in found.standing.apart),
    ]
    notes = sentence(found.findings).removeprefix("About the data: ")
    notes = notes[:1].upper() + notes[1:] + (" See: nrr show findings" if found.findings else "")
    complete = "; ".join(missing) or "nothing is left out for want of data"
    return [*out, ("Complete", complete, "yellow" if missing else ""), ("", notes, "")]


def _next(found: Overview) -> str:
    months = [f for f in found.windows if f.kind == "month"]
    what = ["nrr show retention --by plan"]
    if months:
        what.insert(0, f"nrr explain {months[0].first:%Y-%m}")
    return " · ".join([*what, "nrr --help"])
