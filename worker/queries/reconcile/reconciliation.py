"""Our MRR beside somebody else's: read, matched, set side by side under the policy that is nearest, and each difference named by rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.files.errors import BadFile
from integrations.files.mrr_file import TheirMrr, read_mrr
from metrics.exchange_rates import Exchange, exchange
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.policy import PRESETS
from metrics.reconcile.rules import Named
from metrics.reconcile.sides import beside, differing, expressed, held_on
from worker.figures import adhoc
from worker.figures.derived import derived_until
from worker.queries.reconcile.amounts import clipped, closings, currencies, looks_minor, looks_yearly, their_side
from worker.queries.reconcile.deriving import Deriving, stored_standings
from worker.queries.reconcile.matching import BOOK, match, whole_book
from worker.queries.reconcile.naming import Naming
from worker.queries.session import Session, currency_of, has_ledger, ledger

SAMPLE: Final = 120
"""So many customers that differ, and as many that agree, tell which policy is nearest."""
WHOLE_BOOK_TRIED: Final = 4_000
"""So many customers of the book are derived anew under each preset for a file that names nobody, since no sample would do."""


@dataclass(frozen=True, slots=True)
class Total:
    """The book on both sides at the closing of a day, in one currency."""

    day: date
    currency: str
    ours_micros: int
    theirs_micros: int


@dataclass(frozen=True, slots=True)
class Nearness:
    """How many amounts differ (reckoned up from a sample where it is a large book) under a policy."""

    policy: str
    differing: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came out. Each difference's shares add up to it; all of them to the differences of the totals, currency by currency."""

    file: str
    reading: tuple[str, ...]
    """How the file was read, in sentences."""
    policy: str
    nearness: tuple[Nearness, ...]
    """What other policies were tried; empty where the policy was given or nothing differs."""
    days: tuple[date, ...]
    totals: tuple[Total, ...]
    compared: int
    """Amounts that were set side by side."""
    customers: int
    named: tuple[Named, ...]
    their_keys: Mapping[str, str]
    """What the file calls each customer that differs."""
    notes: tuple[str, ...]

    def explained(self, currency: str) -> Fraction:
        """The part of what differs in a currency, in absolute amounts, that has a name. 1 where nothing differs."""
        theirs = [n for n in self.named if n.cell.currency == currency]
        whole = sum(abs(n.cell.delta_micros) for n in theirs)
        return 1 - Fraction(sum(abs(n.unexplained_micros) for n in theirs), whole) if whole else Fraction(1)

    @property
    def explained_share(self) -> Fraction:
        """The same of the currency of which least is explained: currencies never add up."""
        return min((self.explained(t.currency) for t in self.totals), default=Fraction(1))

    @property
    def unexplained_share(self) -> Fraction:
        """What is unexplained, in absolute amounts, as a part of the file's own MRR; of the currency in which that is most."""
        return max((self._unexplained(currency) for currency in {t.currency for t in self.totals}), default=Fraction(0))

    def _unexplained(self, currency: str) -> Fraction:
        left = sum(abs(n.unexplained_micros) for n in self.named if n.cell.currency == currency)
        whole = sum(max(t.theirs_micros, t.ours_micros, 1) for t in self.totals if t.currency == currency)
        return Fraction(left, whole)


def reconcile(
    session: Session, file: Path, *, columns: str | None = None, policy: Basis | None = None, minor: bool | None = None
) -> Reconciliation:
    """Set the file beside our MRR. With `policy` under that one, else under the nearest of the one that is set and the presets.

    Raises BadFile, NothingDerived. Nothing is written.
    """
    theirs = read_mrr(file, columns)
    with ledger(session) as connection:
        return _Work(session, connection, theirs, minor).run(policy)


class _Work:
    """One comparison, step by step."""

    def __init__(self, session: Session, connection: Connection, file: TheirMrr, minor: bool | None) -> None:
        self.session = session
        self.connection = connection
        self.notes: list[str] = []
        self.file, said = clipped(file, session.today)
        self.notes += said
        self.now = Instant(derived_until(connection, session.basis))
        self.kept = stored_standings(connection, session.basis)
        everybody = self.kept["customer"].unique().to_list()
        self.summary = file.shape == "summary"
        self.matched = whole_book(everybody) if self.summary else match(connection, self.file.amounts)
        self.names = self.matched.of_member
        if not self.names and not self.summary:
            raise self._nobody()
        self.minor = minor
        self.abroad: Exchange | None = None
        self.deriving = Deriving(connection, session.basis, self.now)

    def _nobody(self) -> BadFile:
        keys = sorted(self.matched.of_key)
        stored = self.kept["customer"].unique().sort().head(2).to_list()
        return BadFile(
            f"{self.file.file}: nobody here is known by any of its {len(keys):,} customers, such as {', '.join(map(repr, keys[:3]))}; here they "
            f"are called {', '.join(map(repr, stored)) or 'nothing yet'}. Is it of another account, or is another column the customer's id "
            "(--columns customer=…)? Names and addresses are known only with store_names = true"
        )

    def run(self, policy: Basis | None) -> Reconciliation:
        self.theirs = self._their_side()
        self._choose_currency()
        basis = policy or self.session.basis
        standings = self._standings(basis)
        both = self._both(standings)
        nearness: tuple[Nearness, ...] = ()
        if policy is None and not differing(both).is_empty():
            nearness = tuple(self._nearness(both))
            nearest = min(nearness, key=lambda n: n.differing)
            if nearest.differing < nearness[0].differing:
                basis = replace(basis, policy=PRESETS[nearest.policy])
                standings = self._standings(basis)
                both = self._both(standings)
        naming = Naming(self.matched, self.days, self.abroad, self.deriving.under(basis))
        named = naming.named(both, standings)
        self.notes += naming.notes
        totals = both.group_by("day", "currency").agg(pl.col("ours").sum(), pl.col("theirs").sum()).sort("currency", "day")
        reading = list(self.file.reading)
        reading.append(
            f"amounts in {'minor' if self.minor else 'major'} units"
            + (f", all in {self.abroad.reporting.upper()}" if self.abroad else "")
            + self._how_matched()
        )
        if self.abroad is None and "" in set(self.file.amounts["currency"].to_list()):
            reading.append("amounts without a currency are taken for " + self._fallback())
        return Reconciliation(
            self.file.file,
            tuple(reading),
            basis.policy.name,
            nearness,
            self.days,
            tuple(Total(*row) for row in totals.select("day", "currency", "ours", "theirs").iter_rows()),
            len(both),
            both["customer"].n_unique(),
            tuple(sorted(named, key=lambda n: (n.cell.currency, -abs(n.cell.delta_micros), n.cell.customer, n.cell.day))),
            {name: ", ".join(keys[:3]) for name, keys in self.matched.keys.items()},
            tuple(self.notes),
        )

    # --- the two sides --------------------------------------------------------------------------------------------------------

    def _their_side(self) -> pl.DataFrame:
        """Their amounts as micros by customer, in units that are told, or by far the likelier."""
        ours = held_on(self.kept, sorted(set(self.file.amounts["day"].to_list())), self.names)
        self.held = dict(currencies(ours))
        self.home = currency_of(self.session) or next(iter(sorted({c for codes in self.held.values() for c in codes})), "usd")
        alone = {customer: codes[0] for customer, codes in self.held.items() if len(codes) == 1}
        if self.summary and len({c for codes in self.held.values() for c in codes}) > 1:
            alone = {}

        def read(*, minor: bool) -> pl.DataFrame:
            return their_side(self.file, self.matched.of_key, alone, self.home, minor=minor)

        if self.minor is None:
            self.minor = self.file.minor or False
            if not self.file.minor and self.file.places == 0:
                self.minor = looks_minor(read(minor=False), ours)
        side = read(minor=self.minor)
        self.days = tuple(sorted(set(side["day"].to_list())))
        if looks_yearly(side, ours):
            self.notes.append("the amounts are about twelve times ours: they look like a year's (ARR); give those of a month")
        if self.file.shape == "changes":
            first = side["day"].min()
            assert isinstance(first, date), "a file has rows"
            before = date.fromordinal(first.toordinal() - 1)
            # Who isn't in a log of changes holds what was held before it began.
            opening = held_on(self.kept, [before], self.names)
            side, self.days = closings(side, opening, self.session.today)
            if not opening.is_empty():
                self.notes.append(f"the changes begin on {first}: what {len(opening):,} customers held before is taken from here")
        return side

    def _fallback(self) -> str:
        """What an amount whose row names no currency was read in."""
        home = self.home.upper()
        return f"{home}" if set(self.theirs["currency"].to_list()) == {self.home} else f"the customer's own, else {home}"

    def _choose_currency(self) -> None:
        """Whether the file expresses everybody in one currency: it names one alone, or none, and foreign customers fit that better."""
        codes = set(self.theirs.filter(pl.col("micros") != 0)["currency"].unique().to_list())
        told = set(self.file.amounts["currency"].unique().to_list()) - {""}
        foreign = [c for c in self.theirs["customer"].unique().to_list() if set(self.held.get(c, ())) - (told or {self.home})]
        if not foreign or len(told) > 1 or (not told and not self._fits_expressed(foreign)):
            return
        home = next(iter(told)) if told else self.home
        if told or codes:
            self.abroad = exchange(adhoc.quotes_until(self.connection, self.session.today), home)
            known = {home, *self.abroad.rates["currency"].unique().to_list()}
            unrated = sorted({code for codes in self.held.values() for code in codes} - known)
            if unrated:
                named = ", ".join(code.upper() for code in unrated)
                self.notes.append(f"no exchange rate of {named} to {home.upper()} is held: nothing of ours in it is counted here")
            self.theirs = (
                self.theirs.with_columns(pl.lit(home).alias("currency"))
                .group_by("customer", "day", "currency")
                .agg(pl.col("micros").sum(), pl.col("items").max())
            )

    def _fits_expressed(self, foreign: Sequence[str]) -> bool:
        """Whether amounts without a currency are nearer to ours in the home currency than in the customers' own."""
        abroad = exchange(adhoc.quotes_until(self.connection, self.session.today), self.home)
        mine = held_on(self.kept, self.days, self.names).filter(pl.col("customer").is_in(list(foreign)))
        far: list[int] = []
        for ours in (mine, expressed(mine, abroad)):
            sums = ours.group_by("customer", "day").agg(pl.col("micros").sum())
            theirs = self.theirs.group_by("customer", "day").agg(theirs=pl.col("micros").sum())
            both = sums.join(theirs, on=["customer", "day"])
            far.append(int((both["micros"] - both["theirs"]).abs().sum() or 0))
        return far[1] < far[0]

    def _standings(self, basis: Basis) -> pl.DataFrame:
        """What everybody stands at under a basis: as stored, else derived on the way."""
        if basis.version == self.session.basis.version:
            return self.kept
        if has_ledger(self.session.under(basis)):
            return stored_standings(self.connection, basis)
        return self.deriving.under(basis).standings_from(self.session.basis, self.kept)

    def _both(self, standings: pl.DataFrame) -> pl.DataFrame:
        names = dict.fromkeys(standings["customer"].unique().to_list(), BOOK) if self.summary else self.names
        ours = held_on(standings, self.days, names)
        theirs = self.theirs
        if self.abroad is not None:
            ours = expressed(ours, self.abroad)
        places = None if self.minor else self.file.places
        return beside(ours, theirs, places)

    def _how_matched(self) -> str:
        strangers = sum(1 for members in self.matched.members.values() if not members)
        if self.summary:
            return ""
        by = ", ".join(f"{count:,} by {how}" for how, count in sorted(self.matched.by.items(), key=lambda pair: -pair[1]))
        return f"; customers matched: {by or 'none'}" + (f", {strangers:,} unknown here" if strangers else "")

    # --- which policy ---------------------------------------------------------------------------------------------------------

    def _nearness(self, both: pl.DataFrame) -> Iterable[Nearness]:
        """For the policy that is set and each preset how many amounts differ, reckoned up from a sample of customers."""
        apart = set(differing(both)["customer"].to_list())
        listed = [name for name in both["customer"].unique().sort().to_list() if self.matched.members.get(name)]
        groups = [[n for n in listed if n in apart], [n for n in listed if n not in apart]]
        samples = [group[:: max(1, len(group) // SAMPLE)][:SAMPLE] for group in groups]
        counts = [len(differing(both.filter(pl.col("customer").is_in(group)))) for group in groups]
        yield Nearness(self.session.basis.policy.name, sum(counts))
        if self.summary and (number := self.kept["customer"].n_unique()) > WHOLE_BOOK_TRIED:
            self.notes.append(f"the file names nobody, and the book has {number:,} customers: no other policy was tried (--policy)")
            return
        seen, of = sum(map(len, samples)), sum(map(len, groups))
        if seen < of:
            self.notes.append(f"how near other policies are is estimated from {seen:,} of {of:,} customers")
        for name, policy in PRESETS.items():
            basis = replace(self.session.basis, policy=policy)
            if basis.version == self.session.basis.version:
                continue
            estimate = 0.0
            for group, sample in zip(groups, samples, strict=True):
                if not sample:
                    continue
                members = sorted(m for n in sample for m in self.matched.members[n])
                other = self._both(self.deriving.under(basis).standings(members)).filter(pl.col("customer").is_in(sample))
                estimate += len(differing(other)) * len(group) / len(sample)
            yield Nearness(name, round(estimate))
