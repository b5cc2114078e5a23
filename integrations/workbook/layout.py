"""Where the cube lies on its sheet, so that formulas elsewhere can refer to it. Rows are counted from 0, formulas count from 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from integrations.workbook.content import Content
from integrations.workbook.pen import column
from metrics.retention.cube import YEAR

CUBE: Final = "Cube"
TOTAL: Final = 3
STORED: Final = 4
DIFFERENCE: Final = 5
HEAD: Final = 7
FIRST: Final = 8
"""Rows of the sheet: live sum, stored figure, their difference, the head of the table, and the first customer."""


@dataclass(frozen=True, slots=True)
class Places:
    """The cube's columns: what is said of customers, then months; then, where money is exchanged, the months at earlier rates."""

    labels: tuple[str, ...]
    closings: int
    rows: int
    blocks: tuple[str, ...]

    def col(self, label: str) -> int:
        """The column of what is said of customers."""
        return self.labels.index(label)

    def start(self, block: str) -> int:
        """The first column of a block of months; `mrr` stands for one that isn't there, since it is the same."""
        place = self.blocks.index(block) if block in self.blocks else 0
        return len(self.labels) + place * (self.closings + 1)

    def area(self, col: int) -> str:
        """All customers of one column, for a formula on another sheet."""
        return f"{CUBE}!{self.here(col)}"

    def here(self, col: int) -> str:
        """The same for a formula on the sheet itself."""
        letters = column(col)
        return f"${letters}${FIRST + 1}:${letters}${FIRST + max(1, self.rows)}"

    def of(self, label: str) -> str:
        """All customers' plan, sign-up month or whatever it is."""
        return self.area(self.col(label))

    def mrr(self, index: int) -> str:
        """All customers' MRR at a closing, at its own rate."""
        return self.area(self.start("mrr") + index)

    def at_rate_of(self, index: int, opening: int) -> str:
        """The same at the rate of an earlier closing, one or twelve before."""
        block = {1: "month_ago", YEAR: "year_ago"}[index - opening]
        return self.area(self.start(block) + index)

    def elsewhere(self, index: int) -> str | None:
        """All customers' marks that they have MRR in another currency; None where nobody ever has."""
        return self.area(self.start("elsewhere") + index) if "elsewhere" in self.blocks else None


def places(content: Content) -> Places:
    """Where the cube of this content lies."""
    labels: Sequence[str] = [
        "customer",
        *(["name"] if content.names else []),
        "parent",
        "signup",
        "country",
        "plan",
        "product",
        "interval",
        *(["account"] if len(content.about.accounts) > 1 else []),
    ]
    cube = content.cube
    blocks = ["mrr", *(name for name in ("month_ago", "year_ago", "elsewhere") if getattr(cube, name) is not None)]
    return Places(tuple(labels), len(cube.days), len(cube.customers), tuple(blocks))
