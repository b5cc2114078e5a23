"""The proof of billings over what is stored: both means of every month that is over, what differs, and the rule behind each difference.

A second witness beside `nrr verify`: it derives nothing, and nothing of the engine takes part in it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.engine import read
from integrations.store.figures import billings as store_billings
from integrations.store.figures import proof as store
from integrations.store.work import key_value
from metrics.billings import proof, proof_rules
from metrics.billings.months import reporting_day
from metrics.ledger.basis import Basis
from metrics.periods import add_months, day_of, opening
from worker.figures.derived import complete_until

AT_ONCE: Final = 400_000
"""Invoices whose lines are looked at together."""
REMEMBERED: Final = "billings:proof"
"""Under this name is remembered what the proof of the last month that was over came to."""
NAMED: Final = 20
"""So many customers with something unexplained are remembered."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the proof came to over the months [first, until). `rows` are all customers' months, `differences` those further apart than
    rounding explains, each with its `rule`. Amounts are micros a month, of each row's own currency."""

    first: date
    until: date
    rows: pl.DataFrame
    differences: pl.DataFrame

    @property
    def unexplained(self) -> pl.DataFrame:
        """What no rule explains, the largest first."""
        mine = self.differences.filter(pl.col("rule") == proof_rules.UNEXPLAINED)
        return mine.sort(pl.col("difference_micros").abs(), *proof.KEY, descending=[True, False, False, False])

    def share(self, currency: str) -> Fraction | None:
        """Of the ledger's MRR of these months in a currency the part that is unexplained; None where there is none."""
        apart, everything = self.sums(currency)
        return Fraction(apart, everything) if everything else None

    def sums(self, currency: str) -> tuple[int, int]:
        """In a currency what is unexplained, and the ledger's MRR of these months: sums of absolute amounts, micros."""
        apart = self.unexplained.filter(pl.col("currency") == currency)["difference_micros"].abs().sum()
        return int(apart), int(self.rows.filter(pl.col("currency") == currency)["ledger_micros"].abs().sum())

    @property
    def by_rule(self) -> dict[str, int]:
        """How many customers' months each rule explains, in the order of the rules; the unexplained last."""
        counts = dict(self.differences.group_by("rule").len().iter_rows())
        return {rule: int(counts[rule]) for rule in proof_rules.RULES if rule in counts}

    @property
    def currencies(self) -> list[str]:
        """In which there is anything."""
        return [str(code) for code in self.rows["currency"].unique().sort()]


def proof_of_billings(engine: Engine, basis: Basis, check: Callable[[], None] = lambda: None, first: date | None = None) -> Proof:
    """Prove every month that is over, from the month of `first` on. Raises NothingDerived."""
    with read(engine) as connection:
        until = add_months(day_of(complete_until(connection, basis), basis.timezone), 0)
        since = None if first is None else opening(add_months(first, 0), basis.timezone)
        shards = max(1, store_billings.invoices_held(connection) // AT_ONCE)
        parts = []
        for index in range(shards):
            check()
            parts.append(store.lines(connection, (index, shards), basis.policy.discounts, since))
        lines = pl.concat(parts)
        billed = lines.filter(~pl.col("apart") & ~pl.col("pending"))
        begin = add_months(first, 0) if first is not None else date(2000, 1, 1)
        rows = proof.proven(billed, store.standings(connection, basis.version), basis.timezone, pl.lit(begin), pl.lit(until))
        apart = proof.differing(rows)
        if not len(apart):
            named = apart.with_columns(pl.lit("").alias("rule"))
        else:
            named = proof_rules.explained(apart, _spans(connection, basis, lines, sorted(apart["customer"].unique())))
    earliest = rows["month"].min()
    return Proof(earliest if isinstance(earliest, date) else until, until, rows, named)


def of_last_month(engine: Engine, basis: Basis, check: Callable[[], None]) -> dict[str, Any]:
    """What is remembered of the proof of the last month that is over: by currency the micros that are unexplained, and the ledger's MRR."""
    with read(engine) as connection:
        month = add_months(add_months(day_of(complete_until(connection, basis), basis.timezone), 0), -1)
    found = proof_of_billings(engine, basis, check, month)
    named = found.unexplained["customer"].unique(maintain_order=True).to_list()[:NAMED]
    by_currency = {code: list(found.sums(code)) for code in found.currencies}
    return {"month": month.isoformat(), "basis": basis.version, "unexplained": by_currency, "customers": named}


def is_of_another_basis(connection: Connection, basis: Basis) -> bool:
    """Whether what is remembered is of a ledger under other choices."""
    found = key_value.get(connection, REMEMBERED)
    return found is not None and bool(found["basis"] != basis.version)


def _spans(connection: Connection, basis: Basis, lines: pl.DataFrame, customers: list[str]) -> pl.DataFrame:
    """The evidence for every rule, of these customers."""
    zone, version = basis.timezone, basis.version
    day = partial(reporting_day, timezone=zone)

    mine = proof.monthly(lines.filter(pl.col("customer").is_in(customers))).with_columns(
        day("period_start").alias("first_day"), day("period_end").alias("end_day"), pl.col("whole").alias("monthly")
    )
    unknown = pl.lit(None, dtype=pl.Int64).alias("most")

    def span(frame: pl.DataFrame, rule: str) -> pl.DataFrame:
        return frame.select(
            "customer", "currency", pl.lit(rule).alias("rule"), "first_day", "end_day", pl.col("whole").abs().alias("most")
        )

    everything = store.left_out(connection, version, customers)
    over = pl.col("reason").is_in(["canceled", "incomplete_expired", "gone", "ended"])
    left_out = everything.filter(~over).select(
        "customer",
        "currency",
        pl.lit(proof_rules.EXCLUDED).alias("rule"),
        day("since").alias("first_day"),
        day("until").alias("end_day"),
        pl.col("mrr_micros").alias("most"),
    )
    noted = store.noted(connection, version, customers).select(
        "customer",
        pl.lit(None, dtype=pl.String).alias("currency"),
        pl.lit(proof_rules.UNSURE).alias("rule"),
        (day("at") - timedelta(days=62)).fill_null(date(2000, 1, 1)).alias("first_day"),
        (day("at") + timedelta(days=366)).alias("end_day"),
        unknown,
    )
    drafts = store.drafts(connection, customers).select(
        "customer",
        "currency",
        pl.lit(proof_rules.NOT_BILLED).alias("rule"),
        day("created").alias("first_day"),
        (day("created") + timedelta(days=366)).alias("end_day"),
        unknown,
    )
    standing = _with_items(mine.filter(~pl.col("apart") & ~pl.col("pending")))
    parted = standing.filter("proration")
    prorations = parted.select("customer", "currency", pl.col("first_day").alias("day")).unique()
    cycles = standing.filter(~pl.col("proration"))
    # A change to another interval bills the first of its periods whole, as a proration.
    begun = standing.filter(
        ~pl.col("proration") | ((pl.col("amount_micros") > 0) & (pl.col("seconds") * 10 >= pl.col("cycle") * 9))
    )
    # A period under a whole discount bills nothing, and is one.
    periods = standing.filter(pl.col("amount_micros") >= 0)
    moved = store.movements(connection, version, customers)
    ended = everything.filter(over).select(
        "customer",
        "currency",
        day("since").alias("day"),
        pl.lit(0, dtype=pl.Int64).alias("after_micros"),
        pl.col("mrr_micros").fill_null(0).alias("delta_micros"),
    )
    parts = [
        left_out,
        noted,
        drafts,
        span(mine.filter("apart"), proof_rules.NOT_BILLED),
        span(mine.filter("pending"), proof_rules.PENDING),
        proof_rules.changes(moved, periods, prorations),
        proof_rules.changes(ended, periods, prorations.clear()),
        proof_rules.restarted(begun),
        proof_rules.shared(cycles, prorations),
        proof_rules.backdated(cycles, parted.drop("off_micros")),
        proof_rules.credited(standing),
        proof_rules.part(parted),
    ]
    return pl.concat([part.select(pl.col(name).cast(kind) for name, kind in proof_rules.SPANS.items()) for part in parts])


def _with_items(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines, where one names no item (older answers do so for prorations) with that of the customer's only item of its price."""
    owners = (
        lines.filter(pl.col("item").is_not_null())
        .group_by("customer", "price")
        .agg(pl.col("item").first().alias("owner"), pl.col("item").n_unique().alias("owners"))
        .filter(pl.col("owners") == 1)
        .drop("owners")
    )
    return lines.join(owners, on=["customer", "price"], how="left").with_columns(pl.coalesce("item", "owner")).drop("owner")
