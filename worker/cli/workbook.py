"""`nrr export workbook`: the board pack, written whole or not at all."""

import json as jsonlib
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from integrations.bounded_reading import EXPORT, read_bounded
from worker.cli.common import Context, put_json
from worker.cli.exit_codes import Exit, Stop

MOST_MONTHS = 120


def write_workbook(
    context: Context,
    out: Path,
    *,
    months: int,
    last: date | None,
    currency: str | None,
    reconciled: Path | None,
    names: bool | None,
) -> None:
    """Gather and write a workbook, and say what is in it. Raises Stop."""
    from worker.report.workbook import NothingStored, NotYet, Options, WhichCurrency, gather
    from worker.report.workbook_file import written

    if str(out) == "-":
        raise Stop("a workbook needs a file: --out FILE.xlsx", Exit.USAGE)
    if not 1 <= months <= MOST_MONTHS:
        raise Stop(f"--months takes 1 to {MOST_MONTHS}, not {months}", Exit.USAGE)
    kept = context.loaded.settings.store_names
    options = Options(months, last, currency, kept if names is None else names, _reconciliation(reconciled))
    began = time.monotonic()
    try:
        content = gather(context.session, options)
    except (WhichCurrency, NotYet) as error:
        raise Stop(str(error), Exit.USAGE) from None
    except NothingStored as error:
        raise Stop(str(error)) from None
    try:
        size = written(content, out)
    except OSError as error:
        raise Stop(f"{out} could not be written: {error.strerror or error}; nothing was left there") from None
    about = content.about
    if context.json:
        from worker.cli.json_rows import days_row

        put_json(
            {
                "what": "workbook",
                "file": str(out),
                "bytes": size,
                "currency": about.currency,
                "whole_book": about.whole_book,
                **days_row(about.first, about.last),
                "customers": len(content.cube.customers),
                "movements": len(content.movements),
                "incomplete": about.incomplete,
            }
        )
        return
    context.lines(
        f"{out}: {len(content.cube.customers):,} customers, {about.first:%Y-%m} to {about.last:%Y-%m} in {about.currency.upper()}, "
        f"{len(content.movements):,} movements" + (" (the last month is incomplete)" if about.incomplete else "")
    )
    context.say(f"{size / 1_000_000:.1f} MB in {time.monotonic() - began:.1f} s")


def _reconciliation(path: Path | None) -> Mapping[str, Any] | None:
    if path is None:
        return None
    try:
        found = jsonlib.loads(read_bounded(path, EXPORT))
    except (OSError, ValueError) as error:
        raise Stop(f"--reconciled {path} could not be read: {error}", Exit.USAGE) from None
    if not isinstance(found, dict) or "totals" not in found:
        raise Stop(f"--reconciled {path} is not what `nrr reconcile FILE --json` prints", Exit.USAGE)
    return found
