"""Prices, plans, coupons, products and discounts, from Stripe's fields into ours.

A price or a coupon that is met inside another object is noted in `Seen`: deleted ones are in no list, and this is the only
sight of them. Nothing here asks for anything over the network or judges whether a price can be turned into MRR.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from integrations.stripe.currencies import KNOWN
from integrations.stripe.decode.bounds import affordable, bounded, peak
from integrations.stripe.decode.errors import Unusable, an_id, currency, exact, maybe
from integrations.stripe.schemas import catalog as catalog_schemas
from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Price, Product, Tier, Transform
from metrics.money import MOST_MICROS
from metrics.pricing.object_versions import version_of

T = TypeVar("T")
_TYPES = ("recurring", "one_time")
UNDATED = Instant(0)
"""The start of a discount of which Stripe gave only the id: it was in force when it was named, since when isn't known."""


class Seen:
    """What was met inside other objects of one page, each object once.

    An id may name two objects on one page: what was deleted and what was made again under its id. `scoped` says that the answer was
    asked to tell which products a coupon is for, where a coupon hangs off the source of a discount that is the object's own.
    """

    __slots__ = ("_costs", "_coupons", "_peaks", "_prices", "products", "scoped")

    def __init__(self, *, scoped: bool = False) -> None:
        self.scoped = scoped
        self.products: dict[str, Product] = {}
        self._peaks: dict[str, float] = {}
        self._costs: dict[str, Price] = {}
        self._prices: dict[tuple[object, ...], tuple[str, Price | None]] = {}
        self._coupons: dict[tuple[object, ...], tuple[str, Coupon | None]] = {}

    @property
    def prices(self) -> list[Price]:
        """Every price that was met, as far as it was described."""
        return _each_once(found for _, found in self._prices.values())

    @property
    def coupons(self) -> list[Coupon]:
        """Every coupon that was met, as far as it was described."""
        return _each_once(found for _, found in self._coupons.values())

    def price(self, value: str | catalog_schemas.Price | None) -> str | None:
        """The id of a price; what an inlined one says is noted."""
        return self.priced(value, None)[0]

    def plan(self, value: str | catalog_schemas.Plan | None) -> str | None:
        """The id of a plan, which is a price by an older name; what an inlined one says is noted."""
        return self.priced(None, value)[0]

    def priced(self, price: str | catalog_schemas.Price | None, plan: str | catalog_schemas.Plan | None) -> tuple[str | None, str]:
        """The id of what something is priced by, a plan where it has no price, and which object of that id it is, as only an inlined one tells."""
        value = (
            plan_as_price(plan) if price is None and isinstance(plan, catalog_schemas.Plan) else plan if price is None else price
        )
        if not isinstance(value, catalog_schemas.Price):
            return value if isinstance(value, str) else None, ""
        return value.id, self._version_of_price(value) if value.id else ""

    def coupon(self, value: str | catalog_schemas.Coupon | None) -> str | None:
        """The id of a coupon; what an inlined one says is noted."""
        return self.couponed(value)[0]

    def couponed(self, value: str | catalog_schemas.Coupon | None, *, scoped: bool = False) -> tuple[str | None, str]:
        """The id of a coupon and which object of that id it is.

        `scoped`: the answer was asked to say which products it is for.
        """
        if not isinstance(value, catalog_schemas.Coupon):
            return value, ""
        if not value.id:
            return value.id, ""
        products = tuple(value.applies_to.products or ()) if value.applies_to else None
        what = (
            value.id,
            value.created,
            value.percent_off,
            value.amount_off,
            value.currency,
            value.duration,
            value.duration_in_months,
            value.currency_options is None,
            products,
            scoped,
        )
        known = self._coupons.get(what)
        if known is None:
            known = "", None
            # Its own list will say what is wrong with a bad one; the object that names it is still good.
            with suppress(Unusable):
                found = coupon(value, asked=scoped)
                known = version_of(found), found
            self._coupons[what] = known
        return value.id, known[0]

    def afford(self, price: str | None, quantity: int | None, currency: str) -> None:
        """Raises Unusable when so many of a price that was met come to more than can be counted with."""
        known = self._costs.get(price or "")
        if known is None or not quantity:
            return
        if known.id not in self._peaks:
            self._peaks[known.id] = peak(known)
        if abs(quantity) * self._peaks[known.id] > MOST_MICROS:
            affordable(known, quantity, currency)

    def _version_of_price(self, value: catalog_schemas.Price) -> str:
        recurring = value.recurring
        often = None if recurring is None else (recurring.interval, recurring.interval_count, recurring.usage_type)
        product_id = value.product.id if isinstance(value.product, catalog_schemas.Product) else value.product
        what = (
            value.id,
            value.created,
            value.currency,
            value.type,
            often,
            value.billing_scheme,
            value.tiers_mode,
            value.tiers is None,
            value.unit_amount,
            value.unit_amount_decimal,
            value.transform_quantity is None,
            value.currency_options is None,
            value.tax_behavior,
            value.nickname,
            product_id,
        )
        known = self._prices.get(what)
        if known is None:
            known = self._prices[what] = self._noted(value)
        return known[0]

    def _noted(self, value: catalog_schemas.Price) -> tuple[str, Price | None]:
        if isinstance(value.product, catalog_schemas.Product) and value.product.id and not value.product.deleted:
            self.products[value.product.id] = product(value.product)
        # As above: the item that names it keeps its id, and is reported when it can't be priced.
        with suppress(Unusable):
            found = price(value)
            self._costs[found.id] = found
            return version_of(found), found
        return "", None


def _each_once(found: Iterable[T | None]) -> list[T]:
    return list(dict.fromkeys(each for each in found if each is not None))


def plan_as_price(plan: catalog_schemas.Plan) -> catalog_schemas.Price:
    """The price that a plan stands for: it has the plan's id."""
    return catalog_schemas.Price(
        id=plan.id,
        created=plan.created,
        deleted=plan.deleted,
        product=plan.product,
        currency=plan.currency,
        type="recurring",
        recurring=catalog_schemas.Recurring(plan.interval, plan.interval_count, plan.usage_type),
        billing_scheme=plan.billing_scheme,
        tiers_mode=plan.tiers_mode,
        tiers=plan.tiers,
        unit_amount=plan.amount,
        unit_amount_decimal=plan.amount_decimal,
        transform_quantity=plan.transform_usage,
        nickname=plan.nickname,
    )


def price(shape: catalog_schemas.Price) -> Price:
    """A price in our words; what a recurring price doesn't say of its interval stays empty.

    Raises Unusable without an id, in an unknown currency, or with amounts that are none.
    """
    price_id = an_id(shape.id, "the price")
    own = currency(shape.currency, "currency")
    recurring = shape.recurring
    kind = "recurring" if recurring else shape.type or ""
    silent = kind == "recurring" and recurring is None
    count = 0 if silent else 1 if recurring is None or recurring.interval_count is None else recurring.interval_count
    if count < 0:
        raise Unusable("bad_interval", "recurring.interval_count is below one")
    product_id = shape.product.id if isinstance(shape.product, catalog_schemas.Product) else shape.product
    found = Price(
        id=price_id,
        product=product_id or "",
        currency=own,
        kind=kind,
        usage="" if silent else (recurring.usage_type if recurring else None) or "licensed",
        interval=(recurring.interval or "") if recurring else "" if silent else "month",
        interval_count=count,
        scheme=shape.billing_scheme or "per_unit",
        tiers_mode=shape.tiers_mode,
        unit=exact(shape.unit_amount, shape.unit_amount_decimal, "unit_amount_decimal"),
        tiers=_tiers(shape.tiers),
        transform=_transform(shape.transform_quantity),
        options=_options(shape.currency_options or {}, own),
        tax_behavior=shape.tax_behavior or "unspecified",
        nickname=shape.nickname,
        created=maybe(shape.created),
        type_told=shape.type if recurring and shape.type not in (None, "", *_TYPES) else "",
    )
    return bounded(found)


def _tiers(tiers: Iterable[catalog_schemas.Tier] | None) -> tuple[Tier, ...] | None:
    if tiers is None:
        return None
    out = []
    for tier in tiers:
        if isinstance(tier.up_to, str) and tier.up_to != "inf":
            raise Unusable("bad_tier", "tiers.up_to is neither a number nor without end")
        unit = exact(tier.unit_amount, tier.unit_amount_decimal, "tiers.unit_amount_decimal")
        flat = exact(tier.flat_amount, tier.flat_amount_decimal, "tiers.flat_amount_decimal")
        out.append(Tier(None if isinstance(tier.up_to, str) else tier.up_to, unit, flat))
    return tuple(dict.fromkeys(out))  # one that an answer has twice counts once


def _transform(shape: catalog_schemas.Transform | None) -> Transform | None:
    if shape is None:
        return None
    if shape.divide_by is not None and shape.divide_by < 1:
        raise Unusable("bad_transform", "transform_quantity.divide_by is below one")
    return Transform(shape.divide_by or 0, shape.round or "")  # what isn't said of it is no default: the price can't be priced


def _options(options: Mapping[str, catalog_schemas.CurrencyOption], own: str) -> tuple[CurrencyOption, ...]:
    return tuple(
        CurrencyOption(
            code.lower(),
            exact(option.unit_amount, option.unit_amount_decimal, "currency_options.unit_amount_decimal"),
            _tiers(option.tiers),
        )
        for code, option in sorted(options.items())
        if code.lower() != own and code.lower() in KNOWN
    )


def coupon(shape: catalog_schemas.Coupon, *, scoped: bool = False, asked: bool = False) -> Coupon:
    """A coupon in our words. Raises Unusable.

    Stripe says nothing of products where a coupon is for all of them, and nothing where it wasn't asked to. `scoped`: the coupon was asked
    itself, so that silence means all of them; `asked`: what carries it was, which not every host understands.
    """
    own = None if shape.currency is None else currency(shape.currency, "currency")
    options = (shape.currency_options or {}).items()
    applies_to = shape.applies_to.products if shape.applies_to else None
    told = applies_to is not None
    found = Coupon(
        id=an_id(shape.id, "the coupon"),
        percent_off=exact(None, shape.percent_off, "percent_off"),
        amount_off=shape.amount_off,
        currency=own,
        amount_options=tuple(
            (code.lower(), option.amount_off)
            for code, option in sorted(options)
            if option.amount_off is not None and code.lower() != own and code.lower() in KNOWN
        ),
        duration=shape.duration or "",
        months=shape.duration_in_months,
        products=tuple(sorted(applies_to)) if applies_to else None,
        created=maybe(shape.created),
        scope_told=scoped or told,
        scope_asked=asked and not told,
    )
    return bounded(found, "jpy" if own is None else own)


def product(shape: catalog_schemas.Product) -> Product:
    """A product in our words. Raises Unusable without an id."""
    return Product(an_id(shape.id, "the product"), shape.name)


def discount(value: str | catalog_schemas.Discount, seen: Seen, holder: str, *, own: bool = False) -> Discount:
    """A discount on `holder`. An id alone tells neither its coupon nor its dates: those come with its other sightings.

    `own`: it hangs off the object that was asked for itself, and not off a part of it.

    One that says nothing of its coupon is a discount all the same, of unknown terms until something else tells them. Versions before
    2020-08-27 gave discounts no id; one is made up from what they have, the same at each sight.
    """
    if isinstance(value, str):
        return Discount(value, None, UNDATED, None)
    from_coupon = redeemed(value.coupon, value.source, value.promotion_code)
    coupon_id, version = seen.couponed(from_coupon, scoped=own and seen.scoped and value.coupon is None)
    start = UNDATED if value.start is None else Instant(value.start)
    return Discount(value.id or f"di:{holder}:{coupon_id}:{start}", coupon_id, start, maybe(value.end), version)


def redeemed(
    direct: str | catalog_schemas.Coupon | None,
    source: catalog_schemas.DiscountSource | None,
    code: str | catalog_schemas.PromotionCode | None,
) -> str | catalog_schemas.Coupon | None:
    """The coupon behind a discount, from wherever it hangs: itself, its source, or the promotion code where that was expanded."""
    if direct is not None:
        return direct
    if source is not None and source.coupon is not None:
        return source.coupon
    return redeemed(code.coupon, code.promotion, None) if isinstance(code, catalog_schemas.PromotionCode) else None


def discounts(
    many: Iterable[str | catalog_schemas.Discount] | None, single: catalog_schemas.Discount | None, seen: Seen, holder: str
) -> tuple[Discount, ...]:
    """The discounts on `holder` in Stripe's order: the newer list, filled from the older single field where it has just ids."""
    first = None if single is None else discount(single, seen, holder, own=True)
    if not many:
        return () if first is None else (first,)
    out = [discount(value, seen, holder, own=True) for value in many]
    if first is not None:
        out = [first if d.id == first.id and d.coupon is None else d for d in out]
    return tuple(out)
