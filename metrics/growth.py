"""Which fields were there first: what is stored and digested stays the same when a dataclass grows.

Evidence is compared by the digest of its bytes, and everything derived is stored under the version of its basis. Were a new field part
of either from the day on which it is added, every stored digest would differ from the next one of the same fact, and every ledger would
be another one's. So the fields of the first release are written down here, and are always spelt; whatever was added later counts only
while it is not at its default. A field that is added needs no entry here, only a default that means "not said", and it never changes
that default. No name is ever taken off these lists, and none is added.
"""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, Final

POLICY: Final = (
    "discounts",
    "churn_at",
    "past_due_out_after_days",
    "paused_counts",
    "netting",
    "grace_days",
    "same_month_left_out",
    "weeks",
    "days",
    "metered",
    "reactivation",
    "reactivation_days",
    "reactivation_in_net_flow",
    "start_at_booking",
    "tax_inclusive_gross",
    "grr_by",
)
"""The first choices of a policy. Its name is no choice."""

INTERNAL_RULE: Final = ("key", "values")
BASIS: Final = ("policy", "timezone", "merge_key", "internal", "migration_key")


def later_fields(kind: type, first: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """The other fields of a dataclass, each with its default. Raises TypeError for one that has none: what is stored lacks it."""
    out = []
    for f in fields(kind):
        if f.name in first:
            continue
        if not has_default(f):
            raise TypeError(f"{kind.__name__}.{f.name} was added without a default: what was stored before doesn't have it")
        out.append((f.name, f.default_factory() if f.default_factory is not MISSING else f.default))
    return tuple(out)


def is_default(value: object, default: object) -> bool:
    """Whether a later field says nothing: 0, False and Decimal(0) are three different things."""
    return value is default or (type(value) is type(default) and value == default)


def said_later(value: Any, first: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The later fields of a dataclass that say something, in their order."""
    for name, default in later_fields(type(value), first):
        said = getattr(value, name)
        if not is_default(said, default):
            yield name, said


def has_default(f: Field[Any]) -> bool:
    """Whether a field need not be said."""
    return f.default is not MISSING or f.default_factory is not MISSING
