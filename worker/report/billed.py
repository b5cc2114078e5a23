"""What was invoiced by class, for the workbook: as `nrr show billings` has it, month by month and currency by currency."""

from datetime import date

import polars as pl

from integrations.workbook.content import BILLINGS
from metrics.billings.classes import BY_NAME, DIFFERENCE, ORDER
from worker.queries.billings import Billed, billings
from worker.queries.session import Session


def billed(session: Session, first: date, until: date) -> tuple[pl.DataFrame | None, int]:
    """BILLINGS of the months [first, until), and how many invoices there are whose totals nobody knows, since an older release read them.

    None where no invoice was read at all.
    """
    found = billings(session, first, until)
    rows = [row for each in found.months for row in _rows(each)]
    if not rows and not found.wholes:
        return None, found.untotalled
    return pl.DataFrame(rows, schema=BILLINGS, orient="row"), found.untotalled


def _rows(month: Billed) -> list[tuple[object, ...]]:
    named = [(name, micros, False) for name, micros in month.amounts.items()] + [
        (name, micros, True) for name, micros in month.apart.items()
    ]
    return [
        (month.first, month.currency, name, BY_NAME[name].label, ORDER[name], apart, name == DIFFERENCE, micros)
        for name, micros, apart in named
    ]
