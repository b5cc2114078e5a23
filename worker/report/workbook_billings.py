"""What was invoiced by class, for the workbook: as `nrr show billings` has it, month by month and currency by currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import polars as pl

from integrations.workbook.content import BILLINGS, SHARES
from metrics.billings.classes import BY_NAME, DIFFERENCE, ORDER
from metrics.money import ratio_text
from worker.queries.billings import Billed, Billings, billings, last_proof
from worker.queries.session import Session


@dataclass(frozen=True, slots=True)
class Invoiced:
    """Of the workbook's months: BILLINGS (None where no invoice was read at all), SHARES outside subscriptions, and SHARES of the MRR that
    the last nightly proof left unexplained. `untotalled`: invoices whose totals nobody knows, since an older release read them."""

    billings: pl.DataFrame | None
    outside: pl.DataFrame
    unexplained: pl.DataFrame
    untotalled: int


def invoiced(session: Session, first: date, until: date) -> Invoiced:
    """What was invoiced in the months [first, until)."""
    found = billings(session, first, until)
    rows = [row for each in found.months for row in _rows(each)]
    by_class = pl.DataFrame(rows, schema=BILLINGS, orient="row") if rows or found.wholes else None
    outside = [(each.first, each.currency, each.share.ratio) for each in found.months]
    return Invoiced(by_class, _shares(outside), _shares(_unexplained(session, found)), found.untotalled)


def _unexplained(session: Session, found: Billings) -> list[tuple[date, str, Fraction | None]]:
    """Of the month that was proved last, if it is one of these: each currency that is billed in, and those with something unexplained."""
    proved = last_proof(session)
    if proved is None or not found.first <= proved.month < found.until:
        return []
    billed = {each.currency for each in found.months if each.first == proved.month}
    return [(proved.month, code, proved.shares.get(code, Fraction(0))) for code in sorted(billed | set(proved.shares))]


def _shares(found: Sequence[tuple[date, str, Fraction | None]]) -> pl.DataFrame:
    rows = [
        (month, code, None if share is None else ratio_text(share.numerator, share.denominator)) for month, code, share in found
    ]
    return pl.DataFrame(rows, schema=SHARES, orient="row")


def _rows(month: Billed) -> list[tuple[object, ...]]:
    named = [(name, micros, False) for name, micros in month.amounts.items()] + [
        (name, micros, True) for name, micros in month.apart.items()
    ]
    return [
        (month.first, month.currency, name, BY_NAME[name].label, ORDER[name], apart, name == DIFFERENCE, micros)
        for name, micros, apart in named
    ]
