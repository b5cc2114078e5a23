"""What all commands share: how settings and a wiring are opened, how the current time is read, and how things are printed.

Data goes to stdout, messages to stderr. With `--json` the data is one JSON document with a `schema_version`; amounts in it
are decimal strings in major units beside integers of micros, rates are numbers. Colours and bars are for terminals only.
"""

import json as jsonlib
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from integrations.notify.sanitize import steady
from worker.cli.dates import instant_of
from worker.cli.exit_codes import Exit, Stop
from worker.cli.fitted import fitted
from worker.cli.tables import console, print_table

if TYPE_CHECKING:
    from worker.config.load import Loaded
    from worker.figures.outstanding import Outstanding
    from worker.queries.accounts import AccountRead
    from worker.queries.session import Session
    from worker.runs.steps import Report
    from worker.runs.watch import Progress
    from worker.wiring.wiring import Wiring

SCHEMA_VERSION: Final = 2
"""Rises when a key goes or comes to mean something else; what keys there are, `worker.cli.answers` says."""
_STEERING: Final = re.compile("[\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MINUS: Final = "\N{MINUS SIGN}"

Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]
Now = Annotated[str | None, typer.Option("--now", metavar="ISO-INSTANT", help="Use this instant as the current time.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The settings file (default: ./nrr.toml).")]
PolicyName = Annotated[
    str | None, typer.Option("--policy", metavar="NAME", help="Figures under another preset than the one that is set.")
]


@dataclass
class Context:
    """What a command prints through."""

    wiring: "Wiring"
    loaded: "Loaded"
    json: bool = False
    interrupted: list[bool] = field(default_factory=list)

    @property
    def session(self) -> "Session":
        """What the read side (`worker.queries`) reads from: a command knows the numbers from there alone."""
        return self.wiring.session

    @property
    def today(self) -> date:
        """The reporting day of the present (or of what `--now` says)."""
        from metrics.periods import day_of

        return day_of(self.wiring.now, self.wiring.basis.timezone)

    @cached_property
    def names(self) -> dict[tuple[str, str], str]:
        """What plans, products and accounts are called."""
        from worker.queries.names import names_of_segments

        return names_of_segments(self.session)

    @cached_property
    def outstanding(self) -> "Outstanding":
        """What is derived and what is still to come."""
        from worker.queries.outstanding import outstanding

        return outstanding(self.session)

    def outstanding_row(self) -> dict[str, Any]:
        """The same for scripts."""
        return {"waiting": self.outstanding.waiting, "outdated": self.outstanding.outdated}

    @cached_property
    def accounts(self) -> "list[AccountRead]":
        """The accounts that anything is held of."""
        from worker.queries.accounts import accounts_read

        return accounts_read(self.session)

    def account_row(self, number: int | None) -> dict[str, Any]:
        """An account by its name, beside the number that it has in the database; null for none."""
        named = {each.number: each.name for each in self.accounts}
        return {"account": None if number is None else named.get(number, str(number)), "account_number": number}

    def say(self, text: str) -> None:
        """A message, on stderr."""
        sys.stderr.write(f"{fitted(steady(text), sys.stderr)}\n")

    def put(self, data: Mapping[str, Any]) -> None:
        """Print data as JSON."""
        put_json(data)

    def lines(self, *texts: str) -> None:
        """Print data for people."""
        for text in texts:
            sys.stdout.write(f"{fitted(steady(text), sys.stdout)}\n")

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None, right: Sequence[str] = ()
    ) -> None:
        """Print rows for people; the columns in `right` are numbers."""
        print_table(columns, rows, title=title, right=right)

    def finished(self, report: "Report") -> None:
        """End a command that ran jobs, with the exit code that says how it went; returns when all is well."""
        if self.interrupted:
            self.say("stopped after the page that was being read; run the same command again to go on")
            raise typer.Exit(Exit.INTERRUPTED)
        if report.error is not None:
            raise report.error
        if report.status != "done":
            why = "; ".join(report.errors) or "it is still under way elsewhere"
            raise Stop(
                f"run {report.run_id} is {report.status}: {why}. Nothing that was stored is lost; run `nrr runs` to see more"
            )
        if report.quarantined:
            self.say(f"{report.quarantined} objects could not be read and are quarantined: nrr doctor names them")
        underived = self.underived()
        if report.quarantined or underived:
            raise typer.Exit(Exit.QUARANTINED)

    def underived(self) -> int:
        """How many customers can't be derived, which is said."""
        from worker.queries.findings import underived

        found = len(underived(self.session))
        if found:
            self.say(f"{found} customers can't be derived and are in no figure: nrr doctor names them")
        return found


def require_yes(question: str, else_said: str) -> None:
    """Ask before what can't be taken back. Raises Stop with `else_said` for a no, and where there is nobody to ask."""
    try:
        if typer.confirm(question, err=True):
            return
    except typer.Abort:
        sys.stderr.write("\n")
    raise Stop(f"{else_said}; --yes says so without being asked")


def put_json(data: Mapping[str, Any]) -> None:
    """One JSON document on stdout."""
    text = jsonlib.dumps({"schema_version": SCHEMA_VERSION, **data}, indent=2, ensure_ascii=False, default=_plain)
    # The same JSON: what could steer a terminal is written as its number, which reads back as it was.
    sys.stdout.write(_STEERING.sub(lambda sign: f"\\u{ord(sign.group()):04x}", text) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


# --- opening ------------------------------------------------------------------------------------------------------------------


@contextmanager
def opened(
    *,
    json: bool = False,
    now: str | None = None,
    config: Path | None = None,
    policy: str | None = None,
    key: bool = False,
    **flags: Any,
) -> Iterator[Context]:
    """Settings, logging and a wiring for one command. With `key` an account must be set. Raises BadSettings, UnknownChoice."""
    from worker.config.load import load
    from worker.wiring.wiring import require_key

    loaded = load(flags, config=config)
    if key:
        require_key(loaded.settings)
    with in_context(loaded, json=json, now=now, policy=policy) as context:
        yield context


@contextmanager
def in_context(loaded: "Loaded", *, json: bool = False, now: str | None = None, policy: str | None = None) -> Iterator[Context]:
    """Logging and a wiring for settings that are loaded already. Raises UnknownChoice."""
    from worker.execution import log, masking
    from worker.wiring.wiring import open_wiring

    settings = loaded.settings
    masking.keep_secret(*settings.secrets())
    log.configure(style=settings.log_format, level=log.level_of(settings.log_level))
    wiring = open_wiring(settings, pretended=None if now is None else instant_of(now))
    if policy is not None:
        wiring = wiring.under(settings.basis(policy))
    context = Context(wiring, loaded, json)
    try:
        with _heard(context):
            yield context
    finally:
        wiring.close()


@contextmanager
def _heard(context: Context) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) asks to stop after the page; the second one stops at once."""

    def hear(_number: int, _frame: Any) -> None:
        if context.interrupted:
            raise KeyboardInterrupt
        context.interrupted.append(True)
        context.wiring.stop.request()
        context.say("stopping after this page … (once more to stop at once)")

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- progress -----------------------------------------------------------------------------------------------------------------


@contextmanager
def progress(what: str) -> Iterator["Progress"]:
    """A line for each stream with what was read and how fast, on a terminal; nothing elsewhere."""
    shown = console(stderr=True)
    if not shown.is_terminal:
        from worker.runs.watch import quiet

        yield quiet
        return
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:>9,.0f}"),
        TextColumn("{task.fields[rate]:>9}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=shown, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def told(stream: str, objects: int) -> None:
            if stream not in tasks:
                tasks[stream] = bars.add_task(f"{what} {stream}", total=None, rate="")
            task = bars.tasks[list(tasks).index(stream)]
            speed = f"{task.speed:,.0f}/s" if task.speed else ""
            bars.update(tasks[stream], advance=objects, rate=speed)

        yield told


# --- money for people ---------------------------------------------------------------------------------------------------------


def money(micros: int | None, currency: str) -> str:
    """An amount for people, as messages say it: `1,234.56 USD`, `−5.00 USD`, in the currency's own places. `--json` gives exact ones."""
    if micros is None:
        return "–"
    from metrics.money import exponent
    from metrics.number_words import currency_name
    from metrics.number_words import money as written

    return written(micros, currency, exponent(currency_name(currency)))


def percent(rate: str | None) -> str:
    """A rate (a decimal string) as per cent with two places, – when there is none."""
    if rate is None:
        return "–"
    from decimal import Decimal

    text = f"{Decimal(rate) * 100:.2f} %"
    return text.replace("-", MINUS) if text.strip("-0. %") else text.removeprefix("-")
