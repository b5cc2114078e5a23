"""What the commands that show stored figures share: the options, and finding what was asked for."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from metrics.window_kinds import PASSING_DAYS, STORED
from worker.cli.common import Context
from worker.cli.dates import instant_of
from worker.cli.dimensions import known
from worker.cli.exit_codes import Exit, Stop
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.periods import Window
    from metrics.retention.figures import Figures

KINDS: Final = STORED

Kind = Annotated[str, typer.Option("--window", metavar="KIND", help=f"{', '.join(KINDS)}.")]
By = Annotated[str | None, typer.Option("--by", metavar="DIMENSION", help="plan, country, metadata.KEY, or two: plan,country.")]
Last = Annotated[int, typer.Option("--last", min=1, help="So many windows, the latest ones.")]
At = Annotated[str | None, typer.Option("--as-known-at", metavar="ISO-INSTANT", help="As it was known then, before later news.")]
Currency = Annotated[
    str | None, typer.Option("--currency", metavar="CODE", help="What is billed in this currency, instead of the whole book.")
]


def stored_figures(
    context: Context, kind: str, dimension: str | None, currency: str | None, as_known_at: str | None
) -> "list[Figures]":
    """Stored figures of one kind of window in one currency: the one named, else the whole book's, else the only one there is.

    A dimension that the nightly figures aren't made for is computed now, from the ledger as it stands. Raises Stop with the next command.
    """
    from worker.queries.figures import stored

    if kind not in KINDS:
        raise Stop(f"--window takes {', '.join(KINDS)}, not {kind!r}", Exit.USAGE)
    ready(context)
    dimension = known(context, dimension) or ""
    at: datetime | None = None if as_known_at is None else instant_of(as_known_at, "--as-known-at")
    found = stored(context.session, kind=kind, dimension=dimension, as_known_at=at)
    _say_what_is_forgotten(context, at, dimension)
    if not found and dimension:
        if at is not None:
            raise Stop(f"no figures by {dimension} were stored at {at:%Y-%m-%d %H:%M}; name another --by", Exit.USAGE)
        found = _computed(context, kind, dimension)
    if not found:
        raise Stop(f"no figures are stored of windows of the kind {kind} yet; run: nrr rollup")
    whole = min((f.currency for f in found if f.whole_book), default=None)
    codes = {f.code for f in found if not f.whole_book}
    wanted = currency.lower() if currency else whole or (min(codes) if len(codes) == 1 else None)
    if wanted is None or not any(f.currency == wanted for f in found):
        names = ", ".join(sorted(code.upper() for code in codes))
        raise Stop(
            f"say which currency with --currency; there are {names}. Set REPORTING_CURRENCY for figures of the whole book",
            Exit.USAGE,
        )
    return [f for f in found if f.currency == wanted]


def _say_what_is_forgotten(context: Context, at: datetime | None, dimension: str) -> None:
    """Say that segments are known as they were then only where their window was over."""
    if dimension and at is not None and at.timestamp() < context.session.now - PASSING_DAYS * 86_400:
        context.say(
            f"what was held of segments in windows that weren't over then is kept for {PASSING_DAYS} days: only complete ones are shown as known then"
        )


def _computed(context: Context, kind: str, dimension: str) -> "list[Figures]":
    from metrics.periods import Window
    from worker.queries.figures import retention, stored

    whole = stored(context.session, kind=kind, dimension="")
    windows = sorted({(f.first, f.until) for f in whole})
    context.say(f"figures by {dimension} aren't made at night (see `dimensions` in nrr.toml): making them now …")
    asked = [Window(kind, *ends) for ends in windows]
    found = retention(context.session, asked, [dimension])
    return [f for f in found if f.dimension == dimension]


def known_then(context: Context, window: "Window", by: str | None, as_known_at: str) -> "list[Figures]":
    """The stored figures of a window, and of the segments of a dimension, as they were known at an instant. Raises Stop where none were."""
    from metrics.periods import add_months
    from worker.queries.figures import stored

    at = instant_of(as_known_at, "--as-known-at")
    trailing = next((n for n in (3, 12) if window.kind == "custom" and add_months(window.first, n) == window.until), None)
    kinds = (f"trailing_{trailing}",) if trailing else (window.kind,)
    _say_what_is_forgotten(context, at, by or "")
    found = [
        f
        for kind in kinds
        for f in stored(context.session, kind=kind, as_known_at=at)
        if (f.first, f.until) == (window.first, window.until) and f.dimension in ("", by or "")
    ]
    if not found:
        raise Stop(
            f"no figures of {window.first} to {window.until - timedelta(days=1)} were stored at {at:%Y-%m-%d %H:%M:%S} UTC. Months, quarters, "
            "years and trailing 3 and 12 months are kept as they were known; leave --as-known-at out for other days",
            Exit.USAGE,
        )
    return found


def window_of(f: "Figures") -> dict[str, Any]:
    """The kind and both ends of a window, the last day being part of it."""
    from worker.cli.json_rows import window_row

    return window_row(f.kind, f.first, f.until)


def label(f: "Figures") -> str:
    """A window as people call it; ranges with their last day, as everywhere on the command line. An asterisk: it isn't complete."""
    from metrics.periods import Window

    last = f.until - timedelta(days=1)
    if f.kind.startswith("trailing_"):
        name = f"{f.kind.removeprefix('trailing_')} months to {last}"
    elif f.kind == "month_to_date":
        name = f"{f.first} to {last}"
    else:
        name = Window(f.kind, f.first, f.until).label
    return name + ("*" if f.incomplete else "")


def window_text(label: str) -> str:
    """A trailing window's label (`2025-11-01..2026-11-01`) with the last day that is part of it, as everywhere on the command line."""
    begin, dots, end = label.partition("..")
    if not dots:
        return label
    first, until = date.fromisoformat(begin), date.fromisoformat(end)
    months = (until.year - first.year) * 12 + until.month - first.month
    last = until - timedelta(days=1)
    return f"{months} months to {last}" if first.day == until.day == 1 else f"{first} to {last}"
