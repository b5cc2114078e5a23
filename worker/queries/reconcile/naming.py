"""What is behind each difference of a comparison: the ways of reckoning that are tried, for whom, and how far.

Every way is a derivation anew, so the largest differences are tried in all of them and the rest in what explained those; what wasn't tried
is said in `notes`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Final

import polars as pl

from metrics.exchange_rates import Exchange, rates_on
from metrics.reconcile import choose
from metrics.reconcile.candidates import Candidates, candidates
from metrics.reconcile.choices import Switch
from metrics.reconcile.rules import Cell, Named
from metrics.reconcile.sides import differing, held_on
from metrics.reconcile.their_rates import Pair, their_rates
from metrics.reconcile.views import Money, Views
from worker.queries.reconcile.deriving import Deriving
from worker.queries.reconcile.matching import Matched

ALL_TRIED: Final = 400
"""So many customers, the largest differences first, are reckoned in every way, the others in the ways that explained one of these."""
ROUNDS: Final = 5
"""So often that is done again with those whom these ways don't explain."""
PAIRS_TRIED: Final = 200
"""So many of those that no single rule explains are reckoned under two other answers at once."""


Rates = Mapping[tuple[str, date], Fraction]
"""What one unit of a currency is worth on a day."""


class Naming:
    """Names the differences of one comparison on `days`; in the one currency of `abroad`, if there is one."""

    def __init__(self, matched: Matched, days: Sequence[date], abroad: Exchange | None, deriving: Deriving) -> None:
        self.matched = matched
        self.days = days
        self.abroad = abroad
        self.deriving = deriving
        self.notes: list[str] = []
        self._rates: tuple[Rates, Rates] = {}, {}

    def named(self, both: pl.DataFrame, standings: pl.DataFrame) -> list[Named]:
        """What is behind each difference of `both` (as `sides.beside`), ours being of `standings`; also those that are only rounding."""
        cells: dict[str, list[Cell]] = defaultdict(list)
        out: list[Named] = []
        apart = differing(both)
        differ = set(apart["customer"].to_list())
        for row in both.sort("customer", "currency", "day").iter_rows():
            name, day, currency, ours, theirs, tolerance = row
            cell = Cell(name, day, currency, ours, theirs, tolerance)
            if name in differ:
                cells[name].append(cell)
            if cell.agrees and cell.delta_micros:
                out.append(choose.rounded(cell))
        absent, present = [], []
        for name, theirs_cells in cells.items():
            wrong = [cell for cell in theirs_cells if not cell.agrees]
            if self.matched.is_stranger(name):
                out += choose.stranger(wrong)
            elif all(cell.theirs_micros == 0 for cell in theirs_cells):
                absent.append(name)
            else:
                present.append(name)
        size = {name: sum(abs(cell.delta_micros) for cell in cells[name]) for name in cells}
        present.sort(key=lambda name: (-size[name], name))
        absent.sort(key=lambda name: (-size[name], name))
        self._rates = self._both_rates(both, standings)
        found = self._candidates([*present, *absent], cells)
        wanted: list[Candidates] = []
        for name in present:
            wanted += found[name]
        for name in absent:
            # Who isn't in the file at all may be so by a choice; anything less plain is no reason to look further.
            for of_one in found[name]:
                if choose.explains_all(of_one, tiers=1):
                    wanted.append(of_one)
                else:
                    out += choose.absent(of_one, listed=name in self.matched.members)
        return out + choose.choose(wanted)

    def _candidates(self, names: Sequence[str], cells: Mapping[str, Sequence[Cell]]) -> dict[str, list[Candidates]]:
        """The ways of each customer, by currency: all of them for the largest differences, the useful ones for the rest."""
        out: dict[str, list[Candidates]] = {}
        views: dict[str, Views] = {}

        def look(some: Sequence[str], tried: Sequence[Switch] | None = None) -> None:
            views.update(self.deriving.views({name: self.matched.members.get(name, (name,)) for name in some}, tried))
            for name in some:
                out[name] = [candidates(each, views[name], money) for each, money in self._by_currency(cells[name])]

        left = list(names)
        for _ in range(ROUNDS):
            first, rest = left[:ALL_TRIED], left[ALL_TRIED:]
            look(first)
            left = []
            if not rest:
                break
            look(rest, _useful([out[name] for name in first], [views[name] for name in first]))
            left = [name for name in rest if not all(choose.explains_all(each, tiers=5) for each in out[name])]
        if left:
            self.notes.append(
                f"{len(names):,} customers differ: {len(left):,} of them, with the smallest differences, were not reckoned in every way"
            )
        unexplained = [name for name in names if any(not choose.explains_all(each, tiers=5) for each in out[name])]
        open_ones = unexplained[:PAIRS_TRIED]
        if len(unexplained) > PAIRS_TRIED:
            self.notes.append(
                f"{len(unexplained):,} customers no single rule explains: two choices at once were tried for the {PAIRS_TRIED:,} largest differences"
            )
        if open_ones:
            self.deriving.add_pairs({name: self.matched.members.get(name, (name,)) for name in open_ones}, views)
            for name in open_ones:
                out[name] = [candidates(each, views[name], money) for each, money in self._by_currency(cells[name])]
        return out

    def _by_currency(self, cells: Sequence[Cell]) -> Iterable[tuple[list[Cell], Money]]:
        """A customer's cells in each currency, one for each day of the file, with how amounts become that currency."""
        by_currency: dict[str, dict[date, Cell]] = defaultdict(dict)
        for cell in cells:
            by_currency[cell.currency][cell.day] = cell
        for currency, of_days in by_currency.items():
            model = next(iter(of_days.values()))
            every = [of_days.get(day) or replace(model, day=day, ours_micros=0, theirs_micros=0) for day in self.days]
            if all(cell.agrees for cell in every):
                continue
            yield every, Money(currency, self.abroad is not None, *self._rates)

    def _both_rates(self, both: pl.DataFrame, standings: pl.DataFrame) -> tuple[Rates, Rates]:
        """Our rates of the file's days, and those that the file was made with as far as its amounts tell."""
        if self.abroad is None:
            return {}, {}
        home = self.abroad.reporting
        native = held_on(standings, self.days, self.matched.of_member)
        codes = [code for code in native["currency"].unique().sort().to_list() if code != home]
        asked = pl.DataFrame(
            [(code, day) for code in codes for day in self.days], schema={"currency": pl.String, "day": pl.Date}, orient="row"
        )
        ours: dict[tuple[str, date], Fraction] = {}
        for (code, day), (numerator, denominator) in zip(asked.iter_rows(), rates_on(self.abroad, asked).iter_rows(), strict=True):
            if numerator is not None:
                ours[code, day] = Fraction(numerator, denominator)
        one = native.group_by("customer", "day").agg(pl.col("currency").first(), pl.col("micros").sum(), pl.len().alias("codes"))
        foreign = one.filter((pl.col("codes") == 1) & (pl.col("currency") != home)).drop("codes")
        shown = both.select("customer", "day", "theirs", "tolerance")
        pairs: dict[tuple[str, date], list[Pair]] = defaultdict(list)
        for _, day, code, micros, theirs, tolerance in foreign.join(shown, on=["customer", "day"]).iter_rows():
            pairs[code, day].append((micros, theirs, tolerance))
        return ours, their_rates(pairs, ours)


def _useful(found: Sequence[Sequence[Candidates]], views: Sequence[Views]) -> list[Switch]:
    """The other answers that explain any difference."""
    rules = {rule for of_one in found for each in of_one for ways in each.values() for way in ways for rule in way.rules}
    tried = dict.fromkeys(pair[0] for each in views for pair in each.switched if len(pair) == 1)
    return [switch for switch in tried if switch.rule in rules]
