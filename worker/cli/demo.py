"""`nrr demo`: the whole way on a simulated business, from HTTP pages to explained retention, without a key and without a trace elsewhere.

Nothing that is set for real is looked at or touched: the demo has settings of its own, and a SQLite file in `.demo/` that is made anew
each time. What it runs is the product: the same sync, the same derivation, the same figures.
"""

import os
import shutil
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from worker.cli.common import Context, in_context, money, percent, progress

if TYPE_CHECKING:
    from metrics.retention.figures import Figures

FOLDER: Final = Path(".demo")
MONTHS_SHOWN: Final = 6
LATELY_DAYS: Final = 20
"""The second sync finds what happened in the last so many days, by events."""


def demo(
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many customers the business has.")] = 300,
    months: Annotated[int, typer.Option("--months", min=3, max=120, help="For how many months it has lived.")] = 24,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another business.")] = 7,
) -> None:
    """Simulate a business on a local stand-in for Stripe, read it over HTTP, and show what comes out."""
    from integrations.sandbox.sandbox import Sandbox
    from integrations.sandbox.simulator.business import Business
    from worker.config.load import isolated
    from worker.runs.database import upgrade

    began = time.monotonic()
    FOLDER.mkdir(exist_ok=True)
    database = FOLDER.resolve() / "nrr.sqlite3"
    for leftover in FOLDER.glob("nrr.sqlite3*"):
        leftover.unlink()
    with Sandbox(Business(customers=customers, months=months, seed=seed)) as stripe:
        loaded = isolated(
            {
                "database_url": f"sqlite:///{database}",
                "stripe_api_key": stripe.key,
                "stripe_api_base": stripe.url,
                "requests_per_second": 10_000.0,
                "reporting_currency": "usd",
            }
        )
        # An hour past midnight: the last day is over, and what happened on it has settled.
        end = stripe.now + 3_600
        for moment in (end - LATELY_DAYS * 86_400, end):
            stripe.set_now(moment)
            with in_context(loaded, now=_iso(moment)) as context:
                if moment != end:
                    upgrade(context.wiring.engine)
                    context.say(f"a business with {customers} customers and {months} months answers at {stripe.url} as Stripe does")
                _sync(context, _iso(moment))
                _figures(context)
                if moment == end:
                    _show(context)
        sys.stderr.write(f"\nall of it in {time.monotonic() - began:.0f} s; the data stays in {FOLDER}/nrr.sqlite3\n\n")
        sys.stdout.write("\n".join(_next(database)) + "\n")


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _sync(context: Context, moment: str) -> None:
    from worker.runs import steps

    with progress("read") as told:
        done = steps.sync(context.wiring, progress=told)
    objects = sum(done.objects.values())
    context.say(f"sync as of {moment[:10]}: {objects:,} objects in {done.pages} pages, {done.seconds:.1f} s")
    context.finished(done)


def _figures(context: Context) -> None:
    from worker.runs import refresh

    derived = refresh.derive(context.wiring)
    context.finished(derived)
    rolled, outcome = refresh.rollup(context.wiring)
    context.finished(rolled)
    breaks = outcome.broken if outcome is not None else 0
    context.say(
        f"{derived.objects.get('customers', 0):,} customers derived, identity checked for each customer, currency and day: "
        + ("it holds" if not breaks else f"{breaks} breaks")
    )


def _show(context: Context) -> None:
    from metrics.periods import add_months, month, trailing
    from worker.cli.show import mrr_of
    from worker.queries.figures import retention

    this = date(context.today.year, context.today.month, 1)
    last = this - timedelta(days=1)
    context.lines("")
    mrr_of(context, last)
    windows = [month(add_months(this, -back)) for back in range(MONTHS_SHOWN, 0, -1)]
    found = retention(context.session, [*windows, trailing(this, 12)])
    whole = [f for f in found if f.currency.startswith("all:")]
    _bridge(context, [f for f in whole if f.kind == "month"])
    _retention(context, whole)
    _explained(context, windows[-1].first, this)


def _bridge(context: Context, figures: list["Figures"]) -> None:
    names = ("opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "closing")
    rows = [(name, *(money(f.bridge()[name], f.currency) for f in figures)) for name in names]
    columns = ("", *(f"{f.first:%Y-%m}" for f in figures))
    context.lines("")
    context.table(columns, rows, title="MRR bridge, all currencies in USD", right=columns[1:])


def _retention(context: Context, figures: list["Figures"]) -> None:
    from metrics.retention.figures import rates

    rows = []
    for f in figures:
        found = rates(f)
        name = f"{f.first:%Y-%m}" if f.kind == "month" else f"12 months to {f.until - timedelta(days=1)}"
        rows.append(
            (
                name,
                percent(found["nrr"]),
                percent(found["grr"]),
                percent(found["logo_retention"]),
                f"{f.retained_customers} of {f.opening_customers}",
            )
        )
    context.lines("")
    context.table(
        ("window", "NRR", "GRR", "logos kept", "customers kept"),
        rows,
        title="Retention at constant currency",
        right=("NRR", "GRR", "logos kept", "customers kept"),
    )


def _explained(context: Context, first: date, until: date) -> None:
    """The largest movement of three kinds, taken apart."""
    from worker.cli.explain import lines_of
    from worker.queries.customers import explained
    from worker.queries.movements import movements

    found = movements(context.session, first, until)
    chosen: dict[str, tuple[str, str]] = {}
    for row in sorted(found.iter_rows(named=True), key=lambda r: -abs(r["delta_micros"])):
        if row["currency"] == "usd" and not row["inferred"] and row["kind"] in ("expansion", "contraction", "churn"):
            chosen.setdefault(row["kind"], (row["customer"], row["day"].isoformat()))
    context.lines("", "Three movements, explained:", "")
    for customer, day in chosen.values():
        for found_of in explained(context.session, [customer]):
            context.lines(*lines_of([each for each in found_of.movements if each.date == day]))


def _command() -> str:
    """How the command is called from here: `make demo` installs it where no shell looks."""
    return "nrr" if shutil.which("nrr") else os.path.relpath(sys.argv[0])


def _next(database: Path) -> tuple[str, ...]:
    nrr = _command()
    return (
        "Look around:",
        f"    export DATABASE_URL=sqlite:///{database} REPORTING_CURRENCY=usd",
        f"    {nrr} show retention --by plan",
        f"    {nrr} show movements",
        f"    {nrr} explain CUSTOMER",
        "With your own account (a restricted key with read access; nothing is ever written to Stripe):",
        "    export STRIPE_API_KEY=rk_…",
        f"    {nrr} init && {nrr} doctor && {nrr} sync && {nrr} show retention",
    )
