"""The documents of `nrr show …` (those of `insight` stand beside), the overview and `nrr explain`."""

from typing import Final

from metrics.columns import COLUMNS, RATIO, Column
from metrics.retention.analysis.certainty import WITH_INTERVAL
from metrics.retention.figures import RATES
from worker.cli.answers.keys import (
    ACCOUNT,
    DAYS,
    OUTSTANDING,
    WINDOW,
    Key,
    known,
    like,
    many,
    named,
    old,
    one,
    own,
    own_money,
    record,
)
from worker.cli.answers.operation import FRESHNESS

_LOSS: Final = "of the cohort between both ends, positive"

RATES_OF_FIGURES: Final = [Key(COLUMNS[name], null=True) for name in RATES]
BOUNDS: Final = [Key(COLUMNS[f"{rate}_{end}"], null=True) for rate in WITH_INTERVAL for end in ("low", "high")]

_NET: Final = record(
    "NetDifference",
    "Why NRR of the cohort and NRR by movements differ, in money of the opening",
    own_money("returns_of_members", "members that left and came back"),
    own_money("arrivals", "movements of customers that were not there at the opening"),
    own_money("exchange", "movements at their own day's rate against both ends at the opening's"),
    own_money("total", "all of it"),
)
_GROSS: Final = record(
    "GrossDifference",
    "Why GRR of the cohort and GRR by movements differ, in money of the opening",
    own_money("round_trips_of_members", "losses that members made good again before the end"),
    own_money("arrivals", "movements of customers that were not there at the opening"),
    own_money("total", "all of it"),
)
_DIFFERENCE: Final = record(
    "FlowDifference", "Why cohort and movements differ", one("net", _NET, "of NRR"), one("gross", _GROSS, "of GRR")
)
_FLOW: Final = record(
    "Flow",
    "The whole book's movements in the window, and the rates that they make",
    known("new$ reactivation$"),
    like("expansion$", "growth by movements"),
    like("contraction$", "contraction by movements, positive"),
    like("churn$", "churn by movements, positive"),
    like("nrr", "the same as flow_nrr", null=True),
    like("grr", "the same as flow_grr", null=True),
    one("difference", _DIFFERENCE, "why they differ from the cohort's"),
)
FIGURES_KEYS: Final = [
    *known("currency whole_book dimension? segment? segment_name?"),
    *known("opening$"),
    *like("expansion$", "of the cohort between both ends"),
    *like("contraction$", _LOSS),
    *like("churn$", _LOSS),
    *known("closing_of_cohort$ new$ reactivation$ closing$ fx$"),
    *RATES_OF_FIGURES,
    one("flow", _FLOW, "the same by movements instead of end points"),
    *known("opening_customers closing_customers retained_customers new_logos lost_logos returned_logos"),
    *known("list_mrr$ at_risk$ scheduled_churn$ usage_mrr$ incomplete reason?"),
    *BOUNDS,
    *known("effective_customers? level no_interval?"),
]
FIGURES: Final = record("Figures", "One window, segment and currency", FIGURES_KEYS)
WINDOW_FIGURES: Final = record("WindowFigures", "One window, segment and currency, with its days", WINDOW, FIGURES_KEYS)

STANDING_KEYS: Final = known("currency mrr$ list_mrr$ arr$ at_risk$ scheduled_churn$ committed$ usage_mrr$ customers subscriptions")
STANDING: Final = record("Standing", "What the book stands at in one currency", STANDING_KEYS)

_NOTED: Final = record(
    "Noted",
    "Something to know about the data, counted by reason",
    like("reason", "the finding's reason"),
    known("count~ detail"),
)

SHOW_MRR: Final = record(
    "ShowMrr",
    "MRR at a day's closing: of the whole book, or null where it isn't in one currency, and in each currency",
    known("day"),
    old("at", "day"),
    OUTSTANDING,
    known("policy currency? mrr$? list_mrr$?"),
    [
        key
        for name in ("arr", "at_risk", "scheduled_churn", "committed", "usage_mrr")
        for key in like(f"{name}$", COLUMNS[name].meaning, optional=True)
    ],
    known("customers? subscriptions~ incomplete"),
    many("by_currency", STANDING, "in each currency"),
    many("findings", _NOTED, "what to know about the data"),
)

BESIDE_MOVEMENT: Final = (
    *like("plan", "price of the customer's largest item at the day's closing; of one who left, the last", null=True),
    *known("plan_name?"),
    *ACCOUNT,
    *known("customer_name?"),
    *like(
        "learnt_at",
        "when the last of the facts that show it was stored; null where a rule makes several Stripe customers one",
        null=True,
    ),
)
MOVEMENT: Final = record(
    "Movement",
    "What a customer's MRR did on a day",
    known("day customer currency kind cause mrr_before$ mrr_after$ change$ list_mrr_before$ list_mrr_after$ inferred evidence"),
    old("date", "day"),
    [
        old(f"{name}{end}", f"{new}{end}")
        for name, new in (("before", "mrr_before"), ("after", "mrr_after"), ("delta", "change"))
        for end in ("", "_micros")
    ],
    old("list_before_micros", "list_mrr_before_micros"),
    old("list_after_micros", "list_mrr_after_micros"),
    BESIDE_MOVEMENT,
)
SHOW_MOVEMENTS: Final = record(
    "ShowMovements",
    "Movements of some days",
    DAYS,
    OUTSTANDING,
    known("policy"),
    many("movements", MOVEMENT, "in order of day and customer"),
)

_INFERRED: Final = record(
    "Inferred",
    "What of the movements of a window is dated at the first evidence of it; kinds without any are left out",
    [
        key
        for kind in ("new", "reactivation", "expansion", "contraction", "churn")
        for key in like(f"{kind}$", "of this kind, positive", optional=True)
    ],
)
_RETENTION_KEYS: Final = [
    *WINDOW,
    old("window", "window_kind"),
    *known("policy basis currency?"),
    one("total", FIGURES, "the whole; null where it isn't in one currency", null=True),
    many("by_currency", FIGURES, "what is billed in each currency"),
    *known("by?"),
    many("segments", FIGURES, "of the dimension that was asked for"),
    *known("as_known_at?"),
    one("inferred", _INFERRED, "what is dated at its first evidence; null without a total", null=True),
]
_RETENTION: Final = record("Retention", "Retention of one window", _RETENTION_KEYS)
SHOW_RETENTION: Final = record(
    "ShowRetention",
    "Retention of the days that were asked for; without days of the last complete month, with quarter and 12 months in `windows`",
    _RETENTION_KEYS,
    many("windows", _RETENTION, "the last complete month, quarter and 12 months", optional=True),
    OUTSTANDING,
)

_RATED: Final = record(
    "RatedFigures",
    "A window with the rate that was asked for",
    WINDOW,
    Key(
        Column("rate", "rate", "the rate that was asked for, which its own key has too", RATIO), null=True, instead="the rate's own"
    ),
    FIGURES_KEYS,
)
SHOW_RATE: Final = record(
    "ShowRate",
    "NRR or GRR of stored windows",
    known("metric window_kind"),
    OUTSTANDING,
    old("window", "window_kind"),
    known("by? policy as_known_at?"),
    many("figures", _RATED, "in order of window and segment"),
)
SHOW_SEGMENTS: Final = record(
    "ShowSegments",
    "Segments of the latest complete window",
    WINDOW,
    OUTSTANDING,
    known("by policy as_known_at?"),
    many("segments", FIGURES, "largest first"),
)

_AGE: Final = record(
    "CohortMonth",
    "A cohort at the closing of a month",
    known("age month"),
    like("customers", "customers with MRR at its closing"),
    like("mrr$", "their MRR at its closing"),
    known("logo_retention?"),
    own("revenue_retention", "rate", "their MRR ÷ what they arrived with", null=True),
    known("incomplete"),
)
_COHORT: Final = record(
    "Cohort",
    "Customers by the month of their first MRR",
    known("signup currency whole_book"),
    own("logos", "count", "customers that arrived"),
    own_money("arrived", "MRR that they arrived with"),
    many("months", _AGE, "month by month, the first being that of the sign-up"),
)
SHOW_COHORTS: Final = record(
    "ShowCohorts", "Cohorts by sign-up", known("policy as_known_at?"), many("cohorts", _COHORT, "by month of sign-up")
)

_EXCLUDED: Final = record(
    "Excluded",
    "What is left out of MRR for a reason, in one currency",
    like("reason", "why it is left out"),
    known("currency count"),
    like("mrr$", "what it would be worth"),
    own("unpriced", "count", "how many of them have no price"),
)
SHOW_EXCLUSIONS: Final = record(
    "ShowExclusions",
    "What is left out of MRR at a day's closing",
    known("day"),
    old("at", "day"),
    known("policy"),
    many("exclusions", _EXCLUDED, "by reason and currency"),
)

_GROUP: Final = record(
    "FindingGroup",
    "Findings of one reason",
    like("reason", "the finding's reason"),
    known("severity count"),
    like("customers", "how many customers it is about"),
    like("currency", "the currency of the amount; null where it can't be told in one", null=True),
    like("mrr$", "MRR of these customers", null=True),
    known("meaning next_step"),
)
_FINDING_KEYS: Final = [
    *like("customer", COLUMNS["customer"].meaning, null=True),
    *ACCOUNT,
    *known("object_id"),
    *like("reason", "the finding's reason"),
    *known("severity"),
    own("at", "instant", "the moment that it is about", null=True),
    *known("detail"),
]
FINDING: Final = record("Finding", "Something to know about the data", _FINDING_KEYS)
_NOTED_FINDING: Final = record(
    "NotedFinding", "Something to know about the data, and what to do", _FINDING_KEYS, known("meaning next_step")
)
SHOW_FINDINGS: Final = record(
    "ShowFindings",
    "What is noteworthy about the data",
    known("count"),
    many("groups", _GROUP, "by reason; none where one customer was asked for"),
    many("findings", _NOTED_FINDING, "at most --limit"),
)

_AHEAD: Final = record(
    "Ahead",
    "What is coming by a known date",
    known("signal within_days currency"),
    like("mrr$", "how much MRR it is about"),
    like("customers", "how many customers it is about"),
)
_COMMITTED: Final = record(
    "Committed",
    "MRR that stays by what is known",
    known("within_days currency"),
    like("committed$", "MRR less what ends within these days"),
    own_money("scheduled", "what is scheduled to come within these days"),
    own_money("committed_with_scheduled", "both together"),
)
SHOW_OUTLOOK: Final = record(
    "ShowOutlook",
    "What is coming by dates that are known",
    like("day", "as of this day; null where nothing is coming", null=True),
    many("signals", _AHEAD, "by date"),
    many("committed", _COMMITTED, "by date and currency"),
)

_FIRING: Final = record(
    "Firing",
    "An alert that fires, or that was noted within noise",
    known("rule"),
    like("segment", "the segment that it is of; empty for the whole"),
    own("state", "text", "firing or noted"),
    own("value", "text", "the value as messages show it"),
    own("limit", "text", "the limit as messages show it"),
    own("window", "text", "the window as messages call it"),
    Key(Column("since", "text", "since when, as people read it")),
)
_MONTH: Final = record("TrendMonth", "MRR at the closing of a month", known("month closing_micros"))
OVERVIEW: Final = record(
    "Overview",
    "How things stand: what `nrr` alone shows",
    known("day"),
    old("at", "day"),
    known("policy"),
    one("mrr", STANDING, "the whole book; null where it isn't in one currency", null=True),
    many("by_currency", STANDING, "in each currency"),
    many("trend", _MONTH, "the last months"),
    many("windows", WINDOW_FIGURES, "the last complete month and 12 months"),
    many("alerts", _FIRING, "what fires"),
    own("alerts_evaluated", "flag", "rules were evaluated yet"),
    one("freshness", FRESHNESS, "how fresh everything is"),
    OUTSTANDING,
    named("findings", "count", "how many there are of each severity"),
    own("rates_outdated", "text", "what is wrong with the exchange rates; null if nothing", null=True),
)

_ITEM: Final = record(
    "ExplainedItem",
    "An item's monthly amount and how it came about",
    own("item", "text", "Stripe's id of the item"),
    own("price", "text", "Stripe's id of the price", null=True),
    own("name", "text", "what people call the price", null=True),
    own("quantity", "count", "how many", null=True),
    own("net_micros", "micros", "a month, after discounts"),
    own("list_micros", "micros", "a month, without discounts"),
    own("arithmetic", "text", "price × quantity ÷ months − discounts, in words"),
)
_CHANGE: Final = record(
    "ExplainedChange",
    "One change of one subscription",
    own("at", "instant", "from when on"),
    known("subscription currency"),
    own("before_micros", "micros", "the subscription's MRR before"),
    own("after_micros", "micros", "the subscription's MRR from then on"),
    known("cause"),
    own("words", "text", "the change in a sentence"),
    known("evidence inferred"),
    many("items", _ITEM, "what it consists of from then on"),
)
_EXPLAINED: Final = record(
    "ExplainedMovement",
    "A movement with the changes that it is made of",
    known("day customer kind cause currency mrr_before$ mrr_after$ change$"),
    own("words", "text", "the movement in a sentence"),
    many("changes", _CHANGE, "in order of time"),
    old("date", "day"),
    old("before_micros", "mrr_before_micros"),
    old("after_micros", "mrr_after_micros"),
    old("delta_micros", "change_micros"),
)
_EXCLUSION: Final = record(
    "Exclusion",
    "Something of the customer that is left out of MRR",
    known("object_id customer"),
    like("reason", "why it is left out"),
    known("currency"),
    like("mrr$", "what it would be worth", null=True),
    Key(Column("since", "instant", "from when on", "UTC")),
    own("until", "instant", "up to when; null for now", null=True),
)
_PART_MOVEMENT: Final = record("PartMovement", "A movement behind it", known("day cause"), old("date", "day"))
_PART: Final = record(
    "FigurePart",
    "A customer behind a figure",
    known("customer customer_name?"),
    own("name", "text", "older name of customer_name", null=True),
    like("opening$", "its MRR at the opening"),
    own_money("end", "its MRR at the closing, at the opening's exchange rate"),
    like("change$", "end less opening"),
    many("movements", _PART_MOVEMENT, "in order of day"),
)
_PARTS: Final = record(
    "FigureParts",
    "The customers that make each part of a figure, adding up to it",
    many("churn", _PART, "who left"),
    many("contraction", _PART, "who pays less"),
    many("expansion", _PART, "who pays more"),
)
EXPLAIN: Final = record(
    "Explain",
    "A customer's or a day's movements; or, where a figure was asked for, `figure` and `parts` in their place",
    known("policy"),
    own("in_figures", "flag", "every movement is in the figures too; false: news waits, nrr rollup", optional=True),
    many("movements", _EXPLAINED, "in order of day", optional=True),
    many("exclusions", _EXCLUSION, "of the customer; none where a day was asked for", optional=True),
    many("findings", FINDING, "of the customer; none where a day was asked for", optional=True),
    one("figure", WINDOW_FIGURES, "the figure", optional=True),
    one("parts", _PARTS, "the customers behind it", optional=True),
)
