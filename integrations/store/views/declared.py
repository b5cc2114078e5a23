"""The views of figures and movements, each with what its columns mean. The order is that in which they are made."""

from collections.abc import Mapping
from typing import Final

from integrations.store.views.customers import CUSTOMERS, PLANS, SUBSCRIPTIONS
from integrations.store.views.reporting import BOOK_BY_DAY, MOVEMENTS, POLICY
from integrations.store.views.view import Said, View, money
from metrics.billings.classes import CLASSES, MARKS
from metrics.retention.analysis.certainty import LEVEL
from metrics.window_kinds import STORED

_WINDOW: Final[Mapping[str, Said]] = {
    "first_day": ("r.first", "first day of the window"),
    "last_day": ("{day_before_until}", "last day of the window, which is part of it"),
    "currency": "{code}",
    "whole_book": "{whole_book}",
}
_STATE: Final[Mapping[str, Said]] = {
    "incomplete": "r.incomplete",
    "reason": ("r.reason", "why rates are null: opening_zero, gap"),
}
_GRR: Final = (
    "CASE WHEN {companion_text:grr_by} = 'running_minimum' THEN {rate:{companion:lowest}/r.opening} "
    "ELSE {rate:(r.opening - r.contraction - r.churn)/r.opening} END"
)
_MEMBERS: Final = (
    "CASE WHEN {companion_text:grr_by} = 'running_minimum' THEN {number:{companion:lowest}} "
    "ELSE {number:(r.opening - r.contraction - r.churn)} END"
)
_REACH: Final = "1.6448536270"
"""Standard errors to either side of an interval of 90 %, as `metrics.retention.analysis.certainty` reckons them."""
_FEWEST: Final = 10


def _net_bound(sign: str) -> str:
    """A bound of NRR: its value and `_REACH` standard errors."""
    net = "({number:r.closing_of_cohort} / r.opening)"
    squares = f"({{product:2}} - 2 * {net} * {{product:1}} + {net} * {net} * {{product:0}})"
    error = f"sqrt({{largest:0, {{size}} / ({{size}} - 2) * {squares}}}) / r.opening"
    return _where_sure("{size}", f"{{largest:0, {net} {sign} {_REACH} * {error}}}")


def _share_bound(sign: str, share: str, size: str) -> str:
    """A bound of Wilson's interval of a share of `size`."""
    z2 = f"({_REACH} * {_REACH})"
    root = f"sqrt({{largest:0, {share} * (1 - {share}) / {size} + {z2} / (4 * {size} * {size})}})"
    bound = f"({share} + {z2} / (2 * {size}) {sign} {_REACH} * {root}) / (1 + {z2} / {size})"
    return _where_sure(size, f"{{smallest:1, {{largest:0, {bound}}}}}")


def _where_sure(size: str, bound: str) -> str:
    return f"CASE WHEN r.reason IS NULL AND r.opening > 0 AND {size} >= {_FEWEST} THEN {{places:{bound}}} END"


_GRR_EXACT: Final = f"({_MEMBERS}) / r.opening"
_LOGOS_EXACT: Final = "({number:r.retained_customers} / r.opening_customers)"
_LOGOS: Final = "{number:r.opening_customers}"
_INTERVALS: Final = {
    "nrr_low": _net_bound("-"),
    "nrr_high": _net_bound("+"),
    "grr_low": _share_bound("-", f"({_GRR_EXACT})", "{size}"),
    "grr_high": _share_bound("+", f"({_GRR_EXACT})", "{size}"),
    "logo_retention_low": _share_bound("-", _LOGOS_EXACT, _LOGOS),
    "logo_retention_high": _share_bound("+", _LOGOS_EXACT, _LOGOS),
    "effective_customers": "{tenths:{size}}",
    "level": str(LEVEL),
}


def _from_rollup(joined: str = "") -> str:
    current = "WHERE r.\"current\" AND (r.reason IS NULL OR r.reason <> 'nothing_left')"
    return f'FROM rollup r JOIN basis b ON b.version = r.basis AND b."current" {joined}\n{current}'


VIEWS: Final = (
    MOVEMENTS,
    View(
        "nrr_mrr_by_day",
        "MRR at each day's closing, as a whole (dimension and segment empty) and by plan, product, interval and account",
        {
            **POLICY,
            "day": ("t.day", "at this reporting day's closing; a day on which nothing stands has no row"),
            "dimension": ("t.dimension", "empty for the whole"),
            "segment": ("t.segment", "empty for the whole"),
            "currency": "t.currency",
            **money(
                {
                    "mrr": "t.net_micros",
                    "list_mrr": "t.list_micros",
                    "at_risk": "t.at_risk_micros",
                    "scheduled_churn": "t.scheduled_micros",
                    "committed": "(t.net_micros - t.scheduled_micros)",
                    "usage_mrr": "t.usage_micros",
                }
            ),
            "customers": "t.customers",
            "subscriptions": "t.subscriptions",
            "segment_name": "coalesce(n.name, t.segment)",
        },
        'FROM day_total t JOIN basis b ON b.version = t.basis AND b."current" '
        "LEFT JOIN segment_name n ON n.dimension = t.dimension AND n.segment = t.segment",
        never_null=("policy", "day", "dimension", "segment", "currency", "mrr_micros", "customers", "segment_name"),
    ),
    View(
        "nrr_mrr_by_customer",
        "MRR of each customer at the closing of each month, for as many months as are kept (`snapshot_months`)",
        {
            **POLICY,
            "day": ("s.day", "the month's last day"),
            "customer": "s.customer",
            "currency": "s.currency",
            **money(
                {
                    "mrr": "s.net_micros",
                    "list_mrr": "s.list_micros",
                    "at_risk": "s.at_risk_micros",
                    "scheduled_churn": "s.scheduled_micros",
                    "usage_mrr": "s.usage_micros",
                }
            ),
            "subscriptions": "s.subscriptions",
            "plan": "s.plan",
            "plan_name": "coalesce(n.name, s.plan)",
            "product": "s.product",
            "product_name": "coalesce(p.name, s.product)",
            "interval": "s.interval",
            "account": "a.name",
        },
        'FROM snapshot s JOIN basis b ON b.version = s.basis AND b."current" JOIN account a ON a.id = s.account '
        "LEFT JOIN segment_name n ON n.dimension = 'plan' AND n.segment = s.plan "
        "LEFT JOIN segment_name p ON p.dimension = 'product' AND p.segment = s.product",
        never_null=("policy", "day", "customer", "currency", "mrr_micros", "account"),
    ),
    View(
        "nrr_bridge_by_month",
        "From each month's opening to its closing; losses are negative, so the lines add up to the closing",
        {
            **POLICY,
            "month": "r.first",
            "currency": _WINDOW["currency"],
            "whole_book": _WINDOW["whole_book"],
            **money(
                {
                    "opening": ("r.opening", "MRR at the opening"),
                    "new": ("r.new", "customers that came for the first time"),
                    "reactivation": ("r.reactivation", "customers that came back"),
                    "expansion": "{companion:flow_expansion}",
                    "contraction": "(0 - {companion:flow_contraction})",
                    "churn": "(0 - {companion:flow_churn})",
                    "fx": "r.fx",
                    "closing": ("r.closing", "MRR at the closing"),
                }
            ),
            "new_logos": "r.new_logos",
            "returned_logos": "r.returned_logos",
            "lost_logos": "r.lost_logos",
            "customers": ("r.closing_customers", "customers with MRR at the closing"),
            "incomplete": _STATE["incomplete"],
        },
        _from_rollup() + " AND r.kind = 'month' AND r.dimension = ''",
        never_null=("policy", "month", "currency", "whole_book", "opening_micros", "closing_micros", "incomplete"),
    ),
    View(
        "nrr_retention",
        "Retention of the customers that were there at the opening, by window and segment",
        {
            **POLICY,
            "window_kind": ("r.kind", ", ".join(STORED)),
            **_WINDOW,
            "dimension": ("r.dimension", "empty for the whole; plan, country, metadata.KEY, two with a comma, ..."),
            "segment": ("r.segment", "the value at the opening; empty for the whole"),
            "nrr": "{rate:r.closing_of_cohort/r.opening}",
            "grr": _GRR,
            "logo_retention": "{rate:r.retained_customers/r.opening_customers}",
            **money(
                {
                    "opening": "r.opening",
                    "expansion": ("r.expansion", "of the cohort, between both ends"),
                    "contraction": ("r.contraction", "of the cohort, between both ends"),
                    "churn": ("r.churn", "of the cohort, between both ends"),
                    "closing_of_cohort": "r.closing_of_cohort",
                    "new": "r.new",
                    "reactivation": "r.reactivation",
                    "closing": "r.closing",
                }
            ),
            "opening_customers": "r.opening_customers",
            "retained_customers": "r.retained_customers",
            "closing_customers": "r.closing_customers",
            **_STATE,
            "version": "r.version",
            "learnt_at": ("r.learnt_at", "when these figures were found"),
            "segment_name": "coalesce(n.name, r.segment)",
            **_INTERVALS,
        },
        _from_rollup("LEFT JOIN segment_name n ON n.dimension = r.dimension AND n.segment = r.segment"),
        never_null=(
            "policy",
            "window_kind",
            "first_day",
            "last_day",
            "currency",
            "whole_book",
            "dimension",
            "segment",
            "opening_micros",
            "incomplete",
            "version",
        ),
        words={"window_kind": tuple(STORED)},
    ),
    View(
        "nrr_restatements",
        "Customers behind changes of months that were closed already",
        {
            **POLICY,
            "month": ("s.month", "first day of the month that changed"),
            "customer": "s.customer",
            "currency": "s.currency",
            **money(
                {
                    "opening_before": "s.opening_before",
                    "opening_after": "s.opening_after",
                    "closing_before": "s.closing_before",
                    "closing_after": "s.closing_after",
                }
            ),
            "learnt_at": "s.learnt_at",
            "run": ("s.run_id", "the run that found it"),
        },
        'FROM restatement s JOIN basis b ON b.version = s.basis AND b."current"',
        never_null=("policy", "month", "customer", "currency", "learnt_at"),
    ),
    View(
        "nrr_signals",
        "What is coming by dates that are known already, as of each day",
        {
            **POLICY,
            "day": ("s.day", "as of this reporting day"),
            "signal": "s.name",
            "within_days": "s.within_days",
            "currency": "s.currency",
            **money({"mrr": ("s.micros", "how much MRR it is about")}),
            "customers": ("s.customers", "how many customers it is about"),
        },
        'FROM signal s JOIN basis b ON b.version = s.basis AND b."current"',
        never_null=("policy", "day", "signal", "within_days", "currency", "mrr_micros", "customers"),
    ),
    View(
        "nrr_billings",
        "What was billed in each month: the classes add up to the totals of Stripe's invoices less its credit notes; brought up to date by each "
        "roll-up",
        {
            "month": (
                "g.month",
                "first day of the month: an invoice counts when it was finalised, a credit note when it was issued",
            ),
            "account": "a.name",
            "currency": "g.currency",
            "class": ('g."class"', ", ".join(each.name for each in CLASSES)),
            "apart": (
                '(g."class" IN (' + ", ".join(f"'{each.name}'" for each in CLASSES if each.part == "apart") + "))",
                "true: listed apart and in no sum (drafts, voided, uncollectible)",
            ),
            "mark": ("g.mark", "of lines beside subscriptions what wrote them: " + ", ".join(MARKS)),
            "product": ("g.product", "the product of lines, where it is known"),
            "product_name": "coalesce(p.name, g.product)",
            "lines": "g.lines",
            **money(
                {
                    "amount": "g.micros",
                    "discount": "g.discount_micros",
                }
            ),
        },
        "FROM billing g JOIN account a ON a.id = g.account "
        "LEFT JOIN segment_name p ON p.dimension = 'product' AND p.segment = g.product",
        never_null=("month", "account", "currency", "class", "apart", "amount_micros"),
        words={"class": tuple(each.name for each in CLASSES)},
    ),
    View(
        "nrr_freshness",
        "Up to when everything is known: streams of each account, the ledger of each policy, its figures",
        {
            "what": "f.what",
            "account": ("f.account", "the account that a stream is of"),
            "name": "f.name",
            "complete_until": "f.complete_until",
            "updated_at": "f.updated_at",
        },
        """FROM (
SELECT 'stream' AS what, a.name AS account, c.stream AS name, {epoch:c.position} AS complete_until, c.updated_at AS updated_at
FROM "cursor" c JOIN account a ON a.id = c.account
UNION ALL
SELECT 'ledger', NULL, b.policy, {epoch:b.derived_until}, b.derived_at FROM basis b WHERE b."current" AND b.derived_at IS NOT NULL
UNION ALL
SELECT 'figures', NULL, b.policy, {epoch:b.derived_until}, (SELECT max(r.learnt_at) FROM rollup r WHERE r.basis = b.version)
FROM basis b WHERE b."current" AND EXISTS (SELECT 1 FROM rollup r WHERE r.basis = b.version)
) f""",
        never_null=("what", "name"),
        words={"what": ("stream", "ledger", "figures")},
    ),
    BOOK_BY_DAY,
    CUSTOMERS,
    SUBSCRIPTIONS,
    PLANS,
)
"""Every view, in the order in which they are made."""
