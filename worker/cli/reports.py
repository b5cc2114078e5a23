"""`nrr reports`: which reports were made by themselves, which could not be, and one of them again as it was."""

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from worker.queries.reports import FailedReport, MadeReport

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Reports that were made by themselves.")


@app.command()
def show(
    last: Annotated[int, typer.Option("--last", min=1, help="So many, the latest ones.")] = 20,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """List reports made on schedule, and where they lie. Those that could not be made too, with the reason."""
    from metrics.number_words import currency_name
    from worker.queries.reports import reports_failed, reports_made

    with opened(json=json, now=now, config=config) as context:
        made, failed = reports_made(context.session, last), reports_failed(context.session)
        if json:
            put_json({"reports": [_row(each) for each in made], "failed": [_failed_row(each) for each in failed]})
            return
        rows = [
            (
                each.id,
                each.what,
                _label(each),
                currency_name(each.currency),
                f"{each.made_at:%Y-%m-%d %H:%M}",
                each.policy,
                each.path,
            )
            for each in made
        ]
        context.table(
            ("number", "what", "period", "in", "made (UTC)", "policy", "file"), rows, title="Reports made", right=("number",)
        )
        if not made:
            context.say("none was made yet: set a folder under [report] in nrr.toml" if not failed else "none was made yet")
        for each in failed:
            context.say(f"the {each.what} of {_label(each)} could not be made since {each.since:%Y-%m-%d %H:%M} UTC: {each.why}")


@app.command()
def again(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Its number in nrr reports show.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.")],
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Make a report again, as it was. Of the figures as they were known when it was made; says whether the file is the same to the byte."""
    from worker.queries.reports import report_made

    with opened(json=json, now=now, config=config) as context:
        found = report_made(context.session, number)
        if found is None:
            raise Stop(f"no report has the number {number}; nrr reports show lists them", Exit.USAGE)
        made, body = found
        try:
            if made.what == "workbook":
                _workbook(context, made, body, out)
            else:
                _page(context, made, out)
        except OSError as error:
            raise Stop(f"{out} could not be written: {error.strerror or error}; nothing was left there") from None
        same = hashlib.sha256(out.read_bytes()).hexdigest() == made.digest
        if json:
            put_json({**_row(made), "out": str(out), "same": same})
            return
        told = "the same file to the byte" if same else "the figures are those of then; names, or the release of nrr, are not"
        context.lines(f"{out}: the {made.what} of {_label(made)}, as known at {made.known_at:%Y-%m-%d %H:%M} UTC: {told}")


def _workbook(context: Context, made: "MadeReport", body: bytes | None, out: Path) -> None:
    from worker.queries.customers import names_of
    from worker.report.workbook_archive import UnknownContent, unpacked
    from worker.report.workbook_file import written

    if body is None:
        raise Stop(f"nothing is kept of the workbook {made.id}: a customer in it was forgotten, or nothing was kept from the first")
    try:
        content = unpacked(body)
        people = list(content.cube.customers["customer"]) if made.options.get("names") else []
        written(replace(content, names=names_of(context.session, people)), out)
    except UnknownContent as error:
        raise Stop(str(error)) from None


def _page(context: Context, made: "MadeReport", out: Path) -> None:
    from integrations.private_files import written_atomically
    from metrics.periods import Window
    from worker.report.page import NoReport, Options, build

    if made.basis != context.session.basis.version:
        raise Stop(
            f"the page was made under the policy {made.policy} (basis {made.basis}), and the one that is set has the basis "
            f"{context.session.basis.version}: set that policy to make it again",
            Exit.USAGE,
        )
    ready(context)
    before = made.options.get("last_report")
    asked = Options(
        names=bool(made.options.get("names")),
        as_known_at=made.known_at,
        currency=_code(made.currency),
        last_report=None if before is None else datetime.fromisoformat(before),
    )
    try:
        page = build(context.session, Window(made.kind, made.first, made.until), asked)
    except NoReport as error:
        raise Stop(str(error)) from None
    with written_atomically(out) as place:
        place.write_bytes(page)


def _code(currency: str) -> str | None:
    """The currency that was asked for; None where it is the whole book's."""
    from metrics.money import BookCurrency

    return None if BookCurrency.of(currency).whole_book else currency


def _label(each: "MadeReport | FailedReport") -> str:
    from metrics.periods import Window

    return Window(each.kind, each.first, each.until).label


def _row(each: "MadeReport") -> dict[str, Any]:
    from worker.cli.json_rows import window_row

    return {
        "number": each.id,
        "what": each.what,
        **window_row(each.kind, each.first, each.until),
        "currency": each.currency,
        "policy": each.policy,
        "basis": each.basis,
        "file": each.path,
        "bytes": each.bytes,
        "sha256": each.digest,
        "known_at": each.known_at,
        "made_at": each.made_at,
        "run": each.run_id,
        "options": each.options,
    }


def _failed_row(each: "FailedReport") -> dict[str, Any]:
    from worker.cli.json_rows import window_row

    return {
        "what": each.what,
        **window_row(each.kind, each.first, each.until),
        "why": each.why,
        "since": each.since,
        "tried_at": each.tried_at,
    }
