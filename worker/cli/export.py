"""`nrr export`: movements, snapshots, rollups and billings as files that other tools read, and the workbook that people read.

Amounts of the former are integers of micros; nothing is rounded.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from integrations.private_files import written_atomically
from worker.cli.common import Config, Context, Json, Now, PolicyName, opened, put_json
from worker.cli.dates import day_of_text, last_day_of_text, until_of_text
from worker.cli.exit_codes import Exit, Stop
from worker.cli.parquet_parts import write_parts
from worker.cli.require_ledger import ready
from worker.cli.workbook import write_workbook

if TYPE_CHECKING:
    import polars as pl

WHAT: Final = ("movements", "snapshots", "rollups", "billings")
WORKBOOK: Final = "workbook"
FORMATS: Final = ("csv", "jsonl", "parquet")
_FORMULA: Final = r"^[\s\x00-\x1f]*[=+\-@]|^[\t\r\n]"
"""How a text begins that Excel, LibreOffice and others would compute."""
_NUMBER: Final = r"^-?[0-9]+(\.[0-9]+)?$"


def export(
    what: Annotated[str, typer.Argument(metavar="movements|snapshots|rollups|billings|workbook", help="What to write.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The file to write; - is stdout. With --by-bucket, the folder.")
    ],
    format: Annotated[
        str | None, typer.Option("--format", help="csv, jsonl or parquet (default: what FILE ends in, else csv).")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day, which is part of the range.")] = None,
    by_bucket: Annotated[
        int | None,
        typer.Option(
            "--by-bucket", metavar="N", help="Of movements and snapshots: a folder of N Parquet files, each of whole customers."
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="In CSV, leave texts that a spreadsheet would take for formulas as they are.")
    ] = False,
    months: Annotated[
        int, typer.Option("--months", help="Of the workbook: so many months up to --to (default: the last that is over).")
    ] = 36,
    currency: Annotated[
        str | None,
        typer.Option("--currency", metavar="CODE", help="Of the workbook: what is billed in this currency, not the whole book."),
    ] = None,
    reconciled: Annotated[
        Path | None, typer.Option("--reconciled", metavar="FILE", help="Of the workbook: what nrr reconcile --json printed.")
    ] = None,
    names: Annotated[
        bool | None,
        typer.Option("--names/--no-names", help="Of the workbook: customers' names, where they are kept (default: store_names)."),
    ] = None,
    policy: PolicyName = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Write movements, month-end snapshots, rollups or billings to a file, or the workbook of a board pack. A file is written whole or not at all."""
    if what not in (*WHAT, WORKBOOK):
        raise Stop(f"there is nothing called {what!r} to export; there are {', '.join((*WHAT, WORKBOOK))}", Exit.USAGE)
    if what == WORKBOOK:
        if first is not None:
            raise Stop("a workbook takes --months and --to, not --from", Exit.USAGE)
        last_day = last_day_of_text(last, "--to") if last else None
        with opened(json=json, now=now, config=config, policy=policy) as context:
            ready(context)
            write_workbook(context, out, months=months, last=last_day, currency=currency, reconciled=reconciled, names=names)
        return
    form = format or _format_of(out, by_bucket)
    if form not in FORMATS:
        raise Stop(f"there is no format {form!r}; there are {', '.join(FORMATS)}", Exit.USAGE)
    if str(out) == "-" and form == "parquet":
        raise Stop("parquet needs a file: --out FILE", Exit.USAGE)
    begin = day_of_text(first, "--from") if first else None
    until = until_of_text(last, "--to") if last else None
    if begin and until and begin >= until:
        raise Stop(f"--from {begin} lies after --to {until - timedelta(days=1)}", Exit.USAGE)
    if by_bucket is not None:
        _check_parts(what, out, form, by_bucket)
    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        if by_bucket is not None:
            from worker.queries.by_bucket import TABLES

            rows = write_parts(TABLES[what](context.session, by_bucket, begin, until), out, what)
            if json:
                put_json({"what": what, "format": form, "file": str(out), "parts": by_bucket, "rows": rows})
            else:
                context.lines(f"{rows:,} {what} in {by_bucket} parts in {out}")
            return
        rows = write_frames(_frames(context, what, begin, until), out, form, raw=raw)
        if str(out) == "-":
            context.say(f"{rows:,} rows")
        elif json:
            put_json({"what": what, "format": form, "file": str(out), "rows": rows})
        else:
            context.lines(f"{rows:,} {what} in {out}")


def _format_of(out: Path, by_bucket: int | None) -> str:
    """What a file's name says that is to be in it."""
    if by_bucket is not None:
        return "parquet"
    ending = out.suffix.lower().removeprefix(".")
    return {"ndjson": "jsonl"}.get(ending, ending if ending in FORMATS else "csv")


def _check_parts(what: str, out: Path, form: str, parts: int) -> None:
    if what not in ("movements", "snapshots"):
        raise Stop(f"{what} are not of single customers: write them as one file, without --by-bucket", Exit.USAGE)
    if form != "parquet" or str(out) == "-":
        raise Stop("--by-bucket writes a folder of Parquet files: --format parquet --out FOLDER", Exit.USAGE)
    if not 1 <= parts <= 1024:
        raise Stop(f"--by-bucket takes 1 to 1024, not {parts}: there are no more buckets of customers", Exit.USAGE)


def write_frames(frames: Iterator["pl.DataFrame"], out: Path, form: str, *, raw: bool) -> int:
    """Write frames one after another; the file appears under its name only when it is whole, and for its owner alone."""
    if form == "csv" and not raw:
        frames = map(_inert, frames)
    if str(out) == "-":
        return sum(_append(frame, sys.stdout.buffer, form, first=index == 0) for index, frame in enumerate(frames))
    try:
        with written_atomically(out) as place:
            if form == "parquet":
                import polars as pl

                whole = pl.concat(list(frames))
                whole.write_parquet(place)
                return len(whole)
            with place.open("wb") as file:
                return sum(_append(frame, file, form, first=index == 0) for index, frame in enumerate(frames))
    except OSError as error:
        raise Stop(f"{out} could not be written: {error.strerror}; nothing was left there") from None


def _inert(frame: "pl.DataFrame") -> "pl.DataFrame":
    """The frame with an apostrophe before each text that a spreadsheet would take for a formula; numbers written as text stay."""
    import polars as pl

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_NUMBER))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    )


def _append(frame: "pl.DataFrame", file: Any, form: str, *, first: bool) -> int:
    import polars as pl

    if form == "jsonl":
        file.write(frame.write_ndjson().encode())
    else:
        lists = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
        file.write(frame.with_columns(pl.col(name).list.join(" ") for name in lists).write_csv(include_header=first).encode())
    return len(frame)


def _frames(context: Context, what: str, begin: date | None, until: date | None) -> Iterator["pl.DataFrame"]:
    from worker.queries import frames

    if what == "rollups":
        return iter([frames.retention(context.session, begin, until)])
    parts = {
        "movements": frames.movements_in_parts,
        "snapshots": frames.mrr_by_customer_in_parts,
        "billings": frames.billings_in_parts,
    }
    return parts[what](context.session, begin, until)
