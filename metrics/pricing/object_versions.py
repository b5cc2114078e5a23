"""Telling apart what has one id: the objects behind the sightings of a price or a coupon.

A coupon or a plan can be deleted and made again under its id, and whoever had the first keeps its terms. What can't be changed of an
object (amounts, interval, duration, when it was made) tells which one a sighting shows; what a sighting leaves out (tiers, currency
options, the products that a coupon is for) is filled in from other sightings of the same object, and never from another object.
Nothing here looks anything up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch
from hashlib import blake2b
from typing import Generic, TypeVar

from metrics.assigned import replace
from metrics.evidence import Coupon, Instant, Price

T = TypeVar("T", Price, Coupon)


@dataclass(frozen=True, slots=True)
class Sighting(Generic[T]):
    """An object as it was seen: in a list at `listed`, or (None) inside another object, where Stripe leaves things out."""

    found: T
    listed: Instant | None = None


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """What one id stands for: the newest object, all of them (the newest first), and each by the version that something carries."""

    newest: T
    objects: tuple[T, ...]
    by_version: dict[str, T]


def version_of(found: Price | Coupon) -> str:
    """A short key of what can't be changed of an object: what carries it inline carries this. Empty where nothing of it was said.

    It never holds what some answers leave out of the same object, as long as the moment of its making is said.
    """
    told = _lasting(found)
    if isinstance(found, Coupon) and not any(told):
        return ""
    return blake2b(repr(told).encode(), digest_size=6).hexdigest()


@singledispatch
def _lasting(found: Price | Coupon) -> tuple[object, ...]:
    raise TypeError(f"{type(found).__name__} has no versions")


@_lasting.register
def _(found: Price) -> tuple[object, ...]:
    more = () if found.created is not None else (found.product, found.tiers)
    return (
        found.created,
        found.currency,
        found.kind,
        found.usage,
        found.interval,
        found.interval_count,
        found.scheme,
        found.tiers_mode,
        found.unit,
        found.transform,
        *more,
    )


@_lasting.register
def _(found: Coupon) -> tuple[object, ...]:
    more = () if found.created is not None else (found.products,)
    return (found.created, found.percent_off, found.amount_off, found.currency, found.duration, found.months, *more)


@singledispatch
def _stated(found: Price | Coupon) -> tuple[object, ...]:
    """What a sighting says of its object that can't be changed, None where it says nothing."""
    raise TypeError(f"{type(found).__name__} has no versions")


@_stated.register
def _(found: Price) -> tuple[object, ...]:
    return (
        found.created,
        found.currency,
        found.kind or None,
        found.usage or None,
        found.interval or None,
        found.interval_count or None,
        found.scheme,
        found.tiers_mode,
        found.unit,
        found.tiers,
    )


@_stated.register
def _(found: Coupon) -> tuple[object, ...]:
    takes = None if found.percent_off is None and found.amount_off is None else (found.percent_off, found.amount_off)
    scope = (found.products or "everything") if found.scope_told else None
    return (found.created, takes, found.currency, found.duration or None, found.months, scope)


def same(one: T, other: T) -> bool:
    """Whether two sightings of one id can show the same object: nothing that both say of it differs."""
    pairs = zip(_stated(one), _stated(other), strict=True)
    return all(a is None or b is None or a == b for a, b in pairs) and _same_packages(one, other)


def _same_packages(one: Price | Coupon, other: Price | Coupon) -> bool:
    """Whether two sightings can be of a price sold in the same packages. None is the word for "not in packages", and for what is left out:
    it is the latter where both were made in the same second, since nobody deletes a price and makes it again within one."""
    if not (isinstance(one, Price) and isinstance(other, Price)) or one.transform == other.transform:
        return True
    return None in (one.transform, other.transform) and one.created is not None and one.created == other.created


def filled(found: T, other: T, *, whole: bool) -> T:
    """`found` with what it leaves out as `other`, a sighting of the same object, has it. `whole`: it was listed, which leaves out little."""
    if isinstance(found, Price):
        return _price_filled(found, other, whole=whole)
    return _coupon_filled(found, other, whole=whole)


def _price_filled(found: Price, other: Price, *, whole: bool) -> Price:
    return replace(
        found,
        created=found.created if found.created is not None else other.created,
        product=found.product or other.product,
        kind=found.kind or other.kind,
        usage=found.usage or other.usage,
        interval_count=found.interval_count or other.interval_count,
        interval=found.interval or other.interval,
        unit=found.unit if found.unit is not None else other.unit,
        tiers_mode=found.tiers_mode or other.tiers_mode,
        tiers=found.tiers if found.tiers is not None else other.tiers,
        transform=found.transform or other.transform,
        options=found.options if whole or found.options else other.options,
        tax_behavior=found.tax_behavior if whole or found.tax_behavior != "unspecified" else other.tax_behavior,
        nickname=found.nickname if whole or found.nickname else other.nickname,
        type_told=found.type_told or other.type_told,
    )


def _coupon_filled(found: Coupon, other: Coupon, *, whole: bool) -> Coupon:
    silent = found.percent_off is None and found.amount_off is None
    scope = found if found.scope_told or not other.scope_told else other
    return replace(
        found,
        created=found.created if found.created is not None else other.created,
        percent_off=other.percent_off if silent else found.percent_off,
        amount_off=other.amount_off if silent else found.amount_off,
        currency=found.currency or other.currency,
        amount_options=found.amount_options if whole or found.amount_options else other.amount_options,
        duration=found.duration or other.duration,
        months=found.months if found.months is not None else other.months,
        products=scope.products,
        scope_told=scope.scope_told,
        scope_asked=found.scope_asked or other.scope_asked,
    )


def told_apart(sightings: Iterable[Sighting[T]]) -> Named[T]:
    """The objects behind all sightings of one id, whatever their order. The newest is the one listed last, else the one made last.

    Raises ValueError without a sighting.
    """
    ordered = list(sightings)
    if len(ordered) > 1:
        ordered.sort(key=_weight, reverse=True)
    objects: list[_Object[T]] = []
    for sighting in ordered:
        known = next((each for each in objects if same(each.found, sighting.found)), None)
        if known is None:
            objects.append(_Object(sighting.found, sighting.listed, [version_of(sighting.found)]))
        else:
            known.found = filled(known.found, sighting.found, whole=known.listed is not None)
            known.versions.append(version_of(sighting.found))
    if not objects:
        raise ValueError("an object that nobody saw has no versions")
    by_version: dict[str, T] = {}
    for each in objects:
        for version in each.versions:
            by_version.setdefault(version, each.found)
    made = sorted((each.found for each in objects), key=lambda f: -1 if f.created is None else f.created, reverse=True)
    newest = objects[0].found if objects[0].listed is not None else made[0]
    return Named(newest, tuple(made), by_version)


@dataclass(slots=True)
class _Object(Generic[T]):
    """An object as its sightings have it so far, the newest one first."""

    found: T
    listed: Instant | None
    versions: list[str]


def _weight(sighting: Sighting[T]) -> tuple[int, int, int, str]:
    found = sighting.found
    text = repr(found)
    listed = -1 if sighting.listed is None else sighting.listed
    return listed, -1 if found.created is None else found.created, len(text), text
