"""Products, prices and coupons as Stripe shows them."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from integrations.sandbox.answers.expansion import NOTHING, Wanted
from integrations.sandbox.simulator.catalog import Catalog, Coupon, Price, Product, Tier


def product(ware: Product) -> dict[str, Any]:
    """A product."""
    return {
        "id": ware.id,
        "object": "product",
        "active": True,
        "attributes": [],
        "created": ware.created,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": ware.name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": ware.unit_label,
        "updated": ware.created,
        "url": None,
    }


def _amounts(decimal: str | None) -> tuple[int | None, str | None]:
    """An amount as Stripe gives it: whole if it is, and always as a decimal."""
    if decimal is None:
        return None, None
    exact = Fraction(decimal)
    return (int(exact) if exact.denominator == 1 else None), decimal


def _tiers(steps: Sequence[Tier]) -> list[dict[str, Any]]:
    out = []
    for step in steps:
        unit, unit_decimal = _amounts(step.unit)
        flat, flat_decimal = _amounts(step.flat) if Fraction(step.flat) else (None, None)
        out.append(
            {
                "flat_amount": flat,
                "flat_amount_decimal": flat_decimal,
                "unit_amount": unit,
                "unit_amount_decimal": unit_decimal,
                "up_to": step.up_to,
            }
        )
    return out


def _recurring(ware: Price, *, basil: bool) -> dict[str, Any] | None:
    if ware.interval is None:
        return None
    out: dict[str, Any] = {
        "interval": ware.interval,
        "interval_count": ware.interval_count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "metered" if ware.metered else "licensed",
    }
    if not basil:
        out["aggregate_usage"] = "sum" if ware.metered else None
    return out


def price(ware: Price, catalog: Catalog, *, basil: bool, want: Wanted = NOTHING) -> dict[str, Any]:
    """A price; tiers and other currencies only where they are wanted."""
    unit, decimal = _amounts(None if ware.tiers else ware.unit)
    out: dict[str, Any] = {
        "id": ware.id,
        "object": "price",
        "active": ware.active and ware.deleted_at is None,
        "billing_scheme": "tiered" if ware.tiers else "per_unit",
        "created": ware.created,
        "currency": ware.currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": ware.nickname,
        "product": product(catalog.products[ware.product]) if "product" in want else ware.product,
        "recurring": _recurring(ware, basil=basil),
        "tax_behavior": ware.tax_behavior,
        "tiers_mode": ware.tiers_mode,
        "transform_quantity": None if ware.divide_by is None else {"divide_by": ware.divide_by, "round": ware.rounding},
        "type": "one_time" if ware.interval is None else "recurring",
        "unit_amount": unit,
        "unit_amount_decimal": decimal,
    }
    if "tiers" in want and ware.tiers:
        out["tiers"] = _tiers(ware.tiers)
    if "currency_options" in want:
        out["currency_options"] = _options(ware, want["currency_options"])
    return out


def _options(ware: Price, want: Wanted) -> dict[str, Any]:
    own = (ware.currency, ware.unit, ware.tiers)
    out: dict[str, Any] = {}
    for currency, amount, steps in (own, *((o.currency, o.unit, o.tiers) for o in ware.options)):
        unit, decimal = _amounts(None if steps else amount)
        option = out[currency] = {
            "custom_unit_amount": None,
            "tax_behavior": ware.tax_behavior,
            "unit_amount": unit,
            "unit_amount_decimal": decimal,
        }
        if "tiers" in want.get(currency, NOTHING) and steps:
            option["tiers"] = _tiers(steps)
    return out


def plan(ware: Price) -> dict[str, Any]:
    """The plan that stands for a price in old answers."""
    unit, decimal = _amounts(None if ware.tiers else ware.unit)
    return {
        "id": ware.id,
        "object": "plan",
        "active": ware.active,
        "aggregate_usage": "sum" if ware.metered else None,
        "amount": unit,
        "amount_decimal": decimal,
        "billing_scheme": "tiered" if ware.tiers else "per_unit",
        "created": ware.created,
        "currency": ware.currency,
        "interval": ware.interval,
        "interval_count": ware.interval_count,
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": ware.nickname,
        "product": ware.product,
        "tiers_mode": ware.tiers_mode,
        "transform_usage": None if ware.divide_by is None else {"divide_by": ware.divide_by, "round": ware.rounding},
        "trial_period_days": None,
        "usage_type": "metered" if ware.metered else "licensed",
    }


def coupon(ware: Coupon, *, now: int, redeemed: int = 0, want: Wanted = NOTHING) -> dict[str, Any]:
    """A coupon; the products that it is for and other currencies only where they are wanted."""
    first = ware.amounts[0] if ware.amounts else (None, None)
    out: dict[str, Any] = {
        "id": ware.id,
        "object": "coupon",
        "amount_off": first[1],
        "created": ware.created,
        "currency": first[0],
        "duration": ware.duration,
        "duration_in_months": ware.months,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": ware.name,
        "percent_off": None if ware.percent is None else float(ware.percent),
        "redeem_by": None,
        "times_redeemed": redeemed,
        "valid": ware.deleted_at is None or now < ware.deleted_at,
    }
    if "applies_to" in want and ware.products:
        out["applies_to"] = {"products": list(ware.products)}
    if "currency_options" in want and ware.amounts:
        out["currency_options"] = {currency: {"amount_off": amount} for currency, amount in ware.amounts}
    return out
