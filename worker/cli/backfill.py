"""`nrr backfill`: read history again, and see what that would change, how far it is, go on with it, give it up."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, opened, percent, put_json
from worker.cli.dates import day_of_text, instant_of, looks_like_a_day
from worker.cli.exit_codes import Exit, Stop
from worker.cli.tables import console

if TYPE_CHECKING:
    from metrics.evidence import Instant
    from worker.runs.backfill import AccountPlan, Request, Status
    from worker.runs.dry_run import WindowChange
    from worker.runs.steps import Report
    from worker.runs.watch import Progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Read history again: plan, run, status, resume, cancel.",
)

Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help="Only objects created from this day (or ISO instant) on.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DAY", help="Only objects created before this day (or ISO instant).")]
Streams = Annotated[
    str | None,
    typer.Option(
        "--streams",
        metavar="NAMES",
        help="Only these, with commas: products, prices, coupons, customers, subscriptions, "
        "subscriptions_canceled, invoices, credit_notes, events.",
    ),
]
Shards = Annotated[int | None, typer.Option("--shards", min=1, max=64, help="Readers of one list at most.")]
Accounts = Annotated[list[str] | None, typer.Option("--account", metavar="NAME", help="Only this account (may be repeated).")]


@app.command()
def plan(
    since: Since = None,
    until: Until = None,
    streams: Streams = None,
    account: Accounts = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show what would be read, of which account. And how much of it is held already. Writes nothing."""
    from worker.runs import backfill

    with opened(json=json, now=now, config=config, key=True) as context:
        found = backfill.planned(context.wiring, _request(context, since, until, streams, account))
        if json:
            put_json({"accounts": [_planned_row(each) for each in found]})
            return
        for each in found:
            held = "never read" if each.subscriptions_held is None else f"{each.subscriptions_held:,} subscriptions held"
            context.lines(f"account {each.account} ({each.stripe_id}): {held}")
            _tell_plan(context, each, partly=since is not None or until is not None)


@app.command()
def run(
    since: Since = None,
    until: Until = None,
    streams: Streams = None,
    account: Accounts = None,
    shards: Shards = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read into a copy, and print what would change.")] = False,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Read again what is asked for. A second backfill at the same time is refused (exit 11); Ctrl-C finishes the page and saves (exit 130)."""
    from worker.runs import backfill

    with opened(json=json, now=now, config=config, key=True) as context:
        request = _request(context, since, until, streams, account)
        if dry_run:
            _previewed(context, request, shards)
            return
        with _shown(context) as told:
            done = backfill.run(context.wiring, request, shards=shards, progress=told)
        _ended(context, done)


@app.command()
def resume(shards: Shards = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Resume the last backfill where it stopped. One that is under way is joined."""
    from worker.runs import backfill

    with opened(json=json, now=now, config=config, key=True) as context:
        with _shown(context) as told:
            done = backfill.resume(context.wiring, shards=shards, progress=told)
        _ended(context, done)


@app.command()
def status(json: Json = False, config: Config = None) -> None:
    """Show the progress of the last backfill. Objects, share and rate of each stream, and an estimate of the end."""
    from worker.runs import backfill

    with opened(json=json, config=config) as context:
        found = backfill.status(context.wiring)
        if json:
            put_json({"backfill": _status_row(found)})
        else:
            _tell(context, found)


@app.command()
def cancel(json: Json = False, config: Config = None) -> None:
    """Cancel the backfill. What it has stored stays; its workers stop at their next page."""
    from worker.runs import backfill

    with opened(json=json, config=config) as context:
        canceled = backfill.cancel(context.wiring)
        if json:
            put_json({"run": canceled, "status": "canceled"})
        else:
            context.lines(f"run {canceled} is canceled; what it has stored stays, and `nrr backfill resume` goes on with it")


# --- what was asked --------------------------------------------------------------------------------------------------------------


def _request(context: Context, since: str | None, until: str | None, streams: str | None, account: list[str] | None) -> "Request":
    from worker.runs.backfill import Request

    unknown = sorted(set(account or ()) - set(context.wiring.sources.names))
    if unknown:
        raise Stop(f"no account is called {', '.join(unknown)}; there are {', '.join(context.wiring.sources.names)}", Exit.USAGE)
    wanted = tuple(word.strip() for word in (streams or "").split(",") if word.strip())
    try:
        return Request(
            wanted, _instant(since, "--since", context), _instant(until, "--until", context), tuple(account) if account else None
        )
    except ValueError as error:
        raise Stop(str(error), Exit.USAGE) from None


def _instant(text: str | None, option: str, context: Context) -> "Instant | None":
    """A day begins when it does in the reporting time zone."""
    from metrics.evidence import Instant
    from metrics.periods import opening

    if text is None:
        return None
    if not looks_like_a_day(text):
        return Instant(int(instant_of(text, option).timestamp()))
    return opening(day_of_text(text, option), context.wiring.basis.timezone)


# --- while it goes on --------------------------------------------------------------------------------------------------------------


@contextmanager
def _shown(context: Context) -> Iterator["Progress"]:
    """A line with share, rate and estimate, looked up every second in the database: whoever else works on it is counted too."""
    from sqlalchemy.exc import SQLAlchemyError

    from worker.runs import backfill
    from worker.runs.backfill import NoBackfill
    from worker.runs.watch import looking, quiet

    shown = console(stderr=True)
    if not shown.is_terminal:
        yield quiet
        return
    with shown.status("reading …") as line:

        def look() -> None:
            try:
                line.update(_line(backfill.status(context.wiring)))
            except (NoBackfill, SQLAlchemyError):
                return  # none has begun yet, or the run itself says what is wrong with the database

        with looking(look, 1.0):
            yield quiet


def _line(found: "Status") -> str:
    streams = "  ".join(f"{each.stream} {each.share:.0%}" for each in found.streams if each.ranges_open)
    left = "" if found.eta_seconds is None else f", about {_span(found.eta_seconds)} left"
    return f"{found.objects:,} objects, {found.objects_per_second:,.0f}/s{left}  {streams}"


def _span(seconds: float) -> str:
    from worker.health.freshness import ago

    return ago(seconds)


def _ended(context: Context, done: "Report") -> None:
    if context.json:
        put_json(
            {
                "run": done.run_id,
                "status": done.status,
                "objects": dict(done.objects),
                "pages": done.pages,
                "quarantined": done.quarantined,
                "seconds": round(done.seconds, 3),
            }
        )
    else:
        parts = ", ".join(f"{count:,} {stream.replace('_', ' ')}" for stream, count in sorted(done.objects.items()) if count)
        rate = sum(done.objects.values()) / max(done.seconds, 1e-3)
        context.lines(f"run {done.run_id} {done.status}: {parts or 'nothing'} in {done.seconds:.1f} s ({rate:,.0f}/s)")
    if context.interrupted:
        sys.stderr.write("stopped after the page that was being read, and saved; `nrr backfill resume` goes on\n")
        raise typer.Exit(Exit.INTERRUPTED)
    context.finished(done)


# --- how it stands -----------------------------------------------------------------------------------------------------------------


def _tell(context: Context, found: "Status") -> None:
    left = "" if found.eta_seconds is None else f", about {_span(found.eta_seconds)} left"
    context.lines(f"run {found.run_id} {found.status}: {found.objects:,} objects, {found.objects_per_second:,.0f}/s{left}")
    rows = [(each.stream, f"{each.objects:,}", f"{each.share:.0%}", each.ranges_open, each.ranges) for each in found.streams]
    columns = ("stream", "objects", "share", "ranges open", "ranges")
    context.table(columns, rows, right=columns[1:])
    if found.aside:
        context.lines(f"{found.aside} jobs are parked: {'; '.join(found.errors)}")
    if found.quarantined:
        context.lines(f"{found.quarantined} objects are quarantined: nrr doctor names them")


def _status_row(found: "Status") -> dict[str, Any]:
    return {
        "run": found.run_id,
        "status": found.status,
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "objects": found.objects,
        "objects_per_second": round(found.objects_per_second, 1),
        "eta_seconds": None if found.eta_seconds is None else round(found.eta_seconds),
        "streams": [
            {"stream": s.stream, "objects": s.objects, "share": round(s.share, 4), "ranges_open": s.ranges_open, "ranges": s.ranges}
            for s in found.streams
        ],
        "jobs": {"due": found.waiting, "leased": found.leased, "aside": found.aside},
        "quarantined": found.quarantined,
        "errors": list(found.errors),
    }


def _planned_row(each: "AccountPlan") -> dict[str, Any]:
    from worker.cli.json_rows import instant_or_none

    jobs = [
        {"stream": job.stream, "since": instant_or_none(job.since), "until": instant_or_none(job.until)}
        for job in each.plan.jobs
        if job.stream
    ]
    known = each.subscriptions_held is not None
    return {
        "account": each.account,
        "account_id": each.stripe_id,
        "stripe_id": each.stripe_id,
        "subscriptions_held": each.subscriptions_held,
        "objects_held": dict(each.objects_held),
        "requests": sum(each.requests(stream) for stream in each.streams) if known else None,
        "seconds": round(each.seconds, 1) if known else None,
        "lists": jobs,
    }


def _tell_plan(context: Context, each: "AccountPlan", *, partly: bool) -> None:
    """The lists with what is held of each, and how long Stripe's limits make it last."""
    lists = [job for job in each.plan.jobs if job.stream]
    known = each.subscriptions_held is not None
    rows = [
        (
            job.stream.replace("_", " "),
            _day(job.since),
            _day(job.until),
            f"{each.objects_held[job.stream]:,}" if job.stream in each.objects_held else "–",
            f"{each.requests(job.stream):,}" if known else "–",
        )
        for job in lists
    ]
    context.table(("stream", "from", "until", "objects", "requests"), rows, right=("objects", "requests"))
    if not known:
        context.say("how much there is only reading tells: Stripe gives no counts. 100,000 objects take about a minute")
        return
    objects = sum(each.objects_held.get(stream, 0) for stream in each.streams)
    requests = sum(each.requests(stream) for stream in each.streams)
    of = "at most " if partly else "about "
    context.lines(
        f"{of}{objects:,} objects as they are held now, {requests:,} requests, {_minutes(each.seconds)} within Stripe's limits; "
        "invoices with more lines than a page holds take some more"
    )


def _minutes(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"{seconds / 60:,.0f} minutes" if seconds >= 90 else "a minute"


def _day(instant: int | None) -> str:
    return "–" if instant is None else f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%d %H:%M}"


# --- what it would change ------------------------------------------------------------------------------------------------------------


def _previewed(context: Context, request: "Request", shards: int | None) -> None:
    from worker.runs.dry_run import preview

    context.say("reading into a copy; nothing of yours is changed")
    found = preview(context.wiring, request, shards=shards)
    if context.interrupted:
        raise typer.Exit(Exit.INTERRUPTED)
    if context.json:
        put_json(
            {
                "dry_run": True,
                "status": found.read.status,
                "objects": dict(found.read.objects),
                "changes": [_change_row(each) for each in found.changes],
            }
        )
    else:
        parts = ", ".join(f"{count:,} {stream.replace('_', ' ')}" for stream, count in sorted(found.read.objects.items()) if count)
        context.lines(f"would read {parts or 'nothing'}; {len(found.changes)} windows would change")
        columns = ("window", "first", "until", "currency", "MRR", "would be", "NRR", "would be", "GRR", "would be")
        if found.changes:
            context.table(columns, [_change_line(each) for each in found.changes], right=columns[4:])
    context.finished(found.read)


def _change_line(change: "WindowChange") -> tuple[object, ...]:
    from metrics.retention.figures import rates
    from worker.cli.common import money

    sides = []
    for side in (change.before, change.after):
        found = rates(side) if side is not None else {}
        closing = money(None if side is None else side.closing, change.currency)
        sides.append((closing, percent(found.get("nrr")), percent(found.get("grr"))))
    pairs = [each for pair in zip(*sides, strict=True) for each in pair]
    return (change.kind, change.first, change.until, change.currency, *pairs)


def _change_row(change: "WindowChange") -> dict[str, Any]:
    from worker.cli.figure_rows import figures_row
    from worker.cli.json_rows import window_row

    sides = {"before": change.before, "after": change.after}
    about = {
        **window_row(change.kind, change.first, change.until),
        "first": change.first,
        "until": change.until,
        "currency": change.currency,
    }
    return {**about, **{name: None if side is None else figures_row(side) for name, side in sides.items()}}
