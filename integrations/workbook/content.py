"""What a workbook is made of: plain values and frames, gathered by others. It looks at no database and knows nothing of how it is written.

Amounts are integers of micros of one currency, rates are decimal texts, months are their first days. Frames have the columns that are named
here, in any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import polars as pl

from metrics.retention.cube import Cube

MONTHS: Final = {
    "month": pl.Date,
    "incomplete": pl.Boolean,
    **dict.fromkeys(
        (
            *("opening", "new", "reactivation", "flow_expansion", "flow_contraction", "flow_churn", "fx", "closing"),
            *("expansion", "contraction", "churn", "closing_of_cohort"),
            *(
                "opening_customers",
                "retained_customers",
                "closing_customers",
                "new_logos",
                "returned_logos",
                "lost_logos",
                "switched_logos",
            ),
            *("list", "at_risk", "scheduled", "usage"),
        ),
        pl.Int64,
    ),
}
"""The stored figures of each month, of the whole."""
RATES: Final = ("nrr", "grr", "logo_retention")
WINDOWS: Final = {
    "month": pl.Date,
    "incomplete": pl.Boolean,
    **dict.fromkeys(
        ("opening", "expansion", "contraction", "churn", "closing_of_cohort", "opening_customers", "retained_customers"), pl.Int64
    ),
    **dict.fromkeys((*RATES, *(f"{rate}_{end}" for rate in RATES for end in ("low", "high"))), pl.String),
    **dict.fromkeys(("effective_customers", "no_interval", "nrr_without_largest", "concentration"), pl.String),
}
"""The stored figures of the twelve months that end with each month, of the whole; `grr` by end points."""
ARRIVALS: Final = {"signup": pl.Date, "logos": pl.Int64, "arrived": pl.Int64}
"""Who signed up in each month, and with how much MRR."""
MOVEMENTS: Final = {
    "day": pl.Date,
    "customer": pl.String,
    "kind": pl.String,
    "cause": pl.String,
    "currency": pl.String,
    **dict.fromkeys(("before_micros", "after_micros", "delta_micros", "book_micros"), pl.Int64),
    "book_kind": pl.String,
    "inferred": pl.Boolean,
    "evidence": pl.List(pl.String),
}
"""Movements in their own currency; `book_micros` and `book_kind` are what they are in the workbook's."""
INTERVALS: Final = {"month": pl.Date, "interval": pl.String, "closing": pl.Int64}
"""MRR at each month's closing by billing interval."""
COMING: Final = {
    "day": pl.Date,
    "name": pl.String,
    "within_days": pl.Int64,
    "currency": pl.String,
    "micros": pl.Int64,
    "customers": pl.Int64,
}
"""What is coming by dates that are known."""
EXCLUSIONS: Final = {"reason": pl.String, "currency": pl.String, "count": pl.Int64, "micros": pl.Int64, "unpriced": pl.Int64}
"""What is left out at the last closing."""
FINDINGS: Final = {
    "severity": pl.String,
    "reason": pl.String,
    "customer": pl.String,
    "object_id": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "detail": pl.String,
    "meaning": pl.String,
}
BILLINGS: Final = {
    "month": pl.Date,
    "currency": pl.String,
    "class": pl.String,
    "label": pl.String,
    "place": pl.Int64,
    "apart": pl.Boolean,
    "difference": pl.Boolean,
    "micros": pl.Int64,
}
"""What was invoiced in each month by class, in order of `place`. What is `apart` is in no sum; `difference` is what invoices' own totals have
beyond their lines: all classes together are the totals that Stripe states, less its credit notes."""
SHARES: Final = {"month": pl.Date, "currency": pl.String, "share": pl.String}
"""A share of each month in a currency, a decimal text; None where there is none."""
RESTATEMENTS: Final = {
    "learnt_at": pl.Datetime("us", "UTC"),
    "month": pl.Date,
    "customer": pl.String,
    "currency": pl.String,
    **dict.fromkeys(("opening_before", "opening_after", "closing_before", "closing_after"), pl.Int64),
}
"""Closed months that later news changed, customer by customer."""


@dataclass(frozen=True, slots=True)
class About:
    """What the cover says. `currency` is a code in lower case; `whole_book`: everything is expressed in it, else what is billed in it."""

    currency: str
    whole_book: bool
    accounts: tuple[str, ...]
    policy: str
    policy_version: str
    choices: Mapping[str, str]
    basis: str
    timezone: str
    version: str
    made_at: datetime
    known_until: datetime
    """Up to when the data is complete."""
    first: date
    last: date
    """The first days of the first and the last month."""
    incomplete: bool
    level: int
    """Percent of the intervals."""
    grr_by: str = "end"
    quarantined: int = 0
    underived: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A workbook before it is written. `names` are people's and companies' names by customer, `words` what plans and products are called, by
    dimension and id; `members` the Stripe customers behind a customer that a rule made of several."""

    about: About
    cube: Cube
    months: pl.DataFrame
    windows: pl.DataFrame
    arrivals: pl.DataFrame
    movements: pl.DataFrame
    intervals: pl.DataFrame
    coming: pl.DataFrame
    exclusions: pl.DataFrame
    findings: pl.DataFrame
    restatements: pl.DataFrame
    billings: pl.DataFrame | None = None
    """BILLINGS; None where no invoice was read."""
    outside: pl.DataFrame | None = None
    """SHARES: what part of what was invoiced no subscription bills, before tax."""
    unexplained: pl.DataFrame | None = None
    """SHARES: what part of the MRR invoices leave unexplained, of the month that was proved last."""
    reconciliation: Mapping[str, Any] | None = None
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


FRAMES: Final[Mapping[str, Mapping[str, Any]]] = {
    "months": MONTHS,
    "windows": WINDOWS,
    "arrivals": ARRIVALS,
    "movements": MOVEMENTS,
    "intervals": INTERVALS,
    "coming": COMING,
    "exclusions": EXCLUSIONS,
    "findings": FINDINGS,
    "restatements": RESTATEMENTS,
}
"""The frames of a Content and their columns."""
