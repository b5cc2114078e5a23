"""Figures as rows of the store's table `rollup`, all at once: a frame, without an object for each.

A book of any size has some 50,000 figures, nearly all of them of segments. What `aggregate.finish` says of them one by one is said here of
all together; of the whole book, whose figures carry lists, it is asked itself.
"""

import json
from typing import Final

import polars as pl

from metrics.instants import Instant
from metrics.periods import is_incomplete
from metrics.policy import DEFAULT, Policy
from metrics.retention.aggregate import CARRIED_COMPANIONS, OWN, WHOLE, Partials, chosen_by, finish
from metrics.retention.figures import OPENING_ZERO, PRODUCTS, SQUARES, Figures

_WHO: Final = {
    "kind": pl.String,
    "first": pl.Date,
    "until": pl.Date,
    "dimension": pl.String,
    "segment": pl.String,
    "currency": pl.String,
}
_MONEY: Final = (*(name for name in OWN if name not in SQUARES), "closing_of_cohort")
ROWS: Final = {
    **_WHO,
    **dict.fromkeys(_MONEY, pl.Int64),
    "companions": pl.String,
    "incomplete": pl.Boolean,
    "reason": pl.String,
    PRODUCTS: pl.String,
    "breaks": pl.Boolean,
}
"""Columns of such a frame: those of `rollup` without basis and version, and whether the figures break an identity (`Figures.breaks`)."""


def figure_rows(partials: Partials, policy: Policy = DEFAULT, *, complete_until: Instant, timezone: str = "UTC") -> pl.DataFrame:
    """Of every window, dimension, segment and currency in which there is something the row (ROWS) that `finish` and `Figures.to_row` make,
    in order of window and segment."""
    told = finish(partials, policy, complete_until=complete_until, timezone=timezone, of_whole_only=True)
    rows = [{**figures.to_row(), "breaks": bool(figures.breaks())} for figures in told]
    windows = pl.DataFrame(
        [
            (n, w.kind, w.first, w.until, is_incomplete(w, complete_until, timezone, policy.grace_days))
            for n, w in enumerate(partials.windows)
        ],
        schema={"window": pl.UInt32, "kind": pl.String, "first": pl.Date, "until": pl.Date, "incomplete": pl.Boolean},
        orient="row",
    )
    parts = partials.sums.filter(pl.col("dimension") != WHOLE).join(windows, on="window", how="left", maintain_order="left")
    of_parts = parts.with_columns(
        closing_of_cohort=pl.col("opening") + pl.col("expansion") - pl.col("contraction") - pl.col("churn"),
        companions=_companions(policy),
        reason=pl.when(pl.col("opening") == 0).then(pl.lit(OPENING_ZERO)),
        breaks=_breaks(),
        **{PRODUCTS: pl.format("[{}, {}, {}]", *SQUARES)},
    )
    made = pl.DataFrame([{name: row[name] for name in ROWS} for row in rows], schema=ROWS)
    return pl.concat([made, of_parts.select(pl.col(name).cast(kind) for name, kind in ROWS.items())]).sort(list(_WHO))


def identities_broken(rows: pl.DataFrame, policy: Policy = DEFAULT) -> list[str]:
    """Every identity that figures of `rows` break, with whose they are, in words."""
    found = [Figures.from_row({**row, "policy": policy.version}) for row in rows.filter("breaks").iter_rows(named=True)]
    return [f"{f.kind} {f.first} {f.dimension} {f.segment} {f.currency}: {text}" for f in found for text in f.breaks()]


def _companions(policy: Policy) -> pl.Expr:
    """The companions of a segment as JSON text with sorted keys: all of them are numbers, but for what the policy chose."""
    fixed = {name: json.dumps(value) for name, value in chosen_by(policy).items()}
    parts: list[pl.Expr] = []
    for name in sorted((*CARRIED_COMPANIONS, *fixed)):
        value = pl.lit(fixed[name]) if name in fixed else pl.col(name).cast(pl.String)
        parts += [pl.lit(f'{"," if parts else "{"}"{name}":'), value]
    return pl.concat_str(*parts, pl.lit("}"))


def _breaks() -> pl.Expr:
    """Whether the sums break what `Figures.breaks` holds; the cohort's own parts make its end here, and can't."""
    gains = pl.sum_horizontal("opening", "new", "reactivation", "flow_expansion", "fx")
    logos = pl.sum_horizontal("opening_customers", "new_logos", "returned_logos", "switched_logos") - pl.col("lost_logos")
    return (gains - pl.col("flow_contraction") - pl.col("flow_churn") != pl.col("closing")) | (logos != pl.col("closing_customers"))
