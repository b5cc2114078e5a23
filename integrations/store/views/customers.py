"""The views that have one row for each customer, subscription and plan, as they stand now: dimensions to join the others with."""

from typing import Final

from integrations.store.views.reporting import POLICY
from integrations.store.views.view import View, money

_AMOUNTS: Final = {
    "mrr": ("{row}.net_micros", "MRR after discounts"),
    "list_mrr": ("{row}.list_micros", "MRR without discounts"),
    "at_risk": ("{row}.at_risk_micros", "the part that is past due"),
    "scheduled_churn": ("{row}.scheduled_micros", "the part whose end has been asked for"),
    "usage_mrr": ("{row}.usage_micros", "metered, beside MRR"),
}


def _amounts(row: str) -> dict[str, tuple[str, str]]:
    return money({name: (expression.replace("{row}", row), meaning) for name, (expression, meaning) in _AMOUNTS.items()})


CUSTOMERS: Final = View(
    "nrr_customers",
    "Every customer that ever had MRR as it stands now, a row for each currency that it pays or paid in",
    {
        **POLICY,
        "customer": ("c.customer", "the customer's name in the ledger: Stripe's id, or RULEKEY:value where a rule merges several"),
        "currency": ("c.currency", "the currency's code in lower case"),
        "active": ("(c.net_micros > 0)", "has MRR in this currency"),
        "first_day": (
            "(SELECT min(m.day) FROM movement m WHERE m.basis = c.basis AND m.bucket = c.bucket AND m.customer = c.customer)",
            "the day on which it first had MRR, in any currency",
        ),
        "since": ("c.day", "it stands as it does since this day's closing; of one without MRR, since when it has none"),
        **_amounts("c"),
        "subscriptions": ("c.subscriptions", "subscriptions that count"),
        "plan": ("c.plan", "price of the largest item"),
        "plan_name": ("coalesce(n.name, c.plan)", "what people call it"),
        "product": ("c.product", "product of the largest item"),
        "product_name": ("coalesce(p.name, c.product)", "what people call it"),
        "interval": ("c.interval", "billing interval of the largest item"),
        "account": ("a.name", "the account"),
    },
    "FROM (SELECT s.*, row_number() OVER (PARTITION BY s.basis, s.bucket, s.customer, s.currency ORDER BY s.day DESC) AS newest "
    'FROM standing s) c JOIN basis b ON b.version = c.basis AND b."current" JOIN account a ON a.id = c.account '
    "LEFT JOIN segment_name n ON n.dimension = 'plan' AND n.segment = c.plan "
    "LEFT JOIN segment_name p ON p.dimension = 'product' AND p.segment = c.product WHERE c.newest = 1",
    never_null=("policy", "customer", "currency", "active", "since", "mrr_micros", "account"),
)

SUBSCRIPTIONS: Final = View(
    "nrr_subscriptions",
    "Every subscription that was ever seen, with Stripe's status in the newest state that is known of it",
    {
        "account": ("a.name", "the account"),
        "subscription": ("s.subscription_id", "Stripe's id of the subscription"),
        "customer": ("s.customer_id", "Stripe's id of its customer"),
        "status": ("s.status", "Stripe's status: active, past_due, trialing, canceled, ..."),
        "as_of": ("{epoch:s.at}", "the moment of the newest state that is known"),
        "learnt_at": ("s.learnt_at", "when that state was stored"),
    },
    "FROM (SELECT x.*, row_number() OVER (PARTITION BY x.account, x.subscription_id ORDER BY x.at DESC, x.source DESC, x.learnt_at DESC) "
    "AS newest FROM subscription_state x) s JOIN account a ON a.id = s.account WHERE s.newest = 1",
    never_null=("account", "subscription", "customer", "status", "as_of", "learnt_at"),
)

PLANS: Final = View(
    "nrr_plans",
    "Every plan that ever had MRR, and what it has at the last closing that is known; a row for each currency",
    {
        **POLICY,
        "plan": ("d.segment", "the price's id"),
        "plan_name": ("coalesce(n.name, d.segment)", "what people call it"),
        "currency": ("d.currency", "the currency's code in lower case"),
        "first_day": ("d.first_day", "the first day at whose closing it had MRR"),
        "last_day": ("d.last_day", "the last such day"),
        **money(
            {
                "mrr": ("coalesce(t.net_micros, 0)", "MRR after discounts at the last closing that is known"),
                "list_mrr": ("coalesce(t.list_micros, 0)", "MRR without discounts"),
            }
        ),
        "customers": ("coalesce(t.customers, 0)", "customers with MRR"),
        "subscriptions": ("coalesce(t.subscriptions, 0)", "subscriptions that count"),
    },
    "FROM (SELECT y.basis, y.segment, y.currency, min(y.day) AS first_day, max(y.day) AS last_day FROM day_total y "
    "WHERE y.dimension = 'plan' AND y.net_micros > 0 GROUP BY y.basis, y.segment, y.currency) d "
    'JOIN basis b ON b.version = d.basis AND b."current" '
    "LEFT JOIN day_total t ON t.basis = d.basis AND t.dimension = 'plan' AND t.segment = d.segment AND t.currency = d.currency "
    "AND t.day = (SELECT max(z.day) FROM day_total z WHERE z.basis = d.basis AND z.dimension = '') "
    "LEFT JOIN segment_name n ON n.dimension = 'plan' AND n.segment = d.segment",
    never_null=("policy", "plan", "plan_name", "currency", "first_day", "last_day", "mrr_micros", "customers"),
)
