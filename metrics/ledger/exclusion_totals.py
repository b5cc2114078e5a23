"""What is left out of MRR as of a moment, by reason: how much, how often, and how much of it nobody can price.

Nothing is left out silently: each exclusion was stored with its reason when the ledger was derived (`metrics.timeline.timeline`). This module only
counts them.
"""

from dataclasses import dataclass

import polars as pl

from metrics.evidence import Instant


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The exclusions of one reason in one currency. `mrr_micros` is what they would be worth; `unpriced` of the `count` are worth nobody knows what."""

    reason: str
    currency: str
    count: int
    mrr_micros: int
    unpriced: int


def left_out(exclusions: pl.DataFrame, moment: Instant) -> list[LeftOut]:
    """What was left out in the last second before `moment` (a day's closing, say), by reason and currency.

    `exclusions` has the columns reason, currency, mrr_micros (null: no price), since and until (null: still so). Currencies never add up.
    """
    running = exclusions.filter((pl.col("since") < moment) & (pl.col("until").is_null() | (pl.col("until") >= moment)))
    counted = (
        running.group_by("reason", "currency")
        .agg(pl.len().alias("count"), pl.col("mrr_micros").sum(), pl.col("mrr_micros").is_null().sum().alias("unpriced"))
        .sort("reason", "currency")
    )
    return [LeftOut(**row) for row in counted.iter_rows(named=True)]
