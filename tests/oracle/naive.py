"""The whole engine once more, as a person with time would do it: day after day, customer after customer, with loops and fractions.

Written from the definitions alone and sharing nothing with the engine but the words of `metrics.evidence` and `metrics.policy`. For each
day the customer's subscriptions are looked at in the last second before the day closes; movements are the differences between two
closings. It is slow on purpose: nothing is remembered from one day to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from metrics.evidence import CustomerState, Discount, Source, SubscriptionEvidence
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from tests.oracle.naive_history import Past
from tests.oracle.naive_pricing import worth

Amounts = dict[str, tuple[int, int]]
"""currency → (net, list) micros; a currency without MRR is not there."""


@dataclass(frozen=True)
class Moved:
    """A movement, as far as a naive mind tells it: no causes."""

    day: date
    currency: str
    kind: str
    before: int
    after: int
    list_before: int
    list_after: int


def closes(day: date, timezone: str) -> int:
    """The second at which a day ends."""
    nxt = day + timedelta(days=1)
    return int(datetime(nxt.year, nxt.month, nxt.day, tzinfo=ZoneInfo(timezone)).timestamp())


def local_day(at: int, timezone: str) -> date:
    """The day of a second."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(timezone)).date()


def customer_discount(states: Sequence[CustomerState], at: int) -> Discount | None:
    """The customer's own discount at a second: the last one told, or the first to be told if it says that it had begun."""
    order = sorted(states, key=lambda s: (s.at, s.source))
    told = [s for s in order if s.at <= at]
    if told:
        return told[-1].customer.discount
    later = [s for s in order if s.source != Source.EVENT_BEFORE]
    return later[0].customer.discount if later else None


def amounts(pasts: list[Past], states: Sequence[CustomerState], at: int) -> Amounts:
    """What the customer is worth in each currency at a second."""
    out: Amounts = {}
    for past in pasts:
        if not past.counts(at):
            continue
        held = past.held(at)
        found = worth(held, at, past.catalog, past.policy, customer_discount(states, at), usage=past.usage(at))
        net, listed = out.get(held.currency, (0, 0))
        out[held.currency] = (net + sum(n for _, n in found.values()), listed + sum(x for x, _ in found.values()))
    return {c: pair for c, pair in out.items() if pair != (0, 0)}


def paid(a: Amounts) -> bool:
    """Whether there is any MRR."""
    return any(net for net, _ in a.values())


def closings(
    evidence: list[SubscriptionEvidence],
    catalog: Catalog,
    policy: Policy,
    *,
    states: Sequence[CustomerState] = (),
    timezone: str = "UTC",
    first: date,
    until: date,
) -> dict[date, Amounts]:
    """The customer's MRR at the closing of every day from `first` to before `until`, with grace and short stays settled."""
    pasts = [Past(e, catalog, policy) for e in evidence]
    days = [first + timedelta(days=n) for n in range((until - first).days)]
    found = {d: amounts(pasts, states, closes(d, timezone) - 1) for d in days}
    if policy.netting:
        found = held_through_grace(found, days, policy)
    if policy.same_month_left_out:
        found = without_short_stays(found, days)
    return found


def held_through_grace(found: dict[date, Amounts], days: list[date], policy: Policy) -> dict[date, Amounts]:
    """A churn that is undone within the grace didn't happen: what was before is held until the return."""
    out = dict(found)
    for n, day in enumerate(days[1:], 1):
        before = out[days[n - 1]]
        if not paid(before) or paid(out[day]):
            continue
        back = [m for m in range(n + 1, min(n + policy.grace_days, len(days) - 1) + 1) if paid(out[days[m]])]
        if back:
            for m in range(n, back[0]):
                out[days[m]] = before
    return out


def without_short_stays(found: dict[date, Amounts], days: list[date]) -> dict[date, Amounts]:
    """A stay that begins and ends within one calendar month is left out."""
    out = dict(found)
    began: int | None = None
    for n, day in enumerate(days):
        if paid(found[day]) and began is None:
            began = n
        if not paid(found[day]) and began is not None:
            if (days[began].year, days[began].month) == (day.year, day.month):
                for m in range(began, n):
                    out[days[m]] = {}
            began = None
    return out


def movements(found: dict[date, Amounts], policy: Policy) -> list[Moved]:
    """The difference between each two closings, by what the customer as a whole was before and after."""
    out: list[Moved] = []
    before: Amounts = {}
    left: date | None = None
    ever = False
    for day in sorted(found):
        after = found[day]
        for currency in sorted({*before, *after}):
            a, b = before.get(currency, (0, 0)), after.get(currency, (0, 0))
            if a[0] != b[0]:
                kind = kind_of(before, after, a[0], b[0], ever, left, day, policy)
                out.append(Moved(day, currency, kind, a[0], b[0], a[1], b[1]))
        if paid(before) and not paid(after):
            left = day
        ever = ever or paid(after)
        before = after
    return out


def kind_of(before: Amounts, after: Amounts, a: int, b: int, ever: bool, left: date | None, day: date, policy: Policy) -> str:
    """The table of kinds, with the policy's word on returns."""
    if not paid(after):
        return "churn"
    if paid(before):
        return "expansion" if b > a else "contraction"
    if not ever or left is None or policy.reactivation == "in_new":
        return "new"
    if policy.reactivation == "within_days" and (day - left).days > policy.reactivation_days:
        return "new"
    return "reactivation"


def retention(
    customers: list[dict[date, Amounts]], currency: str, first: date, until: date
) -> tuple[Fraction | None, Fraction | None]:
    """(NRR, GRR) of the days [first, until) in one currency: the cohort is who had MRR when the first day opened."""
    opening, closing = first - timedelta(days=1), until - timedelta(days=1)
    start = end = kept = 0
    for book in customers:
        a = book.get(opening, {}).get(currency, (0, 0))[0]
        b = book.get(closing, {}).get(currency, (0, 0))[0]
        if a > 0:
            start, end, kept = start + a, end + b, kept + min(a, b)
    return (Fraction(end, start), Fraction(kept, start)) if start else (None, None)
