"""Prices, plans, coupons, products and discounts, from Stripe's fields into ours.

A price or a coupon that is met inside another object is noted in `Seen`: deleted ones are in no list, and this is the only
sight of them. Nothing here asks for anything over the network or judges whether a price can be turned into MRR.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from integrations.stripe import shapes
from integrations.stripe.currencies import KNOWN
from integrations.stripe.decode.faults import Unusable, an_id, currency, exact, maybe
from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Price, Product, Tier, Transform

UNDATED = Instant(0)
"""The start of a discount of which Stripe gave only the id: it was in force when it was named, since when isn't known."""


class Seen:
    """What was met inside other objects of one page, each id once."""

    __slots__ = ("coupons", "prices", "products")

    def __init__(self) -> None:
        self.prices: dict[str, Price] = {}
        self.coupons: dict[str, Coupon] = {}
        self.products: dict[str, Product] = {}

    def price(self, value: str | shapes.Price | None) -> str | None:
        """The id of a price; what it costs is noted where the sight of it is complete."""
        if not isinstance(value, shapes.Price):
            return value
        if value.id and value.id not in self.prices and _is_complete(value.billing_scheme, value):
            self._note_price(value)
        return value.id

    def plan(self, value: str | shapes.Plan | None) -> str | None:
        """The id of a plan, which is a price by an older name."""
        if not isinstance(value, shapes.Plan):
            return value
        if value.id and value.id not in self.prices:
            as_price = plan_as_price(value)
            if _is_complete(as_price.billing_scheme, as_price):
                self._note_price(as_price)
        return value.id

    def coupon(self, value: str | shapes.Coupon | None) -> str | None:
        """The id of a coupon; what it takes off is noted where that is said."""
        if not isinstance(value, shapes.Coupon):
            return value
        told = value.percent_off is not None or value.amount_off is not None
        if value.id and value.id not in self.coupons and told:
            # Its own list will say what is wrong with a bad one; the object that names it is still good.
            with suppress(Unusable):
                self.coupons[value.id] = coupon(value)
        return value.id

    def _note_price(self, value: shapes.Price) -> None:
        # As above: the item that names it keeps its id, and is reported when it can't be priced.
        with suppress(Unusable):
            self.prices[value.id or ""] = price(value)
        if isinstance(value.product, shapes.Product) and value.product.id and not value.product.deleted:
            self.products[value.product.id] = product(value.product)


def _is_complete(scheme: str | None, value: shapes.Price) -> bool:
    if scheme == "tiered":
        return value.tiers is not None
    return value.unit_amount is not None or value.unit_amount_decimal is not None


def plan_as_price(plan: shapes.Plan) -> shapes.Price:
    """The price that a plan stands for: it has the plan's id."""
    return shapes.Price(
        id=plan.id,
        deleted=plan.deleted,
        product=plan.product,
        currency=plan.currency,
        type="recurring",
        recurring=shapes.Recurring(plan.interval, plan.interval_count, plan.usage_type),
        billing_scheme=plan.billing_scheme,
        tiers_mode=plan.tiers_mode,
        tiers=plan.tiers,
        unit_amount=plan.amount,
        unit_amount_decimal=plan.amount_decimal,
        transform_quantity=plan.transform_usage,
        nickname=plan.nickname,
    )


def price(shape: shapes.Price) -> Price:
    """A price in our words. Raises Unusable without an id, in an unknown currency, or with amounts that are none."""
    price_id = an_id(shape.id, "the price")
    own = currency(shape.currency, "currency")
    recurring = shape.recurring
    count = (recurring.interval_count if recurring else None) or 1
    if count < 1:
        raise Unusable("bad_interval", "recurring.interval_count is below one")
    product_id = shape.product.id if isinstance(shape.product, shapes.Product) else shape.product
    return Price(
        id=price_id,
        product=product_id or "",
        currency=own,
        kind=shape.type or ("recurring" if recurring else "one_time"),
        usage=(recurring.usage_type if recurring else None) or "licensed",
        interval=(recurring.interval if recurring else None) or "month",
        interval_count=count,
        scheme=shape.billing_scheme or "per_unit",
        tiers_mode=shape.tiers_mode,
        unit=exact(shape.unit_amount, shape.unit_amount_decimal, "unit_amount_decimal"),
        tiers=_tiers(shape.tiers),
        transform=_transform(shape.transform_quantity),
        options=_options(shape.currency_options or {}, own),
        tax_behavior=shape.tax_behavior or "unspecified",
        nickname=shape.nickname,
    )


def _tiers(tiers: Iterable[shapes.Tier] | None) -> tuple[Tier, ...] | None:
    if tiers is None:
        return None
    out = []
    for tier in tiers:
        if isinstance(tier.up_to, str) and tier.up_to != "inf":
            raise Unusable("bad_tier", "tiers.up_to is neither a number nor without end")
        unit = exact(tier.unit_amount, tier.unit_amount_decimal, "tiers.unit_amount_decimal")
        flat = exact(tier.flat_amount, tier.flat_amount_decimal, "tiers.flat_amount_decimal")
        out.append(Tier(None if isinstance(tier.up_to, str) else tier.up_to, unit, flat))
    return tuple(out)


def _transform(shape: shapes.Transform | None) -> Transform | None:
    if shape is None or shape.divide_by is None:
        return None
    if shape.divide_by < 1:
        raise Unusable("bad_transform", "transform_quantity.divide_by is below one")
    return Transform(shape.divide_by, shape.round or "down")


def _options(options: Mapping[str, shapes.CurrencyOption], own: str) -> tuple[CurrencyOption, ...]:
    return tuple(
        CurrencyOption(
            code.lower(),
            exact(option.unit_amount, option.unit_amount_decimal, "currency_options.unit_amount_decimal"),
            _tiers(option.tiers),
        )
        for code, option in sorted(options.items())
        if code.lower() != own and code.lower() in KNOWN
    )


def coupon(shape: shapes.Coupon) -> Coupon:
    """A coupon in our words; `products` is None where its `applies_to` wasn't in what we read. Raises Unusable."""
    own = None if shape.currency is None else currency(shape.currency, "currency")
    options = (shape.currency_options or {}).items()
    applies_to = shape.applies_to.products if shape.applies_to else None
    return Coupon(
        id=an_id(shape.id, "the coupon"),
        percent_off=exact(None, shape.percent_off, "percent_off"),
        amount_off=shape.amount_off,
        currency=own,
        amount_options=tuple(
            (code.lower(), option.amount_off)
            for code, option in sorted(options)
            if option.amount_off is not None and code.lower() != own and code.lower() in KNOWN
        ),
        duration=shape.duration or "forever",
        months=shape.duration_in_months,
        products=tuple(sorted(applies_to)) if applies_to else None,
    )


def product(shape: shapes.Product) -> Product:
    """A product in our words. Raises Unusable without an id."""
    return Product(an_id(shape.id, "the product"), shape.name)


def discount(value: str | shapes.Discount, seen: Seen, holder: str) -> Discount:
    """A discount on `holder`. An id alone tells neither its coupon nor its dates: those come with its other sightings.

    Versions before 2020-08-27 gave discounts no id; one is made up from what they have, the same at each sight.
    """
    if isinstance(value, str):
        return Discount(value, None, UNDATED, None)
    from_coupon = value.coupon if value.coupon is not None else (value.source.coupon if value.source else None)
    coupon_id = seen.coupon(from_coupon)
    start = UNDATED if value.start is None else Instant(value.start)
    return Discount(value.id or f"di:{holder}:{coupon_id}:{start}", coupon_id, start, maybe(value.end))


def discounts(
    many: Iterable[str | shapes.Discount] | None, single: shapes.Discount | None, seen: Seen, holder: str
) -> tuple[Discount, ...]:
    """The discounts on `holder` in Stripe's order: the newer list, filled from the older single field where it has just ids."""
    first = None if single is None else discount(single, seen, holder)
    if not many:
        return () if first is None else (first,)
    out = [discount(value, seen, holder) for value in many]
    if first is not None:
        out = [first if d.id == first.id and d.coupon is None else d for d in out]
    return tuple(out)
