"""Somebody else's MRR from a file: one amount for each customer and month, from any shape in which tools export it.

Four shapes are known: *long* (a row for each customer and month), *wide* (a column for each month), *changes* (a row for each change of a
customer's MRR) and *summary* (the whole book's MRR a month). What was taken for what is said in `reading`, so that a wrong guess is seen.
Nothing is compared here, and nothing is known of our customers.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from integrations.files.amounts import bare, currency_in, decimal_point, value
from integrations.files.columns import CLOSING, Layout, Role, find_layout, told_columns, words
from integrations.files.errors import BadFile
from integrations.files.months import When, last_day, months_of
from integrations.files.text import SEPARATORS, Table, read_table

Shape = Literal["long", "wide", "changes", "summary"]
_SCALE: Final = 12
AMOUNTS: Final[dict[str, Any]] = {
    "key": pl.String,
    "email": pl.String,
    "name": pl.String,
    "day": pl.Date,
    "currency": pl.String,
    "amount": pl.Decimal(38, _SCALE),
    "line": pl.Int64,
}
"""One row for each customer, day and currency: `key` is what the file calls the customer (an id if it has one), `day` the one at whose
closing the amount holds (or on which a change was), `amount` in the file's own units, `line` the first line that says it."""
_TOTALS: Final = frozenset(
    {
        "total",
        "totals",
        "sum",
        "grand total",
        "total mrr",
        "all customers",
        "all",
        "overall",
        "summe",
        "gesamt",
        "total general",
        "somme",
    }
)


@dataclass(frozen=True, slots=True)
class TheirMrr:
    """What a file says, as AMOUNTS; `people` are all whom it names, with or without an amount. `places` are those of its amounts."""

    file: str
    shape: Shape
    amounts: pl.DataFrame
    people: frozenset[str]
    places: int
    minor: bool | None
    """Whether its heads say that amounts are in minor units."""
    reading: tuple[str, ...]
    """What was taken for what, in sentences."""


def read_mrr(path: Path, columns: str | None = None) -> TheirMrr:
    """What a file says of anybody's MRR. `columns` names its columns (`customer=…,month=…,mrr=…`) where their names don't tell.

    Raises BadFile with the line, what was found there and what would do.
    """
    told = told_columns(columns) if columns else {}
    table = read_table(path)
    layout = find_layout(table.rows, told, table.name)
    return _Reader(table, layout).read()


@dataclass(frozen=True, slots=True)
class _Cell:
    """One amount as it stands in the file."""

    line: int
    who: tuple[str, str, str]
    when: str | When
    currency: str
    text: str
    column: str


class _Reader:
    """Reads one table in one layout."""

    def __init__(self, table: Table, layout: Layout) -> None:
        self.table = table
        self.layout = layout
        self.rows = [row for row in table.rows if row[0] > layout.head_line]
        self.left_out: Counter[str] = Counter()
        self.people: set[str] = set()
        self.empty = 0
        self.firsts = False
        """Whether months are named by their first days."""
        self.codes: dict[str, str] = {}

    def read(self) -> TheirMrr:
        """The whole file."""
        self._refuse_more_cells()
        cells = list(self._summary() if self.layout.is_summary else self._by_customer())
        if not cells:
            raise BadFile(f"{self.table.name} names no customer and month below line {self.layout.head_line}")
        comma_file = self.table.separator != ","
        texts: dict[str, tuple[str, bool]] = {}
        for cell in cells:
            if cell.text not in texts:
                plain = bare(cell.text)
                if plain is None:
                    raise self._no_amount(cell)
                texts[cell.text] = plain
        point = decimal_point((text for text, _ in texts.values()), comma_file=comma_file)
        values: dict[str, Decimal] = {}
        for cell in cells:
            if cell.text not in values:
                number = value(*texts[cell.text], point)
                if number is None or abs(number) >= Decimal(10) ** 20:
                    raise self._no_amount(cell)
                values[cell.text] = round(number, _SCALE)
        places = max((len(text.rpartition(point)[2]) for text, _ in texts.values() if point in text), default=0)
        days = self._days(cells)
        frame = self._frame(cells, values, days)
        return TheirMrr(
            self.table.name,
            self.shape,
            frame,
            frozenset(self.people),
            places,
            self.layout.minor,
            tuple(self._said(point if places else None, len(cells))),
        )

    def _refuse_more_cells(self) -> None:
        """A row with more cells than the head has names was cut in the wrong places, by the comma of an amount, say."""
        named = len(self.layout.head)
        for line, cells in self.rows:
            if any(cells[named:]):
                sign = SEPARATORS[self.table.separator]
                raise BadFile(
                    f"{self.table.name}, line {line}: there are {len(cells)} cells below a head of {named}: "
                    f"{', '.join(map(repr, cells[:8]))}. A cell that holds a {sign} must stand in quotes"
                )

    @property
    def shape(self) -> Shape:
        """Which of the four shapes the file has."""
        if self.layout.is_summary:
            return "summary"
        if self.layout.months:
            return "wide"
        return "changes" if "change" in self.layout.place else "long"

    # --- rows to cells --------------------------------------------------------------------------------------------------------

    def _by_customer(self) -> Iterator[_Cell]:
        for line, cells in self.rows:
            who = tuple(self._at(cells, role) for role in ("customer", "email", "name"))
            if not any(who) or all(not said or words(said) in _TOTALS for said in who):
                self.left_out["total" if any(map(bool, who)) or any(cells) else "empty"] += 1
                continue
            self.people.add(next(said for said in who if said))
            currency = self._currency(line, cells)
            for column, when in self._amounts(cells, line):
                text = cells[column] if column < len(cells) else ""
                if not text:
                    self.empty += 1
                code = currency or self._currency_of(text)
                yield _Cell(line, (who[0], who[1], who[2]), when, code, text, self.layout.head[column])

    def _currency_of(self, text: str) -> str:
        """The currency that an amount names itself, where no column does."""
        if text not in self.codes:
            self.codes[text] = "" if text.replace(".", "").replace(",", "").isdigit() else currency_in(text) or ""
        return self.codes[text]

    def _amounts(self, cells: Sequence[str], line: int) -> Iterator[tuple[int, str | When]]:
        if self.layout.months:
            yield from self.layout.months.items()
            return
        if self.layout.when is not None:
            yield self._amount_column(), self.layout.when
            return
        month = self._at(cells, "month")
        if not month:
            raise BadFile(
                f"{self.table.name}, line {line}: there is no month in {self._head('month')!r}; write one such as 2026-01"
            )
        yield self._amount_column(), month

    def _summary(self) -> Iterator[_Cell]:
        """The closing of the book: a row called so with a column a month, or a column called so with a row a month."""
        nobody = ("", "", "")
        if not self.layout.months:
            for line, cells in self.rows:
                for column, when in self._amounts(cells, line):
                    text = cells[column] if column < len(cells) else ""
                    yield _Cell(line, nobody, when, self._currency(line, cells), text, self.layout.head[column])
            return
        label = next(i for i in range(len(self.layout.head)) if i not in self.layout.months)
        named = [(line, cells, words(cells[label])) for line, cells in self.rows if label < len(cells) and cells[label]]
        chosen = next(((line, cells) for wanted in CLOSING for line, cells, said in named if said == wanted), None)
        if chosen is None:
            rows = ", ".join(repr(cells[label]) for _, cells, _ in named[:12])
            raise BadFile(
                f"{self.table.name} names no customer, and none of its rows {rows} is the MRR at a month's end; give one called 'Ending MRR', "
                "or a file with a column for the customer"
            )
        line, cells = chosen
        for column, when in self.layout.months.items():
            text = cells[column] if column < len(cells) else ""
            yield _Cell(line, nobody, when, self._currency(line, cells), text, self.layout.head[column])

    def _currency(self, line: int, cells: Sequence[str]) -> str:
        """The currency of a row, as far as it says one. Raises BadFile for what is no code."""
        currency = (self._at(cells, "currency") or self.layout.currency or "").lower()
        if currency and not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise BadFile(
                f"{self.table.name}, line {line}: the currency must be a code of three letters such as usd, not {currency!r}"
            )
        return currency

    def _at(self, cells: Sequence[str], role: Role) -> str:
        place = self.layout.place.get(role)
        return cells[place] if place is not None and place < len(cells) else ""

    def _head(self, role: Role) -> str:
        return self.layout.head[self.layout.place[role]]

    def _amount_column(self) -> int:
        return self.layout.place["change" if "change" in self.layout.place else "mrr"]

    def _no_amount(self, cell: _Cell) -> BadFile:
        return BadFile(
            f"{self.table.name}, line {cell.line}: {cell.column!r} must be an amount such as 49.00, not {cell.text[:60]!r}"
        )

    # --- cells to amounts -----------------------------------------------------------------------------------------------------

    def _days(self, cells: Sequence[_Cell]) -> Mapping[str | When, date]:
        """For each month or day that is named the day at whose closing its amounts hold."""
        texts = list(dict.fromkeys(cell.when for cell in cells if isinstance(cell.when, str)))
        named, wrong = months_of(texts)
        if wrong is not None:
            line = next(cell.line for cell in cells if cell.when == wrong)
            raise BadFile(
                f"{self.table.name}, line {line}: {wrong!r} is no month (or could be two); write months as 2026-01 and days as 2026-01-31"
            )
        whens: dict[str | When, When] = {cell.when: cell.when for cell in cells if isinstance(cell.when, When)}
        whens.update(named)
        # Tools name a month by its first day: only where other days occur as well are these days themselves.
        firsts = (
            self.layout.when is None
            and self.shape != "changes"
            and all(when.whole_month or when.day.day == 1 for when in whens.values())
        )
        self.firsts = firsts and any(not when.whole_month for when in whens.values())
        return {key: last_day(when.day) if when.whole_month or firsts else when.day for key, when in whens.items()}

    def _frame(self, cells: Sequence[_Cell], values: Mapping[str, Decimal], days: Mapping[str | When, date]) -> pl.DataFrame:
        added: dict[tuple[tuple[str, str, str], date, str], list[Decimal | int]] = defaultdict(lambda: [Decimal(0), 0, 0])
        for cell in cells:
            row = added[cell.who, days[cell.when], cell.currency]
            row[0] += values[cell.text]
            row[1] = row[1] or cell.line
            row[2] += 1
        self.added = sum(1 for row in added.values() if row[2] > 1)
        return pl.DataFrame(
            [
                (next((said for said in who if said), ""), who[1], who[2] or "", day, currency, row[0], row[1])
                for (who, day, currency), row in added.items()
            ],
            schema=AMOUNTS,
            orient="row",
        )

    def _said(self, point: str | None, cells: int) -> Iterator[str]:
        place = self.layout.place
        called = {
            "long": "a row for each customer and month",
            "wide": "a column for each month",
            "changes": "a row for each change",
        }
        yield (
            f"{called.get(self.shape, 'the whole book by month, no customers')}; {cells:,} amounts of {len(self.people):,} customers; "
            f"{self.table.encoding}, columns divided by {SEPARATORS[self.table.separator]}"
            + (f", places by {'comma' if point == ',' else 'point'}" if point else "")
        )
        if place or self.layout.months:
            named = [f"{role} = {self.layout.head[at]!r}" for role, at in place.items()]
            if self.layout.months:
                months = [self.layout.head[at] for at in self.layout.months]
                named.append(f"months = {months[0]!r} to {months[-1]!r}" if len(months) > 1 else f"month = {months[0]!r}")
            yield ", ".join(named)
        if self.firsts:
            yield "the first day of a month is taken for the month: its amounts for those at the closing of its last day"
        if self.left_out["total"]:
            yield f"{self.left_out['total']} rows of totals are left out"
        if self.empty:
            yield f"{self.empty:,} empty amounts are taken for 0"
        if self.added and self.shape != "changes":
            yield f"{self.added:,} amounts are the sum of several rows of one customer and month"
