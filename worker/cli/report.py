"""`nrr report`: one page to send to the board."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, opened, put_json
from worker.cli.dates import days_of_text, instant_of
from worker.cli.exit_codes import Exit, Stop
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.periods import Window

_KINDS = ("month", "quarter", "year")
_EXAMPLES = {
    None: "a month, a quarter or a year such as 2026-10, 2026-Q3 or 2026",
    "month": "a month such as 2026-10",
    "quarter": "a quarter such as 2026-Q3",
    "year": "a year such as 2026",
}


def report(
    period: Annotated[
        str | None, typer.Argument(metavar="PERIOD", help="2026-10, 2026-Q3 or 2026 (default: the last complete month).")
    ] = None,
    month: Annotated[bool, typer.Option("--month", help="A month: PERIOD, else the last complete one.")] = False,
    quarter: Annotated[bool, typer.Option("--quarter", help="A quarter: PERIOD, else the last complete one.")] = False,
    year: Annotated[bool, typer.Option("--year", help="A year: PERIOD, else the last complete one.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to (default: retention-PERIOD.html).")] = None,
    names: Annotated[
        bool | None,
        typer.Option("--names/--no-names", help="Customers by name, where store_names keeps them (default: if it does)."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="With the period before beside it.")] = False,
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="DIMENSION=VALUE", help="Of one segment, such as plan=price_…")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help="What is billed in this currency, instead of the whole book.")
    ] = None,
    as_known_at: Annotated[
        str | None, typer.Option("--as-known-at", metavar="ISO-INSTANT", help="As it was known then, before later news.")
    ] = None,
    last_report: Annotated[
        str | None,
        typer.Option(
            "--last-report", metavar="ISO-INSTANT", help="Tell what was restated since then (default: since the period before)."
        ),
    ] = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Write a page to hand over: NRR, GRR and logos with trend, bridge, customers, segments, cohorts and how it was computed."""
    from integrations.private_files import written_atomically
    from integrations.report.charts import can_draw
    from worker.report.page import NoReport, Options, build

    asked = [kind for kind, wanted in zip(_KINDS, (month, quarter, year), strict=True) if wanted]
    if len(asked) > 1:
        raise Stop(f"--{asked[0]} and --{asked[1]} exclude one another", Exit.USAGE)
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        window = _window(context, period, asked[0] if asked else None)
        settings = context.loaded.settings
        options = Options(
            names=settings.store_names if names is None else names,
            currency=currency,
            segment=_segment(context, segment),
            compare=compare,
            as_known_at=None if as_known_at is None else instant_of(as_known_at, "--as-known-at"),
            last_report=None if last_report is None else instant_of(last_report, "--last-report"),
        )
        try:
            made = build(context.session, window, options)
        except NoReport as error:
            raise Stop(str(error), Exit.USAGE) from None
        path = out or Path(f"retention-{window.label}.html")
        try:
            with written_atomically(path) as place:
                place.write_bytes(made)
        except OSError as error:
            raise Stop(f"{path} could not be written: {error.strerror}; nothing else was done") from None
        if not can_draw():
            context.say("the page has its tables alone: for charts, install nrr with the extra `charts`")
        if json:
            put_json({"period": window.label, "out": str(path), "bytes": len(made), "policy": context.session.basis.policy.name})
        else:
            context.lines(f"{path}: {window.label}, {len(made) / 1000:,.0f} kB")


def _window(context: Context, period: str | None, kind: str | None) -> "Window":
    """The period that is meant. Raises Stop for one that isn't of the kind that was named, or that has not begun."""
    from worker.report.period import last_complete, one_of

    if period is None:
        return last_complete(context.session, kind or "month")
    option, takes = "nrr report" if kind is None else f"--{kind}", _EXAMPLES[kind]
    window = one_of(days_of_text(period, option, takes))
    if window.kind == "custom":
        raise Stop(f"{option} takes {takes}, not {period!r}", Exit.USAGE)
    if kind is not None and window.kind != kind:
        raise Stop(f"{period} is a {window.kind}, and --{kind} was asked for", Exit.USAGE)
    if window.first > context.today:
        raise Stop(f"{period} has not begun", Exit.USAGE)
    return window


def _segment(context: Context, text: str | None) -> tuple[str, str] | None:
    from worker.cli.dimensions import known

    if text is None:
        return None
    name, sign, value = text.partition("=")
    dimension = known(context, name) if sign else None
    if dimension is None:
        raise Stop(f"--segment takes DIMENSION=VALUE such as interval=year, not {text!r}", Exit.USAGE)
    return dimension, value
