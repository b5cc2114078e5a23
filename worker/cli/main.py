"""The command `nrr`: which commands there are, and what an error means to the shell.

Nothing heavy is imported before a command is chosen, so that help and typing errors answer at once. A command lives in a module of its
own and is found by the table below; what it prints and how it opens things is `common`'s.
"""

import gc
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from worker.cli.exit_codes import Exit, told
from worker.cli.fitted import fitted


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is found, what it does in a line, and in which panel of the help it stands. A `group` has commands of its own."""

    place: str
    help: str
    panel: str
    group: bool = False


_COLLECTED_SELDOM: Final = (20_000, 20, 100)
"""Loading modules makes many objects and no garbage; looking for some at the interpreter's own pace is a seventh of what a command takes to start."""

_START: Final = "Start"
_NUMBERS: Final = "Numbers"
_DATA: Final = "Data"
_RUN: Final = "Operation"

COMMANDS: Final[dict[str, Entry]] = {
    "demo": Entry("demo:demo", "Simulate a business, read it over HTTP, show what comes out.", _START),
    "init": Entry("setup:init", "Write nrr.toml and prepare the database.", _START),
    "doctor": Entry("doctor:doctor", "Check settings, database, key, permissions and freshness.", _START),
    "config": Entry("setup:config", "Show and check the settings in force.", _START, group=True),
    "db": Entry("setup:db", "Migrate, back up and restore the database.", _START, group=True),
    "sync": Entry("data:sync", "Bring everything up to date with Stripe.", _DATA),
    "backfill": Entry("backfill:app", "Read history again: plan, run, status, resume, cancel.", _DATA, group=True),
    "audit": Entry("data:audit", "Compare recent and live data with Stripe, repair what differs.", _DATA),
    "rebuild": Entry("data:rebuild", "Derive the ledger anew from the facts.", _DATA),
    "rollup": Entry("data:rollup", "Bring snapshots and figures up to date with the ledger.", _DATA),
    "verify": Entry("verify:verify", "Derive everything again and compare: exits 5 on a difference.", _DATA),
    "export": Entry("export:export", "Write movements, rollups, billings or a workbook to a file.", _DATA),
    "rates": Entry("rates:app", "Fetch, load and show exchange rates.", _DATA, group=True),
    "person": Entry("person:person", "Print all that is held of one customer.", _DATA),
    "forget": Entry("data:forget", "Remove what is personal of a customer.", _DATA),
    "overview": Entry("overview:overview", "Show on one screen how things stand, as `nrr` alone does.", _NUMBERS),
    "show": Entry("show:app", "Show MRR, movements, retention, segments, exclusions, findings.", _NUMBERS, group=True),
    "explain": Entry("explain:explain", "Explain a figure by customers, a movement by objects.", _NUMBERS),
    "compare": Entry("compare:compare", "Show which customers and rules make two policies differ.", _NUMBERS),
    "reconcile": Entry("reconcile:reconcile", "Set another tool's MRR beside ours, name each difference.", _NUMBERS),
    "report": Entry("report:report", "Write a page to hand over: retention, bridge, customers.", _NUMBERS),
    "reports": Entry("reports:app", "List the reports made on schedule, make one again.", _NUMBERS, group=True),
    "schema": Entry("schema:schema", "Print the JSON Schema of what a command prints with --json.", _NUMBERS),
    "serve": Entry("serve:serve", "Show the numbers in a browser, for any period.", _NUMBERS),
    "alerts": Entry("alerts:app", "List, test, mute and acknowledge alerts.", _RUN, group=True),
    "runs": Entry("runs:app", "Show runs, freshness, and what a run changed.", _RUN, group=True),
    "nightly": Entry("worker:nightly", "Catch up on missed days.", _RUN),
    "worker": Entry("worker:worker", "Run a Celery worker.", _RUN),
    "beat": Entry("worker:beat", "Run Celery's beat, which nudges the workers.", _RUN),
    "exporter": Entry("worker:exporter", "Serve Prometheus metrics.", _RUN),
    "health": Entry("worker:health", "Check that the workers are alive: exits 1 if not.", _RUN),
}


def load(name: str) -> Any:
    """The command called `name`, with everything that it imports."""
    entry = COMMANDS[name]
    module, _, attribute = entry.place.partition(":")
    found = getattr(import_module(f"worker.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name=name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


class Lazy(TyperGroup):
    """A group that imports a command when it is run and not before."""

    _listing = False
    _resolving = False

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the library's signature
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or while help is written a stand-in that knows its line."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if self._listing or (ctx.resilient_parsing and not self._resolving):
            return TyperCommand(name=cmd_name, help=entry.help, rich_help_panel=entry.panel)
        return load(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Names that are close to what was typed are suggested."""
        self.commands = dict.fromkeys(COMMANDS, TyperCommand(name="", help=""))
        self._resolving = True  # a shell that completes a command's options needs the command; one that completes names, only these
        try:
            return super().resolve_command(ctx, args)
        finally:
            self._resolving = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help without importing a single command."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


app = typer.Typer(
    name="nrr",
    cls=Lazy,
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


def _shown(message: str) -> str:
    """An error's message without secrets, and without signs that could steer a terminal: it may quote what came from outside."""
    from integrations.notify.sanitize import plain
    from worker.execution.masking import masked

    return "\n".join(plain(line, 2_000) for line in masked(message).splitlines())


def run() -> None:
    """What the shell calls. Every error that a person can do something about is one message and an exit code, not a traceback."""
    gc.set_threshold(*_COLLECTED_SELDOM)
    try:
        try:
            code = app(standalone_mode=True)
        finally:
            sys.stdout.flush()  # here, where a reader that is gone is no news, and not on Python's own way out, which complains
    except SystemExit:
        raise
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); Python must not complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was stored is safe, run the same command again to go on\n")
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        fault = told(error)
        if fault is None:
            raise
        sys.stderr.write(fitted(f"nrr: {_shown(fault.message)}\n", sys.stderr))
        sys.exit(fault.code)
    sys.exit(code or 0)
