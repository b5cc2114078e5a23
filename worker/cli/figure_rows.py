"""Figures of windows as rows, with how sure they are: the fixed names of the JSON, and what people read."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from metrics.labels import Names, segment_words
from metrics.retention.analysis.certainty import Interval, certainty, interval, why_no_interval
from metrics.retention.figures import Figures, difference, rates, why_null
from worker.cli.common import percent
from worker.cli.json_rows import amounts, number

COHORT: Final = ("opening", "expansion", "contraction", "churn", "closing_of_cohort")
BOOK: Final = ("new", "reactivation", "closing", "fx")
FLOW: Final = ("expansion", "contraction", "churn")
LOGOS: Final = (
    "opening_customers",
    "closing_customers",
    "retained_customers",
    "new_logos",
    "lost_logos",
    "returned_logos",
)
COMPANIONS: Final = {"list_mrr": "list", "at_risk": "at_risk", "scheduled_churn": "scheduled", "usage_mrr": "usage"}

NARROW: Final = Decimal("0.03")
"""An interval narrower than that is shown with a tenth of a point."""


def figures_row(f: Figures, names: Names | None = None) -> dict[str, Any]:
    """One window and segment with the names that scripts rely on; rates are numbers or null, with the reason."""
    found = {name: number(rate) for name, rate in rates(f).items()}
    flow = {name: f.companion(f"flow_{name}") for name in FLOW}
    return {
        "currency": f.code,
        "whole_book": f.whole_book,
        "dimension": f.dimension or None,
        "segment": f.segment if f.dimension else None,
        "segment_name": segment_words(f.dimension, f.segment, names or {}) if f.dimension else None,
        **amounts({name: getattr(f, name) for name in (*COHORT, *BOOK)}, f.currency),
        **found,
        "flow": {
            **amounts({"new": f.new, "reactivation": f.reactivation, **flow}, f.currency),
            "nrr": found["flow_nrr"],
            "grr": found["flow_grr"],
            "difference": {kind: amounts(parts, f.currency) for kind, parts in difference(f).items()},
        },
        **{name: getattr(f, name) for name in LOGOS},
        **amounts({name: f.companion(key) for name, key in COMPANIONS.items()}, f.currency),
        "incomplete": f.incomplete,
        "reason": f.reason or why_null(f, "nrr"),
        **{name: value if name == "level" else number(value) for name, value in certainty(f).items()},
        "no_interval": why_no_interval(f, "nrr"),
    }


def with_interval(f: Figures, rate: str) -> str:
    """A rate as per cent and its interval behind it (`97.30 %  90–104`); the rate alone where too few customers make none."""
    value = percent(rates(f)[rate])
    bounds = interval(f, rate)
    return value if bounds is None else f"{value}  {bounds_text(bounds)}"


def bounds_text(bounds: Interval | None) -> str:
    """An interval in per cent (`90–104`), with a tenth of a point where it is narrow; nothing where there is none."""
    if bounds is None:
        return ""
    places = 0 if bounds.high - bounds.low >= NARROW else 1
    low, high = (f"{end * 100:.{places}f}" for end in (bounds.low, bounds.high))
    return f"{low}–{high}"  # from … to


def with_ids(
    columns: Sequence[str], rows: Sequence[Sequence[object]], figures: Sequence[Figures], names: Names
) -> tuple[Sequence[str], list[Sequence[object]]]:
    """A table whose rows begin with segments in words, with what the words stand for at its end, where there are any."""
    named = any(segment_words(f.dimension, f.segment, names) != segment_words(f.dimension, f.segment, {}) for f in figures)
    if not named:
        return columns, list(rows)
    return (*columns, "id"), [(*row, f.segment) for row, f in zip(rows, figures, strict=True)]
