"""Why what was billed and the ledger may differ in a month, rule by rule; what no rule explains is unexplained, and named.

Each rule has its own evidence and its own bound: it explains a difference only where there is that evidence in the month, and no more than
it can be worth.
"""

from typing import Final

import polars as pl

EXCLUDED: Final = "left_out"
NOT_BILLED: Final = "not_billed"
CHANGED: Final = "change_without_proration"
ENDED: Final = "ended_before_its_period"
PENDING: Final = "pending"
RESTARTED: Final = "period_begun_anew"
SHARED: Final = "discount_shared_anew"
BACKDATED: Final = "discount_before_its_time"
CREDITED: Final = "credit_without_charge"
PART: Final = "part_of_a_period"
UNSURE: Final = "finding"
SEVERAL: Final = "several"
UNEXPLAINED: Final = "unexplained"

RULES: Final = {
    EXCLUDED: "left out of MRR for a time: trial, pause, unpaid",
    NOT_BILLED: "an invoice of that time is a draft, voided or uncollectible",
    PENDING: "a proration waits for its invoice",
    CHANGED: "changed without a proration: invoices show it from the next period on",
    ENDED: "ended before what was paid for was over",
    RESTARTED: "a period began before the last one was over, and nothing was given back",
    SHARED: "an amount off is shared over items from the next period on",
    BACKDATED: "a discount given at booking is billed for the time before it, too",
    CREDITED: "more was given back than invoices had charged: it had been changed to without a proration",
    PART: "a proration without its counterpart: of how long a period it is a part isn't said",
    UNSURE: "the evidence has a hole, which a finding names",
    SEVERAL: "several of these at once",
    UNEXPLAINED: "unexplained",
}
"""In the order in which they are asked, with their words."""

FINDINGS: Final = (
    "gap",
    "unread_line",
    "items_cut",
    "lines_cut",
    "unknown_price",
    "unknown_coupon",
    "price_type_unknown",
    "discount_scope_unknown",
    "coupon_version_unknown",
    "discount_end_unknown",
    "coupon_duration_unknown",
    "coupon_percent_unknown",
    "coupon_two_amounts",
    "tax_share_unknown",
    "change_behind_cut",
    "item_untold",
    "tax_untold",
    "subscription_gone",
    "end_untold",
    "period_stood_still",
    "unpaid_change",
    "voided_cycle_invoice",
    "first_invoice_voided",
)
"""Findings that say that a customer's history is not certain."""

SPANS: Final = {
    "customer": pl.String,
    "currency": pl.String,
    "rule": pl.String,
    "first_day": pl.Date,
    "end_day": pl.Date,
    "most": pl.Int64,
}
"""Evidence for a rule: days [first_day, end_day) and the most MRR that it is about, null where that isn't known; `currency` null: any."""


def changes(movements: pl.DataFrame, periods: pl.DataFrame, prorations: pl.DataFrame) -> pl.DataFrame:
    """Spans of changes that no proration bills, from their day to the end of the longest period under way.

    `movements`: customer, currency, day, after_micros, delta_micros; `periods`: customer, currency, first_day, end_day of cycles' lines.
    """
    bare = movements.join(prorations, on=["customer", "currency", "day"], how="anti")
    under_way = bare.join(periods, on=["customer", "currency"], how="left").filter(
        pl.col("first_day").is_null() | ((pl.col("first_day") <= pl.col("day")) & (pl.col("end_day") >= pl.col("day")))
    )
    return (
        under_way.group_by("customer", "currency", "day", "after_micros", "delta_micros")
        .agg(pl.col("end_day").max())
        .select(
            "customer",
            "currency",
            pl.when(pl.col("after_micros") == 0).then(pl.lit(ENDED)).otherwise(pl.lit(CHANGED)).alias("rule"),
            pl.col("day").alias("first_day"),
            pl.coalesce("end_day", pl.col("day").dt.offset_by("32d")).alias("end_day"),
            pl.col("delta_micros").abs().alias("most"),
        )
    )


def restarted(periods: pl.DataFrame) -> pl.DataFrame:
    """Spans in which two periods of one item overlap. `periods`: customer, currency, item, first_day, end_day, monthly, of lines that bill whole ones."""
    later = periods.sort("first_day").with_columns(pl.col("first_day").shift(-1).over("customer", "item").alias("next"))
    over = later.filter(pl.col("next") < pl.col("end_day"), pl.col("next") > pl.col("first_day"))
    return _span(over.with_columns(pl.col("next").alias("first_day")), RESTARTED, pl.col("monthly").abs())


def shared(cycles: pl.DataFrame, prorations: pl.DataFrame) -> pl.DataFrame:
    """Spans from a proration within a discounted period to its end. `cycles`: as above, with off_micros; `prorations`: customer, currency, day."""
    under_way = cycles.filter(pl.col("off_micros") > 0).join(prorations, on=["customer", "currency"])
    within = under_way.filter(pl.col("first_day") <= pl.col("day"), pl.col("day") < pl.col("end_day"))
    return _span(within.with_columns(pl.col("day").alias("first_day")), SHARED, pl.col("off_micros"))


def backdated(cycles: pl.DataFrame, prorations: pl.DataFrame) -> pl.DataFrame:
    """Spans of prorations of an item that end where its first discounted period begins; both as above."""
    first = cycles.filter(pl.col("off_micros") > 0).select("customer", "item", pl.col("first_day").alias("end_day"), "off_micros")
    return _span(prorations.join(first, on=["customer", "item", "end_day"]), BACKDATED, pl.col("off_micros"))


def credited(lines: pl.DataFrame) -> pl.DataFrame:
    """Spans of credits for more than any line charged for that time. `lines`: customer, currency, item, price, first_day, end_day,
    period_start (a second), amount_micros, whole (what the whole period would be, a month)."""
    place = ["customer", "item", "price"]
    given_back = lines.filter(pl.col("proration"), pl.col("amount_micros") < 0).with_row_index("credit")
    charges = lines.filter(pl.col("amount_micros") >= 0).select(
        *place,
        pl.col("period_start").alias("since"),
        pl.col("end_day").alias("to"),
        pl.col("whole").alias("charged"),
        pl.col("proration").alias("begun_within"),
    )
    # What begins within a period at the second of the credit is what was changed to.
    earlier = (pl.col("since") < pl.col("period_start")) | ((pl.col("since") == pl.col("period_start")) & ~pl.col("begun_within"))
    paid = (
        given_back.join(charges, on=place, nulls_equal=True)
        .filter(earlier, pl.col("first_day") <= pl.col("to"))
        .group_by("credit")
        .agg(pl.col("charged").max())
    )
    beyond = pl.col("whole").abs() - pl.col("charged").fill_null(0)
    rest = given_back.join(paid, on="credit", how="left").with_columns(beyond.alias("beyond"))
    # Of a few days' credit the whole is known to no more than their part of a minor unit: a hundredth more is no more.
    return _span(rest.filter(pl.col("beyond") * 100 > pl.col("whole").abs()), CREDITED, pl.col("beyond"))


def part(prorations: pl.DataFrame) -> pl.DataFrame:
    """Spans of prorations that stand alone: a period may be a tenth shorter or longer than another. `prorations`: customer, currency,
    first_day, end_day, whole (what the whole period would be, a month)."""
    pairs = pl.col("first_day").count().over("customer", "currency", "first_day")
    return _span(prorations.filter(pairs == 1), PART, pl.col("whole").abs() // 9)


def _span(frame: pl.DataFrame, rule: str, most: pl.Expr) -> pl.DataFrame:
    return frame.select("customer", "currency", pl.lit(rule).alias("rule"), "first_day", "end_day", most.alias("most"))


def explained(differences: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """The differences, each with its `rule`: the first whose evidence touches the month and is worth as much; else *several*, where all
    that touches it together is."""
    numbered = differences.with_row_index("row")
    touching = (
        numbered.join(spans.rename({"currency": "of"}), on="customer")
        .filter(
            pl.col("of").is_null() | (pl.col("of") == pl.col("currency")),
            pl.col("first_day") < pl.col("month").dt.offset_by("1mo"),
            pl.col("end_day").is_null() | (pl.col("end_day") >= pl.col("month")),
        )
        .group_by("row", "rule")
        .agg(pl.col("most").sum().alias("most"), pl.col("most").is_null().any().alias("boundless"))
        .join(numbered.select("row", "difference_micros", "tolerance_micros"), on="row")
    )
    together = touching.group_by("row", "difference_micros", "tolerance_micros").agg(
        pl.lit(SEVERAL).alias("rule"), pl.col("most").sum(), pl.lit(value=False).alias("boundless")
    )
    named = (
        pl.concat([touching, together.select(touching.columns)])
        .filter(pl.col("boundless") | (pl.col("difference_micros").abs() <= pl.col("most") + pl.col("tolerance_micros")))
        .with_columns(
            pl.col("rule").replace_strict({n: i for i, n in enumerate(RULES)}, default=99, return_dtype=pl.Int32).alias("place")
        )
        .sort("place")
        .group_by("row", maintain_order=True)
        .first()
    )
    told = numbered.join(named.select("row", "rule"), on="row", how="left")
    return told.with_columns(pl.col("rule").fill_null(UNEXPLAINED)).sort("row").drop("row")
