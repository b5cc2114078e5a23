"""The contestable choices, each a field, and the presets that name a whole set of them.

A policy travels with every figure: two systems that disagree about a number nearly always disagree about one of these fields.
Sources of the presets' cells are entries in `metrics/DEFINITIONS.md`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args, get_type_hints

from metrics.first_fields import choices as first_choices
from metrics.first_fields.later import said_later

Discounting = Literal["none", "forever", "forever_repeating", "all"]
LOWERING: Final[Mapping[Discounting, frozenset[str]]] = {
    "none": frozenset(),
    "forever": frozenset({"forever"}),
    "forever_repeating": frozenset({"forever", "repeating"}),
    "all": frozenset({"forever", "repeating", "once"}),
}
"""Coupons of which durations lower MRR, by the choice."""
ChurnAt = Literal["end", "request", "paid_period_end"]
Weeks = Literal["52/12", "4"]
Days = Literal["365/12", "30"]
Reactivations = Literal["apart", "in_new", "within_days"]
GrrBy = Literal["end", "running_minimum"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One answer to every question of definition that somebody could contest. Values are plain, so it can be stored and hashed."""

    name: str = "default"
    discounts: Discounting = "forever_repeating"
    """Which discounts lower MRR."""
    churn_at: ChurnAt = "end"
    """When a cancellation is booked: when the subscription ends, when it is asked for, or when the last paid period ends."""
    past_due_out_after_days: int | None = None
    """None: past due stays in MRR. 0: out at once. N: out when it has been past due for N days."""
    paused_counts: bool = False
    """Whether paused subscriptions of every sort keep their MRR."""
    netting: bool = True
    """Whether a customer's changes of one reporting day are one movement."""
    grace_days: int = 1
    """A churn undone within this many days is no churn (0 to 7)."""
    same_month_left_out: bool = False
    """Whether a customer that comes and goes within one month is left out."""
    weeks: Weeks = "52/12"
    days: Days = "365/12"
    metered: bool = False
    """Whether usage MRR (last complete billed period) is part of MRR."""
    reactivation: Reactivations = "apart"
    """Reactivation is its own kind, is folded into new, or is new once the customer was gone longer than `reactivation_days`."""
    reactivation_days: int = 90
    reactivation_in_net_flow: bool = False
    """Whether returns count in the net flow rate."""
    start_at_booking: bool = False
    """Count a backdated subscription from when it was booked instead of when its service began."""
    tax_inclusive_gross: bool = False
    """Leave inclusive tax in MRR."""
    grr_by: GrrBy = "end"

    @property
    def version(self) -> str:
        """A short digest of every choice: two policies with the same version give the same figures.

        A choice that was added later is part of it only while it isn't at its default, which changes no figure.
        """
        first = ((name, getattr(self, name)) for name in first_choices.POLICY)
        text = ";".join(f"{name}={value}" for name, value in (*first, *said_later(self, ("name", *first_choices.POLICY))))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


DEFAULT: Final = Policy()
PRESETS: Final = {
    "default": DEFAULT,
    "stripe": Policy(name="stripe", discounts="forever", churn_at="request", grace_days=0),
    "chartmogul": Policy(
        name="chartmogul",
        discounts="all",
        churn_at="paid_period_end",
        paused_counts=True,
        grace_days=0,
        reactivation_in_net_flow=True,
    ),
    "profitwell": Policy(
        name="profitwell",
        discounts="all",
        churn_at="paid_period_end",
        past_due_out_after_days=14,
        grace_days=0,
        same_month_left_out=True,
    ),
}


class UnknownChoice(ValueError):
    """A policy names a preset, a choice or a value that does not exist."""


def preset(name: str, /, **choices: object) -> Policy:
    """The preset called `name` with single choices replaced; the name then says that it was changed.

    Raises UnknownChoice, naming what would have been possible.
    """
    if name not in PRESETS:
        raise UnknownChoice(f"no policy is called {name!r}; there are {', '.join(PRESETS)}")
    if not choices:
        return PRESETS[name]
    hints = get_type_hints(Policy)
    for field_name, value in choices.items():
        if field_name not in hints or field_name == "name":
            raise UnknownChoice(f"a policy has no choice {field_name!r}; there are {', '.join(k for k in hints if k != 'name')}")
        _check(field_name, hints[field_name], value)
    return replace(PRESETS[name], name=f"{name}+", **choices)  # type: ignore[arg-type]  # checked field by field above


def _check(field_name: str, hint: object, value: object) -> None:
    allowed = get_args(hint)
    if hint is bool:
        ok, wanted = isinstance(value, bool), "true or false"
    elif hint is int or type(None) in allowed:
        ok = (value is None and hint is not int) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
        wanted = "a whole number of days" + ("" if hint is int else ", or nothing")
        if field_name == "grace_days":
            ok, wanted = ok and value in range(8), "0 to 7 days"
    else:
        ok, wanted = value in allowed, ", ".join(str(a) for a in allowed)
    if not ok:
        raise UnknownChoice(f"policy choice {field_name} can't be {value!r}; it takes {wanted}")
