"""Checks: differences that a sheet calculates between its live figures and those that are stored, for the cover to sum up."""

from dataclasses import dataclass

from integrations.workbook.pen import Pen, checked, column


@dataclass(frozen=True, slots=True)
class Check:
    """Differences that must all be nothing: what is compared, in which cells, and whether any of them isn't."""

    name: str
    area: str
    differs: bool


def of_row(pen: Pen, sheet: str, name: str, row: int, columns: tuple[int, int], *, differs: bool) -> Check:
    """The check of the cells of one row from a column to another, which are coloured by what they come to."""
    first, last = columns
    here = f"{column(first)}{row + 1}:{column(last)}{row + 1}"
    checked(pen, here)
    return Check(name, f"{sheet}!{here}", differs)
