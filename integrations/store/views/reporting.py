"""The views that also tell amounts in the reporting currency: movements, and the whole book by day.

The reporting currency is the one that the current figures of the whole book are in. A day takes its rate or the last one before it: as
quoted, else turned round, else by way of the euro, which is what the European Central Bank quotes. Without any it is null, never 1.
"""

from typing import Final

from integrations.store.views.view import View, money
from metrics.movement_kinds import KINDS

POLICY: Final = {
    "policy": "b.policy",
    "basis": "b.version",
}
_HOME: Final = (
    "(SELECT r.basis, min(substr(r.currency, 5)) AS code FROM rollup r WHERE r.\"current\" AND r.dimension = '' "
    "AND substr(r.currency, 1, 4) = 'all:' GROUP BY r.basis) h"
)


def _quoted(unit: str, currency: str, day: str) -> str:
    return (
        f"(SELECT {{decimal:q.rate}} FROM rate q WHERE q.unit = {unit} AND q.currency = {currency} AND q.day <= {day} "
        "ORDER BY q.day DESC LIMIT 1)"
    )


def _rate(currency: str, day: str) -> str:
    """What one of `currency` was worth in the reporting currency (h.code) on a day."""
    turned = f"1.0 / {_quoted('h.code', currency, day)}"
    across = f"{_quoted(EURO, 'h.code', day)} / {_quoted(EURO, currency, day)}"
    return f"coalesce({_quoted(currency, 'h.code', day)}, {turned}, {across})"


EURO: Final = "'eur'"


def _worth(amount: str, row: str) -> str:
    """An amount of a row that has `currency`, `home` and `worth`, in the reporting currency, to the micro."""
    return f"CASE WHEN {row}.currency = {row}.home THEN {amount} ELSE {{whole:{amount} * {row}.worth}} END"


def _standing(what: str, known: str = "", row: str = "x") -> str:
    return (
        f"(SELECT st.{what} FROM standing st WHERE st.basis = {row}.basis AND st.bucket = {row}.bucket AND st.customer = {row}.customer "
        f"AND st.currency = {row}.currency AND st.day <= {row}.day {known} ORDER BY st.day DESC LIMIT 1)"
    )


def _facts(table: str, named: str) -> str:
    """When facts that a movement names as its evidence were stored."""
    return (
        f"SELECT f.learnt_at FROM {table} f WHERE f.bucket = m.bucket AND f.customer_id = m.customer "
        f"AND f.{named} <> '' AND {{found:m.evidence, '\"' || f.{named} || '\"'}}"
    )


_LEARNT: Final = (
    f"coalesce((SELECT max(e.learnt_at) FROM ({_facts('subscription_state', 'source_id')} UNION ALL {_facts('customer_state', 'source_id')} "
    f"UNION ALL {_facts('invoice_line', 'line_id')}) e), "
    f"(SELECT min(e.learnt_at) FROM ({_facts('subscription_state', 'subscription_id')}) e))"
)

_OF_A_PLAN: Final = "AND st.plan IS NOT NULL"

BESIDE_MOVEMENT: Final = {
    "plan": _standing("plan", _OF_A_PLAN, "m"),
    "account": _standing("account", row="m"),
    "learnt_at": f"{{instant:{_LEARNT}}}",
}
"""What the view of movements says beside them, of a row `m` of the table: plan, the account's number, and the instant as text, in UTC."""

MOVEMENTS: Final = View(
    "nrr_movements",
    "What each customer's MRR did on each day",
    {
        **POLICY,
        "day": "m.day",
        "customer": "m.customer",
        "currency": "m.currency",
        "kind": "m.kind",
        "cause": "m.cause",
        **money(
            {
                "change": "m.delta_micros",
                "mrr_before": "m.before_micros",
                "mrr_after": "m.after_micros",
            }
        ),
        "inferred": "m.inferred",
        "evidence": ("{json:m.evidence}", "JSON list of Stripe ids (jsonb in the schema nrr)"),
        "learnt_at": (
            _LEARNT,
            "when the last of the facts that show it was stored; null where a rule makes several Stripe customers one",
        ),
        "reporting_currency": "m.home",
        **money(
            {"change_in_reporting": (_worth("m.delta_micros", "m"), "the change at that day's rate; null where there is no rate")}
        ),
        "plan": ("m.plan", "price of the customer's largest item at the day's closing; of one who left, the last"),
        "plan_name": "coalesce(n.name, m.plan)",
        "account": "a.name",
    },
    f"FROM (SELECT x.*, h.code AS home, {_rate('x.currency', 'x.day')} AS worth, {_standing('plan', _OF_A_PLAN)} AS plan, "
    f"{_standing('account')} AS account FROM movement x LEFT JOIN {_HOME} ON h.basis = x.basis) m "
    'JOIN basis b ON b.version = m.basis AND b."current" '
    "LEFT JOIN segment_name n ON n.dimension = 'plan' AND n.segment = m.plan LEFT JOIN account a ON a.id = m.account",
    never_null=(
        "policy",
        "day",
        "customer",
        "currency",
        "kind",
        "cause",
        "change_micros",
        "mrr_before_micros",
        "mrr_after_micros",
        "inferred",
    ),
    words={"kind": KINDS},
)

BOOK_BY_DAY: Final = View(
    "nrr_book_by_day",
    "MRR of the whole book at each day's closing, in the reporting currency at that day's rates",
    {
        **POLICY,
        "day": ("t.day", "at this reporting day's closing; a day on which nothing stands has no row"),
        "currency": ("t.home", "the reporting currency's code in lower case"),
        **money(
            {
                name: f"{{whole:sum({_worth(amount, 't')})}}"
                for name, amount in (
                    ("mrr", "t.net_micros"),
                    ("list_mrr", "t.list_micros"),
                    ("at_risk", "t.at_risk_micros"),
                    ("scheduled_churn", "t.scheduled_micros"),
                    ("committed", "(t.net_micros - t.scheduled_micros)"),
                    ("usage_mrr", "t.usage_micros"),
                )
            }
        ),
        "customers": ("{whole:sum(t.customers)}", "customers with MRR; one who pays in two currencies counts in both"),
        "subscriptions": "{whole:sum(t.subscriptions)}",
        "without_rate": "{whole:sum(CASE WHEN t.currency <> t.home AND t.worth IS NULL THEN 1 ELSE 0 END)}",
    },
    f"FROM (SELECT x.*, h.code AS home, {_rate('x.currency', 'x.day')} AS worth FROM day_total x JOIN {_HOME} ON h.basis = x.basis "
    "WHERE x.dimension = '') t "
    'JOIN basis b ON b.version = t.basis AND b."current" GROUP BY b.policy, b.version, t.day, t.home',
    never_null=("policy", "day", "currency", "customers", "subscriptions", "without_rate"),
)
