"""One language for views, exports and JSON: what a column or a key of a name is, wherever it stands.

A name is declared once, with its type, its unit and a sentence; views (`integrations.store.views`), exported files and the command line's
JSON (`worker.cli.answers`) name their columns by it. Where a sentence can be more exact in its place, that place says it; type and unit are
the same everywhere. `deploy/columns.md` is written from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from metrics.retention.analysis.certainty import LEVEL, WITH_INTERVAL
from metrics.retention.figures import METRICS, RATES
from metrics.window_kinds import STORED

Type = Literal["text", "texts", "day", "month", "instant", "number", "count", "micros", "money", "rate", "flag", "object"]
"""`day` is a date; `month` one too, the first of its days, or its text `2026-03`; `texts` a list; `money` an amount in major units, exact; `object`
what has keys of its own."""

MICROS: Final = "micros"
MAJOR: Final = "major units"
RATIO: Final = "ratio"
"""Micros are millionths of a major unit of the row's currency, ratios are decimals: 1.083333 is 108.33 %."""
UNITS: Final[Mapping[str, str]] = {"micros": MICROS, "money": MAJOR, "rate": RATIO, "instant": "UTC"}
"""The units that a type has by itself."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column or a key: its name, type, unit (empty: none) and what it is, in a sentence without its full stop."""

    name: str
    type: Type
    meaning: str
    unit: str = ""

    def meaning_here(self, meaning: str) -> "Column":
        """The same with the sentence that fits one place."""
        return replace(self, meaning=meaning)

    def renamed(self, name: str, meaning: str) -> "Column":
        """Another column of the same type."""
        return replace(self, name=name, meaning=meaning)


def _columns(kind: Type, unit: str = "", /, **meanings: str) -> dict[str, Column]:
    return {name: Column(name, kind, meaning, unit or UNITS.get(kind, "")) for name, meaning in meanings.items()}


def _money(**meanings: str) -> dict[str, Column]:
    out: dict[str, Column] = {}
    for name, meaning in meanings.items():
        out |= _columns("money", **{name: meaning}) | _columns("micros", **{f"{name}_micros": f"{meaning}, in micros"})
    return out


def _rates() -> dict[str, Column]:
    out = {name: Column(name, "rate", _RATES.get(name) or METRICS[name].label or name.replace("_", " "), RATIO) for name in RATES}
    for name in WITH_INTERVAL:
        what = METRICS[name].label or name.replace("_", " ")
        out[f"{name}_low"] = Column(
            f"{name}_low", "rate", f"lower end of the interval of {what}; null where too few customers make none", RATIO
        )
        out[f"{name}_high"] = Column(f"{name}_high", "rate", "upper end of it", RATIO)
    return out


_RATES: Final = {
    "nrr": "net revenue retention",
    "grr": "gross revenue retention, as the policy has it",
    "grr_running_minimum": "gross revenue retention by each customer's lowest MRR in the window",
    "logo_retention": "share of the customers that stayed",
    "churn_only_retention": "1 less the share of the opening that left",
    "flow_nrr": "net revenue retention by movements instead of end points",
    "flow_grr": "gross revenue retention by movements instead of end points",
    "expansion_rate": "expansion of the cohort ÷ opening",
    "contraction_rate": "contraction of the cohort ÷ opening",
    "revenue_churn_rate": "churn of the cohort ÷ opening",
    "customer_churn_rate": "share of the customers that left",
    "quick_ratio": "what was gained ÷ what was lost",
    "nrr_without_largest": "net revenue retention without the five largest customers",
    "concentration": "share of the ten largest customers in the opening",
    "outside_share": "share of what was invoiced that lies outside subscriptions",
}

COLUMNS: Final[Mapping[str, Column]] = {
    **_columns(
        "text",
        policy="name of the policy",
        basis="version of what the figures rest on: policy, time zone, rules",
        customer="the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several",
        customer_name="the customer's name in words; null where names aren't kept",
        subscription="Stripe's id of the subscription",
        object_id="Stripe's id of the object",
        account="the account",
        account_id="Stripe's id of the account",
        currency="the currency's code in lower case",
        reporting_currency="the currency of the whole book; null while there is none",
        kind="new, reactivation, expansion, contraction, churn",
        cause="why: plan, quantity, canceled_voluntary, ...",
        plan="price of the largest item",
        plan_name="what people call the plan",
        product="product of the largest item",
        product_name="what people call the product",
        interval="billing interval of the largest item",
        window_kind=", ".join(STORED),
        by="the dimension that segments are of; null for none",
        dimension="empty (in JSON null) for the whole; plan, country, metadata.KEY, two with a comma, ...",
        segment="the value at the opening; empty (in JSON null) for the whole",
        segment_name="what people call the segment (of one dimension): a plan, product or account in words, else the segment",
        metric="the metric's name",
        reason="why rates are null: opening_zero, gap, ...",
        no_interval="why NRR has no interval: too_few, not_summed, or why it is null",
        signal=(
            "discounts_ending, trials_ending, scheduled_churn, renewals, scheduled_expansion, scheduled_contraction, planned_pauses"
        ),
        mark="of lines beside subscriptions what wrote them",
        what="stream, ledger or figures",
        name="the stream, or the policy",
        stream="the list or kind of events that is read",
        status="how it stands",
        severity="notice, warning or error",
        detail="what is the matter, in a sentence",
        meaning="what that means",
        next_step="what to do about it",
        rule="the rule's name",
        unit="the currency that one unit is of",
        **{"class": "the sort of charge"},
    ),
    **_columns("texts", evidence="Stripe ids of the objects that show it", errors="what went wrong, a sentence each"),
    **_columns(
        "day",
        day="reporting day",
        first_day="first day, which is part of it",
        last_day="last day, which is part of it",
        since="since this day's closing",
    ),
    **_columns("month", month="first day of the month", signup="the month of the first MRR"),
    **_columns(
        "instant",
        learnt_at="when it was found",
        complete_until="everything before this moment is in",
        updated_at="when it was last brought up to date",
        as_of="the moment of the newest state that is known",
        as_known_at="as it was known at this instant; null for now",
        started_at="when it began",
        finished_at="when it ended; null while it runs",
        made_at="when it was made",
    ),
    **_columns(
        "count",
        customers="customers with MRR",
        subscriptions="subscriptions that count",
        new_logos="customers that came for the first time",
        returned_logos="customers that came back",
        lost_logos="customers that left",
        opening_customers="customers with MRR at the opening",
        retained_customers="of these, those with MRR at the closing",
        closing_customers="customers with MRR at the closing",
        version="rises by one whenever the figures change",
        run="the number of the run",
        lines="how many lines, or invoices where it is of no line",
        quarantined="objects that could not be read",
        without_rate="currencies that have no rate on that day and are in no amount of this row",
        account_number="the account's number in the database",
        movements="how many movements",
        differences="how many differences",
        count="how many",
        pages="pages read",
        waiting="customers with news that no figure knows of yet: nrr rollup",
    ),
    **_columns("count", "days", within_days="within so many days"),
    **_columns("count", "per cent", level=f"of the intervals, two-sided: {LEVEL}"),
    **_columns("count", "months", age="months since the sign-up"),
    **_columns("number", "seconds", seconds="how long it took"),
    **_columns(
        "number",
        effective_customers="as many customers of one size the cohort weighs like; null in figures of older releases",
    ),
    **_columns("number", "units of the other currency", rate="what one unit is worth"),
    **_columns(
        "flag",
        whole_book="true: the whole book expressed in this currency; false: what is billed in it",
        incomplete="the window isn't over, or its data not complete",
        inferred="dated at the first evidence of it, since nothing dates it exactly",
        active="has MRR in this currency",
        apart="true: listed apart and in no sum (drafts, voided, uncollectible)",
        ok="nothing is wrong",
        outdated="the ledger has changed since the figures of windows were made: nrr rollup",
        dry_run="nothing was changed: it is what would be",
    ),
    **_money(
        mrr="MRR after discounts",
        list_mrr="MRR without discounts",
        arr="twelve times MRR",
        at_risk="the part that is past due",
        scheduled_churn="the part whose end has been asked for",
        committed="MRR less scheduled churn",
        usage_mrr="metered, beside MRR",
        mrr_before="MRR before the day",
        mrr_after="MRR at the day's closing",
        list_mrr_before="MRR without discounts before the day",
        list_mrr_after="MRR without discounts at the day's closing",
        change="what it adds to MRR; negative for contraction and churn",
        change_in_reporting="the change at that day's rate; null where there is no rate",
        opening="MRR of the cohort at the opening",
        expansion="growth of those who were there",
        contraction="what those who stayed gave up",
        churn="what those who left paid",
        closing_of_cohort="MRR of the cohort at the closing",
        new="customers that came for the first time in the window",
        reactivation="customers that came back in the window",
        fx="what exchange rates did to the standing book",
        closing="MRR of the whole book at the closing",
        opening_before="MRR at the opening as it was held to be",
        opening_after="MRR at the opening as it is now known",
        closing_before="MRR at the closing as it was held to be",
        closing_after="MRR at the closing as it is now known",
        amount="what they come to; negative for what lowers a total",
        discount="what discounts took off these very lines beside subscriptions",
        ours="under our policy",
        theirs="on the other side",
        difference="theirs less ours",
        trial_pipeline="what trials that run would pay",
        churned_mrr="churn by movements, positive",
        contracted_mrr="contraction by movements, positive",
        expansion_mrr="expansion by movements",
        new_mrr="MRR of customers that came for the first time",
        reactivation_mrr="MRR of customers that came back",
        net_new_mrr="what was gained less what was lost",
        arpa="MRR per customer at the closing",
        lifetime_value="ARPA times the months that a customer stays at the window's rate",
    ),
    **_rates(),
}
"""Every name that is used in more than one place, and what it is."""
