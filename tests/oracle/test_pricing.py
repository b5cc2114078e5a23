"""The engine's pricing against the naive one."""

from hypothesis import given

from metrics.pricing.pricing import price_subscription
from tests.examples import so_many
from tests.oracle.compositions import Composition, compositions
from tests.oracle.naive_pricing import Held, worth


@so_many(400)
@given(compositions())
def test_two_ways_of_pricing_agree(c: Composition) -> None:
    """Whatever the prices, tiers, discounts and policy: list and net of every item that counts are the same to the micro."""
    priced = price_subscription(
        c.subscription, c.at, c.catalog, c.policy, customer_discount=c.customer_discount, tax_share=c.tax_share, usage=c.usage
    )
    held = Held(c.subscription.currency, list(c.subscription.items), list(c.subscription.discounts))
    found = worth(held, c.at, c.catalog, c.policy, c.customer_discount, c.tax_share, c.usage)
    incomplete = (
        "unknown_coupon",
        "coupon_currency_unknown",
        "coupon_duration_unknown",
        "coupon_percent_unknown",
        "discount_scope_unknown",
        "discount_end_unknown",
    )
    engine = {
        p.item: (p.list_micros, p.net_micros) for p in priced.items if p.excluded is None and p.problem in (None, *incomplete)
    }
    assert found == engine
