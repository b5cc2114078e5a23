"""The document of `nrr show insight`."""

from typing import Final

from metrics.columns import RATIO, Column
from worker.cli.answers.keys import (
    WINDOW,
    Key,
    known,
    like,
    many,
    old,
    one,
    own,
    record,
)

_DRIVER: Final = record(
    "Driver",
    "A customer that moved the figure",
    known("customer"),
    like("opening$", "its MRR at the opening"),
    like("closing$", "its MRR at the closing"),
    like("change$", "closing less opening"),
    own("share", "rate", "of the opening", null=True),
)
_CAUSE: Final = record(
    "Cause",
    "What moved the book",
    known("kind cause"),
    like("change$", "what its movements come to"),
    old("micros", "change_micros"),
    known("movements"),
    own("share", "rate", "of the opening", null=True),
)
_LEVER: Final = record(
    "Lever",
    "What there is most to gain from",
    own("name", "text", "acquisition, retention, expansion or pricing"),
    known("metric"),
    own("side", "text", "the side of the bound on which the rate lies: above or below"),
    Key(Column("rate", "rate", "the metric's value", RATIO)),
    own("bound", "rate", "the bound for a window of this length"),
    own("also", "texts", "the other levers, in their order"),
    own("yearly", "rate", "the bound for a year"),
    like("mrr$", "what lies beyond the bound"),
    old("micros", "mrr_micros"),
)
_BENCHMARK: Final = record(
    "Benchmark",
    "NRR beside what is usual; bounds are per cent",
    own("size", "text", "the band of yearly revenue"),
    own("good", "count", "good from here on", unit="per cent"),
    own("great", "count", "great from here on", unit="per cent"),
    own("world_class", "count", "among the best from here on", unit="per cent"),
    own("standing", "text", "below, good, great or world_class"),
    own("health", "text", "healthy, stable or material_issue"),
    own("worth_a_look", "flag", "an NRR so high that it is worth a look"),
    own("of", "day", "the day that the bounds are of"),
)
_POINT: Final = record("TrendPoint", "A quarter", known("last_day nrr? incomplete"))
_TREND: Final = record(
    "Trend",
    "Quarterly NRR",
    known("metric"),
    many("points", _POINT, "in order of quarter"),
    own("direction", "text", "rising, falling, flat, mixed or unknown"),
    Key(Column("change", "rate", "last less first", RATIO), null=True),
)
_CONCENTRATION: Final = record(
    "Concentration",
    "How much hangs on few customers",
    known("concentration? nrr? nrr_without_largest?"),
    old("share_of_top", "concentration", null=True),
    many("largest", _DRIVER, "the largest customers at the opening"),
)
_DRIVERS: Final = record(
    "Drivers",
    "Who and what moved NRR",
    many("gained", _DRIVER, "largest gain first"),
    many("lost", _DRIVER, "those that took away"),
    many("causes", _CAUSE, "movements of the whole book by kind and cause"),
)
_SIGNAL: Final = record(
    "Signal",
    "What is coming",
    like("signal", "scheduled_churn, at_risk, trial_pipeline, or one of the dated ones"),
    own("name", "text", "older name of signal"),
    like("mrr$", "how much MRR it is about", null=True),
    old("micros", "mrr_micros", null=True),
    like("customers", "how many customers it is about", null=True),
    own("count", "count", "older name of customers", null=True),
    own("share", "rate", "of the closing", null=True),
    like("within_days", "within so many days; null for what has no date", null=True),
)
SHOW_INSIGHT: Final = record(
    "ShowInsight",
    "What the last complete window suggests",
    WINDOW,
    known("currency policy as_known_at?"),
    one("lever", _LEVER, "null where none stands out", null=True),
    one("benchmark", _BENCHMARK, "null where there is no NRR", null=True),
    one("trend", _TREND, "of NRR"),
    one("concentration", _CONCENTRATION, "at the opening"),
    one("drivers", _DRIVERS, "of NRR"),
    many("signals", _SIGNAL, "what is coming"),
)
