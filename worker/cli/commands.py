"""The command `nrr`: which commands there are. Nothing heavy is imported before one is chosen; what they print and how they open things is `common`'s."""

from collections.abc import Mapping
from typing import Any, Final

import typer

from worker.cli.lazy import Entry, group_of
from worker.cli.lazy import load as load_entry

_START: Final = "Start"
_NUMBERS: Final = "Numbers"
_DATA: Final = "Data"
_RUN: Final = "Operation"

COMMANDS: Final[Mapping[str, Entry]] = {
    "demo": Entry("demo:demo", "Simulate a business, read it over HTTP, show what comes out.", _START),
    "init": Entry("setup:init", "Write nrr.toml and prepare the database.", _START),
    "doctor": Entry("doctor:doctor", "Check settings, database, key, permissions and freshness.", _START),
    "config": Entry("setup:config", "Show and check the settings in force.", _START),
    "db": Entry("setup:db", "Migrate, back up and restore the database.", _START),
    "sync": Entry("data:sync", "Bring everything up to date with Stripe.", _DATA),
    "backfill": Entry("backfill:app", "Read history again: plan, run, status, resume, cancel.", _DATA),
    "audit": Entry("data:audit", "Compare recent and live data with Stripe, repair what differs.", _DATA),
    "rebuild": Entry("data:rebuild", "Derive the ledger anew from the facts.", _DATA),
    "rollup": Entry("data:rollup", "Bring snapshots and figures up to date with the ledger.", _DATA),
    "verify": Entry("verify:verify", "Derive everything again and compare: exits 5 on a difference.", _DATA),
    "export": Entry("export:export", "Write movements, rollups, billings or a workbook to a file.", _DATA),
    "rates": Entry("rates:app", "Fetch, load and show exchange rates.", _DATA),
    "person": Entry("person:person", "Print all that is held of one customer.", _DATA),
    "forget": Entry("data:forget", "Remove what is personal of a customer.", _DATA),
    "overview": Entry("overview:overview", "Show on one screen how things stand, as `nrr` alone does.", _NUMBERS),
    "show": Entry("show:app", "Show MRR, movements, retention, segments, exclusions, findings.", _NUMBERS),
    "explain": Entry("explain:explain", "Explain a figure by customers, a movement by objects.", _NUMBERS),
    "compare": Entry("compare:compare", "Show which customers and rules make two policies differ.", _NUMBERS),
    "reconcile": Entry("reconcile:reconcile", "Set another tool's MRR beside ours, name each difference.", _NUMBERS),
    "report": Entry("report:report", "Write a page to hand over: retention, bridge, customers.", _NUMBERS),
    "reports": Entry("reports:app", "List the reports made on schedule, make one again.", _NUMBERS),
    "schema": Entry("schema:schema", "Print the JSON Schema of what a command prints with --json.", _NUMBERS),
    "serve": Entry("serve:serve", "Show the numbers in a browser, for any period.", _NUMBERS),
    "alerts": Entry("alerts:app", "List, test, mute and acknowledge alerts.", _RUN),
    "runs": Entry("runs:app", "Show runs, freshness, and what a run changed.", _RUN),
    "nightly": Entry("worker:nightly", "Catch up on missed days.", _RUN),
    "worker": Entry("worker:worker", "Run a Celery worker.", _RUN),
    "beat": Entry("worker:beat", "Run Celery's beat, which nudges the workers.", _RUN),
    "exporter": Entry("worker:exporter", "Serve Prometheus metrics.", _RUN),
    "health": Entry("worker:health", "Check that the workers are alive: exits 1 if not.", _RUN),
}


def load(name: str) -> Any:
    """The command called `name`, with everything that it imports."""
    return load_entry(name, COMMANDS[name])


app = typer.Typer(
    name="nrr",
    cls=group_of(COMMANDS),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,  # it prints the values of variables, and a key may be among them
    help="Retention numbers from Stripe: MRR, its movements, NRR and GRR, each traced to Stripe's objects.",
    epilog="Without an account: nrr demo. With one: set STRIPE_API_KEY, then nrr init, nrr doctor, nrr sync, nrr.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"nrr {version('nrr')}")
        raise typer.Exit


@app.callback()
def _main(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version and exit."),  # noqa: ARG001  # heard by its callback
) -> None:
    """Retention numbers from Stripe: MRR, its movements, NRR and GRR, each traced to Stripe's objects."""
    if ctx.invoked_subcommand is None:
        from worker.cli.overview import overview

        overview()
