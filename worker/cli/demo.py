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
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Final

import typer

from integrations.private_files import written_privately
from worker.cli.common import Context, Now, in_context, money, percent, progress
from worker.cli.dates import instant_of
from worker.cli.tables import console

if TYPE_CHECKING:
    from metrics.retention.figures import Figures
    from worker.config.load import Loaded

FOLDER: Final = Path(".demo")
MONTHS_SHOWN: Final = 6
LATELY_DAYS: Final = 20
"""The second sync finds what happened in the last so many days, by events."""
NIGHT_SECONDS: Final = 3_600
"""It looks so long after midnight: yesterday is over, and what happened on it has settled."""


def demo(
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many customers the business has.")] = 300,
    months: Annotated[int, typer.Option("--months", min=3, max=120, help="For how many whole months it has lived.")] = 24,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another business.")] = 7,
    now: Now = None,
) -> None:
    """Simulate a business on a local stand-in for Stripe, read it over HTTP, and show what comes out."""
    from integrations.sandbox.sandbox import Sandbox
    from integrations.sandbox.simulator.going_concern import going_concern
    from worker.runs.database import do_not_wait_for_disk, upgrade
    from worker.wiring.wiring import present

    began = time.monotonic()
    moment_now = present() if now is None else instant_of(now).astimezone(UTC)
    midnight = moment_now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = min(moment_now, midnight + timedelta(seconds=NIGHT_SECONDS))
    _clear()
    _say(
        f"simulating a business: {customers} customers over {months} months, up to {midnight.date() - timedelta(days=1)} (seed {seed}) …"
    )
    with Sandbox(going_concern(customers, months, seed, midnight.date()), now=int(end.timestamp())) as stripe:
        _say(f"a stand-in for Stripe answers at {stripe.url}, on this machine only")
        loaded = _settings(stripe.key, stripe.url, seed, midnight.date(), months)
        for moment in (end - timedelta(days=LATELY_DAYS), end):
            stripe.set_now(int(moment.timestamp()))
            with in_context(loaded, now=moment.isoformat()) as context:
                do_not_wait_for_disk(context.wiring.engine)
                if moment != end:
                    upgrade(context.wiring.engine)
                _sync(context, moment, first=moment != end)
                if moment == end:
                    _figures(context)
                    _watch(context)
                    _show(context)
    _say(f"\nall of it in {time.monotonic() - began:.0f} s; the data and its settings stay in {FOLDER}/\n")
    sys.stdout.write("\n".join(_next(midnight.date())) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _clear() -> None:
    FOLDER.mkdir(exist_ok=True)
    for leftover in (*FOLDER.glob("nrr.sqlite3*"), *FOLDER.glob("nrr.toml"), *FOLDER.glob("rates.csv")):
        leftover.unlink()


def _settings(key: str, address: str, seed: int, today: date, months: int) -> "Loaded":
    """Settings of the demo's own, for what runs now; and a nrr.toml in its folder for what is looked at afterwards."""
    from integrations.sandbox.simulator.going_concern import exchange_rates
    from worker.config.load import isolated

    folder = FOLDER.resolve()
    (folder / "rates.csv").write_text(exchange_rates(seed, today, months), encoding="utf-8")
    kept = {"database_url": f"sqlite:///{folder / 'nrr.sqlite3'}", "reporting_currency": "usd", "rates": str(folder / "rates.csv")}
    with written_privately(FOLDER / "nrr.toml", encoding="utf-8") as file:
        file.write("# Settings of the demo; `nrr` finds them when it is called in this folder.\n")
        file.writelines(f'{name} = "{value}"\n' for name, value in kept.items())
        file.write("store_names = true\n")
    asked = {"stripe_api_key": key, "stripe_api_base": address, "requests_per_second": 10_000.0, "store_names": True}
    return isolated({**kept, **asked})


def _sync(context: Context, moment: datetime, *, first: bool) -> None:
    from worker.runs import steps

    _say(
        f"reading everything, as of {moment:%Y-%m-%d} …"
        if first
        else f"reading the news of {LATELY_DAYS} days, as of {moment:%Y-%m-%d} …"
    )
    with progress("read") as told:
        done = steps.sync(context.wiring, progress=told)
    objects = sum(done.objects.values())
    context.say(f"    {objects:,} objects in {done.pages} pages, {done.seconds:.1f} s")
    context.finished(done)


def _figures(context: Context) -> None:
    from worker.runs import refresh

    with progress("derive") as told:
        derived = refresh.derive(context.wiring, progress=told)
    context.finished(derived)
    with progress("sum up") as told:
        rolled, outcome = refresh.rollup(context.wiring, progress=told)
    context.finished(rolled)
    breaks = outcome.broken if outcome is not None else 0
    context.say(
        f"    {derived.objects.get('customers', 0):,} customers derived; opening + movements = closing for each customer, currency and day: "
        + ("it holds" if not breaks else f"{breaks} breaks")
    )


def _show(context: Context) -> None:
    from metrics.periods import add_months, month
    from worker.cli.overview import overview_of
    from worker.queries.figures import last_complete, retention

    context.lines("")
    overview_of(context)
    last = last_complete(context.session)[0]
    found = retention(context.session, [month(add_months(last.first, -back)) for back in range(MONTHS_SHOWN - 1, -1, -1)])
    whole = [f for f in found if f.whole_book]
    _bridge(context, whole)
    _retention(context, whole)
    _explained(context, last.first, last.until)
    _alert(context)


def _bridge(context: Context, figures: list["Figures"]) -> None:
    names = ("opening", "new", "reactivation", "expansion", "contraction", "churn", "fx", "closing")
    rows = [(name, *(money(f.bridge()[name], f.currency) for f in figures)) for name in names]
    columns = ("", *(f"{f.first:%Y-%m}" for f in figures))
    context.lines("")
    context.table(columns, rows, title="MRR bridge, all currencies in USD", right=columns[1:])


def _retention(context: Context, figures: list["Figures"]) -> None:
    from metrics.retention.figures import rates

    rows: list[tuple[object, ...]] = []
    for f in figures:
        found = rates(f)
        shares = (percent(found[rate]) for rate in ("nrr", "grr", "logo_retention"))
        rows.append((f"{f.first:%Y-%m}", *shares, f"{f.retained_customers} of {f.opening_customers}"))
    context.lines("")
    columns = ("month", "NRR", "GRR", "logos kept", "customers kept")
    context.table(columns, rows, title="Retention at constant currency", right=columns[1:])


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
            context.lines(*lines_of(context, [each for each in found_of.movements if each.date == day]))


def _watch(context: Context) -> None:
    """What a night does last: look at the alerts that are on from the start."""
    from worker.alerts.evaluate import evaluate
    from worker.wiring.channels import open_alerting

    evaluate(open_alerting(context.wiring, context.loaded.settings), datetime.fromtimestamp(context.wiring.now, UTC))


def _alert(context: Context) -> None:
    """What fires, as a message would tell it."""
    from integrations.notify.email_message import text
    from metrics.alerts.content import named
    from worker.queries.alerts import messages
    from worker.queries.customers import names_of

    posted = [p.message for p in messages(context.session) if p.message.body.get("content")]
    if not posted:
        context.lines("None of the built-in alerts fires.")
        return
    context.lines("An alert, as Slack or a mailbox would show it (none is set up here, so nothing was sent):", "")
    content = dict(posted[0].body["content"])
    content = named(content, names_of(context.session, [str(c["customer"]) for c in content.get("customers", ())]))
    context.lines(*(f"  │ {line}".rstrip() for line in _wrapped(text(content), console().width - 4)), "")


def _wrapped(message: str, width: int) -> list[str]:
    """Lines of at most `width` signs; what is broken goes on below where its line began."""
    return [
        part
        for line in message.splitlines()
        for part in wrap(line, width, subsequent_indent=line[: len(line) - len(line.lstrip())], break_on_hyphens=False) or [""]
    ]


def _command() -> str:
    """How the command is called from the demo's folder: `make demo` installs it where no shell looks."""
    if shutil.which("nrr"):
        return "nrr"
    called = Path(sys.argv[0]).absolute()
    near = os.path.relpath(called, FOLDER.absolute())
    return min(near, str(called), key=len)  # from another folder the way up and down again is longer than the whole address


def _next(today: date) -> tuple[str, ...]:
    from worker.config.load import set_in_environment

    nrr = _command()
    last = date((today - timedelta(days=1)).year, (today - timedelta(days=1)).month, 1) - timedelta(days=1)
    hidden = set_in_environment(("database_url", "reporting_currency", "reporting_timezone", "policy"))
    return (
        "Look around:",
        f"    cd {FOLDER}",
        *([f"    unset {' '.join(hidden)}    # the environment counts before the folder's nrr.toml"] if hidden else []),
        f"    {nrr}",
        f"    {nrr} explain {last:%Y-%m}",
        f"    {nrr} show retention --by plan",
        f"    {nrr} alerts list",
        f"    {nrr} report --compare",
        f"    {nrr} serve",
        "With your own account (a restricted key with read access; nothing is ever written to Stripe), in a folder of your own:",
        "    export STRIPE_API_KEY=rk_…",
        "    nrr init && nrr doctor && nrr sync",
    )
