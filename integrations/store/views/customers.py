"""The views that have one row for each customer, subscription and plan, as they stand now: dimensions to join the others with."""

from typing import Final

from integrations.store.views.reporting import POLICY
from integrations.store.views.view import Said, View, money

_AMOUNTS: Final = {
    "mrr": "{row}.net_micros",
    "list_mrr": "{row}.list_micros",
    "at_risk": "{row}.at_risk_micros",
    "scheduled_churn": "{row}.scheduled_micros",
    "usage_mrr": "{row}.usage_micros",
}


def _amounts(row: str) -> dict[str, Said]:
    return money({name: expression.replace("{row}", row) for name, expression in _AMOUNTS.items()})


CUSTOMERS: Final = View(
    "nrr_customers",
    "Every customer that ever had MRR as it stands now, a row for each currency that it pays or paid in",
    {
        **POLICY,
        "customer": "c.customer",
        "currency": "c.currency",
        "active": "(c.net_micros > 0)",
        "first_day": (
            "(SELECT min(m.day) FROM movement m WHERE m.basis = c.basis AND m.bucket = c.bucket AND m.customer = c.customer)",
            "the day on which it first had MRR, in any currency",
        ),
        "since": ("c.day", "it stands as it does since this day's closing; of one without MRR, since when it has none"),
        **_amounts("c"),
        "subscriptions": "c.subscriptions",
        "plan": "c.plan",
        "plan_name": "coalesce(n.name, c.plan)",
        "product": "c.product",
        "product_name": "coalesce(p.name, c.product)",
        "interval": "c.interval",
        "account": "a.name",
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
        "account": "a.name",
        "subscription": "s.subscription_id",
        "customer": ("s.customer_id", "Stripe's id of its customer"),
        "status": ("s.status", "Stripe's status: active, past_due, trialing, canceled, ..."),
        "as_of": "{epoch:s.at}",
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
        "plan_name": "coalesce(n.name, d.segment)",
        "currency": "d.currency",
        "first_day": ("d.first_day", "the first day at whose closing it had MRR"),
        "last_day": ("d.last_day", "the last such day"),
        **money(
            {
                "mrr": ("coalesce(t.net_micros, 0)", "MRR after discounts at the last closing that is known"),
                "list_mrr": "coalesce(t.list_micros, 0)",
            }
        ),
        "customers": "coalesce(t.customers, 0)",
        "subscriptions": "coalesce(t.subscriptions, 0)",
    },
    "FROM (SELECT y.basis, y.segment, y.currency, min(y.day) AS first_day, max(y.day) AS last_day FROM day_total y "
    "WHERE y.dimension = 'plan' AND y.net_micros > 0 GROUP BY y.basis, y.segment, y.currency) d "
    'JOIN basis b ON b.version = d.basis AND b."current" '
    "LEFT JOIN day_total t ON t.basis = d.basis AND t.dimension = 'plan' AND t.segment = d.segment AND t.currency = d.currency "
    "AND t.day = (SELECT max(z.day) FROM day_total z WHERE z.basis = d.basis AND z.dimension = '') "
    "LEFT JOIN segment_name n ON n.dimension = 'plan' AND n.segment = d.segment",
    never_null=("policy", "plan", "plan_name", "currency", "first_day", "last_day", "mrr_micros", "customers"),
)
